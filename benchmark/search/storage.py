"""Where studies live: a journal file, a database, or memory."""

import json
import os
import time
from pathlib import Path
from typing import Any, BinaryIO

from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from ..errors import StoreError

_SYNC_SECONDS = 1.0
_FIRST_WORDS = b'{"op_code":0,"worker_id":"'  # of every journal of Optuna's: a study is created
_ATTEMPTS = 5  # processes that open a new database at once: one creates it, the others look again


class FileLock:
    """A lock that the system releases when its holder is killed.

    Optuna's own lock is a file of its own, which a killed process leaves behind: everybody then
    waits 30 s for it to go stale.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: BinaryIO | None = None

    def acquire(self) -> bool:
        """Wait for the lock and take it."""
        import fcntl

        file = self._path.open("ab")
        fcntl.flock(file, fcntl.LOCK_EX)
        self._held = file
        return True

    def release(self) -> None:
        """Return the lock back."""
        assert self._held is not None
        self._held.close()


class Journal(JournalFileBackend):  # type: ignore[misc]  # optuna is untyped here
    """Optuna's journal file, forced to the disk once a second rather than with every line.

    A killed process loses nothing either way, for the system has what was written. Only a power
    cut may cost the last second. A trial of 16 parameters writes 18 lines.
    """

    def __init__(self, path: Path, lock: FileLock) -> None:
        super().__init__(str(path), lock_obj=lock)
        self._path = path
        self._file_lock = lock
        self._synced = 0.0

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append lines, whole and in order with those of other processes."""
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        self._file_lock.acquire()
        try:
            with self._path.open("ab") as file:
                file.write(text.encode())
                file.flush()
                if time.monotonic() - self._synced > _SYNC_SECONDS:
                    os.fsync(file.fileno())
                    self._synced = time.monotonic()
        finally:
            self._file_lock.release()


def open_storage(storage: str) -> BaseStorage:
    """Open a storage: "" for memory, a database's address, or the path of a journal file.

    Raises:
        StoreError: it cannot be opened, or the path is that of another file, which stays as it was.
    """
    if not storage:
        return InMemoryStorage()
    if "://" in storage:
        return _database(storage)
    path = Path(storage)
    _check_journal(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(path.name + ".lock"))
        _mend(path, lock)
        return JournalStorage(Journal(path, lock))
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(f"the search journal {path} cannot be used: {error}") from error


def check_storage(storage: str) -> None:
    """See that a storage can be opened.

    Raises:
        StoreError: it cannot.
    """
    close_storage(open_storage(storage))


def close_storage(storage: BaseStorage) -> None:
    """Close a database's connections; other storages hold nothing open."""
    if isinstance(storage, RDBStorage):
        storage.remove_session()
        storage.engine.dispose()


def _check_journal(path: Path) -> None:
    """Refuse a file that is not a journal before anything is written to it or beside it."""
    try:
        if not path.exists():
            return
        is_journal = path.is_file()
        if is_journal and path.stat().st_size:
            with path.open("rb") as file:
                is_journal = file.read(len(_FIRST_WORDS)) == _FIRST_WORDS
    except OSError as error:
        raise StoreError(f"the search journal {path} cannot be read: {error.strerror}.") from error
    if not is_journal:
        raise StoreError(
            f"a search is kept in a journal of its own, and {path} is something else; it stays as "
            "it was. Name a new file, or a database such as sqlite:///search.db."
        )


def _mend(path: Path, lock: FileLock) -> None:
    """Cut a line that a crash left unfinished, which would spoil the whole journal later."""
    lock.acquire()
    try:
        with path.open("a+b") as file:
            end = file.seek(0, os.SEEK_END)
            size = end
            while size and not _ends_line(file, size):
                size -= 1
            if size < end:
                file.truncate(size)
    finally:
        lock.release()


def _ends_line(file: BinaryIO, size: int) -> bool:
    file.seek(size - 1)
    return file.read(1) == b"\n"


def _database(address: str) -> BaseStorage:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

    try:
        url = make_url(address)
    except ArgumentError:
        raise StoreError(
            "the storage is no database address; write one such as sqlite:///search.db or "
            "postgresql://person@host/studies."
        ) from None
    shown = url.render_as_string(hide_password=True)
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    options: dict[str, Any] = {"pool_pre_ping": True}
    if url.drivername.startswith("sqlite"):
        options = {"connect_args": {"timeout": 60}}
    for attempt in range(_ATTEMPTS):
        try:
            return RDBStorage(url.render_as_string(hide_password=False), engine_kwargs=options)
        except (ImportError, NoSuchModuleError) as error:
            raise StoreError(f"{shown} needs a driver that is not installed: {error}") from error
        except DBAPIError as error:
            is_race = any(
                word in str(error.orig) for word in ("exists", "locked", "duplicate", "UNIQUE")
            )
            if attempt == _ATTEMPTS - 1 or not is_race:
                raise StoreError(f"{shown} cannot be opened: {error.orig}") from error
            time.sleep(0.2 * 2**attempt)
    raise AssertionError("the loop above returns or raises")
