"""The jobs on registered models: listed with where they come from, taken back, removed."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ..board import Figure, figure, title
from ..errors import UsageError, did_you_mean
from ..evaluation import Interval
from ..files import path_of, write_text
from ..metrics import ON_BOARD
from ..tracking import (
    CHAMPION,
    SCORED,
    SCORED_RUN,
    ModelRegistry,
    Patience,
    Version,
    open_registry,
)
from .progress import wide_console
from .results import writable_file

if TYPE_CHECKING:
    from rich.table import Table

_ORIGIN = {  # tags of a version by what a person calls them
    "data": "data",
    "data digest": "data_digest",
    "split digest": "split_digest",
    "seed": "seed",
    "spec digest": "spec_digest",
    "code": "code",
    "files digest": "files_digest",
    "recipe scored as run": SCORED_RUN,
}
_RANKED_ON = "ranked_on"


def show_models(
    name: str | None,
    *,
    json_file: str | None,
    remove: str | None,
    force: bool,
    store_patience: float,
) -> int:
    """List registered models and their versions, or remove a version first.

    Args:
        name: the registered model, with more on each version; None for all of them.
        json_file: a file for everything that is known, None for none.
        remove: NAME/VERSION, None to remove nothing.
        force: remove even the champion.
        store_patience: minutes that the store is waited for.

    Raises:
        UsageError: there is no such model or version, or it is the champion.
    """
    file = None if json_file is None else path_of(json_file)
    if file is not None:
        writable_file(file)
    registry = _open(store_patience)
    if remove is not None:
        print(_remove(registry, remove, force=force))
    if name is not None:
        registry.check_name(name)
    models = {each: registry.versions(each) for each in ([name] if name else registry.names())}
    aliases = {each: registry.aliases(each) for each in models}
    if file is not None:
        listed = [_as_json(each, models[each], aliases[each]) for each in models]
        text = json.dumps({"models": listed}, indent=2, ensure_ascii=False)
        write_text(file, f"{text}\n")
    console = wide_console()
    if not models:
        console.print("No model is registered in this store.")
    for each, versions in models.items():
        console.print(_table(each, versions, aliases[each]))
        for version in versions if name else ():
            console.print(_about(version), highlight=False, markup=False, soft_wrap=True)
    return 0


def roll_back(name: str, store_patience: float) -> int:
    """Make the champion before the present one champion again; a second time undoes it.

    Args:
        name: the registered model's name.
        store_patience: minutes that the store is waited for.

    Raises:
        UsageError: there is no such model, or no champion before the present one.
        StoreError: the files of the one before are gone or changed; no alias moves.
    """
    registry = _open(store_patience)
    registry.check_name(name)
    left, champion = registry.back(name)
    instead = "" if left is None else f" in the place of version {left.version}"
    print(f"{name} version {champion.version} is {CHAMPION} again{instead}.")
    return 0


def _open(minutes: float) -> ModelRegistry:
    return ModelRegistry(open_registry(Patience(60 * minutes)))


def _remove(registry: ModelRegistry, wanted: str, *, force: bool) -> str:
    """Remove a version by NAME/VERSION; return what was done.

    Raises:
        UsageError: there is no such version, or it is the champion and nobody insists.
    """
    name, separator, number = wanted.removeprefix("models:/").rpartition("/")
    if not separator:
        raise UsageError(f"--remove must be NAME/VERSION, such as phantom/3, not {wanted!r}.")
    registry.check_name(name)
    versions = {each.version: each for each in registry.versions(name)}
    if number not in versions:
        raise UsageError(f"{name} has no version {number!r}. {did_you_mean(number, versions)}")
    champion = registry.find(name, CHAMPION)
    if champion is not None and champion.version == number and not force:
        raise UsageError(
            f"{name} version {number} is the {CHAMPION}, which programs pull: make another one so "
            f"(benchmark rollback {name}), or insist with --force yes."
        )
    registry.remove(versions[number])
    last = "; it was the last of its name" if len(versions) == 1 else ""
    return f"{name} version {number} is removed{last}. Its run and the run's model stay."


def _aliases_of(version: Version, aliases: Mapping[str, str]) -> list[str]:
    return [alias for alias, number in aliases.items() if number == version.version]


def _table(name: str, versions: Sequence[Version], aliases: Mapping[str, str]) -> "Table":
    """Return a table of a registered model's versions, the latest first."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    synthetic = " (SYNTHETIC images)" if _is_synthetic(versions) else ""
    table = Table(title=f"{name}{synthetic}", box=box.SIMPLE_HEAD, title_justify="left")
    for heading in ("version", "aliases", "network", "registered", "ranked on", "test", "gate"):
        table.add_column(heading, overflow="fold")
    for each in versions:
        cells = (
            each.version,
            ", ".join(_aliases_of(each, aliases)),
            _network(each),
            _day(each),
            _shown(each, _ranked_on(each)),
            "not scored" if _is_unscored(each) else _shown(each, "test_macro_f1"),
            each.gate,
        )
        table.add_row(*map(Text, cells))
    return table


