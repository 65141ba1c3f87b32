"""Versions of registered models: found, listed, given the alias of the champion, removed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError, did_you_mean
from . import names
from .light_versions import drop_stale
from .pulling import kept_version
from .store import TrackingStore

CHAMPION = "champion"
CANDIDATE = "candidate"
PREVIOUS = "previous"  # the champion before the present one
FINAL = "final"  # trained on train and validation together, and so never scored
_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A registered model's version.

    Attributes:
        name: the registered model's name; `version` its number.
        alias: the alias that it was found by, empty where it was found by its number.
        uri: what `mlflow.pyfunc.load_model` takes.
        run_id: the run it came from; `model_id` its logged model. Empty where unknown.
        difference: the largest one between its recorded and its reloaded probabilities; NaN where
            it was not tried.
        tags: the version's tags.
        description: what its page says, in Markdown.
        registered: when, in seconds since the epoch.
    """

    name: str
    version: str
    alias: str
    uri: str
    run_id: str
    model_id: str
    difference: float
    tags: Mapping[str, str]
    description: str = ""
    registered: float = 0.0

    @property
    def refused(self) -> str:
        """Why it was given no alias, empty where it was."""
        return self.tags.get(names.REFUSED, "")

    @property
    def gate(self) -> str:
        """What was decided when it was registered, and why; empty where nobody wrote it down."""
        if self.refused:
            return f"refused: {self.refused}"
        if names.GATE in self.tags:
            return self.tags[names.GATE]
        # Versions of before there was such a tag.
        forced = "champion: made so by a person" if names.FORCED in self.tags else ""
        return forced or self.tags.get(names.COMPARISON, "")


class Versions:
    """The versions of a store's registered models."""

    def __init__(self, store: TrackingStore) -> None:
        self._store = store
        self._client = store.client

    def find(self, name: str, alias: str) -> Version | None:
        """Return the version that carries an alias, None if there is none."""
        from mlflow.exceptions import MlflowException

        try:
            found = self._client.get_model_version_by_alias(name, alias)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        return _version(found, alias)

    def names(self) -> tuple[str, ...]:
        """Return the names of all registered models, sorted."""
        found: list[str] = []
        token = None
        while True:
            page = self._client.search_registered_models(max_results=_PAGE, page_token=token)
            found += [each.name for each in page]
            token = page.token
            if not token:
                return tuple(sorted(found))

    def check_name(self, name: str) -> None:
        """See that there is a registered model of a name.

        Raises:
            UsageError: there is none; the nearest names are told.
        """
        known = self.names()
        if name not in known:
            hint = did_you_mean(name, known) if known else "Nothing is registered in this store."
            raise UsageError(f"no registered model named {name!r}. {hint}")

    def aliases(self, name: str) -> Mapping[str, str]:
        """Return the version's number by alias."""
        found = self._client.get_registered_model(name).aliases
        return {alias: str(version) for alias, version in sorted(found.items())}

    def versions(self, name: str) -> tuple[Version, ...]:
        """Return all versions of a registered model, the latest first."""
        found = self._client.search_model_versions(f"name = '{name}'")
        return tuple(
            sorted((_version(each) for each in found), key=lambda each: -int(each.version))
        )

    def was_left(self, name: str, model_id: str) -> str:
        """Return the version of a model that a person went back from, or nothing."""
        left = (each for each in self.versions(name) if names.LEFT in each.tags)
        return next((each.version for each in left if each.model_id == model_id), "")

    def back(self, name: str) -> tuple[Version | None, Version]:
        """Make `previous` the champion, and note that a person left the present one.

        Returns:
            The champion that was left, None where there was none, and the present one.

        Raises:
            UsageError: there is no champion before the present one.
            StoreError: the files of that one are gone or were changed; no alias moves.
        """
        present, before = self.find(name, CHAMPION), self.find(name, PREVIOUS)
        if before is None or (present is not None and before.version == present.version):
            raise UsageError(
                f"{name} has no champion before the present one: the alias {PREVIOUS} is set when "
                f"another version becomes {CHAMPION}. benchmark models {name} lists its versions."
            )
        kept_version(self._store, name, before.version).fetch(self._store)
        if present is not None:
            self._mark(present, names.LEFT, "yes")
        self.crown(name, before.version)
        instead = "" if present is None else f" in the place of version {present.version}"
        self._mark(before, names.GATE, f"champion again{instead}: a person went back to it")
        return present, before

    def crown(self, name: str, version: str) -> None:
        """Make a version the champion; the one before becomes `previous`."""
        before, candidate = self.find(name, CHAMPION), self.find(name, CANDIDATE)
        if before is not None and before.version != version:
            self._client.set_registered_model_alias(name, PREVIOUS, before.version)
        self._client.set_registered_model_alias(name, CHAMPION, version)
        if candidate is not None and candidate.version == version:
            self._client.delete_registered_model_alias(name, CANDIDATE)
        if names.LEFT in self._client.get_model_version(name, version).tags:
            self._client.delete_model_version_tag(name, version, names.LEFT)
        drop_stale(self._store, self, name)

    def _mark(self, version: Version, tag: str, value: str) -> None:
        self._client.set_model_version_tag(version.name, version.version, tag, value)

    def remove(self, version: Version) -> None:
        """Take a version out of the registry, and the name with its last one.

        The run and its model stay; MLflow takes the version's aliases away with it.
        """
        self._client.delete_model_version(version.name, version.version)
        drop_stale(self._store, self, version.name)
        if not self.versions(version.name):
            self._client.delete_registered_model(version.name)


def _version(found: Any, alias: str = "") -> Version:
    name, number = found.name, str(found.version)
    return Version(
        name=name,
        version=number,
        alias=alias,
        uri=f"models:/{name}@{alias}" if alias else f"models:/{name}/{number}",
        run_id=found.run_id or "",
        model_id=found.tags.get(names.MODEL_ID, ""),
        difference=float(found.tags.get(names.DIFFERENCE, "nan")),
        tags=dict(found.tags),
        description=found.description or "",
        registered=found.creation_timestamp / 1000,
    )
