"""Match class folders that are named differently in different parts.

The chest CT set calls one class `adenocarcinoma` in test and
`adenocarcinoma_left.lower.lobe_T2_N0_M0_Ib` in train. Two names are one class where they begin
with the same whole words, and no other class of either part begins with them.
"""

import re
from collections.abc import Mapping, Sequence

from ..errors import DataError
from ..records import Part

_WORD = re.compile(r"[^\s._\-]+")


def match_classes(
    names: Mapping[Part | None, Sequence[str]],
) -> tuple[dict[Part | None, dict[str, str]], tuple[str, ...]]:
    """Map each part's class folders to one list of classes.

    Args:
        names: each part's class folders; a single part is taken as it is.

    Returns:
        For each part a mapping from folder to class, and notes on what was matched.

    Raises:
        DataError: a folder matches no class, or more than one.
    """
    first, *others = sorted(names, key=lambda part: list(Part).index(part) if part else -1)
    classes = {name: name for name in names[first]}
    partners: dict[Part | None, dict[str, str]] = {first: {name: name for name in names[first]}}
    for part in others:
        partners[part] = {name: _partner(name, names[first], names[part]) for name in names[part]}
        for name, partner in partners[part].items():
            classes[partner] = _shared(classes[partner], name) or classes[partner]
    if len(set(classes.values())) < len(classes):
        raise DataError(_ambiguous(names[first], [each for part in others for each in names[part]]))
    mapped = {
        part: {name: classes[partner] for name, partner in each.items()}
        for part, each in partners.items()
    }
    return mapped, _notes(mapped)


def _partner(name: str, known: Sequence[str], siblings: Sequence[str]) -> str:
    """Find the class of the first part that a folder of another part means."""
    same = [each for each in known if each.casefold() == name.casefold()]
    if same:
        return same[0]
    matches = [each for each in known if _means_same(name, each, known, siblings)]
    if len(matches) != 1:
        raise DataError(_ambiguous(known, siblings))
    return matches[0]


def _means_same(name: str, other: str, known: Sequence[str], siblings: Sequence[str]) -> bool:
    """Whether two names share first words that no other name of either part begins with."""
    words = _words(_shared(name, other))
    return bool(words) and all(
        sum(_words(each)[: len(words)] == words for each in part) == 1 for part in (known, siblings)
    )


def _shared(one: str, two: str) -> str:
    """Return the whole words that two names begin with, as the first spells them."""
    end = 0
    for mine, theirs in zip(_WORD.finditer(one), _WORD.finditer(two), strict=False):
        if mine.group().casefold() != theirs.group().casefold():
            break
        end = mine.end()
    return one[:end]


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(name)]


def _notes(mapped: Mapping[Part | None, Mapping[str, str]]) -> tuple[str, ...]:
    meanings: dict[str, set[str]] = {}
    for each in mapped.values():
        for name, meant in each.items():
            meanings.setdefault(meant, set()).add(name)
    return tuple(
        f"class {meant}: the folders {' and '.join(sorted(names))} are taken as one."
        for meant, names in sorted(meanings.items())
        if len(names) > 1
    )


def _ambiguous(known: Sequence[str], siblings: Sequence[str]) -> str:
    return (
        f"class folders must have one name in every part; {', '.join(sorted(known))} cannot be "
        f"matched one to one with {', '.join(sorted(set(siblings)))}. Rename them alike."
    )
