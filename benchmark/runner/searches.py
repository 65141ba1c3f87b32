"""Searches in a plan: which space goes with which architecture, and a search's trials on disk."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..records import Params, Regime, SearchSpec, Spec, State
from ..search import (
    SIDE,
    Goal,
    Kind,
    SearchResult,
    SearchSettings,
    Space,
    TrialRecord,
    TrialState,
    parse_engine,
    read_space,
)
from ..tracking import TrialRun
from ..training import tunables
from ..zoo import Architecture
from .goals import choose_pruner, read_goals
from .request import Request

SEARCH_FILE = "search.json"
_SPACES = {Regime.FROZEN: "head", Regime.FINETUNE: "finetune"}
_STATES = {
    TrialState.COMPLETE: State.FINISHED,
    TrialState.PRUNED: State.FINISHED,
    TrialState.INFEASIBLE: State.FINISHED,
    TrialState.FAILED: State.FAILED,
}
_WITHOUT = (Regime.PRIOR, Regime.COMPOSITE)


def space_for(request: Request, architecture: Architecture, regime: Regime) -> Space | None:
    """Return the space that an architecture is searched in, None where nothing is.

    Raises:
        UsageError: the space does not fit the architecture, or an option of the search is wrong.
    """
    engine = parse_engine(request.search)
    if engine is None or regime in _WITHOUT:
        return None
    own = _SPACES.get(regime, architecture.name)
    space = read_space(request.space or own)
    check_space(space, architecture, regime)
    return space


def check_space(space: Space, architecture: Architecture, regime: Regime) -> None:
    """Check a space against what an architecture and its training have, and its sides.

    Raises:
        UsageError: it has parameters or values that they do not.
    """
    space.check((SIDE, *tunables(architecture, regime)), architecture.name)
    sides_of(space)


def search_spec(request: Request, space: Space | None) -> SearchSpec | None:
    """Return what of a search belongs into a spec.

    Raises:
        UsageError: an option of the search is wrong.
    """
    engine = parse_engine(request.search)
    if engine is None or space is None:
        return None
    pruner = choose_pruner(request.pruner, engine, request.objective, request.select)
    SearchSettings(
        engine=engine,
        trials=request.trials,
        seconds=request.search_time,
        pruner=pruner,
        goals=read_goals(request.objective),
    ).check()
    return SearchSpec(
        engine=engine,
        space=space.name,
        space_digest=space.digest,
        trials=request.trials,
        seconds=request.search_time,
        select=request.select,
        objective=request.objective,
        pruner=pruner,
    )


def sides_of(space: Space | None) -> tuple[int, ...]:
    """Return the sides in pixels that a space tries, none where it does not move the side.

    Raises:
        UsageError: it moves the side by a range, which would decode every image at every side.
    """
    for parameter in space.parameters if space else ():
        if parameter.name == SIDE.name and parameter.kind is not Kind.DEFAULT:
            if not parameter.choices:
                raise UsageError(
                    f"{space.file if space else ''}: side must be a choice of a few sides, since "
                    "images are decoded and features computed for each."
                )
            return tuple(int(side) for side in parameter.choices)
    return ()


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


def trial_run(trial: TrialRecord, spec: Spec) -> TrialRun:
    """Return a trial as it is logged to MLflow; an infeasible or pruned one is no failure."""
    assert spec.search is not None
    names = [goal.metric for goal in read_goals(spec.search.objective)]
    return TrialRun(
        number=trial.number,
        params=trial.params,
        state=_STATES[trial.state],
        outcome=str(trial.state),
        reason=trial.reason,
        metrics={
            **{f"objective_{name}": each for name, each in zip(names, trial.values, strict=False)},
            **{name: float(fact) for name, fact in trial.facts.items() if _is_number(fact)},
        },
        steps=trial.steps,
        started=trial.started,
        seconds=trial.seconds,
    )


def search_scores(found: SearchResult, scores: Mapping[str, float]) -> dict[str, float]:
    """Return a search's own figures: the best score, and how much of it was optimism.

    `selection_optimism` is how much worse the test score is than the best trial's score of the
    same metric: what choosing among so many trials on so few images promised too much. It is above
    0 where test is worse, whether more or less of the metric is better.
    """
    goal = found.goals[0]
    best = found.best.values[0]
    figures = {
        "search_score": best,
        "search_trials": float(len(found.trials)),
        "search_complete_trials": float(len(found.complete)),
    }
    if f"test_{goal.metric}" in scores:
        worse = best - scores[f"test_{goal.metric}"]
        figures["selection_optimism"] = worse if goal.maximise else -worse
    return figures


def search_figures(found: SearchResult) -> dict[str, Any]:
    """Draw a search's figures, by path below the run's figures."""
    from ..search import draw

    return {f"search/{name}.png": figure for name, figure in draw(found).items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _trial_json(trial: TrialRecord) -> dict[str, Any]:
    values = {name: getattr(trial, name) for name in TrialRecord.__slots__}
    return {**values, "params": dict(trial.params), "facts": dict(trial.facts)}


def _trial(values: dict[str, Any]) -> TrialRecord:
    return TrialRecord(
        **{
            **values,
            "params": Params(values["params"]),
            "state": TrialState(values["state"]),
            "values": tuple(values["values"]),
            "steps": {int(step): value for step, value in values["steps"].items()},
        }
    )
