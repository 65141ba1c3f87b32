"""Read tables as texts: CSV with commas, semicolons or tabs, and Parquet."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from ..errors import DataError, one_line
from ..files import check_plain
from ..texts import printable

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")
"""How names of tables end, in lower case."""

# chosen, not sourced: the table of the largest public set of chest X-rays, 377,110 images, is
# some 60 MB long; beyond that a file is no table of images, and must not fill the memory.
_MOST_BYTES = 256 * 2**20
_MOST_ROWS = 5_000_000
_LONGEST_NAME = 120  # characters, in what is shown
_LONGEST_LINE = 16 * 2**20

Row = tuple[int, list[str]]
"""A row's number, as a spreadsheet counts, and its cells without blanks round them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table that is read column by column, as often as need be.

    Attributes:
        file: where it stands.
        columns: the names of its columns, in one line and without blanks round them.
        take: reads the rows, of each the cells at some positions; rows without anything are
            passed over.
    """

    file: Path
    columns: tuple[str, ...]
    take: Callable[[Sequence[int]], Iterator[Row]]


def open_table(file: Path) -> Sheet:
    """Open a table; its first row, or its schema, names the columns.

    Raises:
        DataError: it is no plain file, no table that can be read, or larger than any of images.
    """
    size = check_plain(file)
    if size > _MOST_BYTES:
        raise DataError(f"{file} has {size:,} bytes; a table must have at most {_MOST_BYTES:,}.")
    return _parquet(file) if file.suffix.lower() == ".parquet" else _csv(file)


def _named(cell: str) -> str:
    return printable(" ".join(cell.split()))[:_LONGEST_NAME]


def _csv(file: Path) -> Sheet:
    with _refusing(file), file.open("rb") as data:
        head = data.read(4096)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head:
        raise DataError(f"{file} is UTF-16 or no text; save it as UTF-8 (spreadsheets: CSV UTF-8).")
    delimiter, start, columns = _header(file)
    names = [_named(name) for name in columns]
    while names and not names[-1]:  # ChestX-ray14's header and rows end with a comma
        names.pop()

    def take(positions: Sequence[int]) -> Iterator[Row]:
        with _refusing(file), _open(file) as text:
            for number, cells in enumerate(_records(file, text, delimiter), start=1):
                if number <= start or not any(cells):
                    continue
                if len(cells) < len(names) or any(cells[len(names) :]):
                    raise DataError(
                        f"{file.name}, row {number}: every row needs {len(names)} cells, "
                        f"and it has {len(cells)}."
                    )
                if number > _MOST_ROWS:
                    raise DataError(f"{file} has more than {_MOST_ROWS:,} rows.")
                yield number, [cells[position].strip() for position in positions]

    return Sheet(file=file, columns=tuple(names), take=take)


def _header(file: Path) -> tuple[str, int, list[str]]:
    """Return what parts the cells, the number of the first row that is not blank, and its cells."""
    found: list[tuple[int, str, int, list[str]]] = []
    faults = []
    for delimiter in ",;\t":
        with _refusing(file), _open(file) as text:
            try:
                for number, cells in enumerate(_records(file, text, delimiter), start=1):
                    if any(cells):
                        names = [cell.strip() for cell in cells]
                        found.append((len(cells), delimiter, number, names))
                        break
            except csv.Error as error:
                faults.append(error)
    with _refusing(file):
        for fault in faults if not found else ():
            raise fault
    _, delimiter, number, names = max(found, key=lambda each: each[0], default=(0, ",", 0, []))
    return delimiter, number, names


def _open(file: Path) -> TextIO:
    return file.open(encoding="utf-8-sig", newline="")


def _records(file: Path, text: TextIO, delimiter: str) -> Iterator[list[str]]:
    return csv.reader(_lines(file, text), delimiter=delimiter, strict=True)


def _lines(file: Path, text: TextIO) -> Iterator[str]:
    while line := text.readline(_LONGEST_LINE):
        if len(line) == _LONGEST_LINE:
            raise DataError(f"{file} has a line of {_LONGEST_LINE:,} characters or more.")
        yield line


@contextmanager
def _refusing(file: Path) -> Iterator[None]:
    """Turn what goes wrong while a table is read into one line."""
    try:
        yield
    except UnicodeDecodeError as error:
        wrong = error.object[error.start]
        raise DataError(
            f"{file} is no CSV in UTF-8: the byte 0x{wrong:02x} has no meaning there; save it as "
            "UTF-8 (spreadsheets: CSV UTF-8)."
        ) from error
    except csv.Error as error:
        raise DataError(f"{file} is no CSV in UTF-8: {printable(one_line(error))}.") from error
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}.") from error


def _parquet(file: Path) -> Sheet:
    with _refusing_parquet(file) as parquet:
        schema = parquet.schema_arrow
        columns = tuple(_named(str(name)) for name in schema.names)
        kinds = list(schema.types)
        if parquet.metadata.num_rows > _MOST_ROWS:
            raise DataError(f"{file} has more than {_MOST_ROWS:,} rows.")

    def take(positions: Sequence[int]) -> Iterator[Row]:
        for position in positions:
            if not _is_plain(kinds[position]):
                held = str(kinds[position]).partition("<")[0]
                raise DataError(
                    f"{file}: the column {columns[position]!r} must hold texts or numbers, not "
                    f"{held}."
                )
        with _refusing_parquet(file) as parquet:
            table = parquet.read(columns=[schema.names[each] for each in dict.fromkeys(positions)])
            values = [table.column(schema.names[each]).to_pylist() for each in positions]
        for number, cells in enumerate(zip(*values, strict=True), start=2):
            yield number, ["" if cell is None else str(cell).strip() for cell in cells]

    return Sheet(file=file, columns=columns, take=take)


@contextmanager
def _refusing_parquet(file: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as parquet:
            yield parquet
    except (OSError, ValueError, MemoryError, pa.ArrowException) as error:
        reason = printable(one_line(error))[:200]
        raise DataError(f"{file} is no Parquet table: {reason}.") from error


def _is_plain(kind: Any) -> bool:
    """Whether a column's values are texts or numbers."""
    import pyarrow.types as kinds

    if kinds.is_dictionary(kind):
        return _is_plain(kind.value_type)
    return any(
        is_so(kind)
        for is_so in (
            *(kinds.is_string, kinds.is_large_string, kinds.is_string_view, kinds.is_integer),
            *(kinds.is_floating, kinds.is_decimal, kinds.is_boolean, kinds.is_null),
        )
    )
