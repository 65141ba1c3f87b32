"""The errors a person meets, drawn as a tree.

```
BenchmarkError              one line for a person, exit code 2; never a traceback
├── UsageError              a word on the command line or in a YAML file is wrong
├── DataError               the images, their folders, a manifest or a split are wrong
│   └── ImageError          one image cannot be read (left out and listed, not fatal)
├── WeightsError            a weight file is missing, corrupt or of another network
├── StoreError              a folder, a cache or the tracking server cannot be used
│   ├── LostError           files that a store speaks of are not there
│   └── AwayError           a store was waited for in vain; exit code 1
└── PromotionError          the board's winner may not become the champion; exit code 1
```

A message says what must hold, what was got, and what to do. Anything else that escapes is our
own mistake and shows its traceback.
"""

import errno
import re
from collections.abc import Iterable
from difflib import get_close_matches

_LINE_LIMIT = 500  # characters; a framework's message may be a page
_SHOWN_LIMIT = 2000  # characters; the longest of ours lists all architectures
_HINT_LIMIT = 100  # characters of a wrong name that are compared with those there are
# What allocators say: C++'s, TensorFlow's and XLA's, CUDA's, the system's.
_OUT_OF_MEMORY = re.compile(
    r"bad_?alloc|out[ _]of[ _]memory|resource ?_?exhausted|OOM when|failed to allocate|"
    r"(?:can ?not|unable to|could not) allocate",
    re.IGNORECASE,
)


class BenchmarkError(Exception):
    """Something a person can mend, said in one line."""

    exit_code = 2


class UsageError(BenchmarkError):
    """A word on the command line or in a YAML file is wrong."""


class DataError(BenchmarkError):
    """The images, their folders, a manifest or a split are wrong."""


class ImageError(DataError):
    """One image cannot be read; it is left out and listed."""


class WeightsError(BenchmarkError):
    """A weight file is missing, corrupt or belongs to another network."""


class StoreError(BenchmarkError):
    """A folder, a cache or the tracking server cannot be used."""


class LostError(StoreError):
    """Files that a store speaks of are not there."""


class AwayError(StoreError):
    """A store was locked or away for longer than it is waited for."""

    exit_code = 1


class PromotionError(BenchmarkError):
    """The board's winner may not become the champion."""

    exit_code = 1


def for_terminal(error: BaseException) -> str:
    """Return what an error says as a terminal can show it: one line, cut in the middle if long."""
    text = " ".join(str(error).split())
    if len(text) > _SHOWN_LIMIT:  # what to do stands at the end
        text = f"{text[: _SHOWN_LIMIT // 2]} … {text[-_SHOWN_LIMIT // 2 :]}"
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def one_line(error: BaseException) -> str:
    """Return what an error says in one line without its full stop, or its kind if it is silent."""
    return " ".join(str(error).split())[:_LINE_LIMIT].rstrip(".") or type(error).__name__


def kind_and_line(error: BaseException) -> str:
    """Return an error's kind and what it says in one line: for mistakes that are not a person's."""
    return f"{type(error).__name__}: {one_line(error)}"


def speaks_of_memory(text: str) -> bool:
    """Whether a text, such as what a process printed last, says that memory ran out."""
    return bool(_OUT_OF_MEMORY.search(text))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or one that it came from, says that memory ran out."""
    seen: BaseException | None = error
    while seen is not None:
        number = getattr(seen, "errno", None) if isinstance(seen, OSError) else None
        if isinstance(seen, MemoryError) or number == errno.ENOMEM:
            return True
        if not isinstance(seen, BenchmarkError) and speaks_of_memory(kind_and_line(seen)):
            return True
        seen = seen.__cause__
    return False


def did_you_mean(
    name: str, known: Iterable[str], *, most: int = 2, prefix: str = "", otherwise: str = ""
) -> str:
    """Return a sentence with the known names nearest to a wrong one.

    Args:
        name: the wrong name.
        known: those there are.
        most: how many are named.
        prefix: what a person writes before each.
        otherwise: the sentence where none is near; all of them if empty.
    """
    known = list(known)
    by_lower = {each.lower(): prefix + each for each in known}
    wrong = name.lower()[:_HINT_LIMIT]
    near = [by_lower[each] for each in get_close_matches(wrong, by_lower, n=most)]
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return otherwise or f"There are: {', '.join(known)}."


def is_interruption(error: BaseException) -> bool:
    """Whether an error is Ctrl-C, or what a lock says that Ctrl-C met half-way.

    Python raises `KeyboardInterrupt` wherever the main thread is, within `threading` too.
    """
    broke_a_lock = isinstance(error, RuntimeError) and error.__context__ is not None
    return isinstance(error.__context__ if broke_a_lock else error, KeyboardInterrupt)
