"""Which of the known data sets was found: told by its counts, never by names alone."""

import re
from collections import Counter
from dataclasses import replace

from .folders import Found
from .known import DATA_SETS, DataSet

_NUMBERED = re.compile(r"class-\d\d")


def recognise(found: Found) -> DataSet | None:
    """Tell which known data set was found: by how many images each class has in each part.

    Names of classes and files tell nothing: normal and pneumonia are the commonest classes there
    are. Classes of arrays have no names, and stand in the order of the known ones.
    """
    counts = Counter((row.part, row.class_name) for row in found.rows)
    for name in DATA_SETS:
        known = DATA_SETS[name]
        if not known.counts or len(found.classes) != len(known.classes):
            continue
        own = [c for c in found.classes if not _NUMBERED.fullmatch(c)]
        if own and found.classes != known.classes:
            continue
        due = {
            (part, called): count
            for part, each in known.counts.items()
            for called, count in zip(found.classes, each, strict=True)
        }
        if counts == due:
            return known
    return None


def named_as(found: Found, known: DataSet | None) -> Found:
    """Return what an array file holds with the names of a known set's classes for its numbers."""
    if known is None:
        return found
    called = {f"class-{number:02d}": name for number, name in enumerate(known.classes)}
    rows = [
        replace(row, class_name=called.get(row.class_name, row.class_name)) for row in found.rows
    ]
    classes = tuple(sorted({row.class_name for row in rows}))
    return replace(found, rows=tuple(rows), classes=classes)


def named_like(found: Found) -> DataSet | None:
    """Return the known data set whose classes, parts and file names a set has, if any.

    It may be a sample of it or another: its patients' pattern is used all the same, since a
    wrong joining leaks nothing.
    """
    for name in DATA_SETS:
        known = DATA_SETS[name]
        if not known.patient_pattern or found.classes != known.classes:
            continue
        pattern = re.compile(known.patient_pattern)
        if sum(pattern.search(row.path) is not None for row in found.rows) * 2 > len(found.rows):
            return known
    return None
