"""Searches for parameters: a space read from YAML, one engine of several, and what came of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .folds import Fold, folds, parse_select
from .grid import Grid
from .parsing import parse_space, read_space, space_names, spaces_folder
from .settings import ENGINES, PRUNERS, Engine, Goal, SearchSettings, parse_engine
from .space import SIDE, Condition, Kind, Parameter, Space
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

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .comparing import Comparison

__all__ = [
    "ENGINES",
    "PRUNERS",
    "SIDE",
    "Condition",
    "Engine",
    "Fold",
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
    "compare",
    "draw",
    "draw_comparison",
    "folds",
    "join",
    "parse_engine",
    "parse_select",
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


def join(
    storage: str,
    study: str,
    make_objective: Callable[[Mapping[str, Any]], Objective],
    on_trial: Callable[[TrialRecord], None] = lambda _: None,
) -> SearchResult:
    """Help with a study that another process began, until it has all its trials.

    Args:
        storage: the address of the study's storage.
        study: the study's full name, or the only one that begins so.
        make_objective: makes the objective from the `job` of the settings that began the study.
        on_trial: called with each trial that this process finishes.

    Raises:
        UsageError: no such study.
        StoreError: the storage cannot be used, or the study is not one of this program.
    """
    from .joining import join as run

    return run(storage, study, make_objective, on_trial)


def compare(
    engines: Sequence[str],
    space: Space,
    make_objective: Callable[[int], Objective],
    settings: SearchSettings,
    seeds: Sequence[int],
    storage: str = "",
) -> "Comparison":
    """Search a space with each engine and each seed, with the same budget.

    Args:
        engines: two or more engines' full names.
        space: what is searched.
        make_objective: gives the objective for a seed.
        settings: the budget and the rest; engine and seed are replaced.
        seeds: two or more seeds.
        storage: where the studies are kept; what is there is not searched again.

    Raises:
        UsageError: fewer than two engines or seeds, or one twice.
    """
    from .comparing import compare as run

    return run(engines, space, make_objective, settings, seeds, storage)


def draw(result: SearchResult) -> "dict[str, Figure]":
    """Draw every figure that a search has enough trials, reports and goals for, by name."""
    from .figures import draw as run

    return run(result)


def draw_comparison(compared: "Comparison") -> "Figure":
    """Draw the best value so far of each engine against trials and seconds, over the seeds."""
    from .figures import comparison

    return comparison(compared)
