"""Which images must stay together: of one patient, with the same pixels, or nearly the same."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np

from ...records import Index, Labels

Group = tuple[int, ...]


class NearPair(NamedTuple):
    """Two rows that show nearly the same; what was done to the second (`mirrored`), if known."""

    left: int
    right: int
    change: str = ""
    correlation: float = 1.0


Near = Sequence[NearPair]
"""Pairs of rows that show nearly the same, as `near_copies` gives them."""


class Duplicates(Protocol):
    """Tells images with the same pixels, whatever file holds them."""

    def pixel_hash_of(self, content_hash: str) -> str:
        """Return the digest of the pixels that the content decodes to."""
        ...


def pixel_hashes(index: Index, facts: Duplicates | None) -> tuple[str, ...]:
    """Return n digests, the same for two images where they show the same.

    Without facts the content's own digest stands in: it finds copied files, but not an image
    that was saved anew.
    """
    if facts is None:
        return index.hashes
    return tuple(facts.pixel_hash_of(content) for content in index.hashes)


def group(
    index: Index, rows: Sequence[int], pixels: Sequence[str], near: Near = ()
) -> tuple[Group, ...]:
    """Divide rows into the smallest groups that share no patient, no pixels and no pair of `near`.

    Two rows are joined by a common patient, common pixels or a pair, and so are those joined to
    them.

    Returns:
        Groups of rows, each in path order, in the order of their first paths.
    """
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in rows:
        members["pixels", pixels[row]].append(row)
        patient = index.patients[row]
        if patient is not None:
            members["patient", patient].append(row)
    parent = {row: row for row in rows}
    for joined in members.values():
        for row in joined[1:]:
            parent[_root(parent, row)] = _root(parent, joined[0])
    for left, right, *_ in near:
        if left in parent and right in parent:
            parent[_root(parent, right)] = _root(parent, left)
    groups: dict[int, list[int]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: index.paths[row]):
        groups[_root(parent, row)].append(row)
    return tuple(tuple(found) for found in groups.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Families:
    """Which rows show the same image.

    Attributes:
        numbers: n numbers, the same for rows that are exact or near copies of one another, or of
            a common third.
        pixels: n digests, the same for exact copies only.
    """

    numbers: tuple[int, ...]
    pixels: tuple[str, ...]


def families_of(index: Index, pixels: Sequence[str], near: Near = ()) -> Families:
    """Return which rows show the same image, patients aside."""
    alone = replace(index, patients=(None,) * len(index))
    numbers = [0] * len(index)
    for number, rows in enumerate(group(alone, range(len(index)), pixels, near)):
        for row in rows:
            numbers[row] = number
    return Families(numbers=tuple(numbers), pixels=tuple(pixels))


def group_keys(index: Index, facts: Duplicates | None, near: Near = ()) -> tuple[str, ...]:
    """Return n keys, equal for rows that must stay on one side: a patient, copies of an image."""
    keys = [""] * len(index)
    groups = group(index, range(len(index)), pixel_hashes(index, facts), near)
    for number, rows in enumerate(groups):
        for row in rows:
            keys[row] = str(number)
    return tuple(keys)


def unit_numbers(index: Index, facts: Duplicates | None) -> Labels:
    """Return the (n,) number of each row's sampling unit: its patient, else its distinct image.

    Numbers count up from 0 in path order over the whole index, so that they are the same in every
    table of the data set; they say which rows belong together and nothing of whom they show.
    """
    pixels = pixel_hashes(index, facts)
    numbers: dict[tuple[str, str], int] = {}
    found = np.zeros(len(index), dtype=np.int64)
    for row in sorted(range(len(index)), key=lambda row: index.paths[row]):
        patient = index.patients[row]
        unit = ("pixels", pixels[row]) if patient is None else ("patient", patient)
        found[row] = numbers.setdefault(unit, len(numbers))
    return found


def _root(parent: dict[int, int], row: int) -> int:
    while parent[row] != row:
        parent[row] = parent[parent[row]]
        row = parent[row]
    return row
