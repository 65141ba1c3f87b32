"""Files: written whole or not at all, locked between processes, told apart by their content.

`filelock` would do but for the cache: who reads an entry holds it together with others, and its
locks are exclusive. So these are the operating system's own, one way for every room.
"""

import fcntl
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from .errors import DataError, StoreError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path of this process's own to write to; it becomes `path` when that went well.

    Raises:
        StoreError: the file cannot be written.
    """
    is_plain = path.is_file() or not path.exists()  # /dev/stdout is none: it is written to
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part") if is_plain else path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        if is_plain:
            part.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        if is_plain:
            with suppress(OSError):  # it is in place, or its folder is none
                part.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all.

    Raises:
        StoreError: it cannot be written.
    """
    with whole_file(path) as part:
        part.write_text(text, encoding="utf-8")


def check_plain(path: Path) -> int:
    """Return a plain file's size in bytes; a pipe would let whoever opens it wait for ever.

    Raises:
        DataError: it is a pipe, a device or a folder, or cannot be looked at.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path} must be a plain file, not a pipe, a device or a folder.")
    return found.st_size


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Return a digest of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def sync(path: Path) -> None:
    """Force a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Held:
    """A lock that is held until it is closed, or this process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        """Let others have it."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def lock(path: Path, *, shared: bool = False, wait: bool = True) -> Held:
    """Lock a file, made if need be, or a folder, against other threads and processes.

    Lock files are never deleted: a process that waits on a deleted one would hold nothing.

    Args:
        path: what is locked.
        shared: whether others may hold it shared at the same time.
        wait: whether to wait for it.

    Raises:
        BlockingIOError: it is held, and `wait` is false.
        OSError: the file cannot be made.
    """
    if path.is_dir():
        descriptor = os.open(path, os.O_RDONLY)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(descriptor, how if wait else how | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return Held(descriptor)
