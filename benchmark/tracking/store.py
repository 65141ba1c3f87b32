"""The tracking store: which one, whether it answers, created only once, searched and counted."""

import os
import tempfile
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from .. import environment
from ..errors import LostError, StoreError, one_line
from ..files import lock
from ..texts import last_parts, masked
from . import names
from .connecting import REGISTRY_VARIABLE, connect, is_database, probe
from .patience import Patience
from .places import SQLITE, folder_of, local_path, relocated

_DEFAULT_URI = "sqlite:///mlflow.db"
_FOLDERS = ("", "file")
_PAGE = 1000
_STRIDE = 8  # chosen, not sourced: 10,000 runs are counted in 20 questions, 20 runs in 5


class TrackingStore:
    """An MLflow tracking store that answers.

    Attributes:
        uri: its address, absolute.
        registry_uri: the address of its registry, which MLFLOW_REGISTRY_URI may set apart.
        client: an `MlflowClient` of both that waits for them.
        patience: how long it waits.
        folder: where a database file stands, None for a server.
    """

    def __init__(self, uri: str, registry_uri: str, client: Any, patience: Patience) -> None:
        self.uri = uri
        self.registry_uri = registry_uri
        self.client = client
        self.patience = patience
        self.folder = folder_of(uri)
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
        """Set several tags of a run in one call; words, such as a reason, hold no folders."""
        from mlflow.entities import RunTag

        own = {
            name: last_parts(masked(value)) if name in names.WORDS else value
            for name, value in tags.items()
        }
        self.client.log_batch(run_id, tags=[RunTag(name, value) for name, value in own.items()])

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
            LostError: the artifact is not there.
        """
        import mlflow
        from mlflow.exceptions import MlflowException

        into = self._new_folder() if local_path(uri) is None else None
        try:
            path = self.patience(
                lambda: mlflow.artifacts.download_artifacts(
                    artifact_uri=uri, dst_path=into, tracking_uri=self.uri
                )
            )
        except (MlflowException, OSError) as error:
            raise LostError(f"the artifact {uri} cannot be read: {one_line(error)}") from error
        return Path(path)

    def place(self, uri: str) -> Path | None:
        """Return where an artifact's address leads on this machine, None for a server's."""
        path = local_path(uri)
        return path if path is None or self.folder is None else relocated(path, self.folder)

    def has_files(self, run: Any) -> bool:
        """Whether a finished run's prediction table and model are there."""
        info, model = run.info, run.data.tags.get(names.MODEL_ID)
        place = self.place(info.artifact_uri)
        if place is None:
            files = self.client.list_artifacts(info.run_id)
            return any(each.path == names.PREDICTIONS_FILE for each in files)
        if not (place / names.PREDICTIONS_FILE).is_file():
            return False
        if not model:
            return True
        own = self.place(self.client.get_logged_model(model).artifact_location)
        return own is None or own.is_dir()

    def loadable(self, model_uri: str) -> str:
        """Return what loads a model anywhere on this machine: its address, or where it lies now.

        MLflow by itself looks for the files of a moved store in the old place.
        """
        from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository

        source = self.patience(lambda: ModelsArtifactRepository.get_underlying_uri(model_uri))
        path, place = local_path(source), self.place(source)
        return model_uri if path == place else str(place)

    def _new_folder(self) -> str:
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="benchmark-artifacts-")
        return tempfile.mkdtemp(dir=self._scratch.name)


def open_store(uri: str | None, patience: Patience | None = None) -> TrackingStore:
    """Open the store at an address, else at MLFLOW_TRACKING_URI, else in the working folder.

    Its registry is the store's own, or where MLFLOW_REGISTRY_URI says.

    Raises:
        StoreError: it is of a kind that MLflow gave up, cannot be written, or does not answer.
    """
    patience = patience or Patience()
    wanted = _checked(store_uri(uri), "tracking store", "MLFLOW_TRACKING_URI")
    registry = os.environ.get(REGISTRY_VARIABLE) or wanted
    registry = _checked(registry, "registry", REGISTRY_VARIABLE)
    folder = folder_of(wanted)
    # Four processes that open a new database at once: three crash on "duplicate column name"
    # (MLflow 3.17). One at a time, the first creates it and the others find it.
    with nullcontext() if folder is None else lock(folder):
        client = connect(wanted, registry, patience)
    return TrackingStore(wanted, registry, client, patience)


def store_uri(uri: str | None = None) -> str:
    """Return the address that is meant: the one named, MLFLOW_TRACKING_URI's, or the default."""
    return uri or os.environ.get("MLFLOW_TRACKING_URI") or _DEFAULT_URI


def store_exists() -> bool:
    """Whether there is a store to ask, without making one: a server always may be there."""
    return _is_there(store_uri())


def open_registry(patience: Patience | None = None) -> TrackingStore:
    """Open what registered models are pulled from; nothing is made.

    Args:
        patience: how long it is waited for.

    Raises:
        StoreError: there is no store, or it cannot be used.
    """
    registry = os.environ.get(REGISTRY_VARIABLE)
    if _is_there(store_uri()):
        return open_store(None, patience)
    if registry and _is_there(registry):
        return open_store(registry, patience)
    raise StoreError(
        f"there is no tracking store at {masked(store_uri())}; set MLFLOW_TRACKING_URI to the one "
        "that the model was registered in."
    )


def _is_there(uri: str) -> bool:
    return not uri.startswith(SQLITE) or Path(uri.removeprefix(SQLITE)).is_file()


def _checked(uri: str, what: str, variable: str) -> str:
    """Return an address, absolute where it is a file's.

    Raises:
        StoreError: it is of a kind that MLflow gave up, cannot be written, or does not answer.
    """
    scheme = uri.partition(":")[0] if "://" in uri else ""
    if uri.startswith(("sqlite:", "sqlite+")):
        return _writable_sqlite(uri, what, variable)
    if scheme in ("http", "https"):
        probe(uri)
    elif not is_database(uri) and not uri.startswith(("databricks", "uc:")):
        raise StoreError(
            f"the {what} must be a database or a server, not {'the folder ' * (scheme in _FOLDERS)}"
            f"{masked(uri)!r}; write {_DEFAULT_URI} or http://HOST:PORT."
        )
    return uri


def _writable_sqlite(uri: str, what: str, variable: str) -> str:
    path = Path(uri.removeprefix(SQLITE)).absolute()
    folder = path.parent
    if not uri.startswith(SQLITE) or uri == SQLITE or path.name == ":memory:":
        raise StoreError(f"a database must be written sqlite:///PATH, not {uri!r}.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target = path if path.exists() else folder
    except (OSError, ValueError) as error:
        raise StoreError(
            f"the {what}'s folder {folder} cannot be made: {one_line(error)}."
        ) from error
    if not os.access(target, os.W_OK) or not os.access(folder, os.W_OK):
        raise StoreError(
            f"the {what} {path} must be writable, with its folder; "
            f"choose another by {variable}=sqlite:///PATH."
        )
    if target == path and not path.is_file():
        raise StoreError(f"the {what} {path} must be a file: it is a folder or a device.")
    try:
        path.touch()
    except (OSError, ValueError) as error:
        raise StoreError(f"the {what} {path} cannot be made: {one_line(error)}.") from error
    return f"{SQLITE}{path}"
