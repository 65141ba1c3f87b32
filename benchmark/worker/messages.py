"""What a worker is handed for one spec, and what it says while it works."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from ..records import Epoch, Labels, Outcome, Progress, Spec, Split
from ..search import Space, TrialRecord
from ..training import Member
from ..zoo import Weights


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """One spec with what it takes to run it in another process: no pixels, only where they are.

    Attributes:
        spec: what to run.
        folder: where the finished outcome is to stand.
        classes: k class names.
        labels: (n,) labels of the index; `hashes` and `paths` likewise n long.
        groups: n keys of what must stay on one side of a fold: patients and duplicates.
        units: (n,) numbers of the images' sampling units.
        split: rows of the index by part.
        pixels: the folder of the decoded pixels.
        weights: the resolved weights.
        cache: the cache's folder; `cache_bytes` its limit, None for no limit.
        scratch: a folder for checkpoints of long stages.
        members: for a composite, the runs it is made of.
        space: the search space, None without a search; `storage` where its study is kept;
            `anew` whether a study that is damaged is moved aside.
        temperature: of the network, None to fit it on validation.
    """

    spec: Spec
    folder: Path
    classes: tuple[str, ...]
    labels: Labels
    hashes: Sequence[str]
    paths: Sequence[str]
    groups: Sequence[str]
    units: Labels
    split: Split
    pixels: Path
    weights: Weights
    cache: Path
    cache_bytes: int | None
    scratch: Path
    members: tuple[Member, ...] = ()
    space: Space | None = None
    storage: str = ""
    anew: bool = False
    temperature: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A worker began a stage of `total` units, if known."""

    name: str
    total: int | None
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advance:
    """`count` more units of the present stage are done."""

    count: int


class NotBegun(StrEnum):
    """Why a task is not begun: another process is at it by now, or has done it."""

    LATER = "later"
    DONE = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A spec failed: the reason in a line, and the traceback.

    The worker lives on, unless it died of it.
    """

    reason: str
    traceback: str
    died: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The worker has imported what it needs, in so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A trial of a search is finished."""

    trial: TrialRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Searching:
    """A search's trials are run from now on, or the last one has ended."""

    is_under_way: bool


Event = Stage | Advance | Epoch | Tried | Searching | Failure | Ready | Outcome
Result = Outcome | Failure


class Voice(Progress, Protocol):
    """Where a worker says how far it is with a task that may hold a search."""

    def trial(self, trial: TrialRecord) -> None:
        """Report a finished trial."""
        ...

    def searching(self, *, is_under_way: bool) -> None:
        """Say that the study's trials are run from now on, or that the last one has ended."""
        ...
