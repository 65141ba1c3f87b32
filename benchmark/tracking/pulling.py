"""A logged model's files: found, held to their seal, and loaded to classify."""

import importlib
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .. import environment
from ..errors import DataError, StoreError, UsageError, kind_and_line, one_line
from ..files import path_of
from ..serving import DATA, NETWORK_FILE, Card, check_maker, check_seal
from . import names
from .store import TrackingStore, open_registry

if TYPE_CHECKING:
    import pandas as pd

_ADDRESSES = "models:/NAME@champion, models:/NAME/VERSION, runs:/RUN/NAME, or a model's folder"
_AT_ONCE = 32  # images handed to a model together: a call may hold so many of any size
_BYTES = 64 * 2**20  # chosen: files beyond so many bytes wait for the next call
_Name = TypeVar("_Name")
_ANYWAY = ", or load it all the same with --unverified yes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A model in a store, and what is known of its files.

    Attributes:
        called: how a message names it.
        run_id: the run that it came from.
        location: where its files are.
        sealed: the seal of its files, empty where none was made.
        model_id: the logged model, empty where it is not known.
        name: the registered model's name, empty for a run's; `version` its number.
        tags: the version's own.
    """

    called: str
    run_id: str
    location: str
    sealed: str
    model_id: str = ""
    name: str = ""
    version: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)

    def fetch(self, store: TrackingStore, otherwise: str = "") -> Path:
        """Return a local folder with its files, held to their seal.

        Args:
            store: where it is kept.
            otherwise: what else than mending it may be done, for a message.

        Raises:
            StoreError: the files are gone, were changed, or have no seal.
        """
        if not self.sealed:
            raise StoreError(
                f"{self.called} cannot be verified, since versions before 0.2 kept no digest of "
                f"a model's files; register its run anew under another name (benchmark register "
                f"--run {self.run_id} --register NAME){otherwise}."
            )
        folder = store.fetch(self.location)
        try:
            check_seal(folder, self.sealed)
        except DataError as error:
            raise StoreError(
                f"{self.called} is not what was registered: {one_line(error)}; nothing of it was "
                f"loaded: restore its files{otherwise}."
            ) from error
        return folder


def kept_version(store: TrackingStore, name: str, version: str) -> Kept:
    """Return what a store knows of a registered model's version."""
    found = store.client.get_model_version(name, version)
    return Kept(
        called=f"models:/{name}/{version}",
        run_id=found.run_id,
        location=store.client.get_model_version_download_uri(name, version),
        sealed=found.tags.get(names.SEAL, ""),
        model_id=found.tags.get(names.MODEL_ID, ""),
        name=name,
        version=str(version),
        tags=dict(found.tags),
    )


def kept_model(store: TrackingStore, model_id: str) -> Kept:
    """Return what a store knows of a run's logged model."""
    found = store.client.get_logged_model(model_id)
    return Kept(
        called=f"models:/{model_id}",
        run_id=found.source_run_id,
        location=found.artifact_location,
        sealed=found.tags.get(names.SEAL, ""),
        model_id=model_id,
    )


class Located:
    """A model of this project whose files are here, held to their seal; nothing is loaded yet.

    Args:
        uri: `models:/NAME@ALIAS`, `models:/NAME/VERSION`, `runs:/RUN/NAME`, or a model's folder.
        unverified: whether its files may be others than those that were logged.

    Attributes:
        folder: where the files are.
        loader: the module in them that loads the network.
        store: the store that it is in, None for a folder; it keeps what it has copied.
        kept: what the store knows of it, None for a folder.

    Raises:
        UsageError: it is no such address.
        StoreError: there is no such model, or its files were changed.
    """

    def __init__(self, uri: str, *, unverified: bool = False) -> None:
        self.uri = uri
        in_store = uri.startswith(("models:", "runs:"))
        self.store = open_registry() if in_store else None
        self.kept = None if self.store is None else _kept(self.store, uri)
        if self.store is None or self.kept is None:
            self.folder = _local(uri)
        elif unverified:
            self.folder = self.store.fetch(self.kept.location)
        else:
            self.folder = self.kept.fetch(self.store, _ANYWAY)
        try:
            self.loader = check_maker(self.folder, code=not unverified)
        except (DataError, OSError) as error:
            raise StoreError(f"the model {uri!r} cannot be loaded: {one_line(error)}.") from error

    @property
    def card(self) -> Card:
        """What the model says of itself: its classes, and how files become pixels."""
        return Card.read(self.folder / DATA)


