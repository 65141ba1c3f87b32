"""Divide a data set into train, val and test so that no patient and no image is on two sides."""

from fractions import Fraction

from ...records import Index, Part, Split
from .assignment import make_split, split_officially
from .groups import (
    Duplicates,
    Near,
    NearPair,
    deal,
    families_of,
    group_keys,
    pixel_hashes,
    unit_numbers,
)
from .schemes import DEFAULT_SHARES, OnLeak, SplitOptions, shares_of
from .split_files import read_splits, write_split

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
    if options.scheme == "official" or (options.scheme == "auto" and len(set(index.parts)) > 1):
        return (split_officially(index, pixels, options, near),)
    shares = options.shares or shares_of(DEFAULT_SHARES)
    roles = [{0: Part.TRAIN, 1: Part.VAL, 2: Part.TEST}]
    if options.folds:
        shares = (Fraction(1, options.folds),) * options.folds
        roles = [
            {fold: Part.TEST, (fold + 1) % options.folds: Part.VAL} for fold in range(options.folds)
        ]
    rows = range(len(index))
    hands = deal(index, rows, pixels, near, shares, options.seed)
    families = families_of(index, pixels, near)
    return tuple(
        make_split(
            index,
            [each.get(hands[row], Part.TRAIN) for row in rows],
            families,
            scheme=DEFAULT_SHARES if options.scheme == "auto" else options.scheme,
            fold=fold if options.folds else None,
            smallest_val=options.smallest_val,
        )
        for fold, each in enumerate(roles)
    )
