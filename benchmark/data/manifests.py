"""Read manifests: tables of images with `path, label` and optionally `part, patient`."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ..errors import DataError, UsageError
from ..files import path_of
from ..records import Understanding
from ..texts import shown
from .fingerprints import Fingerprints
from .folders import Found, Images
from .headers import (
    MISSING,
    NO_COLUMN,
    Meanings,
    choose_part,
    find_column,
    find_columns,
    find_files,
    ignored,
    told,
)
from .index import ReadOptions, part_of
from .labels import LabelCells, name_labels, writing_key
from .part_lists import by_lists
from .placeholders import is_placeholder
from .tables import TABLE_SUFFIXES, Sheet, open_table

_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")


def read_manifest(file: Path, fingerprints: Fingerprints, options: ReadOptions) -> Found:
    """Read a manifest; paths in it are relative to its own folder, and stay below it.

    Raises:
        UsageError: an option names a column or a finding that is not there.
        DataError: a column is missing, a cell is wrong, or a path is listed twice.
    """
    sheet = open_table(file)
    columns = find_columns(sheet, options.columns)
    numbers, held = _cells(sheet, columns)
    parted = choose_part(sheet, columns, numbers, held)
    labels = name_labels(
        LabelCells(called=file.name, rows=numbers, cells=held[columns.label]), options.one_label
    )
    names, moved = _located(file, numbers, held[columns.path])
    people = [""] * len(names) if columns.patient is None else held[columns.patient]
    if parted.column is None:
        wanted = options.columns.get("part") != NO_COLUMN
        parted = by_lists(parted, file.parent, dict(zip(names, numbers, strict=True)), wanted)
    images = Images(file.parent, fingerprints)
    for name, label, of_part, patient in zip(
        names, labels.names, parted.parts, people, strict=True
    ):
        if label is not None:
            images.add(file.parent / name, label, of_part, _patient(patient))
    return replace(
        images.found((*told(sheet, columns, parted.column), *parted.notes, *moved, *labels.notes)),
        understood=Understanding(
            parts_from=parted.source,
            merged=labels.merged,
            ignored_columns=ignored(sheet, columns, parted.column),
            ignored_files=parted.aside,
        ),
    )


def read_cells(
    data: str, options: ReadOptions, names: Sequence[str]
) -> Mapping[str, tuple[str, ...]]:
    """Return what further columns of a manifest say of each image, by its path in the index.

    Args:
        data: the manifest.
        options: how its images are read.
        names: the columns.

    Returns:
        A cell a column; empty where it holds nothing, or what programs write for that.

    Raises:
        UsageError: it is no table, or has no such column.
        DataError: a path is none, as in `read_manifest`.
    """
    file = path_of(data).absolute()
    if file.is_dir() or file.suffix.lower() not in TABLE_SUFFIXES:
        raise UsageError(
            f"--by names columns of a table ({', '.join(TABLE_SUFFIXES)}), and --data {data} is "
            "none: write one with benchmark audit --write-manifest FILE.csv, add the columns, and "
            "give it with --data."
        )
    sheet = open_table(file)
    path = find_columns(sheet, options.columns).path
    rows = list(sheet.take([path, *(find_column(sheet, name) for name in names)]))
    paths, _ = _located(file, [number for number, _ in rows], [cells[0] for _, cells in rows])
    return {
        name: tuple("" if cell.casefold() in MISSING else cell for cell in cells[1:])
        for name, (_, cells) in zip(paths, rows, strict=True)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An image that a table names: its path below the table's folder, and its patient or ''."""

    path: str
    patient: str = ""


def list_images(file: Path, columns: Mapping[str, str]) -> tuple[Listed, ...]:
    """Return the images that a manifest names, whether or not it has labels, in its order.

    Args:
        file: the manifest; paths in it are relative to its own folder, and stay below it.
        columns: its columns by what they mean, as `ReadOptions` has them.

    Raises:
        UsageError: an option names a column that is not there.
        DataError: it names no image, or a path is wrong or listed twice.
    """
    sheet = open_table(file)
    path, patient = find_files(sheet, columns)
    wanted = [path] if patient is None else [path, patient]
    numbers, rows = [], []
    for number, cells in sheet.take(wanted):
        numbers.append(number)
        rows.append(cells)
    if not rows:
        raise DataError(f"{file} names no image: it has no rows.")
    names, _ = _located(file, numbers, [row[0] for row in rows])
    people = ["" if patient is None else row[1] for row in rows]
    return tuple(
        Listed(path=name, patient="" if is_placeholder(each, in_table=True) else each)
        for name, each in zip(names, map(_patient, people), strict=True)
    )


def refuse_unread(data: str, options: ReadOptions) -> None:
    """Refuse options of tables for what is no table.

    Raises:
        UsageError: an option says what would not be read.
    """
    is_table = data.lower().endswith(TABLE_SUFFIXES) and not Path(data).expanduser().is_dir()
    asked = [
        *(["--columns"] if options.columns else []),
        *(["--one-label"] if options.one_label else []),
    ]
    if asked and not is_table:
        raise UsageError(
            f"{' and '.join(asked)}: read with a table ({', '.join(TABLE_SUFFIXES)}) only, and "
            f"--data {data} is none."
        )


def _cells(sheet: Sheet, columns: Meanings) -> tuple[list[int], dict[int, list[str]]]:
    """Return the rows' numbers, and what each column that is looked at holds, by position."""
    patients = () if columns.patient is None else (columns.patient,)
    wanted = (columns.path, columns.label, *columns.part, *patients)
    numbers: list[int] = []
    held: dict[int, list[str]] = {position: [] for position in wanted}
    columns_of = tuple(held.items())
    for number, cells in sheet.take([position for position, _ in columns_of]):
        numbers.append(number)
        for (_, column), cell in zip(columns_of, cells, strict=True):
            column.append(cell)
    return numbers, held


