"""MLproject's text, made from the commands: `python -m benchmark.cli.mlproject > MLproject`."""

import sys
import textwrap

from .commands import COMMANDS
from .parser import Command

_HEAD = """\
# Made from the command line by `make mlproject`. The entry points are its commands, with the same
# options, defaults and meaning: `mlflow run . -P arch=cnn` is `python -m benchmark run --arch=cnn`.
name: chest-scan-benchmark

python_env: python_env.yaml

entry_points:
"""


def mlproject() -> str:
    """Return the text of MLproject."""
    points = {("main" if name == "run" else name): name for name in COMMANDS}
    made = [
        _entry_point(point, name, COMMANDS[name])
        for point, name in points.items()
        if COMMANDS[name].is_entry_point
    ]
    return _HEAD + "\n".join(made)


def _entry_point(point: str, name: str, command: Command) -> str:
    parameters = "\n".join(
        f'      {each.name}: {{type: string, default: "{each.default}"}}'
        for each in command.options
    )
    has_config = any(each.name == "config" for each in command.options)
    first = ["--from-mlproject"] if has_config else []
    words = " ".join([*first, *(f"{each.flag}={{{each.name}}}" for each in command.options)])
    shown = textwrap.fill(
        words, 92, initial_indent=" " * 6, subsequent_indent=" " * 6, break_on_hyphens=False
    )
    return (
        f"  {point}:\n    parameters:\n{parameters}\n"
        f"    command: >-\n      python -m benchmark {name}\n{shown}\n"
    )


if __name__ == "__main__":
    sys.stdout.write(mlproject())
