"""Configurations: options in YAML, and entries of architectures with options of their own.

```yaml
data: chest-ct
seed: [0, 1, 2]
entries:
  - arch: cnn
  - arch: cnn
    augmentation: ct
```
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UsageError, did_you_mean
from ..files import path_of, write_text
from ..plain_yaml import read_yaml
from ..texts import masked
from .asked import Request
from .fields import RUN_OPTIONS
from .option import Option, as_text
from .presets import preset_names

_OPTIONS = {each.name: each for each in RUN_OPTIONS}
_OF_SEARCHES = tuple(
    each for each in RUN_OPTIONS if each.group == "searching" and each.name != "search"
)
_HOW = "--save-config mine.yaml writes one."
_OWN = {each.name: each for each in RUN_OPTIONS if each.is_own or each.name == "arch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The texts of options, and of the options of each entry beside them."""

    texts: Mapping[str, str] = field(default_factory=dict)
    entries: tuple[Mapping[str, str], ...] = ()


def read_config(text: str) -> Config:
    """Read a configuration by its path.

    Raises:
        UsageError: there is none, or a key or a value in it is wrong.
    """
    if not text.endswith((".yaml", ".yml")):
        hint = did_you_mean(text, preset_names(), most=1, prefix="--preset ", otherwise=_HOW)
        raise UsageError(f"--config must name a .yaml file, not {text!r}. {hint}")
    path = path_of(text)
    values = read_yaml(path, "a configuration")
    try:
        return _config(values)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def request_of(given: Mapping[str, str], config: Config) -> Request:
    """Return what is asked for: what is given wins over an entry, which wins over the rest.

    An architecture that is given leaves out the entries.

    Raises:
        UsageError: an option is wrong, or nothing would read it.
    """
    base = {**config.texts, **given}
    entries = () if "arch" in given else config.entries
    request = Request.read(base, [{**base, **entry, **given} for entry in entries])
    # A configuration of a search may be run without it: by --search none or --preset quick.
    is_refused = not given.keys().isdisjoint(("search", "preset"))
    _check_searched(request, given if is_refused else base)
    for entry, part in zip(entries, request.entries, strict=True):
        _check_searched(part, {} if is_refused else entry)
    _check_read(request)
    return request


def _check_searched(request: Request, said: Mapping[str, str]) -> None:
    """Check that no option of a search is said without one; its default is as if it were not said.

    Raises:
        UsageError: nothing would read it.
    """
    unread = [
        each.flag
        for each in _OF_SEARCHES
        if each.name in said and each.value(said[each.name]) != each.value(each.default)
    ]
    if unread and not request.is_searched:
        raise UsageError(
            f"{', '.join(unread)} would not be read without a search: add --search optuna, or "
            f"leave {'it' if len(unread) == 1 else 'them'} out."
        )


def _check_read(request: Request) -> None:
    """Check that something reads the members of composites, and the number of views.

    Raises:
        UsageError: nothing would.
    """
    if request.members and not request.composites:
        raise UsageError(
            "--members would not be read without a composite: add one to --arch, such as "
            "ensemble, or leave it out."
        )
    from ..records import Regime

    viewed = [part for part in request.parts if part.views]
    learning = [part.on(regime) for part in viewed for regime in (Regime.FROZEN, Regime.FINETUNE)]
    if viewed and not any(part.augmentation.in_use or part.search for part in learning):
        raise UsageError(
            "--views would not be read without augmentation: add --augmentation ct or xray, or "
            "leave it out."
        )


def write_config(request: Request, path: Path) -> None:
    """Write a request as a configuration, every option in it.

    Raises:
        StoreError: the file cannot be written.
    """
    import yaml

    texts = dict(request.texts)
    if masked(texts["storage"]) != texts["storage"]:
        raise UsageError(
            "--save-config writes no password: name --storage without it, and give it by what the "
            "database reads, such as PGPASSWORD or ~/.pgpass."
        )
    values: dict[str, Any] = {name: _plain(text) for name, text in texts.items()}
    if request.entries:
        del values["arch"]
        values["entries"] = [
            {name: _plain(text) for name, text in own.items()} for own in request.own_texts
        ]
    # PyYAML writes Unicode's own line breaks as they are, and reads blanks for some of them.
    has_breaks = any(each in json.dumps(values, ensure_ascii=False) for each in "\x85\u2028\u2029")
    write_text(path, yaml.safe_dump(values, sort_keys=False, allow_unicode=not has_breaks))


def _config(values: object) -> Config:
    if not isinstance(values, dict):
        raise UsageError("a configuration is a mapping of options, such as `epochs: 10`.")
    entries = values.pop("entries", [])
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries):
        raise UsageError("entries must be a list of mappings, such as `- arch: cnn`.")
    if entries and "arch" in values:
        raise UsageError("arch and entries exclude each other; make it an entry.")
    if not all("arch" in each for each in entries):
        raise UsageError("each of the entries must name its arch.")
    texts = _texts(values, {**_OPTIONS, "entries": None}, "")
    return Config(texts=texts, entries=tuple(_texts(each, _OWN, "entries: ") for each in entries))


def _texts(
    values: Mapping[str, Any], known: Mapping[str, Option | None], place: str
) -> dict[str, str]:
    """Return the texts of options by name, each of which its option can read."""
    found = {}
    for name, value in values.items():
        option = known.get(name)
        if option is None:
            hint = did_you_mean(name, known, most=1)
            raise UsageError(f"{place}no option {name!r} here. {hint}")
        found[option.name] = as_text(f"{place}{name}", value)
        option.value(found[option.name])
    return found


def _plain(text: str) -> str | int | float | bool:
    """Return a text as the plain value that YAML shows best; `as_text` gives it back."""
    if text in ("yes", "no"):
        return text == "yes"
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if str(value) == text and math.isfinite(value) and abs(value) < 2**63:
            return value
    return text