def _patient(cell: str) -> str:
    """Return what tells a patient apart; programs write 7 as 7.0 where another cell is empty."""
    return "" if cell.casefold() in MISSING else writing_key(cell)


def _located(
    file: Path, numbers: Sequence[int], cells: Sequence[str]
) -> tuple[list[str], tuple[str, ...]]:
    """Return each row's path below the table's folder, and notes on paths that meant others.

    Raises:
        DataError: a path is none or leads out, stands in two rows, or may be two files.
    """
    root = file.parent
    names = [
        _below(root, cell, f"{file.name}, row {number}")
        for number, cell in zip(numbers, cells, strict=True)
    ]
    notes: tuple[str, ...] = ()
    absent = [name for name in names if not os.path.lexists(_join(root, name))]
    if len(absent) * 2 > len(names):
        row = numbers[names.index(absent[0])]
        _refuse_without_ending(file, row, absent)
        if any("/" in name for name in absent):
            names, notes = _without_folders(root, names, absent)
        else:
            names, notes = _found_by_name(file, names)
        if not notes and len(absent) == len(names):
            raise DataError(
                f"{file.name}, row {row}: there is no file {shown([repr(absent[0])])}, and none of "
                f"the {len(names):,} that are named; paths must be relative to {root}."
            )
    seen: dict[str, int] = {}
    for number, name in zip(numbers, names, strict=True):
        if seen.setdefault(name, number) != number:
            raise DataError(
                f"{file.name}, row {number}: {shown([repr(name)])} stands in row {seen[name]} "
                "already."
            )
    return names, notes


def _join(root: Path, name: str) -> str:
    return os.path.join(root, name)  # noqa: PTH118 - a Path for each of 100,000 rows costs seconds


def _below(root: Path, path: str, where: str) -> str:
    """Return the relative path of the file that a cell names, held below the manifest's folder."""
    if not path or not {"\0", "\n", "\r"}.isdisjoint(path):
        raise DataError(f"{where}: the path is empty, or holds a zero character or a line's end.")
    if not {"", ".", ".."} & set(path.split("/")) and "\\" not in path and path[1:2] != ":":
        return path  # nearly all are so, and a PurePosixPath for each takes seconds
    if _DRIVE.match(path):
        raise DataError(
            f"{where}: {shown([repr(path)])} names a drive of Windows; write paths relative to "
            f"{root}."
        )
    if "\\" in path and not os.path.lexists(_join(root, path)):
        path = path.replace("\\", "/")
    plain = PurePosixPath(path)
    if plain.is_absolute() and plain.is_relative_to(root):
        plain = plain.relative_to(root)
    if plain.is_absolute() or ".." in plain.parts or not plain.parts:
        raise DataError(
            f"{where}: {shown([repr(path)])} must lie below the manifest's folder {root}."
        )
    return str(plain)


def _refuse_without_ending(file: Path, row: int, absent: Sequence[str]) -> None:
    """Refuse names without their ending, where a file of that name and an ending is there."""
    first = PurePosixPath(absent[0])
    if first.suffix.lower() in _ENDINGS:
        return
    bare = {PurePosixPath(name).name for name in absent}
    for path in _files_below(file.parent):
        name = path.rpartition("/")[2]
        stem, dot, ending = name.rpartition(".")
        if dot and stem in bare and f".{ending.lower()}" in _ENDINGS:
            raise DataError(
                f"{file.name}, row {row}: there is no file {shown([repr(absent[0])])}, as for "
                f"{len(absent):,} rows; write names with their ending, such as {name!r}, which is "
                f"at {shown([path])}."
            )


_ENDINGS = frozenset(
    (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".dcm", ".dicom")
)


def _files_below(root: Path) -> list[str]:
    """Return the relative paths of all files below a folder that are not hidden, sorted."""
    found = []
    for place, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = os.path.relpath(place, root)
        found += files if inside == "." else [f"{inside}/{name}" for name in files]
    return sorted(found)


def _found_by_name(file: Path, names: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return the paths of files that a table names without their folders."""
    wanted = set(names)
    places: dict[str, str] = {}
    for path in _files_below(file.parent):
        name = path.rpartition("/")[2]
        if name in wanted and places.setdefault(name, path) != path:
            raise DataError(
                f"{file.name} names {name!r}, and both {shown([places[name]])} and {shown([path])} "
                "are there; write "
                "paths with their folders."
            )
    if not places:
        return list(names), ()
    folders = sorted({path.rpartition("/")[0] or "." for path in places.values()})
    note = f"{file.name} names files without folders; they were found in {shown(folders)}."
    return [places.get(name, name) for name in names], (note,)


def _without_folders(
    root: Path, names: Sequence[str], absent: Sequence[str]
) -> tuple[list[str], tuple[str, ...]]:
    """Return paths without folders that all absent ones begin with and that are not there.

    CheXpert's begin with the folder in which the table lies itself. A folder of a part is left out
    only where it is that folder: without it, an image of test may be found in train.
    """
    parts = PurePosixPath(absent[0]).parts
    for count in range(1, len(parts)):
        begin = "/".join(parts[:count]) + "/"
        if not all(name.startswith(begin) for name in absent):
            break
        is_own = parts[count - 1] == root.name
        if not is_own and any(part_of(folder) for folder in parts[:count]):
            break
        if os.path.lexists(root.joinpath(*parts[count:])):
            note = f"paths begin with {begin}, which is not below {root}: they are read without it."
            return [name.removeprefix(begin) for name in names], (note,)
    return list(names), ()
