"""The registry: a version is made, tried as a stranger would, and only then given an alias."""

import base64
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError, PromotionError, StoreError, one_line
from ..records import Predictions, Probabilities, Reader, Record
from ..serving import DATA, GRAPH_FILE, check_maker, seal
from . import names
from .aliases import CHAMPION, Version, Versions
from .light_versions import drop_stale
from .pulling import kept_model, kept_version
from .store import TrackingStore
from .stranger import Stranger

# The same network on the same pixels differs by the order of float32 sums, about 1e-6; other
# preprocessing, another class order or another file differ by far more.
_LARGEST_DIFFERENCE = 1e-4
_CARD_FILE = "card.md"
_HEAVY = ("tensorflow", "keras")  # what a light model must do without


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is to be registered.

    Attributes:
        name: the registered model's name.
        description: what the version's page says, in Markdown.
        tags: facts worth a tag.
        check: the recorded probabilities of the saved network on some images.
        reader: gives those images as they are stored.
        alias: `champion`, `candidate` for a version that is not sure to be the better one, or
            `final` for one that was not scored.
        papers: texts about the model by file name, which travel with its files.
    """

    name: str
    description: str
    tags: Mapping[str, str]
    check: Predictions
    reader: Reader
    alias: str = CHAMPION
    papers: Mapping[str, str] = field(default_factory=dict)


class ModelRegistry(Versions):
    """The registered models of a store: versions are made, tried, and given their alias."""

    def __init__(self, store: TrackingStore) -> None:
        super().__init__(store)
        self._stranger: Stranger | None = None

    def expect(self) -> None:
        """Start the process that the next model is tried in: it imports while others are at work.

        `close` ends it where none was tried.
        """
        if self._stranger is None:
            self._stranger = Stranger()

    def close(self) -> None:
        """End what `expect` started."""
        if self._stranger is not None:
            self._stranger.close()
            self._stranger = None

    def register(self, record: Record, wanted: Registration) -> Version:
        """Register a run's model, try it in a fresh process, and give it the alias.

        A model that has the alias already is left as it is, and nothing is loaded.

        Raises:
            PromotionError: the run has no model, or the reloaded model does not give the recorded
                probabilities; the alias stays where it was.
        """
        if not record.model_id:
            raise PromotionError(f"the run {record.run_id} ({record.spec.arch}) has no model.")
        for alias in (CHAMPION, wanted.alias):
            present = self.find(wanted.name, alias)
            if present is not None and present.model_id == record.model_id:
                return present
        version = self._version(record, wanted)
        difference = f"{self._try(version, wanted):.3g}"
        self._client.set_model_version_tag(wanted.name, version, names.DIFFERENCE, difference)
        self._leave_papers(record, {_CARD_FILE: wanted.description, **wanted.papers})
        if wanted.alias == CHAMPION:
            self.crown(wanted.name, version)
        else:
            self._client.set_registered_model_alias(wanted.name, wanted.alias, version)
            drop_stale(self._store, self, wanted.name)
        found = self.find(wanted.name, wanted.alias)
        assert found is not None, "the alias was set in the lines above"
        return found

    def ask(self, version: Version, images: Predictions, reader: Reader) -> Probabilities:
        """Return the (n, k) probabilities of a registered model, loaded in a fresh process.

        Raises:
            PromotionError: it does not load or does not answer.
            StoreError: its files are not those that were registered.
        """
        folder = kept_version(self._store, version.name, version.version).fetch(self._store)
        return reload_and_predict(folder, images, reader)

    def loadable(self, version_uri: str) -> str:
        """Return what `mlflow.pyfunc.load_model` takes of a version on this machine."""
        return self._store.loadable(version_uri)

    def _version(self, record: Record, wanted: Registration) -> str:
        """Make a version of the run's model, or bring one that there is up to date."""
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(wanted.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise PromotionError(
                    f"the registered model {wanted.name!r} cannot be made: {error}"
                ) from error
        for version in self._client.search_model_versions(f"name = '{wanted.name}'"):
            # The database store does not give a version's model_id back (MLflow 3.17).
            known = version.tags.get(names.MODEL_ID) == record.model_id
            if known and names.REFUSED not in version.tags:
                self._update(version, wanted)
                return str(version.version)
        logged = self._client.get_logged_model(record.model_id)
        sealed = logged.tags.get(names.SEAL) or self._sealed_late(record.model_id)
        made = self._client.create_model_version(
            wanted.name,
            source=self._source(logged),
            run_id=record.run_id,
            tags={
                **wanted.tags,
                names.SPEC_DIGEST: record.spec.digest,
                names.MODEL_ID: record.model_id,
                names.MODEL_SHA256: logged.tags[names.MODEL_SHA256],  # of the file as logged
                names.SEAL: sealed,  # of all files as logged
                **(
                    {names.OPERATING_POINT: record.operating_point}
                    if record.operating_point
                    else {}
                ),
            },
            description=fitting(wanted.description),
            model_id=record.model_id,
        )
        return str(made.version)

    def _sealed_late(self, model_id: str) -> str:
        """Return the seal of a model that was logged without one: of its files as they are."""
        folder = self._store.fetch(kept_model(self._store, model_id).location)
        try:
            check_maker(folder)
            return seal(folder)
        except DataError as error:
            raise PromotionError(
                f"models:/{model_id} cannot be registered: {one_line(error)}."
            ) from error

    def _source(self, logged: Any) -> str:
        """Return what a version is made of: a registry elsewhere does not know the logged model."""
        if self._store.registry_uri == self._store.uri:
            return f"models:/{logged.model_id}"
        place = self._store.place(logged.artifact_location)
        return logged.artifact_location if place is None else place.as_uri()

    def _update(self, version: Any, wanted: Registration) -> None:
        name, number, description = wanted.name, version.version, fitting(wanted.description)
        if version.description != description:
            self._client.update_model_version(name, number, description=description)
        for tag, value in wanted.tags.items():
            if version.tags.get(tag) != value:
                self._client.set_model_version_tag(name, number, tag, value)

    def _leave_papers(self, record: Record, papers: Mapping[str, str]) -> None:
        """Put texts beside the model's own files, so that they travel with them."""
        with tempfile.TemporaryDirectory(prefix="benchmark-papers-") as folder:
            for name, text in papers.items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
            self._client.log_model_artifacts(record.model_id, folder)

    def _try(self, version: str, wanted: Registration) -> float:
        """Return the largest difference of the reloaded model, or refuse it.

        Raises:
            PromotionError: its files were changed, it does not load, or differs by more than the
                bound.
        """
        try:
            folder = kept_version(self._store, wanted.name, version).fetch(self._store)
            stranger, self._stranger = self._stranger, None
            own = reload_and_predict(folder, wanted.check, wanted.reader, stranger)
            return _difference(own, wanted.check.probabilities)
        except (PromotionError, StoreError) as error:
            self._client.set_model_version_tag(wanted.name, version, names.REFUSED, one_line(error))
            raise PromotionError(
                f"{wanted.name} version {version} is not made {wanted.alias}: {one_line(error)}."
            ) from error


def fitting(description: str) -> str:
    """Return a description that MLflow's tables can hold, its last paragraphs cut if need be."""
    if len(description) <= names.DESCRIPTION_LIMIT:
        return description
    more = f"\n\n… The rest is in {_CARD_FILE}, among the model's files."
    kept = description[: names.DESCRIPTION_LIMIT - len(more)]
    return (kept.rpartition("\n\n")[0] or kept) + more


def reload_and_predict(
    folder: Path, images: Predictions, reader: Reader, stranger: Stranger | None = None
) -> Probabilities:
    """Load a model in a fresh process without the benchmark, and classify images as stored.

    Args:
        folder: the model's files, held to their seal.
        images: the images, by their paths, and the classes that are to be told.
        reader: gives the images as they are stored.
        stranger: the process, where one waits already.

    Raises:
        PromotionError: it does not load, does not answer, or tells other classes.
    """
    job = {
        "folder": str(folder),
        "loader": check_maker(folder),
        "images": [_as_json(reader.read(path)) for path in images.paths],
    }
    if (folder / DATA / GRAPH_FILE).is_file():
        if stranger is not None:  # has imported what a light model must do without
            stranger.close()
        stranger = Stranger(_HEAVY)
    answer = (stranger or Stranger()).ask(job)
    if tuple(answer["classes"]) != images.classes:
        raise PromotionError(
            f"it tells {', '.join(answer['classes'])} apart, not {', '.join(images.classes)}"
        )
    return np.array(answer["rows"], dtype=np.float64)


def _difference(own: Probabilities, recorded: Probabilities) -> float:
    if own.shape != recorded.shape:
        raise PromotionError(f"it gives {own.shape} probabilities, not {recorded.shape}")
    difference = float(np.abs(own - recorded).max())
    if not difference <= _LARGEST_DIFFERENCE:
        raise PromotionError(
            f"its probabilities may differ from the recorded ones by {_LARGEST_DIFFERENCE:g}, "
            f"and differ by {difference:.3g}"
        )
    return difference


def _as_json(stored: Any) -> Any:
    return (
        base64.b64encode(stored).decode("ascii") if isinstance(stored, bytes) else stored.tolist()
    )
