"""Labels of a table: told apart by what they say, not how they are written; one an image."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import DataError, UsageError, did_you_mean
from ..texts import shown
from .headers import MISSING

DROP = "drop"
"""What `--one-label` says to leave out images of several findings."""

_LONGEST = 200  # characters; chosen, not sourced: a class name stands on a board and in files
_MOST_ROWS_SHOWN = 5
_NUMBER = re.compile(r"([+-]?)0*([0-9]+?)(?:\.([0-9]*?)0*)?")
_LIST = re.compile(r"\[(.*)\]")
_MANY_CLASSES = 50  # chosen, not sourced: in fewer, and in four images each, somebody may see sense
_MANY_LISTS = 5  # chosen, not sourced: so many cells with commas are no names of classes


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelCells:
    """What a table's column of labels holds.

    Attributes:
        called: the table, as messages name it.
        rows: the number of each row.
        cells: its label, as it is written.
    """

    called: str
    rows: Sequence[int]
    cells: Sequence[str]

    def share(self, cells: Collection[str]) -> str:
        """Say how many of all rows hold one of these."""
        return f"{sum(cell in cells for cell in self.cells):,} of {len(self.cells):,}"

    def where(self, cells: Collection[str]) -> str:
        """Name the rows that hold one of these: the first of them, and how many there are."""
        found = [
            number for number, cell in zip(self.rows, self.cells, strict=True) if cell in cells
        ]
        if len(found) == 1:
            return f"{self.called}, row {found[0]}"
        numbers = shown([str(number) for number in found], _MOST_ROWS_SHOWN)
        return f"{self.called}, rows {numbers} ({len(found):,} of {len(self.rows):,})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelNames:
    """The class of each row, and what was done for it.

    Attributes:
        names: a class a row, None where the image is left out.
        merged: labels that are taken as one, a phrase each class.
        notes: what else a reader should know.
    """

    names: tuple[str | None, ...]
    merged: tuple[str, ...]
    notes: tuple[str, ...]


def name_labels(column: LabelCells, one_label: str | None) -> LabelNames:
    """Return the class of each row.

    Args:
        column: the labels as they are written.
        one_label: `drop` leaves out images of several findings; a finding's name makes two
            classes, those that have it and those that do not; None refuses several findings.

    Raises:
        DataError: a label is missing or no name of a class, or is several findings.
        UsageError: no label is the finding that `one_label` names.
    """
    counts = Counter(column.cells)
    _refuse_missing(column, counts)
    separator = _separator(counts)
    findings = {cell: _findings(cell, separator) for cell in counts}
    _refuse_odd(column, findings)
    spelled, merged = _spelled(_frequencies(findings, counts))
    taken = {
        cell: tuple(dict.fromkeys(spelled[finding] for finding in found))
        for cell, found in findings.items()
    }
    names, notes = _one_each(column, taken, one_label)
    _refuse_many(column, set(names.values()))
    return LabelNames(
        names=tuple(names[cell] for cell in column.cells),
        merged=merged,
        notes=(*notes, *_uncertain(column, counts)),
    )


def writing_key(text: str) -> str:
    """Return what is equal for two labels that differ in case, blanks or number format only."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    number = _NUMBER.fullmatch(plain) if len(plain) <= _LONGEST else None
    if number is None:
        return plain
    sign, whole, rest = number.groups(default="")
    value = f"{whole}.{rest}" if rest else whole
    return value if sign != "-" or value == "0" else f"-{value}"


def _is_missing(cell: str) -> bool:
    return cell.casefold() in MISSING


def _refuse_missing(column: LabelCells, counts: Iterable[str]) -> None:
    words = sorted({cell for cell in counts if _is_missing(cell)})
    if not words:
        return
    written = " or ".join(repr(word) if word else "empty" for word in words)
    why = "" if words == [""] else ", which programs write for no label"
    raise DataError(
        f"{column.where(words)}: the label is {written}{why}; write it, or remove the rows."
    )


def _findings(cell: str, separator: str | None) -> tuple[str, ...]:
    """Return the findings in a cell: one, or those that a separator parts."""
    inner = _LIST.fullmatch(cell)
    if inner:
        words = [word.strip().strip("'\"") for word in inner.group(1).split(",")]
    else:
        words = cell.split(separator) if separator else [cell]
    clean = [" ".join(word.split()) for word in words]
    return tuple(word for word in clean if not _is_missing(word))


def _separator(counts: Mapping[str, int]) -> str | None:
    """Return what parts several findings in one cell, None where each cell is one.

    A bar or a semicolon stands in no name of a class. A comma may: it parts findings where they
    are labels of other rows, or where the same words are joined in more and more ways.
    """
    for separator in "|;":
        if any(len(_findings(cell, separator)) > 1 for cell in counts):
            return separator
    lists = {cell: _findings(cell, ",") for cell in counts if "," in cell}
    alone = {writing_key(cell) for cell in counts if "," not in cell}
    words = {writing_key(word) for found in lists.values() for word in found}
    joins_labels = any(
        len(found) > 1 and {writing_key(word) for word in found} <= alone
        for found in lists.values()
    )
    recurs = len(lists) >= _MANY_LISTS and len(words) < len(lists)
    return "," if joins_labels or recurs else None


