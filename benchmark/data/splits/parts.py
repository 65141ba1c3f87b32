"""A part for every image, and the Split made from it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...errors import DataError
from ...records import Index, Part, Rows, Split, digest
from .grouping import Families

# None: the image is left out.
Parts = list[Part | None]

DROPPED = "dropped"


def make_split(
    index: Index,
    parts: Sequence[Part | None],
    families: Families,
    *,
    scheme: str,
    fold: int | None = None,
    notes: tuple[str, ...] = (),
    smallest_val: int = 0,
) -> Split:
    """Make a split of a part for each of the n rows.

    Args:
        index: what is split.
        parts: n parts, None for an image that is left out.
        families: which rows show the same image.
        scheme: how it was made.
        fold: which fold it is, if any.
        notes: what a person should be told.
        smallest_val: fewer images in val are told of.

    Raises:
        DataError: a part is empty, or train holds fewer than two classes.
    """
    rows = {part: _rows_of(index, parts, part) for part in Part}
    _check(index, rows, scheme)
    return Split(
        scheme=scheme,
        fold=fold,
        train=rows[Part.TRAIN],
        val=rows[Part.VAL],
        test=rows[Part.TEST],
        test_is_copy=_copies(families, rows, Part.TEST, (Part.TRAIN, Part.VAL)),
        val_is_copy=_copies(families, rows, Part.VAL, (Part.TRAIN,)),
        digest=digest(
            sorted(
                [path, content, part or DROPPED]
                for path, content, part in zip(index.paths, index.hashes, parts, strict=True)
            )
        ),
        notes=(*notes, *_small(len(rows[Part.VAL]), smallest_val), *_missing(index, rows)),
    )


def _copies(
    families: Families, rows: dict[Part, Rows], judged: Part, learnt: Sequence[Part]
) -> npt.NDArray[np.bool_]:
    """Return whether each image of a part also stands, exactly or nearly, in one of others."""
    seen = {families.numbers[row] for part in learnt for row in rows[part]}
    return np.array([families.numbers[row] in seen for row in rows[judged]], dtype=bool)


def _rows_of(index: Index, parts: Sequence[Part | None], part: Part) -> Rows:
    found = [row for row, each in enumerate(parts) if each is part]
    return np.array(sorted(found, key=lambda row: index.paths[row]), dtype=np.int64)


def _check(index: Index, rows: dict[Part, Rows], scheme: str) -> None:
    for part, found in rows.items():
        if not len(found):
            raise DataError(
                f"the split {scheme} must leave images in {part}, but leaves none of "
                f"{len(index)}; bring more images or patients, or write another --split."
            )
    if len(set(index.labels[rows[Part.TRAIN]].tolist())) < 2:
        raise DataError(
            f"train must hold at least two classes, but the split {scheme} leaves one; "
            "bring images of another class, or write another --split."
        )


def _small(size: int, least: int) -> tuple[str, ...]:
    """Say where val holds too few images to choose networks and epochs by."""
    if size >= least:
        return ()
    said = f"val holds {size} images, fewer than the {least} that selection needs"
    return (f"{said}; what is chosen on it is in part chosen by chance",)


def _missing(index: Index, rows: dict[Part, Rows]) -> tuple[str, ...]:
    """Say which classes a part lacks."""
    notes = []
    for part, found in rows.items():
        present = set(index.labels[found].tolist())
        lacking = [name for label, name in enumerate(index.classes) if label not in present]
        if lacking:
            notes.append(f"{part} holds no image of {', '.join(lacking)}")
    return tuple(notes)
