"""The tracking store: which one, whether it answers, created only once, searched and counted."""

import logging
import os
import tempfile
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from .. import environment
from ..errors import StoreError, one_line
from ..files import lock
from . import names

_DEFAULT_URI = "sqlite:///mlflow.db"
_SQLITE = "sqlite:///"
_PROBE_SECONDS = 5.0
_CHATTY = ("mlflow.store.db.utils", "mlflow.pyfunc", "mlflow.utils.environment", "alembic")
_PAGE = 1000
_STRIDE = 8  # chosen, not sourced: 10,000 runs are counted in 20 questions, 20 runs in 5


class TrackingStore:
    """An MLflow tracking store that answers.

    Attributes:
        uri: its address, absolute.
        client: an `MlflowClient` of it.
        folder: where a database file stands, None for a server.
    """

    def __init__(self, uri: str, client: Any, folder: Path | None) -> None:
        self.uri = uri
        self.client = client
        self.folder = folder
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def alone(self) -> AbstractContextManager[object]:
        """Hold the database's folder against other processes; a server needs no such thing."""
        return nullcontext() if self.folder is None else lock(self.folder)

    def runs(self, experiment: str, filter_: str) -> list[Any]:
        """Return every run of an experiment that a filter lets through, newest first."""
        found: list[Any] = []
        token = None
        while True:
            page = self.client.search_runs(
                [experiment], filter_, max_results=_PAGE, page_token=token
            )
            found.extend(page)
            token = page.token
            if not token:
                return found

    def run_at(self, experiments: Sequence[str], filter_: str, place: int = 0) -> Any | None:
        """Return the run at a place, from 0, newest first, of those that a filter lets through."""
        from mlflow.utils.search_utils import SearchUtils

        token = SearchUtils.create_page_token(place).decode() if place else None
        found = self.client.search_runs([*experiments], filter_, max_results=1, page_token=token)
        return found[0] if found else None

    def count(self, experiments: Sequence[str], filter_: str) -> int:
        """Return how many runs of some experiments a filter lets through.

        MLflow has no such question, and reading 1,000 runs takes 8 s and 250 MB. So the first
        place that holds no run is searched by halves: one run is read at each question.
        """

        def is_empty(place: int) -> bool:
            return self.run_at(experiments, filter_, place) is None

        if is_empty(0):
            return 0
        end = 1
        while not is_empty(end):
            end *= _STRIDE
        return bisect_left(range(end), 1, lo=end // _STRIDE + 1, key=is_empty)

    def experiment_ids(self) -> list[str]:
        """Return the ids of all experiments."""
        return [each.experiment_id for each in self.client.search_experiments()]

    def create_run(self, experiment: str, name: str, tags: Mapping[str, str]) -> str:
        """Begin a run; return its id."""
        now = environment.now_ms()
        run = self.client.create_run(experiment, start_time=now, run_name=name, tags=tags)
        return str(run.info.run_id)

    def write_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """Log several params of a run in one call."""
        from mlflow.entities import Param

        entities = [Param(name, value) for name, value in params.items()]
        self.client.log_batch(run_id, params=entities)

    def write_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Set several tags of a run in one call."""
        from mlflow.entities import RunTag

        self.client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])

    def log_metrics(self, run_id: str, metrics: Sequence[Any]) -> None:
        """Log any number of metrics."""
        for start in range(0, len(metrics), names.METRICS_LIMIT):
            batch = metrics[start : start + names.METRICS_LIMIT]
            self.client.log_batch(run_id, metrics=batch)

    def keep_text(self, run_id: str, text: str, path: str) -> None:
        """Keep a text among a run's artifacts.

        Raises:
            StoreError: the artifact store does not take it.
        """
        from mlflow.exceptions import MlflowException

        try:
            self.client.log_text(run_id, text, path)
        except (OSError, MlflowException) as error:
            raise StoreError(
                f"the artifact store must take {path}, and does not: {one_line(error)}. Make room "
                "or mend it; what is finished is kept, and the same command goes on."
            ) from error

    def fetch(self, uri: str) -> Path:
        """Return a local path to an artifact: in place on this machine, else a copy.

        Copies live as long as this object.

        Raises:
            StoreError: the artifact is not there.
        """
        import mlflow
        from mlflow.exceptions import MlflowException

        local = urlparse(uri).scheme in ("", "file")
        try:
            path = mlflow.artifacts.download_artifacts(
                artifact_uri=uri,
                dst_path=None if local else self._new_folder(),
                tracking_uri=self.uri,
            )
        except (MlflowException, OSError) as error:
            raise StoreError(f"the artifact {uri} cannot be read: {error}") from error
        return Path(path)

    def _new_folder(self) -> str:
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="benchmark-artifacts-")
        return tempfile.mkdtemp(dir=self._scratch.name)


def open_store(uri: str | None) -> TrackingStore:
    """Open the store at an address, else at MLFLOW_TRACKING_URI, else in the working folder.

    Raises:
        StoreError: it is of a kind that MLflow gave up, cannot be written, or does not answer.
    """
    wanted = store_uri(uri)
    scheme = wanted.partition(":")[0] if "://" in wanted else ""
    if scheme == "sqlite":
        return _open_sqlite(wanted)
    if scheme in ("", "file"):
        raise StoreError(
            f"the tracking store must be a database or a server, not the folder {wanted!r}; "
            f"write {_DEFAULT_URI} or http://HOST:PORT."
        )
    if scheme in ("http", "https"):
        _probe(wanted)
    return TrackingStore(wanted, _connect(wanted), folder=None)


def store_uri(uri: str | None = None) -> str:
    """Return the address that is meant: the one named, MLFLOW_TRACKING_URI's, or the default."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or _DEFAULT_URI


def store_exists() -> bool:
    """Whether there is a store to ask, without making one: a server always may be there."""
    wanted = store_uri()
    return not wanted.startswith(_SQLITE) or Path(wanted.removeprefix(_SQLITE)).is_file()


def _open_sqlite(uri: str) -> TrackingStore:
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
    with lock(folder):
        client = _connect(f"{_SQLITE}{path}")
    return TrackingStore(f"{_SQLITE}{path}", client, folder)


def _connect(uri: str) -> Any:
    """Return a client that has reached its store once."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # nobody was asked
    import mlflow
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    # The registry's database store asks a client of the global address (MLflow 3.17), so that
    # an address of our own alone does not do.
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    try:
        client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
    except (MlflowException, SQLAlchemyError, CommandError, OSError) as error:
        said = one_line(getattr(error, "orig", None) or error)  # the driver's word, not the query
        raise StoreError(f"the tracking store {uri} cannot be used: {said}.") from error
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
