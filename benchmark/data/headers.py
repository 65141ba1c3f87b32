"""Which column of a table means what: as a person says, else as published tables name them."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice

from ..errors import DataError, UsageError, did_you_mean
from ..records import Part
from ..texts import shown
from .index import part_of
from .tables import Sheet

NO_COLUMN = "none"
"""What a person writes for a part or a patient that no column tells."""

_NAMES: Mapping[str, tuple[str, ...]] = {
    "path": (
        *("path", "paths", "filepath", "file", "filename", "image", "imagepath", "imagefile"),
        *("imagefilename", "imagename", "imageindex", "xrayimagename", "img", "imgpath"),
    ),
    "label": (
        *("label", "labels", "class", "classname", "finding", "findings", "findinglabel"),
        *("findinglabels", "diagnosis", "target", "category", "dx"),
    ),
    "part": (
        *("part", "split", "set", "subset", "dataset", "partition", "fold", "datasettype"),
        *("datasplit", "phase", "usage"),
    ),
    "patient": ("patient", "patientid", "subject", "subjectid", "participant", "participantid"),
}
"""What published tables call each, without case, blanks and signs; the first is our own."""

MISSING = frozenset(
    ("", "nan", "na", "n/a", "#n/a", "#na", "<na>", "none", "null", "nil", "nat", "-", "--", "?")
)
"""What programs and people write into a cell for nothing, in lower case."""

_ROWS_LOOKED_AT = 10_000
_COLUMNS_LOOKED_AT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Meanings:
    """Positions of a table's columns by what they mean.

    Attributes:
        path: where the image is.
        label: its class.
        patient: its patient, None where no column tells.
        part: columns that may tell its part, depending on what they hold.
        part_given: whether a person named that column.
    """

    path: int
    label: int
    patient: int | None
    part: tuple[int, ...]
    part_given: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """The part of each row, and how it was told.

    Attributes:
        parts: a part a row, None where nothing tells it.
        column: the column that tells, None without.
        source: what tells, in words; empty without.
        notes: columns that do not tell, as was to be expected of them, and why.
        aside: lists of parts that are not read.
    """

    parts: Sequence[Part | None]
    column: int | None = None
    source: str = ""
    notes: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()


def find_columns(sheet: Sheet, given: Mapping[str, str]) -> Meanings:
    """Return which column means what.

    Args:
        sheet: the table.
        given: columns by meaning, where a person named them; `none` for no part or no patient.

    Raises:
        UsageError: a column that a person named is not there.
        DataError: no column, or more than one, may be the path or the label.
    """
    named = {meaning: _given(sheet, meaning, name) for meaning, name in given.items()}
    missing = [
        meaning
        for meaning in ("path", "label")
        if meaning not in named and not _candidates(sheet, meaning)
    ]
    if missing:
        raise DataError(_without(sheet, missing))
    chosen = {
        meaning: named[meaning] if meaning in named else _only(sheet, meaning)
        for meaning in ("path", "label", "patient")
    }
    path, label = chosen["path"], chosen["label"]
    if path is None or label is None:
        raise UsageError("--columns must name a column for the path and for the label, not none.")
    if "part" in named:
        part = tuple(each for each in (named["part"],) if each is not None)
    else:
        part = tuple(each for each in _candidates(sheet, "part") if each not in (path, label))
    return Meanings(
        path=path, label=label, patient=chosen["patient"], part=part, part_given="part" in named
    )


def find_files(sheet: Sheet, given: Mapping[str, str]) -> tuple[int, int | None]:
    """Return which column says where an image is, and which its patient, if any does.

    Args:
        sheet: a table that need not say more.
        given: as `find_columns` takes it; the label's and the part's are passed over.

    Raises:
        UsageError: a column that a person named is not there.
        DataError: no column, or more than one, may be the path.
    """
    path, patient = (
        _given(sheet, meaning, given[meaning]) if meaning in given else _only(sheet, meaning)
        for meaning in ("path", "patient")
    )
    if path is None:
        raise DataError(
            f"{sheet.file} must have the column path, not {shown(sheet.columns) or 'none'}; say "
            "which it is: --columns path=COLUMN."
        )
    return path, patient


def choose_part(
    sheet: Sheet, columns: Meanings, rows: Sequence[int], cells: Mapping[int, Sequence[str]]
) -> Parted:
    """Return each row's part, as the one column tells it that holds names of parts.

    Args:
        sheet: the table.
        columns: its columns.
        rows: the number of each row.
        cells: what the columns in `columns.part` hold, by position.

    Raises:
        DataError: a column holds names of parts and other words, or two columns name parts.
    """
    notes, telling = [], []
    for position in columns.part:
        words = {_plain(cell) for cell in cells[position]} - MISSING
        strange = sorted(word for word in words if part_of(word) is None)
        is_meant = columns.part_given or _key(sheet.columns[position]) == "part"
        if strange and (is_meant or len(strange) < len(words)):
            plain = [_plain(cell) for cell in cells[position]]
            row = rows[plain.index(strange[0])]
            raise DataError(_no_part(sheet, position, row, strange[0]))
        if strange:
            notes.append(
                f"the column {sheet.columns[position]!r} is not used as part: it holds "
                f"{shown(strange, 3)} and no train, val or test."
            )
        elif words:
            telling.append(position)
    own = [position for position in telling if _key(sheet.columns[position]) == "part"]
    telling = own or telling
    if len(telling) > 1:
        raise DataError(_either(sheet, "part", telling))
    if not telling:
        return Parted(parts=[None] * len(rows), notes=tuple(notes))
    known = {cell: part_of(cell) for cell in set(cells[telling[0]])}
    return Parted(
        parts=[known[cell] for cell in cells[telling[0]]],
        column=telling[0],
        source=f"the column {sheet.columns[telling[0]]}",
        notes=tuple(notes),
    )


def _no_part(sheet: Sheet, position: int, row: int, word: str) -> str:
    return (
        f"{sheet.file.name}, row {row}: part must be train, val or test, not {shown([repr(word)])} "
        f"as in the column {sheet.columns[position]!r}; correct it, or leave the column aside with "
        f"--columns part={NO_COLUMN}."
    )


def told(sheet: Sheet, columns: Meanings, part: int | None) -> tuple[str, ...]:
    """Return notes on what columns were taken for, and on one that may have been meant."""
    meant = {"path": columns.path, "label": columns.label}
    meant |= {"part": part} if part is not None else {}
    meant |= {"patient": columns.patient} if columns.patient is not None else {}
    others = [
        f"{meaning} is {sheet.columns[position]!r}"
        for meaning, position in meant.items()
        if sheet.columns[position].lower() != meaning
    ]
    notes = [f"columns of {sheet.file.name}: {', '.join(others)}."] if others else []
    for meaning in ("part", "patient"):
        near = [
            name
            for name in sheet.columns[:_COLUMNS_LOOKED_AT]
            if meaning not in meant and get_close_matches(_key(name), _NAMES[meaning], cutoff=0.8)
        ]
        notes += [
            f"the column {name!r} is not used; did you mean {meaning}? --columns {meaning}={name}"
            for name in near
            if _key(name) not in _NAMES[meaning]
        ]
    return tuple(notes)


def ignored(sheet: Sheet, columns: Meanings, part: int | None) -> tuple[str, ...]:
    """Return the names of the columns that are not used."""
    used = {columns.path, columns.label, columns.patient, part}
    return tuple(
        name or f"column {position + 1}"
        for position, name in enumerate(sheet.columns)
        if position not in used
    )


def _key(name: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", name).casefold())


def _plain(cell: str) -> str:
    return cell.strip().casefold()


def _candidates(sheet: Sheet, meaning: str) -> list[int]:
    """Return the columns whose names say the meaning, only those that say it in our word if any."""
    keys = [_key(name) for name in sheet.columns]
    own = [position for position, key in enumerate(keys) if key == meaning]
    return own or [position for position, key in enumerate(keys) if key in _NAMES[meaning]]


def _only(sheet: Sheet, meaning: str) -> int | None:
    found = _candidates(sheet, meaning)
    if len(found) > 1:
        raise DataError(_either(sheet, meaning, found))
    return found[0] if found else None


def _either(sheet: Sheet, meaning: str, positions: Sequence[int]) -> str:
    names = [sheet.columns[position] for position in positions]
    if len(set(names)) == 1:
        return f"{sheet.file}: {len(names)} columns are named {names[0]!r}; rename all but one."
    return (
        f"{sheet.file}: the columns {shown([repr(name) for name in names])} may each be the "
        f"{meaning}; say which: --columns {meaning}={names[0]}."
    )


def find_column(sheet: Sheet, name: str) -> int:
    """Return the position of the column of a name, without regard to case, blanks and signs.

    Raises:
        UsageError: there is none.
        DataError: there are several.
    """
    found = _of_name(sheet, name)
    if len(found) > 1:
        said = shown([repr(sheet.columns[each]) for each in found])
        raise DataError(
            f"{sheet.file}: the columns {said} may each be {name!r}; rename all but one."
        )
    if not found:
        raise UsageError(f"--by {name}: {_no_column(sheet, name)}")
    return found[0]


def _of_name(sheet: Sheet, name: str) -> list[int]:
    """Return the columns of a name, as it is spelt if there is one."""
    exact = [position for position, each in enumerate(sheet.columns) if each == name]
    return exact or [
        position for position, each in enumerate(sheet.columns) if _key(each) == _key(name)
    ]


def _given(sheet: Sheet, meaning: str, name: str) -> int | None:
    found = _of_name(sheet, name)
    if len(found) > 1:
        raise DataError(_either(sheet, meaning, found))
    if found:
        return found[0]
    if name == NO_COLUMN:
        return None
    raise UsageError(f"--columns {meaning}={name}: {_no_column(sheet, name)}")


def _no_column(sheet: Sheet, name: str) -> str:
    known = sheet.columns[:_COLUMNS_LOOKED_AT]
    hint = did_you_mean(name, known, otherwise=f"There are: {shown(known)}.")
    return f"{sheet.file.name} has no such column. {hint}"


def _without(sheet: Sheet, missing: Sequence[str]) -> str:
    """Say what columns a table lacks, and what to do about it."""
    names = sheet.columns
    begins = (
        f"{sheet.file} must have the columns path and label (and may have part and patient), "
        f"not {shown(names) or 'none'}"
    )
    flags = _flags(sheet) if missing == ["label"] else []
    if len(flags) > 1:
        return (
            f"{begins}; {shown(flags, 4)} hold one finding each as 0 and 1: write a column label "
            f"with one finding a row, or take one of them: --columns label={flags[0]}."
        )
    if any(re.search(r"\.(png|jpe?g|dcm|tiff?|bmp)$", name, re.IGNORECASE) for name in names):
        return f"{begins}: its first row must name the columns, such as path,label."
    meaning = missing[0]
    hint = did_you_mean(
        meaning,
        names[:_COLUMNS_LOOKED_AT],
        most=1,
        prefix=f"--columns {meaning}=",
        otherwise=f"Say which they are: --columns {'=COLUMN,'.join(missing)}=COLUMN.",
    )
    return f"{begins}. {hint}"


def _flags(sheet: Sheet) -> list[str]:
    """Return the columns that hold 0 and 1, -1 and nothing, as one-hot tables have them."""
    positions = range(min(len(sheet.columns), _COLUMNS_LOOKED_AT))
    held: list[set[str]] = [set() for _ in positions]
    for _, cells in islice(sheet.take(positions), _ROWS_LOOKED_AT):
        for values, cell in zip(held, cells, strict=True):
            if len(values) < 6:
                values.add(cell)
    return [
        sheet.columns[position]
        for position, values in enumerate(held)
        if _is_flag({_plain(value) for value in values} - MISSING)
        and not any(_key(sheet.columns[position]) in names for names in _NAMES.values())
    ]


def _is_flag(words: set[str]) -> bool:
    return bool(words) and words <= {"0", "1", "-1", "0.0", "1.0", "-1.0", "true", "false"}
