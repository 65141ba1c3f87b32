"""Splits as CSV: `path, hash, label, part`, and `fold` where there are folds."""

import csv
import re
from collections.abc import Sequence
from io import StringIO
from itertools import combinations
from pathlib import Path

from ...errors import DataError
from ...files import read_plain
from ...records import Index, Part, Split
from .assignment import DROPPED, Parts, make_split, treat_leaks
from .groups import Near, families_of
from .schemes import OnLeak, SplitOptions

Line = dict[str, str]

_MOST_BYTES = 2**28  # chosen, not sourced: a million images of long names
_PARTS = {**{str(part): part for part in Part}, DROPPED: None}


def write_split(splits: Sequence[Split], index: Index, path: Path) -> None:
    """Save a split, or the folds of one, so that `--split PATH` gives it again.

    Every image of the index has a row in each fold; one that is left out has the part `dropped`.
    """
    columns = ["path", "hash", "label", "part"]
    if splits[0].fold is not None:
        columns.append("fold")
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        for split in splits:
            writer.writerows(_lines(split, index))


def read_splits(
    index: Index, pixels: Sequence[str], options: SplitOptions, near: Near = ()
) -> tuple[Split, ...]:
    """Read the split, or the folds of one, from the CSV that `options.scheme` names.

    The columns `path` and `part` are needed; `hash` and `label` are checked where present.

    Raises:
        DataError: the file does not fit the index, or is no such table; or there are copies or
            patients across parts and `options.on_leak` is `fail`.
    """
    name = options.scheme
    folds: dict[str, list[Line]] = {}
    for line in _read_lines(Path(name)):
        folds.setdefault(line.get("fold") or "", []).append(line)
    if not folds:
        raise DataError(f"{name} must hold a row for every image, but holds none.")
    families = families_of(index, pixels, near)
    splits = []
    for fold in sorted(folds, key=lambda fold: (len(fold), fold)):
        parts = _parts_of(index, folds[fold], name)
        parts, notes = treat_leaks(index, parts, families, near, options.on_leak)
        splits.append(
            make_split(
                index,
                parts,
                families,
                scheme=name,
                fold=_fold_number(fold, name),
                notes=(*notes, *_shared_patients(index, parts, name, options.on_leak)),
                smallest_val=options.smallest_val,
            )
        )
    return tuple(splits)


def _shared_patients(index: Index, parts: Parts, name: str, on_leak: OnLeak) -> tuple[str, ...]:
    """Say whose images a file puts into two parts; a `DataError` where leaks must fail."""
    where: dict[str, set[Part]] = {}
    for patient, part in zip(index.patients, parts, strict=True):
        if patient is not None and part is not None:
            where.setdefault(patient, set()).add(part)
    pairs = [
        f"{count} in {one} and {other}"
        for one, other in combinations(Part, 2)
        if (count := sum({one, other} <= found for found in where.values()))
    ]
    if not pairs:
        return ()
    several = sum(len(found) > 1 for found in where.values())
    said = f"{name} puts images of one patient into two parts, for {several} patient(s): "
    if on_leak is OnLeak.FAIL:
        raise DataError(
            f"{said}{', '.join(pairs)}; keep each patient in one part, or write --on-leak report."
        )
    return (f"{said}{', '.join(pairs)}; left as they are, so the scores are too good",)


def _lines(split: Split, index: Index) -> list[Line]:
    parts: dict[int, Part] = {int(row): part for part in Part for row in split.rows(part)}
    return [
        {
            "path": index.paths[row],
            "hash": index.hashes[row],
            "label": index.classes[index.labels[row]],
            "part": parts.get(row, DROPPED),
            "fold": "" if split.fold is None else str(split.fold),
        }
        for row in sorted(range(len(index)), key=lambda row: index.paths[row])
    ]


def _read_lines(path: Path) -> list[Line]:
    try:
        # Not read_text(): it would turn a carriage return within a quoted path into a newline.
        data = read_plain(path, _MOST_BYTES)
        text = data.decode("utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise DataError(f"{path} must be a readable CSV file: {error.strerror}.") from error
    try:
        reader = csv.DictReader(StringIO(text, newline=""), strict=True)
        lines = list(reader)
    except csv.Error as error:
        raise DataError(f"{path} must be a CSV table, but {error}.") from error
    lacking = [name for name in ("path", "part") if name not in (reader.fieldnames or ())]
    if lacking:
        raise DataError(f"{path} must have the columns path and part; {', '.join(lacking)} lacks.")
    return lines


def _fold_number(fold: str, name: str) -> int | None:
    if fold == "":
        return None
    if not re.fullmatch(r"[0-9]{1,9}", fold):
        raise DataError(f"{name}: fold must be a whole number, not {fold!r}.")
    return int(fold)


def _parts_of(index: Index, lines: Sequence[Line], name: str) -> Parts:
    """Return each row of the index its part from the file's lines."""
    rows = {path: row for row, path in enumerate(index.paths)}
    parts: dict[int, Part | None] = {}
    for line in lines:
        path = line["path"]
        if path not in rows:
            raise DataError(
                f"{name} names {path!r}, which {index.name} does not hold; paths must be those "
                "of the data set, relative to its folder."
            )
        row, part = rows[path], _check_line(index, rows[path], line, name)
        if row in parts and parts[row] is not part:
            raise DataError(f"{name} puts {path!r} into two parts; keep one row for it.")
        parts[row] = part
    missing = sorted(set(rows.values()) - set(parts))
    if missing:
        raise DataError(
            f"{name} must have a row for every image, but {len(missing)} of {len(index)} have none "
            f"(the first: {index.paths[missing[0]]!r}); leave an image out with the part {DROPPED}."
        )
    return [parts[row] for row in range(len(index))]


def _check_line(index: Index, row: int, line: Line, name: str) -> Part | None:
    path = index.paths[row]
    if line["part"] not in _PARTS:
        raise DataError(
            f"{name}: the part of {path!r} must be one of {', '.join(_PARTS)}, "
            f"not {line['part']!r}."
        )
    if line.get("hash") not in (None, "", index.hashes[row]):
        raise DataError(
            f"{name} was made for another content of {path!r}; make the split anew, or delete the "
            "column hash if the image was changed on purpose."
        )
    label = index.classes[index.labels[row]]
    if line.get("label") not in (None, "", label):
        raise DataError(f"{name} says that {path!r} is of class {line['label']!r}, not {label!r}.")
    return _PARTS[line["part"]]
