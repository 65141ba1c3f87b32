"""Deal groups of images out to parts so that every part has its share of every class."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ...records import Index
from ...seeds import derive
from .grouping import Group

Counts = npt.NDArray[np.int64]


def deal(
    index: Index, groups: Sequence[Group], shares: Sequence[Fraction], seed: int
) -> tuple[int, ...]:
    """Deal groups out to hands, stratified by class.

    Each group goes to the hand that lacks most of what it holds, the largest groups first, so
    that the small ones can even out what the large ones leave. Groups of one image always give
    every hand its share of each class, rounded up or down; with larger groups it is a greedy
    approximation (the exact problem is one of bin packing). The same idea as scikit-learn's
    StratifiedGroupKFold, which has no unequal shares.

    Args:
        index: where the groups' rows stand.
        groups: groups of rows; a group is never divided.
        shares: each hand's share, together 1.
        seed: decides which of equal groups goes where; row order does not.

    Returns:
        The hand of each group.
    """
    counts = np.array(
        [np.bincount(index.labels[list(rows)], minlength=len(index.classes)) for rows in groups],
        dtype=np.int64,
    ).reshape(len(groups), len(index.classes))
    wanted = np.stack([_quota(int(total), shares, label) for label, total in _totals(counts)])
    weights = 1.0 / np.maximum(counts.sum(axis=0), 1)
    had = np.zeros_like(wanted)
    hands = [0] * len(groups)
    for number in _order(index, groups, seed):
        # Of a large class one image is a small matter: lacks are weighed by class size.
        lack = ((wanted - had) * (counts[number] * weights)[:, None]).sum(axis=0)
        hands[number] = int(np.argmax(lack))
        had[:, hands[number]] += counts[number]
    return tuple(hands)


def _totals(counts: Counts) -> list[tuple[int, int]]:
    return list(enumerate(counts.sum(axis=0).tolist()))


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
