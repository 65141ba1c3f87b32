"""Reads a search space from YAML, strictly: a message names file, key, what was got and wanted."""

import math
from collections.abc import Mapping
from pathlib import Path

from ..errors import UsageError, did_you_mean
from ..files import path_of
from ..plain_yaml import parse_yaml, read_yaml
from ..records import ParamValue
from .space import Condition, Kind, Parameter, Space

_TOP = ("about", "parameters")
_ALWAYS = ("type", "when", "source")
_KEYS = {
    Kind.FLOAT: ("low", "high", "step", "log"),
    Kind.INT: ("low", "high", "step", "log"),
    Kind.CHOICE: ("choices",),
    Kind.BOOL: (),
    Kind.FIXED: ("value",),
    Kind.DEFAULT: (),
}
_MOST_STEPS = 10**6  # chosen, not sourced: a grid lists them


def read_space(name_or_path: str) -> Space:
    """Read a built-in search space by name, or one of one's own by the path of its file.

    Raises:
        UsageError: there is no such space, or its file is not right.
    """
    path = _find(name_or_path)
    shown = f"{path.parent.name}/{path.name}" if path.parent.name else path.name
    return _read(read_yaml(path, "a search space"), path.stem, shown)


def space_names() -> tuple[str, ...]:
    """Return the names of the built-in search spaces, sorted."""
    return tuple(sorted(path.stem for path in _folder().glob("*.yaml")))


