"""Joins a study that another process began, on this machine or another one."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from difflib import get_close_matches
from typing import Any

import optuna
from optuna.storages import BaseStorage

from ..errors import StoreError, UsageError
from ..records import Params
from .settings import Goal, SearchSettings
from .space import Condition, Kind, Parameter, Space
from .storage import close_storage, open_storage
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
    """Give the full names of the studies in a storage, sorted."""
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
    near = get_close_matches(study, names, n=2)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(names)}."
    raise UsageError(f"no study named {study!r} in this storage. {hint}")


def describe(space: Space, settings: SearchSettings) -> dict[str, Any]:
    """Give a space and settings as plain JSON; `restore` reads them back."""
    return {"space": asdict(space), "settings": {**asdict(settings), "start": dict(settings.start)}}


def restore(storage: BaseStorage, study: str) -> tuple[Space, SearchSettings]:
    """Read what a study searches, and how.

    Raises:
        StoreError: the study was not begun by this program.
    """
    told = optuna.load_study(study_name=study, storage=storage).user_attrs.get("described")
    if told is None:
        raise StoreError(f"the study {study} was begun by another program; it cannot be joined.")
    parameters = tuple(_parameter(each) for each in told["space"]["parameters"])
    space = Space(**{**told["space"], "parameters": parameters})
    values = told["settings"]
    goals = tuple(Goal(**each) for each in values["goals"])
    return space, SearchSettings(**{**values, "goals": goals, "start": Params(values["start"])})


def _parameter(values: Mapping[str, Any]) -> Parameter:
    when = tuple(
        Condition(name=each["name"], values=tuple(each["values"])) for each in values["when"]
    )
    read = Parameter(**{**values, "kind": Kind(values["kind"]), "when": when})
    return replace(read, choices=tuple(read.choices))
