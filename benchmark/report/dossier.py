"""What a report is made of: a board with its evidence, and what is known of how it came about."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from ..board import Board, BoardEvidence
from ..records import Epoch, Part, Predictions, Record

Maps = tuple[Mapping[str, bytes], str]
"""JPEG files by an image's content digest, and what is to be said of them or of their lack."""


def no_picture(sha256: str) -> None:
    """Give no picture of any image."""


def no_maps(_record: Record, _called: Mapping[str, int]) -> Maps:
    """Give no map of any image."""
    return {}, ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """A run's search, as its table of trials has it.

    Attributes:
        metric: what was improved; `more_is_better` whether more of it is.
        values: each complete trial's value, by number.
        states: how many trials ended how, by state.
        names: the parameters that were searched: those that differ between trials.
        best: the best trial's values of them.
        importances: each one's share of what explains the value; empty where trials are too few.
    """

    metric: str
    more_is_better: bool
    values: tuple[float, ...]
    states: Mapping[str, int]
    names: tuple[str, ...]
    best: Mapping[str, str]
    importances: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """How a benchmark was run.

    Attributes:
        experiment: MLflow's experiment; `run_id` the benchmark's own run.
        run_id: see experiment.
        command: what repeats it.
        versions: of the code, of packages, and the machine, by name.
        links: files with the whole tables: what they are called, and where, seen from the page.
    """

    experiment: str
    run_id: str = ""
    command: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    links: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dossier:
    """All that a report is made of.

    Attributes:
        board: the board; `evidence` its predictions by spec digest, of those runs whose table is
            there.
        evidence: see board.
        histories: the epochs of the rows' representatives, by spec digest.
        searches: the searches of the rows' representatives, by spec digest.
        origin: how it was run.
        card: the champion's model card in Markdown; empty where nothing may be registered.
        picture: gives a PNG file of an image by its content digest, None for one it has not.
        maps: draws where a run's network looked, for some images and the places of the classes that
            they were given.
    """

    board: Board
    evidence: Mapping[str, BoardEvidence]
    histories: Mapping[str, tuple[Epoch, ...]]
    searches: Mapping[str, Searched]
    origin: Origin
    card: str = ""
    picture: Callable[[str], bytes | None] = no_picture
    maps: Callable[[Record, Mapping[str, int]], Maps] = no_maps

    def without_pictures(self) -> Self:
        """Return the same without a picture of any image."""
        return replace(self, picture=no_picture, maps=no_maps)

    def table(self, record: Record) -> Predictions | None:
        """Return a run's prediction table, None where it is gone."""
        known = self.evidence.get(record.spec.digest)
        return None if known is None else known.predictions

    def rows(self, record: Record, part: Part) -> Predictions | None:
        """Return what a run said of a part; None where that is not known, or has no image."""
        table = self.table(record)
        own = None if table is None else table.part(part)
        return own if own is not None and own.hashes else None
