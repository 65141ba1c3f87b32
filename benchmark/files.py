"""Files: written whole or not at all, locked between processes, told apart by their content.

`filelock` would do but for the cache: who reads an entry holds it together with others, and its
locks are exclusive. So these are the operating system's own, one way for every room.
"""

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from .errors import StoreError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path of this process's own to write to; it becomes `path` when that went well.

    Raises:
        StoreError: the file cannot be written.
    """
    is_plain = path.is_file() or not path.exists()  # /dev/stdout is none: it is written to
    part = path.with_name(f".{path.name}.{os.getpid()}.part") if is_plain else path
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


def lock(path: Path, *, shared: bool = False, wait: bool = True) -> IO[bytes]:
    """Lock a file against other processes; closing it, or the end of the process, unlocks it.

    Threads of one process do not keep each other out, and a forked child holds no lock of its
    parent's. Lock files are never deleted: a process that waits on a deleted one would hold
    nothing.

    Args:
        path: the lock file, made if need be.
        shared: whether others may hold it shared at the same time.
        wait: whether to wait for it.

    Returns:
        The open file, which is its own context manager.

    Raises:
        BlockingIOError: another process holds it, and `wait` is false.
        OSError: the file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("ab+")
    try:
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.lockf(file, how if wait else how | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        if error.errno in {errno.EACCES, errno.EAGAIN}:
            raise BlockingIOError(errno.EAGAIN, "in use", str(path)) from error
        raise
    return file
