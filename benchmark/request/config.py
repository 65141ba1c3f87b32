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

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UsageError, did_you_mean
from ..texts import masked, read_yaml
from .fields import RUN_OPTIONS, Request
from .option import Option

_FOLDER = Path(__file__).parents[1] / "configs"
_OPTIONS = {each.name: each for each in RUN_OPTIONS}
_OWN = {each.name: each for each in RUN_OPTIONS if each.is_own or each.name == "arch"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The texts of options, and of the options of each entry beside them."""

    texts: Mapping[str, str] = field(default_factory=dict)
    entries: tuple[Mapping[str, str], ...] = ()


def read_config(name_or_path: str) -> Config:
    """Read a configuration of the package by its name, or one of one's own by its path.

    Raises:
        UsageError: there is none, or a key or a value in it is wrong.
    """
    path = Path(name_or_path)
    if not name_or_path.endswith((".yaml", ".yml")):
        path = _FOLDER / f"{name_or_path}.yaml"
        names = sorted(each.stem for each in _FOLDER.glob("*.yaml"))
        if name_or_path not in names:
            hint = did_you_mean(name_or_path, names)
            raise UsageError(f"no configuration named {name_or_path!r}. {hint}")
    values = read_yaml(path, "a configuration")
    try:
        return _config(values)
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error


def request_of(given: Mapping[str, str], config: Config) -> Request:
    """Return what is asked for: what is given wins over an entry, which wins over the rest.

    An architecture that is given leaves out the entries.

    Raises:
        UsageError: an option is wrong.
    """
    base = {**config.texts, **given}
    if "arch" in given:
        return Request.read(base)
    return Request.read(base, [{**base, **entry, **given} for entry in config.entries])


def write_config(request: Request, path: Path) -> None:
    """Write a request as a configuration, every option in it.

    Raises:
        UsageError: the file cannot be written.
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
    try:
        path.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True))
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}.") from error


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
    values: Mapping[Any, Any], known: Mapping[str, Option | None], place: str
) -> dict[str, str]:
    """Return the texts of options by name, each of which its option can read."""
    found = {}
    for name, value in values.items():
        option = known.get(name)
        if option is None:
            hint = did_you_mean(str(name), known, most=1)
            raise UsageError(f"{place}no option {name!r} here. {hint}")
        found[option.name] = _text(f"{place}{name}", value)
        option.value(found[option.name])
    return found


def _text(name: str, value: object) -> str:
    """Return a plain value as it is written on the command line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and value:
        return ",".join(_text(name, each) for each in value)
    if isinstance(value, dict) and value:
        return ",".join(f"{key}={_text(name, each)}" for key, each in value.items())
    raise UsageError(f"{name} must be a text, a number, yes or no, or a list, not {value!r}.")


def _plain(text: str) -> str | int | float | bool:
    """Return a text as the plain value that YAML shows best; `_text` gives it back."""
    if text in ("yes", "no"):
        return text == "yes"
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if str(value) == text:
            return value
    return text
