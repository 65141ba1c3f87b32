"""What a worker is handed for one spec, and what it says while it works."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
        pixels: the folder of the decoded pixels; `sides` those of a search's further sides.
        weights: the resolved weights.
        cache: the cache's folder; `cache_bytes` its limit, None for no limit.
        scratch: a folder for checkpoints of long stages.
        members: for a composite, the runs it is made of.
        space: the search space, None without a search; `storage` where its study is kept, and
            `job` what another machine needs to join it: the request's options, and the spec.
        helps: whether the study, begun by another worker, is only helped with: no outcome is left.
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
    sides: tuple[tuple[int, Path], ...] = ()
    space: Space | None = None
    storage: str = ""
    job: Mapping[str, str] = field(default_factory=dict)
    helps: bool = False


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
    """A search's trials may be run by any worker from now on, or there are none left."""

    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Helped:
    """A study that was helped with has no trial left to begin."""


Event = Stage | Advance | Epoch | Tried | Searching | Failure | Ready | Outcome | Helped
Result = Outcome | Failure | Helped


class Voice(Progress, Protocol):
    """Where a worker says how far it is with a task that may hold a search."""

    def trial(self, trial: TrialRecord) -> None:
        """Report a finished trial."""
        ...

    def searching(self, *, is_open: bool) -> None:
        """Say that the study's trials may be run by others too, or that none is left."""
        ...
