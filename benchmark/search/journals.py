"""Journals of studies: Optuna's, but written by one process, checked before they are read.

Optuna ignores in silence a line about a trial that it does not know, and any other damage ends
it wherever it is met. So a journal is checked line by line; one that is damaged stays as it was,
or is moved aside where a person wants to begin anew.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from ..errors import BenchmarkError, StoreError, kind_and_line
from ..files import lock, probe_folder

_SYNC_SECONDS = 1.0
_FIRST_WORDS = b'{"op_code":0,"worker_id":"'  # of every journal of Optuna's: a study is created
_CREATE_STUDY, _CREATE_TRIAL, _LAST_OP = 0, 4, 10


class DamagedError(StoreError):
    """A journal cannot be read; `path` is where it stands, and there it stays."""

    def __init__(self, path: Path, fault: str) -> None:
        super().__init__(
            f"the search journal {path} is damaged or of another version of Optuna ({fault}); it "
            "stays as it was. --resume no moves it aside and begins the search anew."
        )
        self.path = path
        self.seen = _standing(path)


class Journal(JournalFileBackend):  # type: ignore[misc]  # optuna is untyped here
    """Optuna's journal file, forced to the disk once a second rather than with every line.

    A killed process loses nothing either way, for the system has what was written. Only a power
    cut may cost the last second. A trial of 16 parameters writes 18 lines. Nobody else writes to
    it: one process owns the study.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._synced = 0.0
        self._size = path.stat().st_size

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Yield the lines from a number on.

        Raises:
            StoreError: the file cannot be read any more.
        """
        try:
            yield from super().read_logs(log_number_from)
        except OSError as error:
            raise self._gone("read", error) from error

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append lines, all of them or none.

        Raises:
            StoreError: they cannot be written, or the file is not as this process left it.
        """
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        try:
            with self._path.open("r+b", buffering=0) as file:
                if file.seek(0, os.SEEK_END) != self._size:
                    raise StoreError(
                        f"the search journal {self._path} was changed by another program while "
                        "the search went on; nothing more is written to it."
                    )
                self._write(file, text.encode())
                if time.monotonic() - self._synced > _SYNC_SECONDS:
                    os.fsync(file.fileno())
                    self._synced = time.monotonic()
        except OSError as error:
            raise self._gone("written", error) from error

    def _gone(self, done: str, error: OSError) -> StoreError:
        kept = "its trials so far are kept, and the next start goes on with them."
        if isinstance(error, FileNotFoundError):
            kept = "somebody removed or renamed it while the search went on."
        return StoreError(f"the journal {self._path} cannot be {done}: {error.strerror}; {kept}")

    def _write(self, file: Any, data: bytes) -> None:
        """Write at the end; where that fails half-way, the half is taken back."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            with suppress(OSError):  # then the next start cuts it off
                file.truncate(self._size)
            raise
        self._size += len(data)


def check_folder(place: Path) -> None:
    """Check that the folder of a file that is to keep a study can be made, and make none.

    Raises:
        StoreError: it cannot be made or written to.
    """
    try:
        probe_folder(place.parent)
    except OSError as error:
        raise StoreError(f"{place.parent} cannot keep a search: {error.strerror}.") from error


def make_folder(place: Path) -> None:
    """Make the folder of a file that is to keep a study.

    Raises:
        StoreError: it cannot be made or written to.
    """
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{place.parent} cannot keep a search: {error.strerror}.") from error
    if not os.access(place.parent, os.W_OK | os.X_OK):
        raise StoreError(f"{place.parent} cannot keep a search: it may not be written to.")


def first_study(path: Path, *, ours: bool = False) -> str | None:
    """Return the name of the study that a journal begins with, None if there is none yet.

    Args:
        path: where it stands.
        ours: whether its name is a study's own, so that nobody else's file is expected there.

    Raises:
        StoreError: something else stands there; it stays as it was.
        DamagedError: it is a journal by its name or beginning, and damaged.
    """
    try:
        if not path.exists():
            return None
        line = b"-"
        if path.is_file():
            with path.open("rb") as file:
                line = file.readline()
    except OSError as error:
        raise StoreError(f"the search journal {path} cannot be read: {error.strerror}.") from error
    if not line.strip(b"\0"):  # a power cut may leave a file's size without what was written
        return None
    if not line.startswith(_FIRST_WORDS):
        if ours:
            raise DamagedError(path, "it is something else")
        raise StoreError(
            f"a search is kept in a journal of its own, and {path} is something else; it stays as "
            "it was. Name a new file, or a database such as sqlite:///search.db."
        )
    if not line.endswith(b"\n"):
        return None
    with reading(path):
        name = json.loads(line)["study_name"]
        if not isinstance(name, str):
            raise TypeError(f"a study is called {name!r}")
        return name


def open_journal(
    path: Path, study: str | None = None, *, ours: bool = False, mend: bool = True
) -> JournalStorage:
    """Open a journal, and make it if it is not there; a line left unfinished is cut off.

    Args:
        path: where it stands.
        study: the study that it must begin with, if it has any; None for whichever.
        ours: as in `first_study`.
        mend: whether to cut that line off: another's journal may be written to meanwhile.

    Raises:
        StoreError: it cannot be read or made, or something else stands there.
        DamagedError: it is damaged.
    """
    first = first_study(path, ours=ours)
    if study is not None and first not in (None, study):
        raise DamagedError(path, f"it begins with the study {first}")
    try:
        if mend:
            _mend(path)
        with reading(path):
            _check_lines(path)
            return JournalStorage(Journal(path))
    except OSError as error:
        raise StoreError(f"the search journal {path} cannot be used: {error.strerror}.") from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say of whatever goes wrong while a journal is read that it is damaged.

    Raises:
        DamagedError: an error that neither a person's mistake nor the system explains.
    """
    try:
        yield
    except (BenchmarkError, OSError):
        raise
    except Exception as error:
        raise DamagedError(path, kind_and_line(error)) from error


