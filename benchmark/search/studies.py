"""Where studies live: a journal file a study, SQLite, or memory; one process owns a study."""

import json
import os
import socket
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from ..errors import StoreError
from ..files import Held, lock
from .optuna_engines import make_pruner
from .settings import SearchSettings
from .space import Space

_SYNC_SECONDS = 1.0
_FIRST_WORDS = b'{"op_code":0,"worker_id":"'  # of every journal of Optuna's: a study is created
_SQLITE = "sqlite:///"
_BEFORE = "studies.journal"  # where versions before 0.2 kept all studies of an experiment
# chosen, not sourced: a worker whose main process was killed ends within a second
PATIENCE_SECONDS = 5.0


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

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append lines."""
        text = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with self._path.open("ab") as file:
            file.write(text.encode())
            file.flush()
            if time.monotonic() - self._synced > _SYNC_SECONDS:
                os.fsync(file.fileno())
                self._synced = time.monotonic()


@contextmanager
def open_study(
    space: Space, settings: SearchSettings, storage: str
) -> Iterator[tuple[optuna.Study, tuple[str, ...]]]:
    """Own the study of a space and settings while entered, with notes on other studies beside it.

    Args:
        space: what is searched.
        settings: how.
        storage: "" for memory, the address of an SQLite database, the path of a journal, or a
            folder of journals, one a study, if it ends in a slash. A journal's path is that of the
            first study kept there; others of the same path stand beside it, under their names.

    Raises:
        StoreError: it cannot be opened, it is not a journal of studies and stays as it was, or
            another process is at the study.
    """
    name = settings.study_name(space)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if not storage:
        yield _create(InMemoryStorage(), name, space, settings), ()
        return
    with _owned(storage, name) as place:
        kept = _open(storage, place)
        try:
            notes = _notes_on_others(kept, storage, place, settings, space)
            yield _create(kept, name, space, settings), notes
        finally:
            if isinstance(kept, RDBStorage):
                kept.remove_session()
                kept.engine.dispose()


def check_storage(storage: str) -> None:
    """Check that studies can be kept in a storage, as far as can be told without a study.

    Raises:
        StoreError: a database that is not SQLite, or a file that is not a journal.
    """
    if "://" in storage:
        _sqlite(storage).engine.dispose()
    elif not storage.endswith("/"):
        _first_study(Path(storage))
        _make_folder(Path(storage))


def _make_folder(place: Path) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{place.parent} cannot keep a search: {error.strerror}.") from error


@contextmanager
def _owned(storage: str, study: str) -> Iterator[Path]:
    """Own a study while entered, and return its place; a killed process owns nothing.

    Raises:
        StoreError: another process owns it and does not end soon.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        place = _place(storage, study)
        _make_folder(place)
        path = place.with_name(f".{place.name}.owner")
        held = _lock(path)
        if held:
            with held:
                if path.read_text(errors="replace")[:8] not in ("", "process "):
                    raise StoreError(f"{path} must say who owns a search, and is something else.")
                if _place(storage, study) == place:  # nobody has begun another study there
                    path.write_text(f"process {os.getpid()} on {socket.gethostname()}")
                    yield place
                    return
        elif time.monotonic() > until:
            raise StoreError(
                f"{path.read_text() or 'another process'} is at the search {study} in {storage}; "
                "let it end, or name another place with --storage."
            )
        time.sleep(0.05)


def _lock(path: Path) -> Held | None:
    try:
        return lock(path, wait=False)
    except BlockingIOError:
        return None


def _place(storage: str, study: str) -> Path:
    """Return a study's journal; in SQLite, the database's path with the study's name behind it."""
    if "://" in storage:
        path = _database(storage)
        return path.with_name(f"{path.name}-{study}")
    path = Path(storage)
    if storage.endswith("/"):
        return path / f"{study}.journal"
    if _first_study(path) in (None, study):
        return path
    return path.with_name(f"{path.stem}-{study}{path.suffix}")


def _database(address: str) -> Path:
    if not address.startswith(_SQLITE) or address == _SQLITE:
        raise StoreError(
            "a search is kept in a journal file or in SQLite; name a file, or a database such as "
            "sqlite:///search.db."
        )
    return Path(address.removeprefix(_SQLITE))


