"""Searches for parameters: a space read from YAML, one engine of several, and what came of it.

Whoever takes `check_storage`, `draw` or `search` from here imports optuna or matplotlib with it: do
so where it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .objectives import choose_pruner, read_goals
from .parsing import parse_space, read_space, space_names
from .settings import (
    ENGINES,
    PRUNERS,
    Goal,
    SearchEngine,
    SearchSettings,
    parse_engine,
    parse_select,
    read_select,
)
from .space import Condition, Kind, Parameter, Space
from .trials import (
    FEWEST,
    SEARCH_FILE,
    TRIALS_A_PARAMETER,
    Infeasible,
    Objective,
    Pruned,
    SearchError,
    SearchResult,
    Trial,
    TrialRecord,
    TrialState,
    read_answers,
    read_search,
    tells_importances,
    trial_answers,
    write_answers,
    write_search,
)

__all__ = [
    "ENGINES",
    "FEWEST",
    "PRUNERS",
    "SEARCH_FILE",
    "TRIALS_A_PARAMETER",
    "Condition",
    "Goal",
    "Infeasible",
    "Kind",
    "Objective",
    "Parameter",
    "Pruned",
    "SearchEngine",
    "SearchError",
    "SearchResult",
    "SearchSettings",
    "Space",
    "Trial",
    "TrialRecord",
    "TrialState",
    "check_storage",
    "choose_pruner",
    "draw",
    "importances",
    "parse_engine",
    "parse_select",
    "parse_space",
    "read_answers",
    "read_goals",
    "read_search",
    "read_select",
    "read_space",
    "search",
    "space_names",
    "tells_importances",
    "trial_answers",
    "write_answers",
    "write_search",
]

if TYPE_CHECKING:
    from .searching import search
    from .studies import check_storage
    from .trial_figures import draw, importances
else:
    _LATER = {
        "check_storage": "studies",
        "draw": "trial_figures",
        "importances": "trial_figures",
        "search": "searching",
    }

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_LATER[name]}", __name__), name)
