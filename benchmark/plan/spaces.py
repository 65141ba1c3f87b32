"""Searches in a plan: which space goes with which architecture, and what of it a spec holds."""

from ..records import Regime, SearchSpec
from ..request import Request
from ..search import SearchSettings, Space, choose_pruner, read_space
from ..training import tunables
from ..zoo import LAYERS, LOGISTIC, Architecture

_SPACES = {Regime.FROZEN: "linear", Regime.FINETUNE: "finetune"}
_OF_LAYERS = "head"
_WITHOUT = (Regime.PRIOR, Regime.COMPOSITE)


def space_for(request: Request, architecture: Architecture, regime: Regime) -> Space | None:
    """Return the space that an architecture is searched in, None where nothing is.

    Raises:
        UsageError: the space does not fit the architecture, or an option of the search is wrong.
    """
    if request.search is None or regime in _WITHOUT:
        return None
    own = _SPACES.get(regime, architecture.space)
    if regime is Regime.FROZEN and request.params.get("head") == LAYERS:
        own = _OF_LAYERS
    space = read_space(request.space or own)
    check_space(space, architecture, regime)
    return space


def check_space(space: Space, architecture: Architecture, regime: Regime) -> None:
    """Check a space against what an architecture and its training have.

    Raises:
        UsageError: it has parameters or values that they do not.
    """
    known = (*tunables(architecture, regime, LAYERS), *tunables(architecture, regime, LOGISTIC))
    space.check(known, architecture.name)


def search_spec(request: Request, space: Space | None, select: str = "val") -> SearchSpec | None:
    """Return what of a search belongs into a spec.

    Args:
        request: what was asked for.
        space: what is searched, None for nothing.
        select: what a trial is scored on where nothing was asked for.

    Raises:
        UsageError: an option of the search is wrong.
    """
    engine, goals = request.search, request.objective
    if engine is None or space is None:
        return None
    select = request.select or select
    pruner = choose_pruner(request.pruner, engine, goals, by_fold=select != "val")
    SearchSettings(
        engine=engine,
        trials=request.trials,
        seconds=request.search_time,
        pruner=pruner,
        goals=goals,
    ).check()
    return SearchSpec(
        engine=engine,
        space=space.name,
        space_digest=space.digest,
        trials=request.trials,
        seconds=request.search_time,
        select=select,
        objective=request.texts["objective"],
        pruner=pruner,
    )
