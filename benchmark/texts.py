"""Texts that people write: flags and YAML files, read strictly; names and addresses to be shown."""

import re
from collections.abc import Hashable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from .errors import UsageError

FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_MOST_SHOWN = 12
_LONGEST_SHOWN = 120  # characters
_MOST_BYTES = 2**20  # chosen, not sourced: no configuration by hand comes near it
_HIDDEN = "***"
# A web address's user may be a token alone; a database's password may hold what should be escaped.
_WEB_USER = re.compile(r"(?i)\b(https?://)(?:([^\s:/?#@]*):)?[^\s/?#]*@")
_PASSWORD = re.compile(r"(?i)\b((?!https?:)[a-z][a-z0-9+.-]*://[^\s:/?#@]*):\S*@")
_ROOT = r"(?:file:(?://)?)?(?:~|[A-Za-z]:)?[/\\](?!/)"
_QUOTED_PATH = re.compile(rf"(['\"])({_ROOT}[^'\"\n]*)(?=['\"])")
_PATH = re.compile(rf"(^|[\s(=,:\[])({_ROOT}[^\s'\":,;()\[\]]+)")
_SECRET = re.compile(
    r"(?i)([?&;][^\s=&;]*(?:passw|pwd|token|secret|key|sig|odbc_connect)[^\s=&;]*=)[^\s&;]*"
)


def masked(text: str) -> str:
    """Return a text, such as a database's address, with `***` for each password in an address."""
    for pattern, shown in (
        (_WEB_USER, _shown_user),
        (_PASSWORD, rf"\1:{_HIDDEN}@"),
        (_SECRET, rf"\1{_HIDDEN}"),
    ):
        text = pattern.sub(shown, text)
    return text


def last_parts(text: str) -> str:
    """Return a text with the last part only of each absolute path, in quotes or without."""
    for pattern in (_QUOTED_PATH, _PATH):
        text = pattern.sub(lambda found: found[1] + last_part(found[2]), text)
    return text


def last_part(path: str) -> str:
    """Return the last part of a path; a path of one part is as it is."""
    return re.split(r"[/\\]+", path.rstrip("/\\"))[-1] or path


def _shown_user(found: re.Match[str]) -> str:
    user = "" if found[2] is None else f"{found[2]}:"
    return f"{found[1]}{user}{_HIDDEN}@"


def printable(text: str) -> str:
    """Return a text in one line, whatever control characters a file's name brought into it."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def shown(words: Sequence[str], most: int = _MOST_SHOWN) -> str:
    """Return words for a message: the first of many, each in one line and cut where it is long."""
    cut = [
        printable(word if len(word) <= _LONGEST_SHOWN else f"{word[: _LONGEST_SHOWN - 3]}...")
        for word in words[:most]
    ]
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return f"{', '.join(cut)}{more}"


def read_yaml(path: Path, kind: str) -> Any:
    """Read a YAML file of plain values, in which no key stands twice.

    Raises:
        UsageError: it cannot be read, is too large, or is not such YAML; the message names it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise UsageError(f"{path} must be smaller than 1 MiB to be read as {kind}.")
        return parse_yaml(data.decode("utf-8"), str(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read as {kind}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} cannot be read as {kind}: {error}.") from error


def parse_yaml(text: str, called: str) -> Any:
    """Read YAML of plain values, in which no key stands twice and nothing is an alias.

    Raises:
        UsageError: what is wrong, in which line; `called` is how the message names the text.
    """
    import yaml

    try:
        return yaml.load(text, Loader=_strict_loader())  # noqa: S506 - a SafeLoader
    except UsageError as error:
        raise UsageError(f"{called}: {error}") from error
    except (yaml.YAMLError, RecursionError, TypeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise UsageError(f"{called}: this is not YAML{where}: {problem}.") from error


@cache
def _strict_loader() -> type[Any]:
    import yaml

    class Strict(yaml.SafeLoader):
        def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
            if self.check_event(yaml.AliasEvent):  # a few lines of aliases can mean gigabytes
                raise UsageError("aliases (*name) are not read here; write the value out.")
            return super().compose_node(parent, index)

        def construct_mapping(
            self, node: yaml.MappingNode, deep: bool = False
        ) -> dict[Hashable, Any]:
            seen: set[object] = set()
            for key, _ in node.value:
                name = self.construct_object(key, deep=True)
                if name in seen:
                    line = key.start_mark.line + 1
                    raise UsageError(f"line {line}: {name} stands twice; write each key once.")
                seen.add(name)
            return super().construct_mapping(node, deep)

    return Strict
