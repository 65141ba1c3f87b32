"""A command line is run, and whatever it raises becomes one line and an exit code."""

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType

from ..errors import BenchmarkError, for_terminal, is_interruption, kind_and_line
from ..texts import masked
from .data_commands import DATA_SETS
from .model_commands import MODELS
from .parser import Command, read_command_line
from .run_commands import BENCHMARKS

# What a person's disk may refuse anywhere, by exit code; what else escapes is our own mistake.
_DISKS = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.ENAMETOOLONG), 2),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE), 1),
}
COMMANDS: Mapping[str, Command] = {**BENCHMARKS, **MODELS, **DATA_SETS}

INTERRUPTED = 130  # what a shell returns for a command that Ctrl-C ended


def run_command(words: Sequence[str]) -> int:
    """Run a command line and return its exit code.

    0: all went well, whatever was promoted or not; 1: an architecture failed, or a registered model
    did not give the recorded probabilities; 2: the person's words
    or images must be mended, said in one line; 130: interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's name may be what no text can hold
            stream.reconfigure(errors="backslashreplace")
    try:
        command, asked = read_command_line(words, COMMANDS)
        with _terminable():
            return command.do(asked)
    except BenchmarkError as error:
        print(f"benchmark: {masked(for_terminal(error))}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output has seen enough, as with `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("benchmark"):
            raise
        print(
            f"benchmark: the package {error.name} is missing; install what the project needs: "
            "python -m pip install -r requirements.txt",
            file=sys.stderr,
        )
        return BenchmarkError.exit_code
    except KeyboardInterrupt:
        print(
            "benchmark: interrupted; what is finished is kept, the same command goes on.",
            file=sys.stderr,
        )
        return INTERRUPTED
    except Exception as error:
        code, said = _outside(error)
        if not said:
            raise
        print(f"benchmark: {said}", file=sys.stderr)
        return code


def _outside(error: Exception) -> tuple[int, str]:
    """Return an exit code, and what to say of a store's or a disk's fault; nothing of our own."""
    if _is_of_a_store(error):
        return BenchmarkError.exit_code, f"the store failed: {masked(kind_and_line(error))}"
    if isinstance(error, OSError) and error.errno in _DISKS and error.filename is not None:
        return _DISKS[error.errno], f"{error.filename!r}: {error.strerror}."
    return 1, ""


def _is_of_a_store(error: Exception) -> bool:
    """Whether an error is of the family of MLflow's, or of a database; neither is imported."""
    families = ("mlflow", "sqlalchemy", "alembic", "sqlite3", "psycopg", "psycopg2", "requests")
    return any(kind.__module__.partition(".")[0] in families for kind in type(error).__mro__)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that runs are closed before the process ends."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except RuntimeError as error:
        if is_interruption(error):
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
