"""Files among the results: each is whole or not there, whoever else writes into the folder."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import environment
from ..errors import StoreError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Return a path of this process's own to write to; it becomes `path` when that went well.

    Raises:
        StoreError: the file cannot be written.
    """
    part = path.with_name(f".{path.name}.{environment.this_process().pid}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


def folder_name(experiment: str) -> str:
    """Return an experiment's name as a folder's."""
    return re.sub(r"[^A-Za-z0-9._ -]", "_", experiment).strip(". ") or "experiment"


def writable(folder: Path) -> None:
    """See that a folder can be written to, making it if need be.

    Raises:
        StoreError: it cannot.
    """
    probe = folder / f".probe-{environment.this_process().pid}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StoreError(
            f"the output folder must be writable, and {str(folder)!r} is not: {error.strerror}."
        ) from error


def writable_file(path: Path) -> None:
    """See that a file can be written, without changing it.

    Raises:
        StoreError: it cannot.
    """
    is_new = not path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
        if is_new:
            path.unlink()
    except OSError as error:
        raise StoreError(
            f"the file must be writable, and {str(path)!r} is not: {error.strerror}."
        ) from error
