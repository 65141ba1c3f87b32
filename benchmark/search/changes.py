"""Why a study is another one: what differs between two, in the words of those who asked for them.

A study's name ends in a digest, which tells that something differs and not what. So each study
keeps in full what its digest is made of.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

import optuna

from .settings import SearchSettings
from .space import Space

_WORDS = {
    "data": "data set",
    "data_digest": "data set",
    "split_digest": "split",
    "fold": "split",
    "arch": "architecture",
    "params": "parameters",
    "engine": "engine for features",
    "labels": "labels",
    "rank_on": "part that runs are ranked on",
    "numerics": "version of this program",
    "search engine": "engine",
    "search space": "name of the space",
    "search select": "images that trials are scored on",
    "search objective": "objective",
    "search pruner": "pruner",
    # of studies that kept no more than this
    "material": "data set, split, architecture or parameters",
    "start": "defaults",
}
_SAID_ELSEWHERE = {"search space_digest", "search trials", "search seconds"}
_LONG = {"data_digest", "split_digest", "material", "start", "goals"}  # what they are tells nothing

Told = Mapping[str, Any]


def asked_of(space: Space, settings: SearchSettings) -> dict[str, Any]:
    """Return in full what a study is asked for, as JSON values."""
    parameters = {each.name: _without_source(asdict(each)) for each in space.parameters}
    asked = {"space": parameters, "spec": dict(settings.asked)}
    found: dict[str, Any] = json.loads(json.dumps(asked))
    return found


def changes(other: optuna.Study, space: Space, settings: SearchSettings) -> str:
    """Say in a line why a new study begins beside another."""
    before, now = other.user_attrs.get("asked", {}), asked_of(space, settings)
    details = list[str]()
    if before.get("spec") and now["spec"]:
        names = ["space"] if before["space"] != now["space"] else []
        details += _between_spaces(before["space"], now["space"])
        for name, was, is_now in _between(_flat(before["spec"]), _flat(now["spec"])):
            names.append(_WORDS.get(name, name))
            details += [] if name in _LONG else _detail(_WORDS.get(name, name), was, is_now)
    else:
        names = _in_digests(other.user_attrs.get("identity", {}), settings.identity(space))
    why = f", for the {' and '.join(dict.fromkeys(names))} changed" if names else ""
    more = f" ({'; '.join(details)})" if details else ""
    return (
        f"a new study begins{why}{more}; the trials of {other.study_name} are kept and not "
        "mixed in."
    )


def _without_source(parameter: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parameter.items() if key not in ("name", "source")}


def _in_digests(before: Told, now: Told) -> list[str]:
    """Name what differs where digests alone are known; `material` holds the space's digest too."""
    now = json.loads(json.dumps(now))
    changed = [key for key, _, _ in _between(before, now)]
    certain = [key for key in changed if key != "material"]
    return [_WORDS.get(key, key) for key in certain or changed]


def _flat(spec: Told) -> dict[str, Any]:
    search = {f"search {key}": value for key, value in (spec.get("search") or {}).items()}
    own = {key: value for key, value in spec.items() if key != "search"}
    return {key: value for key, value in {**own, **search}.items() if key not in _SAID_ELSEWHERE}


def _between(before: Told, now: Told) -> Iterator[tuple[str, Any, Any]]:
    """Yield names whose values differ, with both."""
    for name in dict.fromkeys([*now, *before]):
        if before.get(name) != now.get(name):
            yield name, before.get(name), now.get(name)


def _between_spaces(before: Told, now: Told) -> list[str]:
    details = list[str]()
    for name, was, is_now in _between(before, now):
        if was is None or is_now is None:
            details.append(f"{name} {'new' if was is None else 'gone'}")
            continue
        found = [_of_parameter(key, *both) for key, *both in _between(was, is_now)]
        details.append(f"{name}: {', '.join(found)}")
    return details


def _of_parameter(key: str, was: Any, is_now: Any) -> str:
    if key != "choices":
        return f"{key} {_short(is_now)}, not {_short(was)}"
    gone = [f"{each} gone" for each in was if each not in is_now]
    new = [f"{each} new" for each in is_now if each not in was]
    return ", ".join([*gone, *new]) or "choices in another order"


def _detail(name: str, was: Any, is_now: Any) -> list[str]:
    if isinstance(was, Mapping) and isinstance(is_now, Mapping):
        each = _between(was, is_now)
        return [f"{key} {_short(new)}, not {_short(old)}" for key, old, new in each]
    return [f"{name} {_short(is_now)}, not {_short(was)}"]


def _short(value: Any) -> str:
    return "none" if value is None else str(value)[:60]
