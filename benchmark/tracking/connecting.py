"""Reaches a store: MLflow is set up, the address tried, and what is wrong said in one line."""

import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlparse

from ..errors import StoreError
from ..texts import masked
from .patience import Patience, PatientClient, driver_word
from .places import SQLITE, look_beside_the_store

_Answer = TypeVar("_Answer")
_PROBE_SECONDS = 5.0
_CHATTY = (
    *("mlflow.store", "mlflow.pyfunc", "mlflow.utils.environment", "mlflow.tracking"),
    *("alembic", "urllib3", "sqlalchemy"),
)
REGISTRY_VARIABLE = "MLFLOW_REGISTRY_URI"
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")


def is_database(uri: str) -> bool:
    """Whether an address is a database's, with or without the name of a driver."""
    return uri.partition("://")[0].partition("+")[0] in _DATABASES


def connect(uri: str, registry_uri: str, patience: Patience) -> Any:
    """Return a client that has reached its store and its registry once, and waits for both.

    Raises:
        StoreError: one of them cannot be used.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nobody was asked
    # Two lines of emoji for each run that is closed on a server.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # `Patience` waits, and says so
    import mlflow

    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    _try(f"the tracking store {masked(uri)}", partial(_make_global, uri, registry_uri))
    look_beside_the_store()
    addresses = {"tracking store": uri, "registry": registry_uri}
    if uri == registry_uri:
        del addresses["registry"]
    for what, address in addresses.items():
        patience.where = f"the {what} {masked(address)}"
        _try(patience.where, partial(_make_whole, address))
        _try(patience.where, partial(_check_schema, address, patience))
    made = _try(patience.where, partial(mlflow.MlflowClient, uri, registry_uri))
    client = PatientClient(made, patience)
    for what, address in addresses.items():
        patience.where = f"the {what} {masked(address)}"
        ask = client.search_experiments if address == uri else client.search_registered_models
        _try(patience.where, partial(ask, max_results=1))
    patience.where = f"the tracking store {masked(uri)}"
    return client


def _make_global(uri: str, registry_uri: str) -> None:
    """Tell MLflow the addresses, since its registry of a database asks the global ones (3.17).

    It writes them into the environment too, where the next store of this process would take ours
    for a person's wish.
    """
    import mlflow

    asked = os.environ.pop(REGISTRY_VARIABLE, None)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(registry_uri)
    os.environ.pop(REGISTRY_VARIABLE, None)
    if asked is not None:
        os.environ[REGISTRY_VARIABLE] = asked


def probe(uri: str) -> None:
    """See whether a server answers at all, before anything is waited for.

    Raises:
        StoreError: it does not.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    try:
        if not urlparse(uri).hostname or urlparse(uri).port == 0:
            raise ValueError("no host")
        http_request(
            get_default_host_creds(uri),
            "/health",
            "GET",
            timeout=_PROBE_SECONDS,
            max_retries=0,
            raise_on_status=False,
        )
    except ValueError as error:
        raise StoreError(f"a server must be written http://HOST:PORT, not {masked(uri)!r}.") from (
            error
        )
    except (MlflowException, OSError) as error:
        raise StoreError(
            f"the tracking server {masked(uri)} does not answer within {_PROBE_SECONDS:g} s; "
            "start it, or set MLFLOW_TRACKING_URI to one that runs or to sqlite:///mlflow.db."
        ) from error


def _try(where: str, ask: Callable[[], _Answer]) -> _Answer:
    """Return what a store answers.

    Raises:
        StoreError: it cannot be used.
    """
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return ask()
    except ImportError as error:
        raise StoreError(
            f"{where} cannot be used: the package {error.name} must be installed for it."
        ) from error
    except (MlflowException, SQLAlchemyError, CommandError, OSError, ValueError) as error:
        raise StoreError(f"{where} cannot be used: {driver_word(error)}.") from error


def _make_whole(uri: str) -> None:
    """Make a new database in a file whole, or not at all: MLflow would call a half-made one old."""
    path = Path(uri.removeprefix(SQLITE))
    if not uri.startswith(SQLITE) or "?" in uri or path.exists():
        return
    from mlflow.store.db import utils

    part = path.with_name(f".{path.name}.new")
    part.unlink(missing_ok=True)
    engine = utils.create_sqlalchemy_engine(f"{SQLITE}{part}")
    try:
        utils._initialize_tables(engine)  # noqa: SLF001  none is public
    finally:
        engine.dispose()
    part.rename(path)


def _check_schema(uri: str, patience: Patience) -> None:
    """See that a database is of this MLflow, which would otherwise upgrade some without a word.

    A file that is locked is waited for; a server that does not answer may be no server.

    Raises:
        StoreError: another MLflow made it.
    """
    if not is_database(uri):
        return
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from mlflow import __version__
    from mlflow.store.db import utils

    def revision() -> str | None:
        engine = utils.create_sqlalchemy_engine(uri)
        try:
            with engine.connect() as connection:
                return MigrationContext.configure(connection).get_current_revision()
        finally:
            engine.dispose()

    is_file = uri.startswith(SQLITE) and Path(uri.removeprefix(SQLITE)).exists()
    made = patience(revision) if is_file else revision()
    if made is None:  # a new database
        return
    script = ScriptDirectory.from_config(utils._get_alembic_config(""))  # noqa: SLF001  none is public
    if made in script.get_heads():
        return
    if any(each.revision == made for each in script.walk_revisions()):
        raise StoreError(
            f"the database {masked(uri)} is of an older MLflow than {__version__} and is left as "
            f"it is: copy it, then run `mlflow db upgrade {masked(uri)}`, or install that MLflow."
        )
    raise StoreError(
        f"the database {masked(uri)} is of a newer MLflow than {__version__}: install that one, or "
        f"choose another database by MLFLOW_TRACKING_URI={SQLITE}PATH."
    )
