"""Searches for parameters: a space read from YAML, one engine of several, and what came of it.

Whoever takes `Comparison`, `check_storage`, `compare`, `draw`, `draw_comparison`, `join` or
`search` from here imports optuna with it: do so where it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .answers import trial_answers, write_answers
from .grid import Grid
from .objectives import check_pruner, choose_pruner, read_goals
from .parsing import parse_space, read_space, space_names, spaces_folder
from .saved import SEARCH_FILE, read_search, write_search
from .settings import (
    ENGINES,
    PRUNERS,
    Engine,
    Goal,
    SearchSettings,
    parse_engine,
    parse_select,
)
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

__all__ = [
    "ENGINES",
    "PRUNERS",
    "SEARCH_FILE",
    "SIDE",
    "Comparison",
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
    "check_pruner",
    "check_storage",
    "choose_pruner",
    "compare",
    "draw",
    "draw_comparison",
    "join",
    "parse_engine",
    "parse_select",
    "parse_space",
    "read_goals",
    "read_search",
    "read_space",
    "search",
    "space_names",
    "spaces_folder",
    "trial_answers",
    "write_answers",
    "write_search",
]

if TYPE_CHECKING:
    from .comparing import Comparison, compare
    from .comparison_figure import draw_comparison
    from .figures import draw
    from .joining import join
    from .searching import search
    from .storage import check_storage
else:
    _LATER = {
        "Comparison": "comparing",
        "check_storage": "storage",
        "compare": "comparing",
        "draw": "figures",
        "draw_comparison": "comparison_figure",
        "join": "joining",
        "search": "searching",
    }

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_LATER[name]}", __name__), name)
