"""Where answers go: a table for people, or a CSV, Parquet or JSON file at full precision."""

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np

from ..errors import UsageError
from ..files import whole_file
from ..records import Probabilities
from ..texts import printable

OUT_SUFFIXES = (".csv", ".parquet", ".json")
"""What the name of a file for answers may end in."""

_LONGEST_SHOWN = 60  # characters of a path in the table for people; its end tells more


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What the columns of a table are.

    Attributes:
        before: names of those before the label: `path`, `patient`, `images`.
        classes: k class names.
        after: names of those behind the probabilities: `error`, `synthetic`.
        width: characters of the longest cell in the first column.
    """

    before: tuple[str, ...]
    classes: tuple[str, ...]
    after: tuple[str, ...] = ()
    width: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Rows of a table.

    Attributes:
        before: n rows of cells before the label.
        probabilities: (n, k); NaN in a row without an answer.
        after: n rows of cells behind the probabilities.
    """

    before: Sequence[tuple[str | int, ...]]
    probabilities: Probabilities
    after: Sequence[tuple[str, ...]]

    def labels(self, classes: Sequence[str]) -> list[str | None]:
        """Return the most probable class of each row, None for one without an answer."""
        return [
            None if np.isnan(row).any() else classes[int(row.argmax())]
            for row in self.probabilities
        ]


class Writer(Protocol):
    """Takes the rows of one table, some at a time."""

    def write(self, answers: Answers) -> None:
        """Take some rows."""


@contextmanager
def table_for(target: Path | None, heading: Heading) -> Iterator[Writer]:
    """Yield what writes a table: to a file, whole or not at all, or for people where there is none.

    Raises:
        StoreError: the file cannot be written.
    """
    with nullcontext() if target is None else whole_file(target) as part:
        if target is None or part is None:
            yield _Shown(heading)
        elif target.suffix.lower() == ".parquet":
            with _parquet(part, heading) as writer:
                yield writer
        else:
            with part.open("a", encoding="utf-8", newline="") as file:
                is_json = target.suffix.lower() == ".json"
                with _json(file, heading) if is_json else _csv(file, heading) as writer:
                    yield writer


def out_file(out: Path | None, csv: Path | None) -> Path | None:
    """Return the file that `--out`, or `--csv` as it was called, names; None for none.

    Raises:
        UsageError: both are given, or the file is of no known kind.
    """
    if out is not None and csv is not None:
        raise UsageError("--csv is the old name of --out: give one of them.")
    if out is not None and out.suffix.lower() not in OUT_SUFFIXES:
        raise UsageError(f"--out must end in {', '.join(OUT_SUFFIXES)}, not as {str(out)!r} does.")
    return out or csv


def beside(target: Path) -> Path:
    """Return where the table of patients goes: a file of its own, but behind all else in a pipe."""
    if target.exists() and not target.is_file():
        return target
    return target.with_name(f"{target.stem}-patients{target.suffix}")


class _Shown:
    """Prints aligned columns, probabilities to two places; a row without an answer says why."""

    def __init__(self, heading: Heading) -> None:
        self._classes = heading.classes
        self._widths = [min(max(heading.width, len(heading.before[0])), _LONGEST_SHOWN)]
        self._widths += [max(len(name), 12) for name in heading.before[1:]]
        self._label = max(map(len, ("label", *heading.classes)))
        self._line(heading.before, "label", [f"{name:>4}" for name in heading.classes])

    def write(self, answers: Answers) -> None:
        """Print some rows."""
        labels = answers.labels(self._classes)
        for before, label, row, after in zip(
            answers.before, labels, answers.probabilities, answers.after, strict=True
        ):
            shown = [f"{value:{max(len(name), 4)}.2f}" for name, value in self._named(row)]
            self._line(before, label or "-", shown if label else [after[0]])

    def _named(self, row: Any) -> Iterator[tuple[str, float]]:
        return zip(self._classes, row.tolist(), strict=True)

    def _line(self, before: Sequence[str | int], label: str, rest: Sequence[str]) -> None:
        cells = [
            f"{_end(str(cell), width):{width}}"
            for cell, width in zip(before, self._widths, strict=True)
        ]
        print(printable("  ".join([*cells, f"{label:{self._label}}", *rest]).rstrip()))


def _end(text: str, width: int) -> str:
    return text if len(text) <= width else f"…{text[1 - width :]}"


class _Rows:
    """Takes rows cell by cell, empty ones where there is no answer."""

    def __init__(self, heading: Heading) -> None:
        self._heading = heading

    def cells(self, answers: Answers) -> Iterator[list[Any]]:
        """Yield the cells of each row, None for one that is empty."""
        labels = answers.labels(self._heading.classes)
        for before, label, row, after in zip(
            answers.before, labels, answers.probabilities.tolist(), answers.after, strict=True
        ):
            yield [*before, label, *(row if label else [None] * len(row)), *after]


class _Csv(_Rows):
    def __init__(self, file: TextIO, heading: Heading) -> None:
        super().__init__(heading)
        self._writer = csv.writer(file, lineterminator="\n")
        self._writer.writerow([*heading.before, "label", *heading.classes, *heading.after])

    def write(self, answers: Answers) -> None:
        self._writer.writerows(self.cells(answers))


@contextmanager
def _csv(file: TextIO, heading: Heading) -> Iterator[Writer]:
    yield _Csv(file, heading)


class _Json:
    """Writes a list of objects, a line each."""

    def __init__(self, file: TextIO, heading: Heading) -> None:
        self._file, self._heading = file, heading
        self._begun = False

    def write(self, answers: Answers) -> None:
        classes = self._heading.classes
        labels = answers.labels(classes)
        for before, label, row, after in zip(
            answers.before, labels, answers.probabilities.tolist(), answers.after, strict=True
        ):
            values = {
                **dict(zip(self._heading.before, before, strict=True)),
                "label": label,
                # Below a name of their own: a class may be called `path`.
                "probabilities": dict(zip(classes, row, strict=True)) if label else None,
                **dict(zip(self._heading.after, after, strict=True)),
            }
            self._file.write(",\n" if self._begun else "[\n")
            self._file.write(json.dumps(values, ensure_ascii=False))
            self._begun = True

    def end(self) -> None:
        self._file.write("\n]\n" if self._begun else "[]\n")


@contextmanager
def _json(file: TextIO, heading: Heading) -> Iterator[Writer]:
    writer = _Json(file, heading)
    yield writer
    writer.end()


class _Parquet(_Rows):
    def __init__(self, writer: Any, heading: Heading) -> None:
        super().__init__(heading)
        self._writer = writer

    def write(self, answers: Answers) -> None:
        import pyarrow as pa

        columns = zip(*self.cells(answers), strict=True)
        arrays = [
            pa.array(column, each.type)
            for column, each in zip(columns, self._writer.schema, strict=True)
        ]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._writer.schema))


@contextmanager
def _parquet(part: Path, heading: Heading) -> Iterator[Writer]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    fields = [
        *((name, pa.int64() if name == "images" else pa.string()) for name in heading.before),
        ("label", pa.string()),
        *((name, pa.float64()) for name in heading.classes),
        *((name, pa.string()) for name in heading.after),
    ]
    with pq.ParquetWriter(part, pa.schema(fields)) as writer:
        yield _Parquet(writer, heading)