def set_aside(damage: DamagedError) -> str:
    """Move a damaged journal aside, deleting nothing, and say in a line where it is now.

    Raises:
        StoreError: it cannot be moved.
    """
    path = damage.path
    try:
        with lock(path.with_name(f".{path.name}.owner")):
            if _standing(path) != damage.seen:
                return f"the damaged journal {path.name} was moved aside by another process."
            number = 1
            while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
                number += 1
            path.rename(aside)
    except OSError as error:
        raise StoreError(f"{path} cannot be moved aside: {error.strerror}.") from error
    return f"the search begins anew: its damaged journal is kept beside it, as {aside.name}."


def _standing(path: Path) -> tuple[int, int, int] | None:
    """Return what tells a file from another that took its place."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _mend(path: Path) -> None:
    """Cut a line that a crash left unfinished, which would spoil the whole journal later."""
    with path.open("a+b") as file:
        file.seek(0)
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def _check_lines(path: Path) -> None:
    """Check that each line says something of a study and a trial that stand above it."""
    made = {"study_id": 0, "trial_id": 0}
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):  # the last one, which is being written
                return
            try:
                _check_line(json.loads(line), made)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise DamagedError(path, f"line {number}: {kind_and_line(error)}") from error


def _check_line(log: dict[str, Any], made: dict[str, int]) -> None:
    operation = log["op_code"]
    if type(operation) is not int or not 0 <= operation <= _LAST_OP:
        raise ValueError(f"no operation is called {operation!r}")
    for name, count in made.items():
        if name in log and not (type(log[name]) is int and 0 <= log[name] < count):
            raise ValueError(f"there is no {name} {log[name]!r} yet")
    made["study_id"] += operation == _CREATE_STUDY
    made["trial_id"] += operation == _CREATE_TRIAL
