"""Which images must stay together, and how such groups are dealt out to parts."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ...records import Index, Labels, Rows
from ...seeds import derive

Group = tuple[int, ...]
Counts = npt.NDArray[np.int64]


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

    Returns:
        Groups of rows, each in path order, in the order of their first paths.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ordered = sorted(rows, key=lambda row: index.paths[row])
    places = {row: place for place, row in enumerate(ordered)}
    first: dict[tuple[str, str], int] = {}
    ends = [(places[one], places[two]) for one, two, *_ in near if {one, two} <= places.keys()]
    for row, place in places.items():
        ends.append((first.setdefault(("pixels", pixels[row]), place), place))
        patient = index.patients[row]
        if patient is not None:
            ends.append((first.setdefault(("patient", patient), place), place))
    joined = coo_array((np.ones(len(ends)), np.transpose(ends)), shape=(len(rows), len(rows)))
    groups: dict[int, list[int]] = defaultdict(list)
    for row, number in zip(ordered, connected_components(joined)[1].tolist(), strict=True):
        groups[number].append(row)
    return tuple(map(tuple, groups.values()))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Families:
    """Which rows show the same image.

    Attributes:
        numbers: (n,) the same from 0 to n - 1 for rows that are exact or near copies of one
            another, or of a common third.
        pixels: n digests, the same for exact copies only.
    """

    numbers: Rows
    pixels: tuple[str, ...]


def families_of(index: Index, pixels: Sequence[str], near: Near = ()) -> Families:
    """Return which rows show the same image, patients aside."""
    alone = replace(index, patients=(None,) * len(index))
    groups = group(alone, range(len(index)), pixels, near)
    return Families(numbers=_numbers(groups), pixels=tuple(pixels))


def group_keys(index: Index, facts: Duplicates | None, near: Near = ()) -> tuple[str, ...]:
    """Return n keys, equal for rows that must stay on one side: a patient, copies of an image."""
    groups = group(index, range(len(index)), pixel_hashes(index, facts), near)
    return tuple(map(str, _numbers(groups).tolist()))


def _numbers(groups: Sequence[Group]) -> Rows:
    """Return the number of each row's group, all rows being in one."""
    sizes = [len(rows) for rows in groups]
    found = np.empty(sum(sizes), dtype=np.int64)
    found[np.concatenate(groups)] = np.repeat(np.arange(len(groups)), sizes)
    return found


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


def deal(
    index: Index,
    rows: Sequence[int],
    pixels: Sequence[str],
    near: Near,
    shares: Sequence[Fraction],
    seed: int,
) -> dict[int, int]:
    """Deal rows out to hands in whole groups (see `group`), stratified by class.

    Each group goes to the hand that lacks most of what it holds, the largest groups first, so
    that the small ones can even out what the large ones leave. Groups of one image always give
    every hand its share of each class, rounded up or down; with larger groups it is a greedy
    approximation (the exact problem is one of bin packing). The same idea as scikit-learn's
    StratifiedGroupKFold, which has no unequal shares.

    Args:
        index: the images.
        rows: those that are dealt out.
        pixels: n digests, the same for exact copies.
        near: pairs of rows that show nearly the same.
        shares: each hand's share, together 1.
        seed: decides which of equal groups goes where; row order does not.

    Returns:
        The hand of each row.
    """
    groups = group(index, rows, pixels, near)
    counts = np.array(
        [np.bincount(index.labels[list(rows)], minlength=len(index.classes)) for rows in groups],
        dtype=np.int64,
    ).reshape(len(groups), len(index.classes))
    totals = counts.sum(axis=0).tolist()
    wanted = np.stack([_quota(total, shares, label) for label, total in enumerate(totals)])
    weights = 1.0 / np.maximum(counts.sum(axis=0), 1)
    had = np.zeros_like(wanted)
    hands = [0] * len(groups)
    for number in _order(index, groups, seed):
        # Of a large class one image is a small matter: lacks are weighed by class size.
        lack = ((wanted - had) * (counts[number] * weights)[:, None]).sum(axis=0)
        hands[number] = int(np.argmax(lack))
        had[:, hands[number]] += counts[number]
    return {row: hand for rows, hand in zip(groups, hands, strict=True) for row in rows}


def _quota(total: int, shares: Sequence[Fraction], label: int) -> Counts:
    """Round a class's shares so that they sum to its total (largest remainders first).

    Equal remainders begin at another hand for each class, or the first fold of a k-fold split
    would get every class's surplus.
    """
    exact = [total * share for share in shares]
    whole = [int(each) for each in exact]
    first = label % len(shares)
    by_remainder = sorted(
        range(len(shares)),
        key=lambda hand: (whole[hand] - exact[hand], (hand - first) % len(shares)),
    )
    for hand in by_remainder[: total - sum(whole)]:
        whole[hand] += 1
    return np.array(whole, dtype=np.int64)


def _order(index: Index, groups: Sequence[Group], seed: int) -> list[int]:
    def key(number: int) -> tuple[int, int, str]:
        first = index.paths[groups[number][0]]
        return -len(groups[number]), derive(seed, "split", first), first

    return sorted(range(len(groups)), key=key)
