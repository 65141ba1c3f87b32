"""The images that a convex head is chosen on, and the folds that they are divided into."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ..records import Labels, Rows, digest
from ..seeds import derive
from .folds import fitting_folds

FOLDS = 5  # chosen, not sourced: a fifth held out, as is usual
_MANY = 5000  # chosen, not sourced: so many rows show in one fold what five would, in a fifth


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """The images that a choice is made on, in an order of their own.

    Attributes:
        classes: k class names.
        rows: (n,) rows of the pixels; `labels` their classes.
        groups: (n,) numbers; images of one number share a fold.
        key: digest of the images, their classes and groups.
    """

    classes: tuple[str, ...]
    rows: Rows
    labels: Labels
    groups: Rows
    key: str


def gather(
    classes: tuple[str, ...],
    rows: Rows,
    labels: Labels,
    hashes: Sequence[str],
    groups: Sequence[Hashable],
) -> Evidence:
    """Put images into the order of their contents, so that no other order can tell.

    Args:
        classes: k class names.
        rows: (n,) rows of the pixels.
        labels: (n,) classes.
        hashes: n digests of contents.
        groups: n keys of what must stay together.
    """
    order = sorted(range(len(rows)), key=lambda row: (hashes[row], int(labels[row])))
    numbers: dict[Hashable, int] = {}
    own = np.array([numbers.setdefault(groups[row], len(numbers)) for row in order], np.int64)
    known = [[hashes[row], int(labels[row])] for row in order]
    return Evidence(
        classes=classes,
        rows=rows[order],
        labels=labels[order],
        groups=own,
        key=digest([len(classes), known, own.tolist()]),
    )


def folds_of(evidence: Evidence) -> list[tuple[Rows, Rows]]:
    """Return grouped folds: five, fewer where images are few, one where they are many."""
    if len(np.unique(evidence.groups)) < 2:
        return []
    seed = derive(0, "choosing")
    found = fitting_folds(evidence.labels, evidence.groups.tolist(), FOLDS, seed)
    return found if len(evidence.rows) <= _MANY else found[:1]
