"""Joins a study that another process began, on this machine or another one."""

from collections.abc import Callable, Mapping
from typing import Any

import optuna

from ..errors import UsageError, did_you_mean
from .storage import close_storage, open_storage
from .studies import restore
from .trials import Objective, SearchResult, TrialRecord


def join(
    storage: str,
    study: str,
    make_objective: Callable[[Mapping[str, Any]], Objective],
    on_trial: Callable[[TrialRecord], None] = lambda _: None,
) -> SearchResult:
    """Help with a study until it has all its trials.

    Args:
        storage: the address of the study's storage.
        study: the study's full name, or the only one that begins so.
        make_objective: makes the objective from the `job` of the settings that began the study.
        on_trial: called with each trial that this process finishes.

    Raises:
        UsageError: no such study.
        StoreError: the storage cannot be used, or the study is not one of this program.
    """
    from .searching import search

    kept = open_storage(storage)
    try:
        space, settings = restore(kept, _find(optuna.get_all_study_names(kept), study))
    finally:
        close_storage(kept)
    return search(space, make_objective(settings.job), settings, storage, on_trial)


def studies(storage: str) -> tuple[str, ...]:
    """Return the full names of the studies in a storage, sorted."""
    kept = open_storage(storage)
    try:
        return tuple(sorted(optuna.get_all_study_names(kept)))
    finally:
        close_storage(kept)


def _find(names: list[str], study: str) -> str:
    found = [name for name in names if name == study or name.startswith(f"{study}-")]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{study!r} is short for {', '.join(found)}; write one of them.")
    raise UsageError(f"no study named {study!r} in this storage. {did_you_mean(study, names)}")
