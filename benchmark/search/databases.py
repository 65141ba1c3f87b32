"""Databases of studies: SQLite's alone, opened and watched so that what goes wrong is one line."""

import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage

from ..errors import StoreError, one_line
from ..texts import masked
from .journals import check_folder, make_folder


def database_path(address: str) -> Path:
    """Return the path of an SQLite database.

    Raises:
        StoreError: the address is not one of a file of SQLite's.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(address)
    except (ArgumentError, ValueError):  # a port that is no number
        url = None
    path = "" if url is None or url.drivername != "sqlite" or url.host else url.database or ""
    if not path or path.startswith((":memory:", "file:")):
        raise StoreError(
            "a search is kept in a journal file or in SQLite; name a file, or a database such as "
            f"sqlite:///search.db, not {masked(address)}."
        )
    return Path(path)


def check_database(address: str) -> None:
    """Check that a database can be opened; one that is not there yet is tried elsewhere.

    Raises:
        StoreError: it cannot.
    """
    from sqlalchemy.engine import make_url

    path = database_path(address)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        if not path.exists():
            check_folder(path)
            url = make_url(address).set(database=str(Path(scratch) / path.name))
            address = url.render_as_string(hide_password=False)
        with open_database(address):
            pass


@contextmanager
def open_database(address: str) -> Iterator[RDBStorage]:
    """Open a database while entered, and say in a line what goes wrong with it meanwhile.

    Raises:
        StoreError: it is not one of SQLite's, is another program's, or fails.
    """
    kept = _sqlite(address)
    try:
        yield kept
    except Exception as error:
        if isinstance(error, StoreError) or not is_of_storage(error):
            raise
        cause = getattr(error.__cause__ or error, "orig", None) or error
        raise StoreError(f"the search in {masked(address)} ended: {one_line(cause)}.") from error
    finally:
        kept.remove_session()
        kept.engine.dispose()


def is_of_storage(error: Exception) -> bool:
    """Whether an error says that a study cannot be read or written: no trial's fault."""
    if isinstance(error, StoreError | StorageInternalError):
        return True
    return type(error).__module__.startswith("sqlalchemy.")  # imported only with a database


def _sqlite(address: str) -> RDBStorage:
    from sqlalchemy.exc import SAWarning, SQLAlchemyError

    path = database_path(address)
    make_folder(path)
    try:
        _check_database(path)
        with warnings.catch_warnings():
            warnings.simplefilter("error", SAWarning)  # such as a word that is not read
            return RDBStorage(address, engine_kwargs={"connect_args": {"timeout": 60}})
    except (SQLAlchemyError, StorageInternalError, SAWarning, sqlite3.Error) as error:
        said = one_line(getattr(error, "orig", None) or error)
    except (OSError, RuntimeError, TypeError, ValueError) as error:  # another version's tables too
        said = one_line(error)
    raise StoreError(f"{masked(address)} cannot be opened: {said}.")


def _check_database(path: Path) -> None:
    """Check that a file is none yet, or a database of Optuna's: its tables spoil another's."""
    if not path.exists():
        return
    if not path.is_file():
        raise StoreError(f"{path} cannot keep a search: it is no file.")
    if not path.stat().st_size:
        return
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", 60, uri=True)) as there:
        tables = {name for (name,) in there.execute("select name from sqlite_master")}
    if tables and "studies" not in tables:
        raise StoreError(
            f"{path} is a database of something else and stays as it was; name another one, or a "
            "journal file, with --storage."
        )
