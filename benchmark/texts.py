"""Texts that people write: flags and lists, read strictly; names and addresses to be shown."""

import re
from collections.abc import Sequence

from .errors import UsageError

FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_MOST_SHOWN = 12
_LONGEST_SHOWN = 120  # characters
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


def markdown_cell(text: str) -> str:
    """Return a text fit for a cell of a table in Markdown: one line, no column sign, no markup."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def shown(words: Sequence[str], most: int = _MOST_SHOWN) -> str:
    """Return words for a message: the first of many, each in one line and cut where it is long."""
    cut = [
        printable(word if len(word) <= _LONGEST_SHOWN else f"{word[: _LONGEST_SHOWN - 3]}...")
        for word in words[:most]
    ]
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return f"{', '.join(cut)}{more}"


def items(text: str) -> tuple[str, ...]:
    """Split a list at its commas; none of its items may be empty, or stand there twice.

    Raises:
        UsageError: the message begins with "must", for an option's name to stand before it.
    """
    found = tuple(word.strip() for word in text.split(","))
    if not all(found):
        raise UsageError(f"must be a list without empty items, not {text!r}.")
    twice = next((each for each in found if found.count(each) > 1), None)
    if twice is not None:
        raise UsageError(f"must name each item once, and {twice!r} stands twice in {text!r}.")
    return found
