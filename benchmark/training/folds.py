"""Folds with whole groups and classes in proportion: of a search, and of out-of-fold answers."""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import UsageError
from ..grouped_folds import grouped_folds
from ..records import Labels, Rows
from ..seeds import derive

MOST_FOLDS = 20  # chosen, not sourced: beyond it a fold holds too few images to be worth a training
_LEAST_SHARE = 0.1  # chosen, not sourced: fewer images than this stop a training by chance


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """One fold: positions in the labels it was made from.

    Attributes:
        repeat: which repeat, from 0.
        number: which fold of the repeat, from 0.
        train: rows to train on; `val` the rows to score.
    """

    repeat: int
    number: int
    train: Rows
    val: Rows


def fold_count(rank_on: str) -> int:
    """Return the number of folds in the words of `Spec.rank_on`: 0 for `val`, K for `cv:K`.

    Raises:
        UsageError: neither `val` nor `cv:K` with K from 2 to 20.
    """
    if rank_on == "val":
        return 0
    match = re.fullmatch(r"cv:(\d{1,9})", rank_on)
    count = int(match[1]) if match else 0
    if not 2 <= count <= MOST_FOLDS:
        raise UsageError(
            f"must be auto, val or cv:K with K from 2 to {MOST_FOLDS}, such as cv:5, "
            f"not {rank_on!r}."
        )
    return count


def folds(
    labels: Labels, groups: Sequence[Hashable], folds: int, repeats: int, seed: int
) -> tuple[Fold, ...]:
    """Make repeated, stratified, grouped folds.

    Args:
        labels: the (n,) classes of the rows to divide (train and val together).
        groups: n keys; rows of one key (a patient, copies of an image) share a fold. None
            stands for a row of its own.
        folds: how many folds.
        repeats: how often they are drawn anew.
        seed: the same seed gives the same folds.

    Raises:
        UsageError: a class has fewer groups than there are folds.
    """
    check_folds(labels, groups, folds)
    keys = _numbered(groups)
    found: list[Fold] = []
    for repeat in range(repeats):
        pairs = grouped_folds(labels, keys, folds, derive(seed, "folds", repeat))
        found += [
            Fold(repeat=repeat, number=number, train=train, val=val)
            for number, (train, val) in enumerate(pairs)
        ]
    return tuple(found)


def check_folds(labels: Labels, groups: Sequence[Hashable], folds: int) -> None:
    """Check that every class that there is can stand in every fold.

    Raises:
        UsageError: a class has fewer groups than there are folds.
    """
    counts = _groups_by_class(labels, _numbered(groups))
    for label, count in counts.items():
        if count < folds:
            raise UsageError(
                f"class number {label} has {count} separate patients or images in train and val, "
                f"fewer than {folds} folds; take at most {max(count, 2)} folds, or val."
            )


def set_aside(labels: Labels, groups: Sequence[Hashable], share: float, seed: int) -> Fold:
    """Divide a fold's training rows once more: into what is learnt from, and what stops it early.

    Args:
        labels: the (n,) classes of the rows.
        groups: n keys of what stays together.
        share: about how much of them is set aside, at least a tenth and at most half.
        seed: the same seed gives the same rows.

    Returns:
        The first fold whose `train` keeps every class, `val` being set aside; where a class is of
        one group only, it may be missing from either.
    """
    keys = _numbered(groups)
    least = min(_groups_by_class(labels, keys).values())
    count = max(2, min(round(1 / max(share, _LEAST_SHARE)), least))
    pairs = grouped_folds(labels, keys, count, derive(seed, "set-aside"))
    classes = len(np.unique(labels))
    whole = [pair for pair in pairs if len(np.unique(labels[pair[0]])) == classes]
    train, val = (whole or pairs)[0]
    return Fold(repeat=0, number=0, train=train, val=val)


def fitting_folds(
    labels: Labels, groups: Sequence[Hashable], most: int, seed: int
) -> list[tuple[Rows, Rows]]:
    """Return as many folds as small parts allow, at most `most`: (rest, held) rows of each."""
    keys = _numbered(groups)
    least = int(np.bincount(labels)[np.unique(labels)].min())
    count = min(most, least if least >= 2 else most, len(np.unique(keys)))
    return grouped_folds(labels, keys, count, derive(seed, "cross-fit"))


def _numbered(groups: Sequence[Hashable]) -> Rows:
    known: dict[Hashable, int] = {}
    own = [(number,) if key is None else key for number, key in enumerate(groups)]
    return np.array([known.setdefault(key, len(known)) for key in own], dtype=np.int64)


def _groups_by_class(labels: Labels, keys: Rows) -> dict[int, int]:
    return {int(label): len(np.unique(keys[labels == label])) for label in np.unique(labels)}
