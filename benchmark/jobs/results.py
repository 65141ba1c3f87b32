"""Where results go: the names of folders, and whether they can be written to."""

import errno
import os
import re
from pathlib import Path

from ..errors import StoreError
from ..files import is_waited_for, probe_folder


def folder_name(experiment: str) -> str:
    """Return an experiment's name as a folder's."""
    return re.sub(r"[^A-Za-z0-9._ -]", "_", experiment).strip(". ") or "experiment"


def writable(folder: Path, called: str = "output") -> None:
    """See that a folder can be written to, or made: a command that is refused leaves none behind.

    Raises:
        StoreError: it cannot; the message calls it the `called` folder.
    """
    try:
        probe_folder(folder)
    except OSError as error:
        raise StoreError(
            f"the {called} folder must be writable, and {str(folder)!r} is not: {error.strerror}."
        ) from error


def writable_file(path: Path) -> None:
    """See that a file can be written, without changing it.

    Raises:
        StoreError: it cannot.
    """
    try:
        if is_waited_for(path):
            raise OSError(errno.EINVAL, "it is a pipe")
        if path.exists():
            os.close(os.open(path, os.O_WRONLY | os.O_APPEND))
        else:
            probe_folder(path.parent)
    except OSError as error:
        raise StoreError(
            f"the file must be writable, and {str(path)!r} is not: {error.strerror}."
        ) from error
