"""A trial as an objective sees it, what came of it and what it answered, and a whole search."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import BenchmarkError
from ..records import Labels, Params
from .settings import Goal
from .space import Space

if TYPE_CHECKING:
    import pandas as pd

TRIALS_A_PARAMETER = 5
"""Complete trials a searched parameter that its importance needs to be more than chance."""
# Chosen, not sourced: as many rows a column as a regression is asked to have at the very least.

FEWEST = 4
"""Complete trials that a figure of parameters needs, however few these are."""


def tells_importances(complete: int, parameters: int) -> bool:
    """Whether so many complete trials say which of so many searched parameters matter."""
    return parameters > 0 and complete >= max(FEWEST, TRIALS_A_PARAMETER * parameters)


ANSWERS = "fact_answers"
SEARCH_FILE = "search.json"
_KINDS = {"u1": np.uint8, "u2": np.uint16}


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
        answers: the classes that it gave on validation, as `write_answers` writes them.
        epochs: how many epochs it might take.
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
    answers: str = ""
    epochs: int = 0
    started: float = 0.0
    seconds: float = 0.0
    attempts: int = 1


class Trial:
    """What an objective is given.

    Attributes:
        number: from 0, without gaps; the same after a kill.
        params: the parameters to try, the fixed ones included.
        epochs: how many epochs this trial may take at most.
        answers: what it answers on validation, as `write_answers` writes it; for it to set.
    """

    def __init__(
        self, number: int, params: Params, epochs: int, report: Callable[[int, float], bool]
    ) -> None:
        self.number = number
        self.params = params
        self.epochs = epochs
        self.answers = ""
        self._report = report

    def report(self, step: int, value: float) -> None:
        """Report the first goal's value at a step (an epoch or a fold), from 0.

        Raises:
            Pruned: the trial is not worth going on.
        """
        if self._report(step, value):
            raise Pruned(f"not promising at step {step}")


Objective = Callable[[Trial], float | tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What came of a search.

    Attributes:
        study: the study's full name in its storage.
        space: what was searched.
        goals: what the values of a trial are.
        trials: every trial by number, those of earlier calls included.
        seconds: what this call took.
        notes: what there is to say about it, a line each.
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
        """Return one row a trial: number, state, goals, parameters (`param_`), answers."""
        import pandas as pd

        has_answers = any(each.answers for each in self.trials)
        rows = [
            {
                "number": each.number,
                "state": str(each.state),
                **dict(zip([goal.metric for goal in self.goals], each.values, strict=False)),
                **{f"param_{name}": value for name, value in each.params.items()},
                **({ANSWERS: each.answers} if has_answers else {}),
                "epochs": each.epochs,
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


def write_answers(classes: npt.NDArray[np.integer], count: int) -> str:
    """Return (n,) classes of `count` as a short text: how wide each is, then their bytes."""
    kind = "u1" if count <= 256 else "u2"
    held = np.asarray(classes).astype(np.dtype(_KINDS[kind]).newbyteorder("<"))
    return f"{kind}:{base64.b64encode(held.tobytes()).decode()}"


def read_answers(text: str) -> Labels:
    """Return the (n,) classes that `write_answers` wrote."""
    kind, _, held = text.partition(":")
    dtype = np.dtype(_KINDS[kind]).newbyteorder("<")
    return np.frombuffer(base64.b64decode(held), dtype).astype(np.int64)


def trial_answers(path: Path) -> npt.NDArray[np.int64] | None:
    """Return what the trials of a table answered on validation.

    Args:
        path: the `trials.parquet` of a search.

    Returns:
        (t, n) classes of the t trials that have any, complete and pruned ones by number, in the
        order of the split's validation rows; None where the table has none (scored on folds, or
        older than answers).
    """
    import pyarrow.parquet as pq

    if ANSWERS not in pq.read_schema(path).names:
        return None
    table = pq.read_table(path, columns=["state", ANSWERS]).to_pydict()
    found = [
        read_answers(text)
        for state, text in zip(table["state"], table[ANSWERS], strict=True)
        if text and state in (TrialState.COMPLETE, TrialState.PRUNED)
    ]
    return np.stack(found) if found else None


def write_search(result: SearchResult, path: Path) -> None:
    """Write a search's trials as JSON."""
    values = {
        "study": result.study,
        "seconds": result.seconds,
        "notes": list(result.notes),
        "goals": [asdict(goal) for goal in result.goals],
        "trials": [_trial_json(trial) for trial in result.trials],
    }
    path.write_text(json.dumps(values))


def read_search(path: Path, space: Space) -> SearchResult:
    """Read the trials that `write_search` wrote."""
    values = json.loads(path.read_text())
    trials = tuple(_trial(trial) for trial in values["trials"])
    for trial in trials:  # the run's own values, which the study had put among the choices
        space = space.including(trial.params)
    return SearchResult(
        study=values["study"],
        space=space,
        goals=tuple(Goal(**goal) for goal in values["goals"]),
        trials=trials,
        seconds=values["seconds"],
        notes=tuple(values["notes"]),
    )


def _trial_json(trial: TrialRecord) -> dict[str, Any]:
    values = {name: getattr(trial, name) for name in TrialRecord.__slots__}
    return {**values, "params": dict(trial.params)}


def _trial(values: dict[str, Any]) -> TrialRecord:
    own = {name: values[name] for name in TrialRecord.__slots__ if name in values}
    facts = values.get("facts", {})  # which held the answers before 0.2
    return TrialRecord(
        **{
            **own,
            "params": Params(values["params"]),
            "state": TrialState(values["state"]),
            "values": tuple(values["values"]),
            "steps": {int(step): value for step, value in values["steps"].items()},
            "answers": values.get("answers") or facts.get("answers", ""),
        }
    )
