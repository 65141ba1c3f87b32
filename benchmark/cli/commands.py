"""What each command does; the rooms that do it are imported when they are needed."""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING

from ..errors import BenchmarkError
from .options import RUN_OPTIONS
from .parser import PREDICT_OPTIONS, RUN_ID, pick, read_command_line

if TYPE_CHECKING:
    from ..runner import Request

INTERRUPTED = 130  # what a shell gives for a command that Ctrl-C ended


def run_command(words: Sequence[str]) -> int:
    """Run a command line and give its exit code.

    0: all went well; 1: an architecture failed or a promotion was refused; 2: the person's words
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


def _request(found: argparse.Namespace) -> "Request":
    from ..runner import Request

    return Request(
        **{option.name: option.value(getattr(found, option.name)) for option in RUN_OPTIONS}
    )


def _run(found: argparse.Namespace) -> int:
    from ..runner import run_benchmark

    return run_benchmark(_request(found), quiet=found.quiet)


def _plan(found: argparse.Namespace) -> int:
    from ..runner import show_plan

    return show_plan(_request(found))


def _leaderboard(found: argparse.Namespace) -> int:
    from ..runner import show_leaderboard

    experiment, output = (
        option.value(getattr(found, option.name)) for option in pick("experiment", "output")
    )
    return show_leaderboard(experiment, output)


def _register(found: argparse.Namespace) -> int:
    from ..runner import register_best

    experiment, register, data = (
        option.value(getattr(found, option.name))
        for option in pick("experiment", "register", "data")
    )
    return register_best(experiment, register, data, RUN_ID.value(found.run))


def _predict(found: argparse.Namespace) -> int:
    from ..runner import predict_files

    values = {option.name: option.value(getattr(found, option.name)) for option in PREDICT_OPTIONS}
    inputs = [*found.inputs, *([values["images"]] if values["images"] else [])]
    return predict_files(values["model"], inputs, values["csv"])


def _cache(found: argparse.Namespace) -> int:
    from ..runner import show_cache

    return show_cache(found.cache, clear=found.action == "clear")


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "plan": _plan,
    "leaderboard": _leaderboard,
    "register": _register,
    "predict": _predict,
    "cache": _cache,
}
