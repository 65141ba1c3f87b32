"""Searches for parameters: a space read from YAML, one engine of several, and what came of it."""

from collections.abc import Callable

from .parsing import parse_space, read_space, space_names, spaces_folder
from .settings import ENGINES, PRUNERS, Engine, Goal, SearchSettings, parse_engine
from .space import Condition, Grid, Kind, Parameter, Space
from .trials import (
    Infeasible,
    Objective,
    Pruned,
    SearchError,
    SearchResult,
    Trial,
    TrialRecord,
    TrialState,
)

__all__ = [
    "ENGINES",
    "PRUNERS",
    "Condition",
    "Engine",
    "Goal",
    "Grid",
    "Infeasible",
    "Kind",
    "Objective",
    "Parameter",
    "Pruned",
    "SearchError",
    "SearchResult",
    "SearchSettings",
    "Space",
    "Trial",
    "TrialRecord",
    "TrialState",
    "parse_engine",
    "parse_space",
    "read_space",
    "search",
    "space_names",
    "spaces_folder",
]


def search(
    space: Space,
    objective: Objective,
    settings: SearchSettings,
    storage: str = "",
    on_trial: Callable[[TrialRecord], None] = lambda _: None,
) -> SearchResult:
    """Search a space, or go on with a search that was interrupted, or join one that runs.

    Args:
        space: what is searched.
        objective: gives a trial's values, one a goal; may report, note, or raise `Infeasible`.
        settings: engine, budget, goals, seed.
        storage: the path of a journal file, a database's address, or "" for memory.
        on_trial: called with each trial that this process finishes.

    Raises:
        UsageError: the settings have no meaning.
        StoreError: the storage cannot be used.
        SearchError: the whole budget is spent and not one trial gave a score.
    """
    from .searching import search as run  # optuna is imported only when something is searched

    return run(space, objective, settings, storage, on_trial)
