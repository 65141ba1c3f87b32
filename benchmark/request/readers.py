"""Readers: each turns an option's text into its value, or says what must hold.

A message that begins with "must" is completed by the option's name. What a reader needs of other
rooms is imported when a text is read, so that `--help` imports nothing heavy.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..files import path_of
from ..texts import FLAGS, items
from .option import Read

if TYPE_CHECKING:
    from ..data import Policy, SplitOptions

OWN_OPTION = ("batch", "class_weight", "augmentation", "views")
"""Parameters of an architecture that have an option of their own."""


def later(place: str) -> Read:
    """Read by what stands at `room:name` in this package, imported when a text is read."""

    def read(text: str) -> Any:
        return resolve_name(f"benchmark.{place}")(text)

    return read


def whole(low: int, high: int = 2**31) -> Read:
    """Read a whole number within bounds."""

    def read(text: str) -> int:
        value = int(text) if re.fullmatch(r"[+-]?\d{1,20}", text.strip()) else low - 1
        if value > high:
            raise UsageError(f"must be a whole number of at most {high}, not {text!r}.")
        if value < low:
            raise UsageError(f"must be a whole number of at least {low}, not {text!r}.")
        return value

    return read


def real(low: float, high: float = 1e9) -> Read:
    """Read a real number within bounds; 1e9 seconds are 31 years, and 1e9 GiB fit in a float."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise UsageError(f"must be a number from {low:g} to {high:,.0f}, not {text!r}.")
        return value

    return read


def choice(*words: str, then: str = "") -> Read:
    """Read one of a few words, which `then` (a place as in `later`) may turn into a value."""

    def read(text: str) -> Any:
        if text not in words:
            raise UsageError(f"must be one of {', '.join(words)}, not {text!r}.")
        return later(then)(text) if then else text

    return read


def side(text: str) -> int | str:
    """Read a side in pixels, `own` or `fill`."""
    if text in ("own", "fill"):
        return text
    if not re.match(r"[+-]?\d", text.strip()):
        raise UsageError(f"must be auto, own, fill, or a side in pixels, not {text!r}.")
    return int(whole(16, 4096)(text))


def yes_or_no(text: str) -> bool:
    """Read yes or no."""
    if text.lower() not in FLAGS:
        raise UsageError(f"must be yes or no, not {text!r}.")
    return FLAGS[text.lower()]


def unless(word: str, read: Read = str) -> Read:
    """Read one word, such as `auto`, as None, and anything else by another reading."""

    def read_or_none(text: str) -> Any:
        return None if text == word else read(text)

    return read_or_none


def path(text: str) -> str:
    """Read a path, or a name in its place, with a home put in for ~."""
    if not text:
        raise UsageError("must name a file or a folder, and is empty.")
    found = str(path_of(text))
    return found if text.startswith("~") else text


def storage(text: str) -> str:
    """Read where studies live: an address, a journal file, or a folder if it ends in a slash."""
    if "://" in text:
        return text
    return path(text).removesuffix("/") + ("/" if text.endswith("/") else "")


def pattern(text: str) -> str:
    """Read a regular expression with a group."""
    try:
        groups = re.compile(text).groups
    except (re.error, OverflowError, RecursionError) as error:
        raise UsageError(f"must be a regular expression, not {text!r}: {error}.") from None
    if groups != 1:
        raise UsageError(f"must have one group, the patient, not {groups} in {text!r}.")
    return text


def columns(text: str) -> Mapping[str, str]:
    """Read `auto`, or a table's columns by what they mean, such as `path=file,label=finding`."""
    meanings = ("path", "label", "part", "patient")
    found: dict[str, str] = {}
    for pair in [] if text == "auto" else text.split(","):
        meaning, _, name = (word.strip() for word in pair.partition("="))
        if meaning not in meanings or not name or meaning in found:
            raise UsageError(
                f"must be auto or MEANING=COLUMN,... with {', '.join(meanings)} each at most once; "
                f"got {pair!r} in {text!r}."
            )
        found[meaning] = name
    return found


def globs(text: str) -> tuple[str, ...]:
    """Read `none`, or globs separated by commas."""
    return () if text == "none" else items(text)


