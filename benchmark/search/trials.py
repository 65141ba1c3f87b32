"""A trial as an objective sees it, what came of it, and the result of a whole search."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BenchmarkError
from ..records import Params, ParamValue
from .settings import Goal
from .space import Space

if TYPE_CHECKING:
    import pandas as pd


class SearchError(BenchmarkError):
    """Not one trial of a search gave a score."""


class Infeasible(Exception):  # noqa: N818 - says what the parameters are, no error
    """An objective raises it for parameters that cannot be: no failure, and the search goes on."""


class Pruned(Exception):  # noqa: N818 - as above
    """`Trial.report` raises it when a trial is not worth going on; let it through."""


class TrialState(StrEnum):
    """What came of a trial."""

    COMPLETE = "complete"
    PRUNED = "pruned"
    INFEASIBLE = "infeasible"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """What came of a trial.

    Attributes:
        number: from 0, without gaps, in the order in which trials began.
        params: its parameters, the fixed ones included.
        state: what came of it; `reason` says why where it is infeasible or failed.
        values: one a goal; empty unless complete.
        steps: what was reported on the way, by step.
        facts: further figures that the objective noted.
        started: when its last attempt began, in seconds since the epoch.
        seconds: what its last attempt took.
        attempts: how often it was begun; more than 1 after a kill.
    """

    number: int
    params: Params
    state: TrialState
    reason: str = ""
    values: tuple[float, ...] = ()
    steps: Mapping[int, float] = field(default_factory=dict)
    facts: Mapping[str, ParamValue] = field(default_factory=dict)
    started: float = 0.0
    seconds: float = 0.0
    attempts: int = 1


class Trial:
    """What an objective is given.

    Attributes:
        number: from 0, without gaps; the same after a kill.
        params: the parameters to try, the fixed ones included.
        epochs: how many epochs this trial may take at most.
        facts: what was noted so far.
    """

    def __init__(
        self, number: int, params: Params, epochs: int, report: Callable[[int, float], bool]
    ) -> None:
        self.number = number
        self.params = params
        self.epochs = epochs
        self.facts: dict[str, ParamValue] = {}
        self._report = report

    def report(self, step: int, value: float) -> None:
        """Report the first goal's value at a step (an epoch or a fold), from 0.

        Raises:
            Pruned: the trial is not worth going on.
        """
        if self._report(step, value):
            raise Pruned(f"not promising at step {step}")

    def note(self, **facts: ParamValue) -> None:
        """Note further figures of this trial; they stand in the table of trials."""
        self.facts.update(facts)


Objective = Callable[[Trial], float | tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What came of a search.

    Attributes:
        study: the study's full name in its storage.
        space: what was searched.
        goals: what the values of a trial are.
        trials: every trial by number, those of earlier calls and other processes included.
        seconds: what this call took.
        notes: what a person should be told, a line each.
    """

    study: str
    space: Space
    goals: tuple[Goal, ...]
    trials: tuple[TrialRecord, ...]
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> tuple[TrialRecord, ...]:
        """The trials that have a score."""
        return tuple(each for each in self.trials if each.state is TrialState.COMPLETE)

    @property
    def best(self) -> TrialRecord:
        """The complete trial with the best first value; the earliest of equals."""
        sign = -1.0 if self.goals[0].maximise else 1.0
        return min(self.complete, key=lambda each: (sign * each.values[0], each.number))

    @property
    def front(self) -> tuple[TrialRecord, ...]:
        """The Pareto front: complete trials that no other beats in every goal, best score first."""
        signs = [-1.0 if goal.maximise else 1.0 for goal in self.goals]
        costs = {
            each.number: tuple(sign * value for sign, value in zip(signs, each.values, strict=True))
            for each in self.complete
        }
        front = [
            each
            for each in self.complete
            if not any(_beats(other, costs[each.number]) for other in costs.values())
        ]
        return tuple(sorted(front, key=lambda each: (costs[each.number], each.number)))

    def table(self) -> "pd.DataFrame":
        """Return one row a trial: number, state, goals, parameters (`param_`), facts (`fact_`)."""
        import pandas as pd

        rows = [
            {
                "number": each.number,
                "state": str(each.state),
                **dict(zip([goal.metric for goal in self.goals], each.values, strict=False)),
                **{f"param_{name}": value for name, value in each.params.items()},
                **{f"fact_{name}": value for name, value in each.facts.items()},
                "steps": len(each.steps),
                "started": each.started,
                "seconds": each.seconds,
                "attempts": each.attempts,
                "reason": each.reason,
            }
            for each in self.trials
        ]
        return pd.DataFrame(rows)

    def write(self, path: Path) -> None:
        """Write the table of trials as Parquet."""
        self.table().to_parquet(path, index=False)


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
