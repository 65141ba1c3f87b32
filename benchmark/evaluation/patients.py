"""Answers by patient: one for all images of a patient, the mean of their probabilities."""

from dataclasses import replace

import numpy as np

from ..records import Labels, Part, Predictions, Probabilities, Rows, digest
from .intervals import intervals, limits
from .jackknife import ASSESSED, in_order
from .scores import SCORED_PARTS, overall

_ALIKE = 1e-5  # answers for equal pixels differ by float32's rounding alone


def by_patient(rows: Predictions) -> Predictions | None:
    """Return one row a unit, class and part, with the mean of its images' probabilities.

    Copies of one image, told by equal answers, count once. A row's hash is that of its images'
    hashes, its path that of the first; it is a copy where one of its images is.

    Returns:
        The rows by unit, class and part; None where no unit has images that differ, which is so
        where patients are unknown: a unit is a distinct image then, with all its copies.
    """
    if rows.units is None or not rows.hashes:
        return None
    rows = in_order(rows)
    assert rows.units is not None
    parts = [list(Part).index(part) for part in rows.parts]
    kinds = np.stack([np.array(parts), rows.labels, rows.units], axis=1)
    group = np.unique(kinds, axis=0, return_inverse=True)[1]
    own = _distinct(group, rows.probabilities)
    images = np.bincount(group[own])
    if images.max() == 1:
        return None
    sums = [np.bincount(group[own], weights=each) for each in rows.probabilities[own].T]
    hashes: list[list[str]] = [[] for _ in images]
    for place, sha256 in zip(group.tolist(), rows.hashes, strict=True):
        hashes[place].append(sha256)
    first = rows.take(np.unique(group, return_index=True)[1])
    return replace(
        first,
        hashes=tuple(map(digest, hashes)),
        probabilities=np.stack(sums, axis=1) / images[:, None],
        is_copy=np.bincount(group, weights=rows.is_copy) > 0,
    )


def _distinct(group: Labels, probabilities: Probabilities) -> Rows:
    """Return the rows whose answer no other row of their group has, one of those that share one."""
    order = np.lexsort((*probabilities.T[::-1], group))
    apart = np.abs(np.diff(probabilities[order], axis=0)).max(axis=1) > _ALIKE
    found: Rows = order[np.append(True, apart | (np.diff(group[order]) > 0))]
    return found


def patient_metrics(predictions: Predictions) -> dict[str, float]:
    """Return `<part>_patient_<metric>` of val and test, with the limits of intervals.

    None for a part where patients are unknown, or have one image each.
    """
    found: dict[str, float] = {}
    for part in SCORED_PARTS:
        rows = by_patient(predictions.part(part))
        if rows is not None:
            own = {f"{part}_patient_{name}": value for name, value in overall(rows).items()}
            found |= own | limits(f"{part}_patient_", intervals([rows], ASSESSED))
    return found
