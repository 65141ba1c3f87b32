"""What a person says of weights, read: one place for all networks, or a place by network.

auto    imagenet    none    FOLDER    FILE    FILE:PREPROCESSING
densenet121=FILE,resnet50=FOLDER    none,densenet121=FILE:radimagenet
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ..errors import UsageError
from ..files import path_of
from .all_architectures import ARCHITECTURES
from .architecture import Architecture, Preprocessing

_PREPROCESSINGS = tuple(each for each in Preprocessing if each is not Preprocessing.NONE)


class WeightsFrom(StrEnum):
    """Where weights come from, if not from a file or a folder.

    `auto` tries the folder named by BENCHMARK_WEIGHTS, Keras's cache and the network, and otherwise
    takes random weights with a note.
    """

    AUTO = "auto"
    IMAGENET = "imagenet"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsPlace:
    """Where a network's weights are looked for.

    Attributes:
        where: a word, a file, or a folder of files under their published names.
        preprocessing: what the weights in a file or folder expect of pixels; None for what their
            file's name tells, or else the architecture's own.
    """

    where: WeightsFrom | Path
    preprocessing: Preprocessing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsChoice:
    """Where each network's weights are looked for: its own place, or that of the rest."""

    rest: WeightsPlace
    named: tuple[tuple[str, WeightsPlace], ...] = ()

    def of(self, name: str) -> WeightsPlace:
        """Return the place of an architecture's weights."""
        return dict(self.named).get(name, self.rest)

    def check(self, asked: Iterable[Architecture]) -> None:
        """Check that every place is read, and a file by one network.

        Args:
            asked: all architectures that take their weights by this choice.

        Raises:
            UsageError: a name is of no architecture asked for, or a file has no network of its own.
        """
        by_name = {each.name: each for each in asked}
        named = [name for name, _ in self.named]
        unread = [name for name in named if name not in by_name]
        if unread:
            raise UsageError(
                f"--weights {', '.join(unread)}: not among the architectures asked for; "
                "add it to --arch, or leave it out."
            )
        rest = [name for name, each in by_name.items() if each.weight_file and name not in named]
        where = self.rest.where
        if isinstance(where, Path) and not where.is_dir() and len(rest) != 1:
            who = "none asked for takes any" if not rest else f"it could be of {', '.join(rest)}"
            raise UsageError(
                f"--weights {where}: a file holds one network's weights, and {who}; "
                "write NAME=FILE for one that is asked for."
            )


def read_weights_from(text: str) -> WeightsChoice:
    """Read a place for all networks, or NAME=PLACE,... with at most one place for the rest.

    Raises:
        UsageError: a place is no word, file or folder; a name is of no architecture that has
            published weights, or stands twice.
    """
    rest: list[WeightsPlace] = []
    named: dict[str, WeightsPlace] = {}
    for name, place in split_weights(text):
        if name in named or (not name and rest):
            what = f"{name!r} once" if name else "one place for the rest"
            raise UsageError(f"must name {what}, not twice: {text!r}.")
        found = _place(place, name)
        if name:
            named[_pretrained(name)] = found
        else:
            rest.append(found)
    return WeightsChoice(
        rest=rest[0] if rest else WeightsPlace(where=WeightsFrom.AUTO), named=tuple(named.items())
    )


def split_weights(text: str) -> tuple[tuple[str, str], ...]:
    """Return each name with its place as it is written; the name is empty for the rest."""
    with suppress(UsageError):  # a list may be longer than any file's name
        if path_of(text).exists():
            return (("", text),)
    found = []
    for item in text.split(","):
        name, equals, place = item.strip().partition("=")
        found.append((name.strip(), place.strip()) if equals else ("", item.strip()))
    return tuple(found)


def _pretrained(name: str) -> str:
    """Return the name of an architecture that may begin with other than random weights."""
    if ARCHITECTURES[name].weight_file is None:
        raise UsageError(
            f"--weights {name}: {name} has no pretrained weights to begin with; leave it out."
        )
    return name


def _place(text: str, name: str) -> WeightsPlace:
    if text in tuple(WeightsFrom):
        return WeightsPlace(where=WeightsFrom(text))
    path, preprocessing = path_of(text), None
    if text and not path.exists():
        before, _, last = text.rpartition(":")
        preprocessing = next((each for each in _PREPROCESSINGS if each == last), None)
        path = path_of(before) if preprocessing else path
    if not text or not (path.is_file() or path.is_dir()):
        whose = f" for {name}" if name else ", or NAME=PLACE for single networks"
        raise UsageError(
            f"must be auto, imagenet, none or a folder or file of weights (FILE:PREPROCESSING with "
            f"{', '.join(_PREPROCESSINGS)}){whose}, not {text!r}."
        )
    return WeightsPlace(where=path, preprocessing=preprocessing)
