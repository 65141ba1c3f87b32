"""What a worker is handed for one spec, and what it says while it works."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..records import Epoch, Labels, Outcome, Spec, Split
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
        split: rows of the index by part.
        pixels: the folder of the decoded pixels; `sides` those of a search's further sides.
        weights: the resolved weights.
        cache: the cache's folder; `cache_bytes` its limit, None for no limit.
        scratch: a folder for checkpoints of long stages.
        members: for a composite, the runs it is made of.
        space: the search space, None without a search; `storage` where its study is kept, and
            `job` what another machine needs to join it: the request's options, and the spec.
    """

    spec: Spec
    folder: Path
    classes: tuple[str, ...]
    labels: Labels
    hashes: Sequence[str]
    paths: Sequence[str]
    groups: Sequence[str]
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
    """A spec failed in the worker, which lives on: the reason in a line, and the traceback."""

    reason: str
    traceback: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The worker has imported what it needs, in so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A trial of a search is finished."""

    trial: TrialRecord


Event = Stage | Advance | Epoch | Tried | Failure | Ready | Outcome