def _refuse_odd(column: LabelCells, findings: Mapping[str, Sequence[str]]) -> None:
    """Refuse what can be no name of a class: nothing, what cannot be seen, a whole text."""
    for cell, found in findings.items():
        longest = max(map(len, found), default=0)
        if not found:
            why = "names no finding; write one, or remove the rows"
        elif longest > _LONGEST:
            why = f"has {longest:,} characters; the name of a class has at most {_LONGEST}"
        elif not all(finding.isprintable() for finding in found):
            why = "holds a character that cannot be seen; write it without"
        else:
            continue
        raise DataError(f"{column.where([cell])}: the label {why}.")


def _refuse_many(column: LabelCells, names: Collection[str | None]) -> None:
    """Refuse a column of ages, numbers or texts that is taken for labels."""
    if len(names) > max(_MANY_CLASSES, len(column.cells) // 4):
        raise DataError(
            f"{column.called}: the label has {len(names):,} different values in "
            f"{len(column.cells):,} rows, which are no classes; say which column is the label: "
            "--columns label=COLUMN."
        )


def _frequencies(
    findings: Mapping[str, Sequence[str]], counts: Mapping[str, int]
) -> Mapping[str, int]:
    """Return how many rows have each finding."""
    rows: Counter[str] = Counter()
    for cell, found in findings.items():
        rows.update(dict.fromkeys(found, counts[cell]))
    return rows


def _spelled(counts: Mapping[str, int]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return one way of writing for each finding, and phrases on those that had several.

    It is the most frequent one, and the shortest one of a number.
    """
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for word in counts:
        alike[writing_key(word)].append(word)
    spelled: dict[str, str] = {}
    merged = []
    for key, words in sorted(alike.items()):
        if _NUMBER.fullmatch(key):
            chosen = min(words, key=lambda word: (len(word), word))
        else:
            chosen = min(words, key=lambda word: (-counts[word], word.isupper(), word))
        spelled |= dict.fromkeys(words, chosen)
        if len(words) > 1:
            others = shown([repr(word) for word in sorted(words)], 6)
            merged.append(f"class {chosen}: the labels {others}")
    return spelled, tuple(merged)


def _one_each(
    column: LabelCells, taken: Mapping[str, tuple[str, ...]], one_label: str | None
) -> tuple[dict[str, str | None], list[str]]:
    """Return one class, or none, for each cell, and a note on how."""
    several = {cell for cell, found in taken.items() if len(found) > 1}
    known = sorted({finding for found in taken.values() for finding in found})
    if one_label is None:
        if several:
            _refuse_several(column, several, known)
        return {cell: found[0] for cell, found in taken.items()}, []
    if one_label == DROP:
        said = f"{column.share(several)} images have several findings and are left out"
        alone = {cell: None if cell in several else found[0] for cell, found in taken.items()}
        return alone, [f"{said} (--one-label drop)."]
    name = next((each for each in known if writing_key(each) == writing_key(one_label)), None)
    if name is None:
        hint = did_you_mean(one_label, known, otherwise=f"There are: {shown(known)}.")
        raise UsageError(f"--one-label: no label is {one_label!r}. {hint}")
    has = {cell for cell, found in taken.items() if name in found}
    said = f"{column.share(has)} images have {name}, alone or among several findings"
    either: dict[str, str | None] = {cell: name if cell in has else f"no {name}" for cell in taken}
    return either, [f"{said}; all others are the class 'no {name}' (--one-label)."]


def _refuse_several(column: LabelCells, several: Collection[str], known: Sequence[str]) -> None:
    row, cell = next(
        (row, cell) for row, cell in zip(column.rows, column.cells, strict=True) if cell in several
    )
    raise DataError(
        f"{column.called}: {column.share(several)} labels are several findings, such as "
        f"{shown([repr(cell)])} in row {row}, and an image has one class here: --one-label drop "
        "leaves these images out, --one-label NAME tells one finding from all else "
        f"({shown(known, 4)})."
    )


def _uncertain(column: LabelCells, counts: Iterable[str]) -> list[str]:
    """Say that -1 beside 0 and 1 is no third class where uncertain findings are written so."""
    keys = {cell: writing_key(cell) for cell in counts}
    if "-1" not in keys.values() or not set(keys.values()) <= {"-1", "0", "1"}:
        return []
    unsure = [cell for cell, key in keys.items() if key == "-1"]
    said = f"{column.share(unsure)} labels are -1, which CheXpert and others write for uncertain"
    return [f"{said}: it is a class of its own here; remove the rows if it is none."]