def _about(version: Version) -> str:
    """Return what is known of where a version comes from, and its figures, a fact a line."""
    facts = {
        "run": version.run_id,
        **{name: version.tags.get(_ORIGIN[name], "") for name in _ORIGIN},
    }
    lines = [f"Version {version.version}"]
    lines += [f"  {name}: {value}" for name, value in facts.items() if value]
    lines += [f"  {title(name)}: {figure(each)}" for name, each in _scores(version).items()]
    return "\n".join(lines)


def _as_json(name: str, versions: Sequence[Version], aliases: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "aliases": dict(aliases),
        "versions": [_version_as_json(each, _aliases_of(each, aliases)) for each in versions],
    }


def _version_as_json(version: Version, aliases: Sequence[str]) -> dict[str, Any]:
    """Return all that is known of a version; a fact that its tags lack is empty."""
    return {
        "version": version.version,
        "aliases": list(aliases),
        "registered": datetime.fromtimestamp(version.registered, UTC).isoformat(),
        "network": {tag: version.tags.get(tag, "") for tag in ("arch", "regime", "weights")},
        "synthetic": version.tags.get("synthetic") == "true",
        "gate": version.gate,
        "refused": version.refused,
        "scored": not _is_unscored(version),
        "ranked_on": _ranked_on(version),
        "scores": {
            name: {
                "value": each.value,
                "low": each.interval and each.interval.low,
                "high": each.interval and each.interval.high,
            }
            for name, each in _scores(version).items()
        },
        "lineage": {
            "run": version.run_id,
            "model": version.model_id,
            **{tag: version.tags.get(tag, "") for tag in _ORIGIN.values()},
        },
    }


def _is_unscored(version: Version) -> bool:
    return version.tags.get(SCORED) == "no"


def _network(version: Version) -> str:
    about = ", ".join(filter(None, (version.tags.get(tag) for tag in ("regime", "weights"))))
    arch = version.tags.get("arch", "")
    return f"{arch} ({about})" if arch and about else arch


def _is_synthetic(versions: Sequence[Version]) -> bool:
    return any(each.tags.get("synthetic") == "true" for each in versions)


def _day(version: Version) -> str:
    return f"{datetime.fromtimestamp(version.registered, UTC):%Y-%m-%d}"


def _ranked_on(version: Version) -> str:
    """Return what ranked a version's row; those of before it was noted had one of two."""
    known = version.tags.get(_RANKED_ON, "")
    return known or next((name for name in _scores(version) if name[:4] != "test"), "")


def _shown(version: Version, metric: str) -> str:
    found = _scores(version).get(metric)
    return "" if found is None else f"{title(metric)} {figure(found)}"


def _scores(version: Version) -> dict[str, Figure]:
    """Return the figures that a version's tags hold, with their intervals."""
    names = [f"{part}_{metric}" for part in ("cv", "val", "test") for metric in ON_BOARD]
    return {name: _figure(version.tags, name) for name in names if name in version.tags}


def _figure(tags: Mapping[str, str], name: str) -> Figure:
    value = float(tags[name])
    if f"{name}_low" not in tags:
        return Figure(value=value)
    low, high = float(tags[f"{name}_low"]), float(tags[f"{name}_high"])
    return Figure(value=value, interval=Interval(value=value, low=low, high=high))
