"""Where results go: the names of folders, and whether they can be written to."""

import re
import secrets
from pathlib import Path

from ..errors import StoreError


def folder_name(experiment: str) -> str:
    """Return an experiment's name as a folder's."""
    return re.sub(r"[^A-Za-z0-9._ -]", "_", experiment).strip(". ") or "experiment"


def writable(folder: Path) -> None:
    """See that a folder can be written to, making it if need be.

    Raises:
        StoreError: it cannot.
    """
    probe = folder / f".probe-{secrets.token_hex(4)}"
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