def _first_study(path: Path) -> str | None:
    """Return the name of the study that a journal begins with, None if there is none yet.

    Raises:
        StoreError: something else stands there; it stays as it was.
    """
    try:
        if not path.exists():
            return None
        if path.is_file():
            with path.open("rb") as file:
                line = file.readline()
            if not line:
                return None
            if line.startswith(_FIRST_WORDS):
                return str(json.loads(line)["study_name"]) if line.endswith(b"\n") else None
    except OSError as error:
        raise StoreError(f"the search journal {path} cannot be read: {error.strerror}.") from error
    raise StoreError(
        f"a search is kept in a journal of its own, and {path} is something else; it stays as "
        "it was. Name a new file, or a database such as sqlite:///search.db."
    )


def _open(storage: str, place: Path) -> BaseStorage:
    if "://" in storage:
        return _sqlite(storage)
    _first_study(place)
    try:
        _mend(place)
        return JournalStorage(Journal(place))
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(f"the search journal {place} cannot be used: {error}") from error


def _sqlite(address: str) -> RDBStorage:
    from sqlalchemy.exc import DBAPIError

    _make_folder(_database(address))
    try:
        return RDBStorage(address, engine_kwargs={"connect_args": {"timeout": 60}})
    except DBAPIError as error:
        raise StoreError(f"{address} cannot be opened: {error.orig}") from error


def _mend(path: Path) -> None:
    """Cut a line that a crash left unfinished, which would spoil the whole journal later."""
    with path.open("a+b") as file:
        file.seek(0)
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def _create(
    storage: BaseStorage, name: str, space: Space, settings: SearchSettings
) -> optuna.Study:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=["maximize" if goal.maximise else "minimize" for goal in settings.goals],
            pruner=make_pruner(settings),
            load_if_exists=True,
        )
    if "identity" not in study.user_attrs:
        study.set_user_attr("identity", settings.identity(space))
    return study


def _notes_on_others(
    kept: BaseStorage, storage: str, place: Path, settings: SearchSettings, space: Space
) -> tuple[str, ...]:
    """Say, where a study is new, why it does not go on with one that is there."""
    name = settings.study_name(space)
    if name in optuna.get_all_study_names(kept):
        return ()
    before = place.parent / _BEFORE if storage.endswith("/") else Path(storage)
    if "://" not in storage and _holds(before, name):
        note = (
            f"the search begins anew: the trials of {name} in {before} are those of an earlier "
            "version, which kept several studies in one journal, and are not read any more."
        )
        return (note,)
    others = [kept] if "://" in storage else [*_journals_beside(storage, place, settings)]
    studies = [
        optuna.load_study(study_name=each, storage=other)
        for other in others
        for each in optuna.get_all_study_names(other)
        if each.startswith(f"{settings.study}-")
    ]
    return tuple(_changes(each, settings.identity(space)) for each in studies[-1:])


def _journals_beside(
    storage: str, place: Path, settings: SearchSettings
) -> Iterator[JournalStorage]:
    """Return the journals of the same storage that keep studies of that name, oldest first."""
    stem = "" if storage.endswith("/") else f"{Path(storage).stem}-"
    found = [*place.parent.glob(f"{stem}{settings.study}-*{place.suffix}")]
    found += [] if storage.endswith("/") else [Path(storage)]
    there = [each for each in found if each != place and each.is_file()]
    for path in sorted(there, key=lambda each: each.stat().st_mtime):
        yield JournalStorage(JournalFileBackend(str(path)))


def _holds(journal: Path, study: str) -> bool:
    if not journal.is_file():
        return False
    with journal.open(errors="replace") as file:
        return any(f'"study_name":"{study}"' in line for line in file)


def _changes(other: optuna.Study, identity: Mapping[str, Any]) -> str:
    before = other.user_attrs.get("identity", {})
    words = {"material": "data set, split or architecture", "start": "defaults"}
    changed = [
        words.get(key, key)
        for key, value in json.loads(json.dumps(identity)).items()
        if before.get(key) != value
    ]
    return (
        f"a new study begins, for the {' and '.join(changed)} changed; "
        f"the trials of {other.study_name} are kept and not mixed in."
    )
