"""A tracker that knows a few runs and a registry, without a store."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.board import BoardEvidence
from benchmark.errors import StoreError
from benchmark.records import Predictions, Probabilities, Reader, Record
from benchmark.tracking import CHAMPION, Registration, Version


class Bytes:
    """A reader that gives nothing to anybody: tests of recorded answers need no images."""

    def read(self, path: str) -> bytes | npt.NDArray[np.uint8]:
        """Return no picture."""
        return np.zeros((2, 2), dtype=np.uint8)


@dataclass(kw_only=True)
class Known:
    """Stands where a `Tracker` is wanted.

    Attributes:
        tables: prediction tables by run id; `folds` out-of-fold ones, `learnt` training images.
        records: records by run id; `texts` by run id and name.
        versions: registered versions by alias.
        answers: what any registered model gives to each image; None fails a test that asks.
        asked: the images that registered models were asked about.
        registered: what was registered.
        left: versions that a person went back from, by model id.
    """

    tables: dict[str, Predictions] = field(default_factory=dict)
    folds: dict[str, Predictions] = field(default_factory=dict)
    learnt: dict[str, frozenset[str]] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    texts: dict[tuple[str, str], str] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    answers: Mapping[str, Any] | None = None
    asked: list[str] = field(default_factory=list)
    registered: list[Registration] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)

    def add(self, record: Record, evidence: BoardEvidence) -> None:
        """Know a run with its table, trained on nothing that the table holds."""
        self.records[record.run_id] = record
        self.tables[record.run_id] = evidence.predictions
        self.learnt[record.run_id] = frozenset()

    def crown(self, record: Record, **tags: str) -> Version:
        """Make a run's model the champion."""
        self.versions[CHAMPION] = version_of(record, "1", CHAMPION, tags)
        return self.versions[CHAMPION]

    def record(self, run_id: str) -> Record:
        """Return a run's record."""
        if run_id not in self.records:
            raise StoreError(f"the run {run_id!r} cannot be read: there is none.")
        return self.records[run_id]

    def predictions(self, record: Record) -> Predictions:
        """Return a run's table."""
        return self.tables[record.run_id]

    check = predictions

    def out_of_fold(self, record: Record) -> Predictions | None:
        """Return a run's out-of-fold table."""
        return self.folds.get(record.run_id)

    def trained_on(self, record: Record) -> frozenset[str] | None:
        """Return a run's training images."""
        return self.learnt.get(record.run_id)

    def parent_of(self, record: Record) -> str:
        """Return the one benchmark's id."""
        return "benchmark"

    def made_on(self, record: Record) -> Mapping[str, str]:
        """Return nothing of the machine."""
        return {}

    def text(self, run_id: str, path: str) -> str | None:
        """Return a text that is kept."""
        return self.texts.get((run_id, path))

    @property
    def registry(self) -> "Known":
        """Itself."""
        return self

    def ask(self, version: Version, images: Predictions, reader: Reader) -> Probabilities:
        """Return what a registered model says."""
        assert self.answers is not None, "nothing need be loaded here"
        self.asked += images.paths
        return np.array([self.answers[path] for path in images.paths])

    def was_left(self, name: str, model_id: str) -> str:
        """Return the version that a person went back from."""
        return self.left.get(model_id, "")

    def find(self, name: str, alias: str) -> Version | None:
        """Return the version with an alias."""
        return self.versions.get(alias)

    def register(self, record: Record, promotion: Registration) -> Version:
        """Give a run's model an alias."""
        self.registered.append(promotion)
        made = version_of(record, "2", promotion.alias, promotion.tags)
        self.versions[promotion.alias] = made
        return made

    def register_light(self, record: Record, promotion: Registration, convert: Any) -> Version:
        """Give a run's light model an alias."""
        return self.register(record, promotion)


def version_of(record: Record, number: str, alias: str, tags: Mapping[str, str]) -> Version:
    """Return a version of a run's model."""
    return Version(
        name="scans",
        version=number,
        alias=alias,
        uri=f"models:/scans@{alias}",
        run_id=record.run_id,
        model_id=record.model_id,
        difference=1e-7,
        tags={"spec_digest": record.spec.digest, **tags},
    )


def with_model(record: Record) -> Record:
    """Return a record whose model no other has."""
    return replace(record, model_id=f"m-{record.run_id}")
