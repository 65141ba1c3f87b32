"""Where studies live: a journal file a study, SQLite, or memory; one process owns a study."""

import math
import os
import socket
import time
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import optuna
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import TrialState as RowState

from ..errors import StoreError
from ..files import Held, lock
from ..records import digest
from ..texts import masked
from .changes import asked_of, changes
from .databases import check_database, database_path, open_database
from .journals import DamagedError, check_folder, first_study, make_folder, open_journal, reading
from .optuna_engines import check_rows, make_pruner
from .settings import SearchSettings
from .space import Space

_BEFORE = "studies.journal"  # where versions before 0.2 kept all studies of an experiment
# chosen, not sourced: a worker whose main process was killed ends within a second
PATIENCE_SECONDS = 5.0
_LONGEST_STUDY = 64  # chosen, not sourced: the longest name of an architecture has 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """A study that this process owns.

    Attributes:
        study: Optuna's.
        notes: on other studies beside it.
        journal: the file that it is kept in, None for a database or memory.
    """

    study: optuna.Study
    notes: tuple[str, ...] = ()
    journal: Path | None = None

    def reading(self) -> AbstractContextManager[None]:
        """Say of whatever goes wrong while the study is read that its journal is damaged."""
        return nullcontext() if self.journal is None else reading(self.journal)


@contextmanager
def open_study(space: Space, settings: SearchSettings, storage: str) -> Iterator[Opened]:
    """Own the study of a space and settings while entered.

    Args:
        space: what is searched.
        settings: how.
        storage: "" for memory, the address of an SQLite database, the path of a journal, or a
            folder of journals, one a study, if it ends in a slash. A journal's path is that of the
            first study kept there; others of the same path stand beside it, under their names.

    Raises:
        StoreError: it cannot be opened or written to, it is not a journal of studies and stays as
            it was, or another process is at the study.
        DamagedError: its journal cannot be read.
    """
    name = settings.study_name(space)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if not storage:
        yield Opened(study=_create(InMemoryStorage(), name, space, settings))
        return
    with _owned(storage, name) as place, _opened(storage, place, name) as kept:
        notes = _notes_on_others(kept, storage, place, settings, space)
        journal = None if "://" in storage else place
        with nullcontext() if journal is None else reading(journal):
            study = _create(kept, name, space, settings)
            _check(study, settings, space)
        yield Opened(study=study, notes=notes, journal=journal)


def _check(study: optuna.Study, settings: SearchSettings, space: Space) -> None:
    """Check that a study is what its name says, and that whatever is complete has its values.

    Raises:
        ValueError: it is not.
    """
    identity = study.user_attrs.get("identity")
    if identity is not None and digest(identity) != digest(settings.identity(space)):
        raise ValueError(f"what {study.study_name} says of itself does not fit its name")
    if [each.name.lower() for each in study.directions] != _directions(settings):
        raise ValueError(f"{study.study_name} looks for {study.directions}")
    check_rows(study, space)
    for row in study.get_trials(deepcopy=False, states=(RowState.COMPLETE,)):
        if len(row.values) != len(settings.goals) or not all(map(math.isfinite, row.values)):
            raise ValueError(f"the finished trial {row.number} has the values {row.values}")


def _directions(settings: SearchSettings) -> list[str]:
    return ["maximize" if goal.maximise else "minimize" for goal in settings.goals]


def check_storage(storage: str) -> None:
    """Check that studies can be kept in a storage, as far as can be told without making anything.

    Raises:
        StoreError: a database that is not SQLite or cannot be opened, a file that is not a
            journal, or a folder that cannot be written to.
    """
    if "://" in storage:
        check_database(storage)
        return
    path = Path(storage) / "study.journal" if storage.endswith("/") else Path(storage)
    check_folder(path)
    with suppress(DamagedError):  # told where the study is opened, which may move it aside
        first_study(path)
    try:
        path.with_name(f".{path.name}{'-' * _LONGEST_STUDY}.owner").exists()
    except OSError as error:
        raise StoreError(f"{path} cannot keep a search: {error.strerror}.") from error


@contextmanager
def _owned(storage: str, study: str) -> Iterator[Path]:
    """Own a study while entered, and return its place; a killed process owns nothing.

    Raises:
        StoreError: another process owns it and does not end soon.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        place = _place(storage, study)
        make_folder(place)
        path = place.with_name(f".{place.name}.owner")
        held = _lock(path)
        if held:
            with held:
                if _place(storage, study) == place:  # nobody has begun another study there
                    _sign(path)
                    yield place
                    return
        elif time.monotonic() > until:
            raise StoreError(
                f"another process is at the search {study} in {masked(storage)}, and {path.name} "
                "beside it says which; let it end, or name another place with --storage."
            )
        time.sleep(0.05)


