"""Make an index from rows: check its classes and parts, and name patients without naming them."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..errors import DataError
from ..records import Index, LeftOut, Part, Reader, Rows, Understanding, digest
from ..texts import shown
from .deep import FULL, common_range, parse_range

RESERVED = frozenset(("label", "error", "path"))
"""Columns of the registered model's answers beside the classes."""

_MOST = 90  # percent; chosen, not sourced: what the others widen the range for is worth a note
_LONGEST_NAME = 120  # bytes: a file's name holds 255, and others put words before and after

PART_NAMES = {
    "train": Part.TRAIN,
    "training": Part.TRAIN,
    "val": Part.VAL,
    "valid": Part.VAL,
    "validation": Part.VAL,
    "test": Part.TEST,
    "testing": Part.TEST,
}
"""What folders, manifests and arrays call the parts, in lower case."""

_FILLER = r"(?:data|sets?|images?|imgs?|pictures?|pics?|parts?|splits?|folders?|files?|scans?)"
_PART = re.compile(
    rf"(?:{_FILLER}[\W_]*)*"
    r"(train|training|val|valid|validation|dev|test|testing|hold[\W_]?out)"
    rf"(?:[\W_]*{_FILLER})*"
)
_FURTHER = {"dev": Part.VAL, "holdout": Part.TEST}


def part_of(name: str) -> Part | None:
    """Return the part that a folder's or a split's name means, such as `Training data`, or None."""
    found = _PART.fullmatch(name.strip().lower())
    if found is None:
        return None
    word = re.sub(r"[\W_]", "", found[1])
    return PART_NAMES.get(word) or _FURTHER[word]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """How a data set is read.

    Attributes:
        patient_pattern: a regular expression with one group, searched for in each relative path;
            what the group matches tells patients apart. None for the data set's own pattern.
        needs_parts: whether a data set that has a train part must have val and test as well, as
            the official split does; False where the parts are made afresh.
        columns: a table's columns by what they mean (`path`, `label`, `part`, `patient`), where a
            person names them.
        ignore: globs of what is left aside, matched against relative paths.
        classes: classes by name, each with the folders or labels it is made of; empty for all.
        one_label: `drop` leaves out images of several findings; a finding's name makes two
            classes, those that have it and those that do not; None refuses them.
    """

    patient_pattern: str | None = None
    needs_parts: bool = True
    columns: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    one_label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """One image on its way into an index.

    Attributes:
        path: relative path with forward slashes.
        class_name: its class.
        part: its official part, None without.
        patient: whatever tells patients apart, empty where unknown; it goes no further.
        sha256: the digest of what is stored.
        grey: the range that a 16-bit grey picture uses, as in `Fingerprint`.
        lacks: what a DICOM file does not say, as in `Fingerprint`.
    """

    path: str
    class_name: str
    part: Part | None
    patient: str
    sha256: str
    grey: str = ""
    lacks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """What an index says of itself as a whole; the fields are those of `Index`."""

    name: str
    modality: str = "unknown"
    synthetic: bool = False
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    understood: Understanding = field(default_factory=Understanding)


def build_index(
    rows: Iterable[ImageRow],
    title: Title,
    reader: Reader,
    *,
    left_out: Iterable[LeftOut] = (),
    needs_parts: bool = True,
) -> Index:
    """Make an index from rows in any order, sorted by path; see `check_index` for what is refused.

    Classes come from `title` where it gives them, else from the rows.
    """
    ordered = sorted(rows, key=lambda row: row.path)
    skipped = tuple(sorted(left_out, key=lambda each: each.path))
    classes = title.classes or tuple(sorted({row.class_name for row in ordered}))
    position = {name: number for number, name in enumerate(classes)}
    # A test image must not change what training sees.
    deep = [row for row in ordered if row.grey and row.part is not Part.TEST]
    grey_range = common_range({row.grey for row in deep})
    index = Index(
        name=title.name,
        modality=title.modality,
        synthetic=title.synthetic,
        classes=classes,
        paths=tuple(row.path for row in ordered),
        labels=np.array([position[row.class_name] for row in ordered], dtype=np.int64),
        parts=tuple(row.part for row in ordered),
        patients=_patients(ordered),
        hashes=tuple(row.sha256 for row in ordered),
        reader=reader,
        left_out=skipped,
        notes=(*title.notes, *_grey_notes(deep, grey_range)),
        understood=title.understood,
        grey_range=grey_range,
        windowless=sum("window" in row.lacks for row in ordered),
    )
    check_index(index, needs_parts=needs_parts)
    return index