class Pulled:
    """A model of this project, ready to classify, as any other program would pull it.

    Args:
        model: where it is, as `Located` takes it, or a model that was found already.
        unverified: whether to load it though its files are not those that were logged.

    Attributes:
        card: what it says of itself.
        network: its Keras network's file; a model of another flavour has none there.

    Raises:
        UsageError: it is no such address.
        StoreError: there is no such model, its files were changed, or it does not load.
        DataError: its card cannot be read.
    """

    def __init__(self, model: str | Located, *, unverified: bool = False) -> None:
        found = model if isinstance(model, Located) else Located(model, unverified=unverified)
        self._found, self._uri = found, found.uri
        with _told(f"the model {found.uri!r} cannot be loaded"), environment.without_chatter():
            _import_afresh(found.folder / "code", found.loader)
            self._model: Any = pyfunc().load_model(str(found.folder))
        self.card = found.card
        self.network = found.folder / DATA / NETWORK_FILE

    def classify(self, images: Sequence[bytes]) -> "pd.DataFrame":
        """Classify image files by their bytes: one row an image, in order.

        Returns:
            Columns `label`, one probability a class, and `error`, which says why where an image
            cannot be read; its other cells are then empty.

        Raises:
            StoreError: the model fails.
        """
        import pandas as pd

        frame = pd.DataFrame({"image": pd.Series(list(images), dtype=object)})
        with _told(f"the model {self._uri!r} does not answer"):
            answer: pd.DataFrame = self._model.predict(frame, params={"on_error": "row"})
        return answer


def in_calls(files: Iterable[tuple[_Name, bytes]]) -> Iterator[tuple[list[_Name], list[bytes]]]:
    """Yield image files a few at a time, as many as one call may hold of any size.

    Args:
        files: each with whatever names it.
    """
    named: list[_Name] = []
    stored: list[bytes] = []
    for name, content in files:
        named.append(name)
        stored.append(content)
        if len(stored) == _AT_ONCE or sum(map(len, stored)) > _BYTES:
            yield named, stored
            named, stored = [], []
    if stored:
        yield named, stored


def pyfunc() -> Any:
    """Return `mlflow.pyfunc`, whose import warns of a type hint in MLflow's own code (3.17)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        import mlflow.pyfunc
    return mlflow.pyfunc


def _local(uri: str) -> Path:
    """Return the folder that is named; nobody but the person who names it vouches for it."""
    if "://" in uri or uri.startswith(("file:", "mlflow-artifacts:")):
        raise UsageError(
            f"--model must be {_ADDRESSES}, not {uri[:200]!r}; "
            "bring a model from elsewhere into a folder first."
        )
    folder = path_of(uri)
    try:
        is_there = folder.is_dir()
    except OSError as error:
        raise StoreError(f"the model {uri!r} cannot be read: {error.strerror}.") from error
    if not is_there:
        raise StoreError(
            f"the model {uri!r} cannot be pulled: there is no such folder; name {_ADDRESSES}."
        )
    return folder


def _kept(store: TrackingStore, uri: str) -> Kept:
    """Return what a store knows of a model."""
    from mlflow.exceptions import MlflowException

    try:
        return _kept_run(store, uri) if uri.startswith("runs:") else _kept_registered(store, uri)
    except MlflowException as error:
        raise StoreError(
            f"the model {uri!r} cannot be pulled: {one_line(error)}. "
            "Registered models are listed by `mlflow ui`, under Models."
        ) from error


def _kept_registered(store: TrackingStore, uri: str) -> Kept:
    from mlflow.store.artifact.utils.models import get_model_name_and_version

    found = get_model_name_and_version(store.client, uri)
    return kept_model(store, *found) if len(found) == 1 else kept_version(store, *found)


def _kept_run(store: TrackingStore, uri: str) -> Kept:
    """Return what a store knows of the model that a run left.

    Raises:
        StoreError: the run left none of that name.
    """
    run_id, _, name = uri.removeprefix("runs:").strip("/").partition("/")
    model_id = store.client.get_run(run_id).data.tags.get(names.MODEL_ID, "")
    if not model_id or store.client.get_logged_model(model_id).name != name:
        raise StoreError(f"the model {uri!r} cannot be pulled: the run has no model {name!r}.")
    return kept_model(store, model_id)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Tell in one line whatever the code of a model raises, which is not this package's."""
    try:
        yield
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # code, files and Keras of a model may raise anything
        raise StoreError(f"{what}: {kind_and_line(error)}.") from error


def _import_afresh(code: Path, loader: str) -> None:
    """Import a model's code from its sources, and leave no `__pycache__` behind.

    The seal leaves those folders out, since whoever loads a model in place writes them; a planted
    one would be run in the place of the source. What the code needs of others is imported already
    or when the network is loaded, so that their own bytecode is used.
    """
    before = sys.pycache_prefix, sys.dont_write_bytecode
    with tempfile.TemporaryDirectory(prefix="benchmark-bytecode-") as empty:
        sys.path.insert(0, str(code))
        sys.pycache_prefix, sys.dont_write_bytecode = empty, True
        try:
            importlib.import_module(loader)
        finally:
            sys.pycache_prefix, sys.dont_write_bytecode = before
            sys.path.remove(str(code))
