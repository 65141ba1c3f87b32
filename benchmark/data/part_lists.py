"""Read the lists of names that say beside a table which images are train and which are test."""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ..errors import DataError
from ..files import read_plain
from ..records import Part
from ..texts import shown
from .headers import NO_COLUMN, Parted

_LISTS = {"train_val_list.txt": Part.TRAIN, "test_list.txt": Part.TEST}
"""As ChestX-ray14 has them; a val part is made from train, as for a table without one."""

_LONGEST = 64 * 2**20  # bytes; chosen, not sourced: ChestX-ray14's have 1.8 MB
_OF_PARTS = re.compile(r"(?:.*[_\W])?(train|val|valid|test)[_\W](?:.*[_\W])?txt", re.IGNORECASE)


def by_lists(parted: Parted, folder: Path, rows: Mapping[str, int], wanted: bool) -> Parted:
    """Return the parts as lists in the table's folder tell them, where no column does.

    Args:
        parted: what the columns told.
        folder: the table's folder.
        rows: each row's number by its path.
        wanted: whether lists may tell the parts.

    Raises:
        DataError: an image is in neither list, or in both, or a list is none.
    """
    inside = next(os.walk(folder), ("", [], []))[2]
    lists = sorted(name for name in inside if _OF_PARTS.fullmatch(name))
    if not wanted or not set(_LISTS) <= set(lists):
        said = f"{shown(lists)} beside the table, which are not read: a column part decides"
        return replace(parted, aside=(said,) if lists else ())
    listed: dict[str, Part] = {}
    for name, part in _LISTS.items():
        for line in _lines(folder / name):
            if listed.setdefault(line, part) is not part:
                raise DataError(f"{shown([line])} stands in {' and in '.join(_LISTS)}.")
    parts = [listed.get(path.rpartition("/")[2]) for path in rows]
    if None in parts:
        path = list(rows)[parts.index(None)]
        raise DataError(
            f"row {rows[path]}: {shown([path])} stands neither in {' nor in '.join(_LISTS)}; "
            f"--columns part={NO_COLUMN} leaves these lists aside."
        )
    return replace(parted, parts=parts, source=f"the lists {' and '.join(_LISTS)}")


def _lines(file: Path) -> list[str]:
    try:
        return read_plain(file, _LONGEST).decode("utf-8-sig").split()
    except UnicodeDecodeError as error:
        raise DataError(f"{file} must be a list of names in UTF-8.") from error
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}.") from error
