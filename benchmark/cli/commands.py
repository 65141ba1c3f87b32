"""What each command does; the rooms that do it are imported when they are needed."""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

from ..errors import BenchmarkError, UsageError
from .parser import options_of, read_command_line

INTERRUPTED = 130  # what a shell gives for a command that Ctrl-C ended


def run_command(words: Sequence[str]) -> int:
    """Run a command line and give its exit code.

    0: all went well, whatever was promoted or not; 1: an architecture failed, or a registered model
    did not give the recorded probabilities; 2: the person's words
    or images must be mended, said in one line; 130: interrupted.
    """
    try:
        found = read_command_line(words)
        with _terminable():
            return _COMMANDS[found.command](found)
    except BenchmarkError as error:
        text = " ".join(str(error).split())
        print(f"benchmark: {text}", file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("benchmark"):
            raise
        print(
            f"benchmark: the package {error.name} is missing; install what the project needs: "
            "python -m pip install -r requirements.txt",
            file=sys.stderr,
        )
        return BenchmarkError.exit_code
    except BrokenPipeError:  # the reader of our output has seen enough, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print(
            "benchmark: interrupted; what is finished is kept, the same command goes on.",
            file=sys.stderr,
        )
        return INTERRUPTED


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that runs are closed before the process ends."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _values(found: argparse.Namespace) -> dict[str, Any]:
    """Read the texts of a command's options.

    Raises:
        UsageError: one of them is not of its option's kind.
    """
    return {
        option.name: option.value(getattr(found, option.name))
        for option in options_of(found.command)
    }


def _run(found: argparse.Namespace) -> int:
    from ..jobs import run_benchmark
    from ..plan import Request

    return run_benchmark(Request(**_values(found)), quiet=found.quiet)


def _plan(found: argparse.Namespace) -> int:
    from ..jobs import show_plan
    from ..plan import Request

    return show_plan(Request(**_values(found)))


def _leaderboard(found: argparse.Namespace) -> int:
    from ..jobs import show_leaderboard

    return show_leaderboard(**_values(found))


def _register(found: argparse.Namespace) -> int:
    from ..jobs import Registry, register_best

    return register_best(Registry(**_values(found)))


def _rescore(found: argparse.Namespace) -> int:
    from ..jobs import rescore_runs

    return rescore_runs(**_values(found))


def _predict(found: argparse.Namespace) -> int:
    from ..jobs import predict_files

    values = _values(found)
    images = [] if values["images"] == "none" else [values["images"]]
    return predict_files(values["model"], [*found.inputs, *images], values["csv"])


def _fetch(found: argparse.Namespace) -> int:
    from ..jobs import fetch_data

    values = _values(found)
    names = [*found.names, *([] if values["data"] == "none" else [values["data"]])]
    if not names:
        raise UsageError("fetch needs a data set: benchmark fetch chest-ct")
    return fetch_data(names, values["cache"], quiet=found.quiet)


def _explore(found: argparse.Namespace) -> int:
    from ..jobs import explore_data
    from ..plan import Look

    values = _values(found)
    augmentation, output = values.pop("augmentation"), values.pop("output")
    return explore_data(Look(**values), augmentation, output, quiet=found.quiet)


def _audit(found: argparse.Namespace) -> int:
    from ..jobs import audit_data
    from ..plan import Look

    values = _values(found)
    json = values.pop("json")
    return audit_data(Look(**values), json, quiet=found.quiet)


def _spaces(found: argparse.Namespace) -> int:
    from ..jobs import show_spaces

    return show_spaces(found.names)


def _cache(found: argparse.Namespace) -> int:
    from ..jobs import show_cache

    return show_cache(_values(found)["cache"], clear=found.action == "clear")


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "plan": _plan,
    "leaderboard": _leaderboard,
    "register": _register,
    "rescore": _rescore,
    "predict": _predict,
    "fetch": _fetch,
    "spaces": _spaces,
    "explore": _explore,
    "audit": _audit,
    "cache": _cache,
}
