"""A cell of the simulation, and the rates that came of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmark.seeds import generator

Seen = Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One setting: boards are drawn and judged one by one.

    Attributes:
        kind: what is simulated, such as `ties`; `name` in which setting.
        name: as above.
        judge: what came of one board: values by name, of which the means are kept.
        least: the bounds that means must keep, by name; `most` likewise.
        most: as above.
        weight: how long a board takes, beside others.
    """

    kind: str
    name: str
    judge: Callable[[np.random.Generator], Seen]
    least: Mapping[str, float] = field(default_factory=dict)
    most: Mapping[str, float] = field(default_factory=dict)
    weight: float = 1.0

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all other cells."""
        return self.kind, self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The mean of what came of a cell's boards."""

    kind: str
    cell: str
    name: str
    mean: float
    boards: int
    least: float | None
    most: float | None

    @property
    def holds(self) -> bool:
        """Whether it keeps its bounds."""
        low = -np.inf if self.least is None else self.least
        high = np.inf if self.most is None else self.most
        return bool(low <= self.mean <= high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What came of some boards of a cell: sums by name, and the CPU seconds it took."""

    cell: int
    boards: int
    sums: Mapping[str, float]
    seconds: float


def judge(place: int, cell: Cell, boards: range) -> Judged:
    """Judge boards of a cell by their numbers; the same boards whatever else is run."""
    began = time.process_time()
    sums: dict[str, float] = {}
    for board in boards:
        seen = cell.judge(generator(10, cell.kind, cell.name, board))
        for name, value in seen.items():
            sums[name] = sums.get(name, 0.0) + float(value)
    seconds = time.process_time() - began
    return Judged(cell=place, boards=len(boards), sums=sums, seconds=seconds)


def rates_of(cell: Cell, judged: Sequence[Judged]) -> list[Rate]:
    """Return the means over all boards of a cell."""
    boards = sum(each.boards for each in judged)
    return [
        Rate(
            kind=cell.kind,
            cell=cell.name,
            name=name,
            mean=sum(each.sums[name] for each in judged) / boards,
            boards=boards,
            least=cell.least.get(name),
            most=cell.most.get(name),
        )
        for name in judged[0].sums
    ]
