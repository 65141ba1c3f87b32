"""A search's trials on disk, as a worker leaves them."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..records import Params
from .settings import Goal
from .space import Space
from .trials import SearchResult, TrialRecord, TrialState

SEARCH_FILE = "search.json"


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