def _folder() -> Path:
    """Return the folder of the built-in spaces: in the package where it is installed, or beside."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "search_spaces"
    return installed if installed.is_dir() else package.parent / "search_spaces"


def _find(name_or_path: str) -> Path:
    if name_or_path.endswith((".yaml", ".yml")) or "/" in name_or_path:
        path = path_of(name_or_path)
        if not path.exists():
            raise UsageError(f"no search space stands at {name_or_path}; write the path of a file.")
        return path
    if name_or_path not in space_names():
        hint = did_you_mean(name_or_path, space_names())
        raise UsageError(f"no search space named {name_or_path!r}. {hint}")
    return _folder() / f"{name_or_path}.yaml"


def parse_space(text: str, *, name: str, file: str) -> Space:
    """Read a search space from YAML text; `file` is how messages call it.

    Raises:
        UsageError: what is wrong with it, where, and what to write.
    """
    return _read(parse_yaml(text, file), name, file)


def _read(values: object, name: str, file: str) -> Space:
    try:
        return _space(values, name, file)
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from error


def _space(values: object, name: str, file: str) -> Space:
    if not isinstance(values, dict):
        raise UsageError("a search space is a mapping with the keys about and parameters.")
    _known_keys(values, _TOP, "")
    about = values.get("about", "")
    if not isinstance(about, str):
        raise UsageError(f"about must be a text, not {about!r}.")
    entries = values.get("parameters")
    if not isinstance(entries, dict) or not entries:
        raise UsageError("parameters must map each parameter's name to its range.")
    parameters: list[Parameter] = []
    for key, entry in entries.items():
        parameters.append(_parameter(key, entry, parameters))
    return Space(name=name, about=about, parameters=tuple(parameters), file=file)


def _parameter(name: str, entry: object, earlier: list[Parameter]) -> Parameter:
    if not isinstance(entry, dict):
        raise UsageError(f"{name} must be a mapping such as {{type: bool}}, not {entry!r}.")
    kind = _kind(name, entry)
    _known_keys(entry, (*_ALWAYS, *_KEYS[kind]), f"{name}.")
    source = entry.get("source", "")
    if not isinstance(source, str):
        raise UsageError(f"{name}.source must be a text, not {source!r}.")
    when = _when(name, entry.get("when", {}), earlier)
    if kind in (Kind.FLOAT, Kind.INT):
        return _range(name, kind, entry, when, source)
    return Parameter(
        name=name, kind=kind, choices=_choices(name, kind, entry), when=when, source=source
    )


def _kind(name: str, entry: Mapping[str, object]) -> Kind:
    got = entry.get("type")
    if got not in tuple(Kind):
        wanted = ", ".join(Kind)
        said = "is missing" if got is None else f"is {got!r}"
        raise UsageError(f"{name}.type {said}; write one of {wanted}.")
    return Kind(str(got))


def _known_keys(values: Mapping[object, object], known: tuple[str, ...], prefix: str) -> None:
    for key in values:
        if key not in known:
            raise UsageError(
                f"{prefix}{key} is not a key here. {did_you_mean(str(key), known, most=1)}"
            )


def _range(
    name: str,
    kind: Kind,
    entry: Mapping[str, object],
    when: tuple[Condition, ...],
    source: str,
) -> Parameter:
    low = _number(f"{name}.low", entry.get("low"), kind)
    high = _number(f"{name}.high", entry.get("high"), kind)
    step = _number(f"{name}.step", entry["step"], kind) if "step" in entry else None
    log = entry.get("log", False)
    if not isinstance(log, bool):
        raise UsageError(f"{name}.log must be true or false, not {log!r}.")
    if low > high:
        raise UsageError(f"{name}.low is {low:g}, above {name}.high, {high:g}; swap them.")
    if log and low <= 0:
        raise UsageError(f"{name}.low must be above 0 for log: true, not {low:g}.")
    if log and step is not None:
        raise UsageError(f"{name} has both log and step; leave one out.")
    if not math.isfinite(high - low):
        raise UsageError(f"{name}.high and {name}.low are too far apart for a range.")
    if step is not None and not 0 < step <= max(high - low, 1e-300):
        raise UsageError(f"{name}.step must be above 0 and at most {high - low:g}, not {step:g}.")
    if step is not None and high - low > _MOST_STEPS * step:
        raise UsageError(f"{name}.step must part the range into at most {_MOST_STEPS:,} steps.")
    if step is not None and abs((high - low) / step - round((high - low) / step)) > 1e-6:
        raise UsageError(
            f"{name}.high must be {name}.low and whole steps of {step:g} away, not {high:g}."
        )
    return Parameter(
        name=name, kind=kind, low=low, high=high, step=step, log=log, when=when, source=source
    )


def _number(key: str, value: object, kind: Kind) -> float:
    wanted = "a whole number" if kind is Kind.INT else "a number"
    if isinstance(value, str):
        raise UsageError(f"{key} is the text {value!r}; {_as_number(value, kind)}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        said = "is missing" if value is None else f"is {value!r}"
        raise UsageError(f"{key} {said}; write {wanted}.")
    if kind is Kind.INT and not isinstance(value, int):
        raise UsageError(f"{key} is {value!r}; write {wanted}, or type: float.")
    return float(value) if kind is Kind.FLOAT else value


def _as_number(text: str, kind: Kind) -> str:
    """Say how a text is written as a number: YAML 1.1 takes 1e-4 for a text, 1.0e-4 for one."""
    try:
        value = float(text)
    except ValueError:
        return "write a number."
    if not math.isfinite(value):
        return "write a finite number."
    if kind is Kind.INT:
        return f"write {value:.0f}."
    mantissa, _, exponent = text.lower().partition("e")
    if not exponent:
        return f"write {value:g} without quotes."
    whole = mantissa if "." in mantissa else f"{mantissa}.0"
    sign = "" if exponent[0] in "+-" else "+"
    return f"YAML needs {whole}e{sign}{exponent}."


def _choices(name: str, kind: Kind, entry: Mapping[str, object]) -> tuple[ParamValue, ...]:
    if kind is Kind.FIXED:
        if "value" not in entry:
            raise UsageError(f"{name}.value is missing; write the value it is fixed at.")
        return (_plain(f"{name}.value", entry["value"]),)
    if kind is not Kind.CHOICE:
        return ()
    choices = entry.get("choices")
    if not isinstance(choices, list) or not choices:
        raise UsageError(f"{name}.choices must be a list of values, not {choices!r}.")
    values = [_plain(f"{name}.choices", value) for value in choices]
    if {type(value) for value in values} == {int, float}:
        values = [float(value) for value in values]
    if len({type(value) for value in values}) > 1:
        raise UsageError(
            f"{name}.choices must all be of one type, not {choices!r}; "
            "quote texts, for YAML reads yes, no, on and off as booleans."
        )
    if len(set(values)) < len(values):
        raise UsageError(f"{name}.choices must differ from one another, not {choices!r}.")
    return tuple(values)


def _plain(key: str, value: object) -> ParamValue:
    if isinstance(value, str | int | float | bool):
        return value
    raise UsageError(f"{key} holds {value!r}; write a text, a number, true or false.")


def _when(name: str, entry: object, earlier: list[Parameter]) -> tuple[Condition, ...]:
    if not isinstance(entry, dict):
        raise UsageError(f"{name}.when must be a mapping such as {{head_layers: [1, 2]}}.")
    known = {parameter.name: parameter for parameter in earlier}
    conditions = []
    for key, wanted in entry.items():
        if key not in known:
            raise UsageError(
                f"{name}.when names {key}, which is not declared above it; "
                f"there are: {', '.join(known) or 'none'}."
            )
        parent = known[key]
        if parent.kind in (Kind.FLOAT, Kind.DEFAULT):
            raise UsageError(f"{name}.when names {key}, whose type {parent.kind} has no listing.")
        values = wanted if isinstance(wanted, list) else [wanted]
        for value in values:
            if not parent.holds(value):
                raise UsageError(f"{name}.when.{key} is {value!r}, which {key} never is.")
        conditions.append(Condition(name=key, values=tuple(values)))
    return tuple(conditions)
