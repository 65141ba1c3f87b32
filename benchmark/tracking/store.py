"""Reaching the tracking store: which one, whether it answers, and creating it only once."""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import StoreError

DEFAULT_URI = "sqlite:///mlflow.db"
_SQLITE = "sqlite:///"
_PROBE_SECONDS = 5.0
_CHATTY = ("mlflow.store.db.utils", "mlflow.pyfunc", "mlflow.utils.environment", "alembic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """An MLflow tracking store that answers.

    Attributes:
        uri: its address, absolute.
        client: an `MlflowClient` of it.
        folder: where a database file stands, None for a server.
    """

    uri: str
    client: Any = field(repr=False)
    folder: Path | None

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the database's folder against other processes; a server needs no such thing."""
        if self.folder is None:
            yield
            return
        with _locked(self.folder):
            yield


def open_store(uri: str | None, environ: Mapping[str, str] = os.environ) -> Store:
    """Open the store at an address, else at MLFLOW_TRACKING_URI, else in the working folder.

    Raises:
        StoreError: it is of a kind that MLflow gave up, cannot be written, or does not answer.
    """
    wanted = store_uri(uri, environ)
    scheme = wanted.partition(":")[0] if "://" in wanted else ""
    if scheme == "sqlite":
        return _open_sqlite(wanted)
    if scheme in ("", "file"):
        raise StoreError(
            f"the tracking store must be a database or a server, not the folder {wanted!r}; "
            f"write {DEFAULT_URI} or http://HOST:PORT."
        )
    if scheme in ("http", "https"):
        _probe(wanted)
    return Store(uri=wanted, client=_connect(wanted), folder=None)


def store_uri(uri: str | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """Return the address that is meant: the one named, MLFLOW_TRACKING_URI's, or the default."""
    return uri or environ.get("MLFLOW_TRACKING_URI") or DEFAULT_URI


def store_exists(uri: str | None = None, environ: Mapping[str, str] = os.environ) -> bool:
    """Say whether there is a store to ask, without making one: a server always may be there."""
    wanted = store_uri(uri, environ)
    return not wanted.startswith(_SQLITE) or Path(wanted.removeprefix(_SQLITE)).is_file()


def _open_sqlite(uri: str) -> Store:
    path = Path(uri.removeprefix(_SQLITE)).absolute()
    folder = path.parent
    if not uri.startswith(_SQLITE) or not path.name:
        raise StoreError(f"a database must be written sqlite:///PATH, not {uri!r}.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the tracking store's folder {folder} cannot be made: {error}."
        ) from error
    target = path if path.exists() else folder
    if not os.access(target, os.W_OK) or not os.access(folder, os.W_OK):
        raise StoreError(
            f"the tracking store {path} must be writable, with its folder; "
            "choose another by MLFLOW_TRACKING_URI=sqlite:///PATH."
        )
    # Four processes that open a new database at once: three crash on "duplicate column name"
    # (MLflow 3.17). One at a time, the first creates it and the others find it.
    with _locked(folder):
        client = _connect(f"{_SQLITE}{path}")
    return Store(uri=f"{_SQLITE}{path}", client=client, folder=folder)


def _connect(uri: str) -> Any:
    """Return a client that has reached its store once."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nobody was asked
    import mlflow
    from mlflow.exceptions import MlflowException

    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    # The registry's database store asks a client of the global address (MLflow 3.17), so that
    # an address of our own alone does not do.
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
    except (MlflowException, OSError) as error:
        raise StoreError(f"the tracking store {uri} cannot be used: {_line(error)}") from error
    except Exception as error:
        # SQLAlchemy's and the drivers' errors have no base class that we could name unimported.
        if type(error).__module__.partition(".")[0] in ("sqlalchemy", "alembic", "sqlite3"):
            message = f"the tracking store {uri} cannot be used: {_line(error)}"
            raise StoreError(message) from error
        raise
    return client


def _probe(uri: str) -> None:
    """See whether a server answers at all: MLflow itself would try again for minutes.

    Raises:
        StoreError: it does not.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    try:
        http_request(
            get_default_host_creds(uri),
            "/health",
            "GET",
            timeout=_PROBE_SECONDS,
            max_retries=0,
            raise_on_status=False,
        )
    except (MlflowException, OSError) as error:
        raise StoreError(
            f"the tracking server {uri} does not answer within {_PROBE_SECONDS:g} s; "
            "start it, or set MLFLOW_TRACKING_URI to one that runs or to sqlite:///mlflow.db."
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder: an advisory lock on the folder itself leaves no file behind."""
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]