def merged_classes(text: str) -> Mapping[str, tuple[str, ...]]:
    """Read `all`, or the classes in use, such as `cancer=adeno+squamous,normal`."""
    found: dict[str, tuple[str, ...]] = {}
    for word in [] if text == "all" else text.split(","):
        name, equals, members = (each.strip() for each in word.partition("="))
        own = tuple(each.strip() for each in members.split("+")) if equals else (name,)
        if not name or not all(own) or name in found:
            raise UsageError(
                "must be all, or classes such as cancer=adeno+squamous,normal with each name once; "
                f"got {word!r} in {text!r}."
            )
        found[name] = own
    taken = [each for own in found.values() for each in own]
    twice = sorted({each for each in taken if taken.count(each) > 1})
    if twice or len(found) == 1:
        why = f"{', '.join(twice)} stands in two" if twice else "there is one only"
        raise UsageError(f"must be at least two classes that share nothing; {why}: {text!r}.")
    return found


def group(text: str) -> tuple[str, ...]:
    """Read classes that stand together, such as `adeno+squamous`."""
    found = tuple(each.strip() for each in text.split("+"))
    if not all(found) or len(set(found)) < len(found):
        raise UsageError(f"must be classes such as adeno+squamous, each once, not {text!r}.")
    return found


def share(text: str) -> float:
    """Read a share that is neither none nor all."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise UsageError(f"must be a number between 0 and 1, such as 0.02, not {text!r}.")
    return value


def seeds(text: str) -> tuple[int, ...]:
    """Read one seed or several, separated by commas."""
    read = whole(0, 2**32 - 1)
    found = tuple(read(word) for word in text.split(","))
    if len(set(found)) < len(found):
        raise UsageError(f"must be whole numbers without repetition, such as 0,1,2, not {text!r}.")
    return found


def named(text: str) -> str:
    """Read a name that can stand in a path, a URL and a registered model's name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,99}", text):
        raise UsageError(
            f"must be a name of letters, digits, '.', '_', '-' and spaces, not {text!r}."
        )
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelName:
    """What a winner is registered as; `name` is None for the data set's name."""

    is_wanted: bool = True
    name: str | None = None

    def on(self, data: str) -> str | None:
        """Return the name for a winner on a data set, None where nothing is registered."""
        return (self.name or data) if self.is_wanted else None


def model_name(text: str) -> ModelName:
    """Read a registered model's name, `auto` for the data set's, or `none`."""
    if text == "none":
        return ModelName(is_wanted=False)
    return ModelName(name=None if text == "auto" else named(text))


def split_scheme(text: str) -> "SplitOptions":
    """Read how images are divided."""
    from ..data import SplitOptions

    return SplitOptions(scheme=path(text) if text.lower().endswith(".csv") else text)


def window(text: str) -> str:
    """Read a DICOM window, which stays a text since specs hold it."""
    from ..data import check_window

    check_window(text)
    return text


def pruner(text: str) -> str:
    """Read a pruner's name."""
    from ..search import PRUNERS

    PRUNERS[text]
    return text


def members(text: str) -> tuple[str, ...]:
    """Read at least two architectures that a composite can be made of, none for `auto`."""
    from ..catalog import Catalog
    from ..records import Regime
    from ..zoo import ARCHITECTURES

    if text == "auto":
        return ()
    single = [
        (name, ARCHITECTURES[name])
        for name in ARCHITECTURES
        if Regime.COMPOSITE not in ARCHITECTURES[name].regimes
    ]
    known = Catalog(
        "architecture that can be a member",
        single,
        make=lambda name: ARCHITECTURES[name] if name.startswith("keras:") else None,
    )
    names = known.select(text)
    if len(names) < 2:
        raise UsageError(f"--members needs at least two architectures, not {text!r}.")
    return names


def policy(text: str) -> "Policy":
    """Read a policy, or several such as `none/ct` of which runs choose: the last that is one."""
    from ..data import read_policy
    from ..training import among

    found = [read_policy(word) for word in among({"augmentation": text}, "augmentation")]
    return next((each for each in reversed(found) if each.in_use), found[0])


def params(text: str) -> Mapping[str, str]:
    """Read `none`, or parameters such as `pooling=avg+max,l2=0.01`."""
    found: dict[str, str] = {}
    for pair in [] if text == "none" else text.split(","):
        name, _, value = (word.strip() for word in pair.partition("="))
        if not (name and value) or name in found:
            raise UsageError(
                f"must be none or NAME=VALUE,... with each name once; got {pair!r} in {text!r}."
            )
        if name in OWN_OPTION:
            option = "--" + name.replace("_", "-")
            raise UsageError(f"--params {pair} has an option of its own: {option} {value}.")
        found[name] = value
    return found