def _lock(path: Path) -> Held | None:
    if path.exists() and not path.is_file():
        raise _not_an_owner(path)
    try:
        return lock(path, wait=False)
    except BlockingIOError:
        return None
    except OSError as error:
        raise StoreError(f"{path.parent} cannot keep a search: {error.strerror}.") from error


def _sign(path: Path) -> None:
    """Write into the file that is locked who owns the study."""
    try:
        if path.read_text(errors="replace")[:8] not in ("", "process "):
            raise _not_an_owner(path)
        path.write_text(f"process {os.getpid()} on {socket.gethostname()}")
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}.") from error


def _not_an_owner(path: Path) -> StoreError:
    return StoreError(f"{path} must say who owns a search, and is something else.")


def _place(storage: str, study: str) -> Path:
    """Return a study's journal; in SQLite, the database's path with the study's name behind it."""
    if "://" in storage:
        path = database_path(storage)
        return path.with_name(f"{path.name}-{study}")
    path = Path(storage)
    if storage.endswith("/"):
        return path / f"{study}.journal"
    if first_study(path) in (None, study):
        return path
    return path.with_name(f"{path.stem}-{study}{path.suffix}")


def _opened(storage: str, place: Path, study: str) -> AbstractContextManager[BaseStorage]:
    if "://" in storage:
        return open_database(storage)
    return nullcontext(open_journal(place, study, ours=storage.endswith("/")))


def _create(
    storage: BaseStorage, name: str, space: Space, settings: SearchSettings
) -> optuna.Study:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=_directions(settings),
            pruner=make_pruner(settings),
            load_if_exists=True,
        )
    if "identity" not in study.user_attrs:
        study.set_user_attr("identity", settings.identity(space))
    if settings.asked and "asked" not in study.user_attrs:
        study.set_user_attr("asked", asked_of(space, settings))
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
            f"the search begins anew: the trials of {name} in {before.name} are those of an "
            "earlier version, which kept several studies in one journal, and are not read any more."
        )
        return (note,)
    if "://" in storage:
        others, notes = [kept], list[str]()
    else:
        others, notes = _journals_beside(storage, place, settings)
    studies = [
        optuna.load_study(study_name=each, storage=other)
        for other in others
        for each in optuna.get_all_study_names(other)
        if each.rpartition("-")[0] == settings.study
    ]
    return (*(changes(each, space, settings) for each in studies[-1:]), *notes)


def _journals_beside(
    storage: str, place: Path, settings: SearchSettings
) -> tuple[list[BaseStorage], list[str]]:
    """Return the journals of the same storage that keep studies of that name, oldest first.

    One that cannot be read is noted: it hinders its own study only.
    """
    stem = "" if storage.endswith("/") else f"{Path(storage).stem}-"
    paths = [*place.parent.glob(f"{stem}{settings.study}-*{place.suffix}")]
    paths += [] if storage.endswith("/") else [Path(storage)]
    there = [each for each in paths if each != place and each.is_file()]
    found, notes = list[BaseStorage](), list[str]()
    for path in sorted(there, key=lambda each: each.stat().st_mtime):
        try:
            found.append(open_journal(path, mend=False))
        except StoreError:
            notes.append(f"{path.name} cannot be read, so that its search is not compared with.")
    return found, notes


def _holds(journal: Path, study: str) -> bool:
    if not journal.is_file():
        return False
    with journal.open(errors="replace") as file:
        return any(f'"study_name":"{study}"' in line for line in file)