def check_index(index: Index, *, needs_parts: bool) -> None:
    """Hold an index to what every later step relies on.

    Raises:
        DataError: no image, fewer than two classes, an empty class, or, where parts are needed,
            a missing one.
    """
    if not len(index):
        lost = [f"{each.path}: {each.reason.rstrip('.')}" for each in index.left_out[:1]]
        reason = f"; the first was refused: {lost[0]}" if lost else ""
        raise DataError(f"{index.name} holds no readable image{reason}.")
    if len(index.classes) < 2:
        raise DataError(
            f"{index.name} holds the single class {index.classes[0]!r}; a classifier needs images "
            f"of at least two.{_elsewhere(index)}"
        )
    _check_classes(index)
    _check_parts(index, needs_parts=needs_parts)


def _elsewhere(index: Index) -> str:
    """Say where further classes may be: left aside, or below the folder that was taken for one."""
    own = index.understood
    hints = [f"Left aside: {shown(own.ignored_files, 3)}."] if own.ignored_files else []
    if own.subfolders:
        hints.append(
            f"If the folders in {index.classes[0]!r} are the classes ({shown(own.subfolders, 3)}), "
            "give that folder with --data."
        )
    return "".join(f" {each}" for each in hints)


def take(index: Index, rows: Rows) -> Index:
    """Return some rows of an index, in the order of `rows`."""
    return replace(
        index,
        paths=tuple(index.paths[row] for row in rows),
        labels=index.labels[rows],
        parts=tuple(index.parts[row] for row in rows),
        patients=tuple(index.patients[row] for row in rows),
        hashes=tuple(index.hashes[row] for row in rows),
    )


def slug(text: str) -> str:
    """Return a name fit for files, registries and metrics: letters of any script, digits, hyphens.

    Letters are in lower case and composed (NFC), so that a name is the same however a file system
    spells it. Where nothing is left, the name is a digest, so that two such names still differ;
    where only a part of a long name fits into a file's, a digest ends it.
    """
    plain = unicodedata.normalize("NFC", text).lower()
    kept = re.sub(r"[\W_]+", "-", unicodedata.normalize("NFC", plain)).strip("-")
    if not kept:
        return f"images-{digest(plain)[:8]}" if plain.strip() else "images"
    if len(kept.encode()) > _LONGEST_NAME:
        short = kept.encode()[: _LONGEST_NAME - 9].decode(errors="ignore")
        return f"{short}-{digest(kept)[:8]}"
    return kept


def _grey_notes(deep: Sequence[ImageRow], grey_range: str) -> tuple[str, ...]:
    """Say over what range 16-bit grey is shown, and where a few pictures widen it for all."""
    notes = []
    if grey_range != FULL:
        low, high = parse_range(grey_range)
        notes.append(
            "the 16-bit pictures use a part of their range: "
            f"{low} to {high} is shown from black to white, here and by the registered model."
        )
    most = sorted(deep, key=lambda row: parse_range(row.grey)[1])[: -(-_MOST * len(deep) // 100)]
    usual = common_range({row.grey for row in most})
    beyond = [row for row in deep if parse_range(row.grey)[1] > parse_range(usual)[1]]
    if beyond:
        notes.append(
            f"{len(deep) - len(beyond)} of {len(deep)} 16-bit pictures lie within {usual} and are "
            f"shown dark, for {len(beyond)} reach further, the first {beyond[0].path!r}; if they "
            "are not meant, leave them out with --ignore."
        )
    return tuple(notes)


def _patients(rows: Sequence[ImageRow]) -> tuple[str | None, ...]:
    """Name each patient by the contents of its images.

    A hash of an identifier can be undone by hashing every likely one, and a salted one differs from
    machine to machine, and the index's digest with it. The hash of what the images contain has
    neither fault, and says the same thing: these belong together.
    """
    members: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.patient:
            members[row.patient].append(row.sha256)
    names = {patient: f"p-{digest(sorted(each))[:16]}" for patient, each in members.items()}
    return tuple(names.get(row.patient) for row in rows)


def _check_classes(index: Index) -> None:
    taken = sorted(set(index.classes) & RESERVED)
    if taken:
        raise DataError(
            f"{index.name} has a class named {' and '.join(map(repr, taken))}; the registered "
            "model's answers have a column of that name: rename the class."
        )
    counts = np.bincount(index.labels, minlength=len(index.classes))
    empty = [name for name, count in zip(index.classes, counts, strict=True) if not count]
    if empty:
        raise DataError(
            f"{index.name} holds no readable image of {', '.join(map(repr, empty))}; "
            "add some or remove the class."
        )


def _check_parts(index: Index, *, needs_parts: bool) -> None:
    present = set(index.parts)
    if present == {None}:
        return
    if None in present:
        path = index.paths[index.parts.index(None)]
        raise DataError(
            f"{index.name}: some images have a part and {path!r} has none; give each one, or none."
        )
    missing = [part.value for part in Part if part not in present]
    if missing and needs_parts:
        is_val = missing == [Part.VAL.value]
        other = "make one of train by --split auto" if is_val else "split by --split 70/15/15"
        raise DataError(
            f"{index.name} has no {' and no '.join(missing)} part; add it, or {other}."
            f"{_elsewhere(index)}"
        )
