"""Files: named by people, read, written whole or not at all, locked, told apart by their content.

`filelock` would do but for the cache: who reads an entry holds it together with others, and its
locks are exclusive. So these are the operating system's own, one way for every room.
"""

import errno
import fcntl
import hashlib
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from .errors import DataError, StoreError, UsageError

_NAME_BYTES, _PATH_BYTES = 255, 4095  # what Linux and macOS take


def path_of(words: str) -> Path:
    """Return the path that a person means, with their own or another's home put in for ~.

    Raises:
        UsageError: no file can have that name, or there is no such user.
    """
    try:
        path = Path(words).expanduser()
    except RuntimeError as error:
        path = Path(words)
        if not os.path.lexists(words):  # a file may be called so, as ~$letter.doc
            raise UsageError(
                f"there is no user {path.parts[0][1:]!r} here, whose home {words!r} would be in."
            ) from error
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError as error:
        raise UsageError(f"{words!r} holds what no file's name can.") from error
    if b"\0" in encoded:
        raise UsageError(f"{words!r} holds a NUL, which no file's name can.")
    longest = max(map(len, encoded.split(b"/")))
    if longest > _NAME_BYTES or len(encoded) > _PATH_BYTES:
        raise UsageError(
            f"a file's name may have {_NAME_BYTES} bytes and its path {_PATH_BYTES:,}, not "
            f"{longest:,} and {len(encoded):,} as {words[:40]!r}… has."
        )
    return path


def read_plain(path: Path, most_bytes: int) -> bytes:
    """Return the bytes of a plain file; neither a pipe nor a device is waited for.

    Raises:
        OSError: it is something else, it is larger, or it cannot be read; `strerror` says why.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if stat.S_ISDIR(found.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no plain file", str(path))
        if found.st_size > most_bytes:
            size = f"it has {found.st_size:,} bytes, and may have {most_bytes:,}"
            raise OSError(errno.EFBIG, size, str(path))
        return file.read(found.st_size)  # with room for the most it takes four times as long


def is_waited_for(path: Path) -> bool:
    """Whether to open a path may take for ever: a pipe with a name, unlike this process's own."""
    return path.is_fifo() and path.parts[:2] not in (("/", "dev"), ("/", "proc"))


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a path of this process's own to write to; it becomes `path` when that went well.

    Raises:
        StoreError: the file cannot be written.
    """
    is_plain = path.is_file() or not path.exists()  # /dev/stdout is none: it is written to
    pipe = _open_pipe(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part") if is_plain else path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        if is_plain:
            part.replace(path)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        if pipe is not None:
            os.close(pipe)
        if is_plain:
            with suppress(OSError):  # it is in place, or its folder is none
                part.unlink()


def probe_folder(folder: Path) -> None:
    """Write to a folder, or to the nearest one above it that is there, and leave nothing.

    Raises:
        OSError: it cannot be written to, or is none.
    """
    place = folder.absolute()
    while not _is_there(place):
        place = place.parent
    with tempfile.TemporaryFile(dir=place):
        pass


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def _open_pipe(path: Path) -> int | None:
    """Open a pipe, which would wait for ever where nobody reads from it; None for all else."""
    if not path.is_fifo():
        return None
    try:
        return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: it is a pipe that nobody reads.") from error


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


def allocate(path: Path) -> None:
    """Take the room on the disk that a file's size promises.

    On a full disk a file that is written through a memory map ends its process (SIGBUS) when a
    page of it finds no room.

    Raises:
        OSError: there is not so much.
    """
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            except OSError as error:  # some file systems can promise nothing
                if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                    raise


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
