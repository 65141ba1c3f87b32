"""A cell of the simulation, and the rates that came of it."""

import time
from collections.abc import Callable, Mapping
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


def run(cell: Cell, boards: int) -> list[Rate]:
    """Judge so many boards of a cell; the same boards whatever else is run."""
    sums: dict[str, float] = {}
    for board in range(boards):
        seen = cell.judge(generator(10, cell.kind, cell.name, board))
        for name, value in seen.items():
            sums[name] = sums.get(name, 0.0) + value
    return [
        Rate(
            kind=cell.kind,
            cell=cell.name,
            name=name,
            mean=total / boards,
            boards=boards,
            least=cell.least.get(name),
            most=cell.most.get(name),
        )
        for name, total in sums.items()
    ]


def timed(cell: Cell, boards: int) -> tuple[list[Rate], float]:
    """Judge so many boards of a cell, and return the CPU seconds too."""
    began = time.process_time()
    return run(cell, boards), time.process_time() - began
