"""A study in its storage: opened under the digest of its identity, described for who joins it."""

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import optuna
from optuna.storages import BaseStorage

from ..errors import StoreError
from ..records import Params
from .pruners import make_pruner
from .settings import Goal, SearchSettings
from .space import Condition, Kind, Parameter, Space


def open_study(
    space: Space, settings: SearchSettings, storage: BaseStorage
) -> tuple[optuna.Study, tuple[str, ...]]:
    """Open the study of a space and settings; say so if it is a new one beside others."""
    name = settings.study_name(space)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    others = [
        each
        for each in optuna.get_all_study_names(storage)
        if each.startswith(f"{settings.study}-")
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=["maximize" if goal.maximise else "minimize" for goal in settings.goals],
            pruner=make_pruner(settings),
            load_if_exists=True,
        )
    study.set_user_attr("described", describe(space, settings))  # for those who join
    if name in others:
        return study, ()
    identity = settings.identity(space)
    study.set_user_attr("identity", identity)
    notes = [
        _changes(optuna.load_study(study_name=each, storage=storage), identity) for each in others
    ]
    return study, tuple(notes[-1:])


def _changes(other: optuna.Study, identity: Mapping[str, Any]) -> str:
    before = other.user_attrs.get("identity", {})
    words = {"material": "data set, split or architecture", "start": "defaults"}
    changed = [
        words.get(key, key)
        for key, value in json.loads(json.dumps(identity)).items()
        if before.get(key) != value
    ]
    return (
        f"a new study begins, for the {' and '.join(changed)} changed; "
        f"the trials of {other.study_name} are kept and not mixed in."
    )


def describe(space: Space, settings: SearchSettings) -> dict[str, Any]:
    """Return a space and settings as plain JSON; `restore` reads them back."""
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
