"""Read manifests: tables of `path, label` and optionally `part, patient`, as CSV or Parquet."""

import csv
from collections.abc import Iterator
from pathlib import Path

from ..errors import DataError
from ..records import Part
from .fingerprints import Fingerprints
from .folders import Found, Images
from .index import PART_NAMES

_COLUMNS = ("path", "label", "part", "patient")


def read_manifest(file: Path, fingerprints: Fingerprints) -> Found:
    """Read a manifest; paths in it are relative to its own folder, and stay below it.

    Raises:
        DataError: a column is missing, a cell is wrong, or a path is listed twice.
    """
    root = file.parent
    images = Images(root, fingerprints)
    seen: dict[Path, int] = {}
    for number, cells in enumerate(_lines(file), start=2):
        where = f"{file.name}, row {number}"
        path = _below(root, cells["path"], where)
        if path in seen:
            name = path.relative_to(root).as_posix()
            raise DataError(f"{where}: {name!r} stands in row {seen[path]} already.")
        seen[path] = number
        if not cells["label"]:
            raise DataError(f"{where}: the label is empty.")
        images.add(path, cells["label"], _part(cells["part"], where), cells["patient"])
    return images.found()


def _lines(file: Path) -> Iterator[dict[str, str]]:
    """Return a manifest's rows, every cell a text without blanks round it, absent ones empty."""
    rows = _parquet(file) if file.suffix.lower() == ".parquet" else _csv(file)
    for row in rows:
        yield {name: str("" if row.get(name) is None else row[name]).strip() for name in _COLUMNS}


def _csv(file: Path) -> Iterator[dict[str, object]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            table = csv.DictReader(text, strict=True)
            _check_columns(file, table.fieldnames or ())
            table.fieldnames = [name.strip().lower() for name in table.fieldnames or ()]
            for row in table:
                if None in row or None in row.values():
                    raise DataError(
                        f"{file.name}, line {table.line_num}: every row needs "
                        f"{len(table.fieldnames)} cells."
                    )
                yield dict(row)
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{file} is no CSV in UTF-8: {error}.") from error
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}.") from error


def _parquet(file: Path) -> Iterator[dict[str, object]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{file} is no Parquet table: {error}") from error
    _check_columns(file, table.column_names)
    yield from table.rename_columns(
        [name.strip().lower() for name in table.column_names]
    ).to_pylist()


def _check_columns(file: Path, names: object) -> None:
    found = [str(name).strip().lower() for name in names]  # type: ignore[attr-defined]
    missing = [name for name in ("path", "label") if name not in found]
    if missing:
        raise DataError(
            f"{file} must have the columns path and label (and may have part and patient), "
            f"not {', '.join(found) or 'none'}."
        )


def _below(root: Path, path: str, where: str) -> Path:
    """Return the file that a cell names, held below the manifest's folder."""
    if not path or "\0" in path:
        raise DataError(f"{where}: the path is empty or holds a zero character.")
    full = Path(path) if Path(path).is_absolute() else root / path
    parts = full.parts
    if ".." in parts or not full.is_relative_to(root):
        raise DataError(f"{where}: {path!r} must lie below the manifest's folder {root}.")
    return full


def _part(word: str, where: str) -> Part | None:
    if not word:
        return None
    part = PART_NAMES.get(word.lower())
    if part is None:
        raise DataError(f"{where}: part must be train, val or test, not {word!r}.")
    return part
