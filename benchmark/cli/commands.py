"""The commands: their options, and what each does; rooms are imported when they are needed."""

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType

from ..errors import BenchmarkError, UsageError, for_terminal, is_interruption, kind_and_line
from ..files import path_of
from ..request import (
    RUN_OPTIONS,
    Config,
    Option,
    Read,
    Request,
    choice,
    named,
    path,
    pick,
    read_config,
    read_values,
    request_of,
    unless,
    write_config,
    yes_or_no,
)
from ..texts import masked
from .parser import Asked, Command, read_command_line

# What a person's disk may refuse anywhere, by exit code; what else escapes is our own mistake.
_DISKS = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP, errno.ENAMETOOLONG), 2),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE), 1),
}
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


def _run(asked: Asked) -> int:
    from ..jobs import run_benchmark

    return run_benchmark(_request(asked), quiet=asked.quiet)


def _plan(asked: Asked) -> int:
    from ..jobs import show_plan

    return show_plan(_request(asked))


def _request(asked: Asked) -> Request:
    """Return what is asked for, over the configuration that is named; write it where wanted."""
    named = read_values(_CONFIG, asked.texts)
    given = {name: text for name, text in asked.texts.items() if name not in named}
    request = request_of(given, read_config(named["config"]) if named["config"] else Config())
    if named["save_config"]:
        write_config(request, path_of(named["save_config"]))
    return request


def _leaderboard(asked: Asked) -> int:
    from ..jobs import show_leaderboard

    return show_leaderboard(**asked.values())


def _register(asked: Asked) -> int:
    from ..jobs import Registry, register_best

    return register_best(Registry(**asked.values()))


def _rescore(asked: Asked) -> int:
    from ..jobs import rescore_runs

    return rescore_runs(**asked.values())


def _predict(asked: Asked) -> int:
    from ..jobs import predict_files

    values = asked.values()
    images = [values["images"]] if values["images"] else []
    return predict_files(
        values["model"],
        [*asked.words, *images],
        values["csv"],
        unverified=values["unverified"],
    )


def _fetch(asked: Asked) -> int:
    from ..jobs import fetch_data

    values = asked.values()
    names = [*asked.words, *([values["data"]] if values["data"] else [])]
    if not names:
        raise UsageError("fetch needs a data set: benchmark fetch chest-ct")
    return fetch_data(names, values["cache"], quiet=asked.quiet)


def _explore(asked: Asked) -> int:
    from ..jobs import explore_data

    return explore_data(Request.read(asked.texts), quiet=asked.quiet)


def _audit(asked: Asked) -> int:
    from ..jobs import audit_data

    values = asked.values()
    return audit_data(
        Request.read(asked.texts), values["json"], values["write_manifest"], quiet=asked.quiet
    )


def _spaces(asked: Asked) -> int:
    from ..jobs import show_spaces

    return show_spaces(asked.words)


def _cache(asked: Asked) -> int:
    from ..jobs import show_cache

    action = " ".join(asked.words) or "show"
    if action not in ("show", "clear"):
        raise UsageError(f"invalid choice: {action!r}; cache takes show or clear.")
    return show_cache(asked.values()["cache"], clear=action == "clear")


def _other(name: str, default: str, about: str, read: Read = str) -> Option:
    return Option(name=name, default=default, about=about, read=read, group="what to use")


def _name(text: str) -> str | None:
    if text == "none":
        raise UsageError("--register names the model to register; none is for `run` only.")
    return None if text == "auto" else named(text)


_CONFIG = (
    _other(
        "config",
        "none",
        "options from YAML, a name such as quick or a file; what is said here wins",
        unless("none"),
    ),
    _other("save_config", "none", "write all these options to this YAML file", unless("none")),
)
_LOOK = pick(
    *("data", "split", "split_seed", "on_leak", "side", "channels", "fit", "window"),
    *("patient_pattern", "columns", "ignore", "classes", "one_label"),
    *("max_unreadable", "cache", "cache_limit"),
)

COMMANDS: Mapping[str, Command] = {
    "run": Command(
        about="benchmark architectures, rank them and register the winner",
        do=_run,
        options=(*RUN_OPTIONS, *_CONFIG),
        example="benchmark run --arch densenet121,cnn --data chest-ct",
    ),
    "plan": Command(
        about="show what run would do, what is done and what it will cost",
        do=_plan,
        options=(*RUN_OPTIONS, *_CONFIG),
        example="benchmark plan --arch all --data my-scans/",
    ),
    "leaderboard": Command(
        about="rank what an experiment holds",
        do=_leaderboard,
        options=(
            *pick("experiment", "output", "store_patience"),
            _other(
                "rank_on",
                "auto",
                "what ranks rows: val, cv (answers out of fold), or auto: as the latest benchmark",
                choice("auto", "val", "cv"),
            ),
        ),
    ),
    "register": Command(
        about="register an experiment's champion by rule, or a run",
        do=_register,
        options=(
            *pick("experiment"),
            _other(
                "register", "auto", "the registered model's name; auto is the data set's", _name
            ),
            *pick("cache", "store_patience"),
            _other(
                "data",
                "auto",
                "the images the model is tried on; auto is the experiment's own data set",
                unless("auto", path),
            ),
            _other("run", "best", "the run to register: best, or an MLflow run id", unless("best")),
            _other(
                "promote",
                "no",
                "yes: make it champion whatever a comparison with the present one says",
                yes_or_no,
            ),
        ),
    ),
    "rescore": Command(
        about="compute the figures of finished runs anew from their tables",
        do=_rescore,
        options=(
            *pick("experiment", "output", "cache", "store_patience"),
            _other(
                "data",
                "none",
                "the data set, to note which images are of one patient; none leaves tables "
                "as they are",
                unless("none", path),
            ),
        ),
    ),
    "predict": Command(
        about="classify images with a registered model",
        do=_predict,
        words=("FILE", "images, and folders of them"),
        options=(
            _other(
                "model",
                "models:/phantom@champion",
                "a registered model (models:/NAME@champion), or a model's folder",
                path,
            ),
            _other("images", "none", "an image or a folder, beside FILE", unless("none", path)),
            _other("csv", "-", "the file for the table, - to show it", unless("-", path)),
            _other(
                "unverified",
                "no",
                "yes: load the model though its files are not known to be those registered",
                yes_or_no,
            ),
        ),
        example="benchmark predict --model models:/chest-ct@champion scans/ --csv out.csv",
    ),
    "fetch": Command(
        about="bring a published data set to where --data NAME finds it",
        do=_fetch,
        words=("NAME", "data sets, beside --data"),
        options=(
            _other("data", "none", "chest-ct, chest-xray or pneumoniamnist", unless("none")),
            *pick("cache"),
        ),
    ),
    "explore": Command(
        about="draw what a data set looks like, as one page",
        do=_explore,
        options=(*_LOOK, *pick("augmentation", "output")),
    ),
    "audit": Command(
        about="show what makes scores on a data set wrong",
        do=_audit,
        options=(
            *_LOOK,
            _other("json", "none", "write the findings to this file too", unless("none", path)),
            _other(
                "write_manifest",
                "none",
                "write what was understood to this .csv, to be mended by hand and read by --data",
                unless("none", path),
            ),
        ),
    ),
    "spaces": Command(
        about="list and check search spaces",
        do=_spaces,
        words=("SPACE", "names, or .yaml files"),
        is_entry_point=False,
    ),
    "cache": Command(
        about="show or clear decoded images and features",
        do=_cache,
        words=("ACTION", "show or clear [show]"),
        options=pick("cache"),
        is_entry_point=False,
    ),
}
