"""Whatever stands in a YAML file: a space, a policy and a configuration, or one line that says why.

YAMLS=50000 python -m pytest tests/request/test_fuzz_yaml.py draws more of them.
"""

import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from benchmark.data import read_policy
from benchmark.errors import UsageError
from benchmark.plan import check_space
from benchmark.records import Regime
from benchmark.request import read_config, request_of
from benchmark.search import read_space, space_names
from benchmark.zoo import ARCHITECTURES

ROOT = Path(__file__).parents[2]
COUNT = int(os.environ.get("YAMLS", "400"))
MOST_SECONDS = 10.0  # one that hangs would take for ever
SCALARS = (
    *("", "~", "a", "''", '"', "'", "0", "-1", "1", "0.5", "1.0e-4", "1e-4", ".nan", "-.inf", "_"),
    *("9" * 30, "9" * 5000, "-" + "9" * 19, "1.0e+308", "-1.7e+308", "1.0e-320", "0x_", "0b1"),
    *("010", "1:30", "1:30.5", "2020-13-45", "2020-01-01 99:99:99", "yes", "off", "=", "<<", "inf"),
    *(
        "!!int x",
        "!!set [a]",
        "!!binary x",
        "!a b",
        "&a b",
        "*a",
        "&a [*a]",
        "!!python/name:os",
        "!",
    ),
    *('"\\ud800"', '"\\0"', '"\\UFFFFFFFF"', "\x07", "\ufeff", "\u2028", "\x85", "😀", "x" * 3000),
    *(
        "[" * 300,
        "]",
        "{a: " * 300,
        "}",
        "? ",
        "- ",
        "|\n  a",
        ">-",
        "%YAML 9.9",
        "---",
        "...",
        "@",
    ),
    *("none", "auto", "float", "int", "choice", "bool", "fixed", "default", "head", "ct", "cv:5"),
)
KEYS = (
    *("about", "parameters", "type", "low", "high", "step", "log", "choices", "value", "when"),
    *("dropout", "learning_rate", "side", "batch", "augmentation", "rotation", "noise", "name"),
    *("arch", "entries", "epochs", "seed", "search", "trials", "params", "class_weight", "members"),
)
GIVEN = (
    *(path.read_text() for path in sorted((ROOT / "search_spaces").glob("*.yaml"))[:4]),
    *(path.read_text() for path in sorted((ROOT / "benchmark" / "configs").glob("*.yaml"))),
    "name: own\nrotation: 10.0\nnoise: 3\n",
    "arch: [cnn, mlp]\nsearch: optuna\ntrials: 5\nparams: {dropout: 0.5}\nseed: [0, 1]\n",
    "batch: 8\nentries:\n  - {arch: mlp, epochs: 3}\n  - arch: cnn\n    augmentation: ct\n",
    "parameters:\n  dropout: {type: float, low: 0, high: 0.5, step: 0.1}\n",
    "parameters:\n  a: {type: bool}\n  batch: {type: choice, choices: [8, 16], when: {a: yes}}\n",
)


def value(draw: random.Random, level: int) -> str:
    """Draw a value in flow style."""
    kind = draw.randrange(6)
    if level and kind == 0:
        return f"[{', '.join(value(draw, level - 1) for _ in range(draw.randrange(4)))}]"
    if level and kind < 3:
        pairs = [f"{key(draw)}: {value(draw, level - 1)}" for _ in range(draw.randrange(4))]
        return f"{{{', '.join(pairs)}}}"
    return draw.choice(SCALARS)


def key(draw: random.Random) -> str:
    return draw.choice(KEYS) if draw.random() < 0.8 else value(draw, 1)


def changed(draw: random.Random, text: str) -> str:
    """Return a file that is right with a few changes in its lines, words or signs."""
    for _ in range(draw.randrange(1, 4)):
        kind, at = draw.randrange(5), draw.randrange(len(text) + 1)
        lines = text.splitlines() or [""]
        line = draw.randrange(len(lines))
        if kind == 0:
            lines[line] = lines[line].partition(":")[0] + ": " + value(draw, 2)
        if kind == 1:
            lines.insert(line, draw.choice(lines))
        if kind == 2:
            lines[line] = " " * draw.randrange(4) + f"{key(draw)}: {value(draw, 2)}"
        text = "\n".join(lines)
        if kind == 3:
            text = text[:at] + draw.choice(SCALARS) + text[at:]
        if kind == 4:
            text = text[:at] + text[at + draw.randrange(9) :]
    return text


def drawn(number: int) -> bytes:
    draw = random.Random(f"yaml {number}")
    if draw.random() < 0.3:
        text = "".join(f"{key(draw)}: {value(draw, 3)}\n" for _ in range(draw.randrange(6)))
    else:
        text = changed(draw, draw.choice(GIVEN))
    data = text.encode(errors="surrogatepass")
    if draw.random() < 0.05:
        at = draw.randrange(len(data) + 1)
        data = data[:at] + bytes(draw.randrange(256) for _ in range(3)) + data[at:]
    return data


def as_space(path: str) -> None:
    space = read_space(path)
    with suppress(UsageError):  # it is right in itself
        check_space(space, ARCHITECTURES["mlp"], Regime.SCRATCH)
        assert all(each.grid() for each in space.searched)


def as_config(path: str) -> None:
    request_of({}, read_config(path)).to_texts()


@pytest.mark.parametrize("read", [as_space, as_config, read_policy])
def test_any_file_is_read_or_refused_in_one_line(
    read: Callable[[str], Any], tmp_path: Path
) -> None:
    path = tmp_path / "own.yaml"
    refused = 0
    for number in range(COUNT):
        data = drawn(number)
        path.write_bytes(data)
        began = time.monotonic()
        try:
            read(str(path))
        except UsageError:
            refused += 1
        except Exception as error:  # noqa: BLE001  the input is what there is to see
            pytest.fail(f"{type(error).__name__}: {error} for {data[:300]!r}")
        assert time.monotonic() - began < MOST_SECONDS, data[:300]
    assert COUNT / 2 < refused < COUNT


def test_every_space_there_is_is_read() -> None:
    assert all(read_space(name).parameters for name in space_names())
