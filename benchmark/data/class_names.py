"""Names of classes: one for folders that mean the same, and those that a person merges or picks."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import DataError, UsageError, did_you_mean
from ..records import Part
from ..texts import shown

if TYPE_CHECKING:
    from .folders import Found


def pick_classes(found: "Found", wanted: Mapping[str, Sequence[str]]) -> "Found":
    """Return what was found with the classes that a person names, each made of its members.

    A member is a class by its name; where none is spelt so, by its name in another case.

    Raises:
        UsageError: there is no class of a member's name.
    """
    if not wanted:
        return found
    target = {_known(each, found.classes): name for name, own in wanted.items() for each in own}
    counts = Counter(row.class_name for row in found.rows)
    merged = [
        f"{name} = {' + '.join(own)}, by --classes"
        for name, own in wanted.items()
        if tuple(own) != (name,)
    ]
    aside = [
        f"the class {name!r} ({counts[name]} images), which --classes does not name"
        for name in found.classes
        if name not in target
    ]
    understood = replace(
        found.understood,
        merged=(*found.understood.merged, *merged),
        ignored_files=(*found.understood.ignored_files, *aside),
    )
    rows = [
        replace(row, class_name=target[row.class_name])
        for row in found.rows
        if row.class_name in target
    ]
    return replace(found, rows=tuple(rows), classes=tuple(sorted(wanted)), understood=understood)


def _known(name: str, classes: Sequence[str]) -> str:
    """Return the class that a person's word means."""
    same = [each for each in classes if each == name] or _same(name, classes)
    if len(same) != 1:
        raise UsageError(f"--classes: there is no class {name!r}. {did_you_mean(name, classes)}")
    return same[0]


_WORD = re.compile(r"[^\s._\-]+")


def match_classes(
    names: Mapping[Part | None, Sequence[str]], *, is_picked: bool = False
) -> tuple[dict[Part | None, dict[str, str]], tuple[str, ...]]:
    """Map each part's class folders to one list of classes.

    Args:
        names: the class folders of each part.
        is_picked: whether a person says which classes are used: then a folder that matches none
            is a class of its own, and not refused.

    Returns:
        For each part a mapping from folder to class, and notes on what was matched.

    Raises:
        DataError: a folder matches no class, or more than one.
    """
    first, *others = sorted(names, key=lambda part: list(Part).index(part) if part else -1)
    known: list[str] = []
    partners: dict[Part | None, dict[str, str]] = {first: {}}
    for name in names[first]:
        partners[first][name] = next(iter(_same(name, known)), name)
        known += [name] if partners[first][name] == name else []
    classes = {name: name for name in known}
    for part in others:
        partners[part] = {}
        for name in names[part]:
            partner = counterpart(name, known, names[part])
            if partner is None:
                if not is_picked:
                    raise DataError(_ambiguous(known, names[part]))
                known.append(name)
            partners[part][name] = partner or name
        for name, partner in partners[part].items():
            classes.setdefault(partner, name)
            classes[partner] = _shared(classes[partner], name) or classes[partner]
    if len(set(classes.values())) < len(classes):
        raise DataError(_ambiguous(names[first], [each for part in others for each in names[part]]))
    mapped = {
        part: {name: classes[partner] for name, partner in each.items()}
        for part, each in partners.items()
    }
    return mapped, _notes(mapped)


def counterpart(name: str, known: Sequence[str], siblings: Sequence[str]) -> str | None:
    """Return the known class that a name written elsewhere means, None for no one.

    Args:
        name: one of the names elsewhere.
        known: the classes it may mean.
        siblings: all the names elsewhere, itself among them: what two share means neither.
    """
    same = _same(name, known)
    if same:
        return same[0]
    matches = [each for each in known if _means_same(name, each, known, siblings)]
    return matches[0] if len(matches) == 1 else None


def _same(name: str, known: Sequence[str]) -> list[str]:
    """Return the known names that differ from one in case, blanks or Unicode form at most."""
    return [each for each in known if plain(each) == plain(name)]


def plain(name: str) -> str:
    """Return a class's name as it is compared: composed, in lower case, with single blanks."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


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
        f"class {meant}: the folders {' and '.join(sorted(names))}"
        for meant, names in sorted(meanings.items())
        if len(names) > 1
    )


def _ambiguous(known: Sequence[str], siblings: Sequence[str]) -> str:
    """Say that class folders cannot be matched, and what decides."""
    alike = [each for each in siblings if _same(each, known)]
    pick = f", or name those to use: --classes {','.join(alike)}" if len(alike) > 1 else ""
    return (
        f"class folders must have one name in every part; {shown(sorted(known))} cannot be "
        f"matched one to one with {shown(sorted(set(siblings)))}. Rename them alike{pick}."
    )
