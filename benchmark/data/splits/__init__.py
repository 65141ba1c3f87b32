"""Divide a data set into train, val and test so that no patient and no image is on two sides."""

from collections.abc import Sequence
from fractions import Fraction

from ...records import Index, Part, Split
from .dealing import deal
from .files import read_splits, write_split
from .grouping import (
    Duplicates,
    Near,
    NearPair,
    families_of,
    group,
    group_keys,
    pixel_hashes,
    unit_numbers,
)
from .official import split_officially
from .options import DEFAULT_SHARES, OnLeak, SplitOptions, shares_of
from .parts import Parts, make_split

__all__ = [
    "Duplicates",
    "NearPair",
    "OnLeak",
    "SplitOptions",
    "group_keys",
    "make_splits",
    "unit_numbers",
    "write_split",
]

_PARTS = (Part.TRAIN, Part.VAL, Part.TEST)


def make_splits(
    index: Index, facts: Duplicates | None, options: SplitOptions, near: Near = ()
) -> tuple[Split, ...]:
    """Split a data set: one split, or k for `kfold:K`.

    The order of the index's rows makes no difference. In every scheme but the official one and
    a file's, whole patients and all copies of an image, near ones too, are on one side. In fold i
    of a k-fold scheme the fold i is test, the next one val and the others train, so that each
    image is tested on once and validated on once.

    Args:
        index: what is split.
        facts: tells images with the same pixels; None to go by the files' contents.
        options: how.
        near: pairs of rows that show nearly the same, treated like copies; see `near_copies`.

    Raises:
        DataError: the data set or the file cannot be split so; or a file puts one image or one
            patient into two parts, and `options.on_leak` is `fail`.
    """
    pixels = pixel_hashes(index, facts)
    if options.is_file:
        return read_splits(index, pixels, options, near)
    if options.folds:
        return _split_into_folds(index, pixels, options, near)
    if options.scheme == "official" or (options.scheme == "auto" and _has_parts(index)):
        return (split_officially(index, pixels, options, near),)
    scheme = options.scheme if options.shares else DEFAULT_SHARES
    hands = _deal_rows(index, pixels, shares_of(scheme), options.seed, near)
    parts: Parts = [_PARTS[hand] for hand in hands]
    families = families_of(index, pixels, near)
    least = options.smallest_val
    return (make_split(index, parts, families, scheme=scheme, smallest_val=least),)


def _has_parts(index: Index) -> bool:
    """Whether there are published parts to speak of: all images in one part are none."""
    return len(set(index.parts)) > 1


def _split_into_folds(
    index: Index, pixels: Sequence[str], options: SplitOptions, near: Near
) -> tuple[Split, ...]:
    folds = options.folds
    hands = _deal_rows(index, pixels, [Fraction(1, folds)] * folds, options.seed, near)
    families = families_of(index, pixels, near)
    splits = []
    for fold in range(folds):
        after = (fold + 1) % folds
        roles = {fold: Part.TEST, after: Part.VAL}
        parts: Parts = [roles.get(hand, Part.TRAIN) for hand in hands]
        splits.append(
            make_split(
                index,
                parts,
                families,
                scheme=options.scheme,
                fold=fold,
                smallest_val=options.smallest_val,
            )
        )
    return tuple(splits)


def _deal_rows(
    index: Index, pixels: Sequence[str], shares: Sequence[Fraction], seed: int, near: Near
) -> list[int]:
    """Return the hand of each row."""
    groups = group(index, range(len(index)), pixels, near)
    hands = [0] * len(index)
    for found, hand in zip(groups, deal(index, groups, shares, seed), strict=True):
        for row in found:
            hands[row] = hand
    return hands
