"""YAML that people write, read strictly: plain values, each key once, nothing that expands."""

import math
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import UsageError
from .files import read_plain

if TYPE_CHECKING:
    import yaml

_MOST_BYTES = 2**18  # chosen, not sourced: no configuration by hand comes near it
_MOST_LEVELS = 20  # chosen, not sourced: a space has four
_MOST_WHOLE = 2**63 - 1  # what every reader of a number holds; a float does up to 1e308
_TAG = "tag:yaml.org,2002:"
# Numbers as YAML 1.1 writes them in tens. Its other ones are texts here: 010 would be 8, 1:30 be 90
# and a date no text any more.
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)$")
_REAL = re.compile(
    r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|\.(?:inf|Inf|INF))$|\.(?:nan|NaN|NAN)$"
)
_FLAG = re.compile(
    r"(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$"
)
_NOTHING = re.compile(r"(?:~|null|Null|NULL|)$")


def read_yaml(path: Path, kind: str) -> Any:
    """Read a YAML file of plain values; see `parse_yaml`.

    Raises:
        UsageError: it cannot be read, is too large, or is not such YAML; the message names it.
    """
    try:
        text = read_plain(path, _MOST_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read as {kind}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} cannot be read as {kind}: {error}.") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, called: str) -> Any:
    """Read YAML of plain values: mappings, lists, texts, finite numbers, flags and nothing.

    A mapping's keys are the texts that are written, each once. Tags, aliases and merge keys are
    refused: a few lines of aliases can mean gigabytes, and none of them is needed here.

    Raises:
        UsageError: what is wrong, in which line; `called` is how the message names the text.
    """
    import yaml

    try:
        node = _loader()(text).get_single_node()
        return None if node is None else _value(node)
    except UsageError as error:
        raise UsageError(f"{called}: {error}") from error
    # The last two are an escape or a version beyond what Python's own numbers hold.
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise UsageError(f"{called}: this is not YAML{where}: {problem}.") from error


@cache
def _loader() -> type[Any]:
    """Return the part of PyYAML that makes nodes of text, without what makes objects of nodes."""
    from yaml.composer import Composer
    from yaml.events import AliasEvent, NodeEvent
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.resolver import BaseResolver
    from yaml.scanner import Scanner

    class Loader(Reader, Scanner, Parser, Composer, BaseResolver):
        def __init__(self, text: str) -> None:
            Reader.__init__(self, text)
            Scanner.__init__(self)
            Parser.__init__(self)
            Composer.__init__(self)
            BaseResolver.__init__(self)
            self._level = 0

        def compose_node(self, parent: "yaml.Node | None", index: Any) -> "yaml.Node | None":
            event: NodeEvent = self.peek_event()  # type: ignore[no-untyped-call]
            line = event.start_mark.line + 1  # type: ignore[union-attr]
            if isinstance(event, AliasEvent):
                raise UsageError(
                    f"line {line}: aliases (*name) are not read here; write the value out."
                )
            if event.tag is not None:  # type: ignore[attr-defined]
                raise UsageError(f"line {line}: tags (!name) are not read here; leave it out.")
            if self._level == _MOST_LEVELS:
                raise UsageError(f"line {line}: values are nested deeper than {_MOST_LEVELS}.")
            self._level += 1
            node: yaml.Node | None = super().compose_node(parent, index)
            self._level -= 1
            return node

    for kind, pattern in (("int", _WHOLE), ("float", _REAL), ("bool", _FLAG), ("null", _NOTHING)):
        Loader.add_implicit_resolver(f"{_TAG}{kind}", pattern, None)
    return Loader


def _value(node: "yaml.Node") -> Any:
    """Return what a node holds.

    Raises:
        UsageError: something that is no plain value.
    """
    match node.id:  # type: ignore[attr-defined]
        case "mapping":
            return _mapping(node.value)
        case "sequence":
            return [_value(each) for each in node.value]
    try:
        return _scalar(node.tag.removeprefix(_TAG), _text(node))
    except UsageError as error:
        raise UsageError(f"line {node.start_mark.line + 1}: {error}") from error


def _mapping(pairs: "Sequence[tuple[yaml.Node, yaml.Node]]") -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        line = key.start_mark.line + 1
        if key.id != "scalar":  # type: ignore[attr-defined]
            raise UsageError(f"line {line}: a key must be a text, not a list or a mapping.")
        name = _text(key)
        if name == "<<" and key.style is None:  # type: ignore[attr-defined]
            raise UsageError(f"line {line}: merge keys (<<) are not read here; write all keys out.")
        if name in found:
            raise UsageError(f"line {line}: {name} stands twice; write each key once.")
        found[name] = _value(value)
    return found


def _text(node: "yaml.Node") -> str:
    """Return a scalar as it is written, which can be part of a path and of a message."""
    text = str(node.value)
    if "\0" in text or any("\ud800" <= sign <= "\udfff" for sign in text):
        line = node.start_mark.line + 1
        raise UsageError(f"line {line}: {text!r} holds what is no character of a text.")
    return text


def _scalar(kind: str, text: str) -> str | int | float | bool | None:
    digits = text.replace("_", "")
    match kind:
        case "null":
            return None
        case "bool":
            return text.lower() in ("yes", "true", "on")
        case "int":
            if len(digits) > len(str(_MOST_WHOLE)) + 1 or abs(int(digits)) > _MOST_WHOLE:
                raise UsageError(f"a whole number must be within ±9.2e18, not {text[:40]}.")
            return int(digits)
        case "float":
            value = float(re.sub(r"^([-+]?)\.(?=[in])", r"\1", digits.lower()))
            if not math.isfinite(value):
                raise UsageError(f"a number must be finite, not {text[:40]}.")
            return value
    return text
