"""The one way into every data set: `read_index`."""

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ..cache import Cache
from ..errors import DataError, UsageError
from ..files import path_of
from ..records import Index, Part, Reader
from .arrays import read_arrays
from .class_names import pick_classes
from .fingerprints import Fingerprints
from .folders import FolderReader, Found, read_folder
from .index import ImageRow, ReadOptions, Title, build_index, slug
from .known import DATA_SETS, DataSet
from .manifests import read_manifest, refuse_unread
from .placeholders import is_placeholder
from .recognising import named_as, named_like, recognise
from .tables import TABLE_SUFFIXES
from .tree import Ignored, data_root, read_tree

_USUAL_CACHE = ".benchmark-cache"  # as --cache has it where nothing is said


def read_index(data: str, options: ReadOptions, cache: Cache) -> Index:
    """Find a data set's images, their classes, parts and patients, without decoding them.

    Args:
        data: a name in `DATA_SETS`, a folder, a .csv, .tsv or .parquet manifest, or an .npz file.
        options: how it is read.
        cache: where hashes of files are remembered, and fetched sets are looked for.

    Raises:
        UsageError: no data set and no file of that name.
        DataError: what stands there cannot be used, or has not been fetched.
    """
    refuse_unread(data, options)
    if data == "phantom":
        return _drawn(options, cache)
    if data in DATA_SETS:
        return _read(fetched_folder(data, cache), options, cache, DATA_SETS[data])
    path = path_of(data)
    if not data or not path.exists():
        if path.suffix or len(path.parts) > 1:
            raise UsageError(f"there is no file or folder {data}.")
        DATA_SETS[data]  # says which names are near
    return _read(path.absolute(), options, cache, None)


def _drawn(options: ReadOptions, cache: Cache) -> Index:
    """Return the phantom, as it is or with what a person picks of it."""
    from . import phantom

    index = phantom.read_index(cache)
    if not (options.ignore or options.classes):
        return index
    columns = (index.paths, index.labels, index.parts, index.patients, index.hashes)
    rows = tuple(
        ImageRow(
            path=path,
            class_name=index.classes[label],
            part=part,
            patient=patient or "",
            sha256=sha256,
        )
        for path, label, part, patient, sha256 in zip(*columns, strict=True)
    )
    found = Found(rows=rows, left_out=(), classes=index.classes, notes=index.notes)
    found = pick_classes(without_ignored(found, options.ignore), options.classes)
    title = replace(_titled(found, "phantom", DATA_SETS["phantom"]), synthetic=True)
    return build_index(found.rows, title, index.reader, needs_parts=options.needs_parts)


def fetched_folder(name: str, cache: Cache) -> Path:
    """Return the folder of a fetched data set, or its one file; else a `DataError`."""
    folder = cache.folder / "fetched" / name
    if not folder.is_dir():
        is_usual = cache.folder.absolute() == Path(_USUAL_CACHE).absolute()
        where = "" if is_usual else f" --cache {shlex.quote(str(cache.folder))}"
        raise DataError(
            f"the data set {name} is not in {cache.folder}; fetch it with: "
            f"python -m benchmark fetch {name}{where}"
        )
    archives = sorted(folder.glob("*.npz"))
    return archives[0] if len(archives) == 1 else folder


def _read(path: Path, options: ReadOptions, cache: Cache, known: DataSet | None) -> Index:
    reader: Reader
    wanted = [member for own in options.classes.values() for member in own]
    if path.is_dir():
        root = data_root(path)
        tree = read_tree(root, options.ignore)
        with Fingerprints(root, cache.folder) as fingerprints:
            found = read_folder(tree, fingerprints, wanted)
        reader = FolderReader(root=root, linked=tree.linked)
    elif path.suffix.lower() in TABLE_SUFFIXES:
        with Fingerprints(path.parent, cache.folder) as fingerprints:
            found = read_manifest(path, fingerprints, options)
        found = without_ignored(found, options.ignore)
        reader = FolderReader(root=path.parent)
    elif path.suffix.lower() == ".npz":
        found, reader = read_arrays(path, cache)
        known = known or recognise(found)
        found = without_ignored(named_as(found, known), options.ignore)
    else:
        raise UsageError(
            f"{path} is no folder, .csv, .tsv, .parquet or .npz; write a list of images as a .csv "
            "that begins with the line path,label."
        )
    return _indexed(found, reader, path, options, known or recognise(found))


def without_ignored(found: Found, globs: Sequence[str]) -> Found:
    """Return what was found without the paths that a person's globs match."""
    if not globs:
        return found
    ignored = Ignored(globs)
    rows = tuple(row for row in found.rows if not ignored.has(row.path))
    left_out = tuple(each for each in found.left_out if not ignored.has(each.path))
    understood = replace(
        found.understood, ignored_files=(*ignored.said(), *found.understood.ignored_files)
    )
    return replace(found, rows=rows, left_out=left_out, understood=understood)


def _indexed(
    found: Found, reader: Reader, path: Path, options: ReadOptions, known: DataSet | None
) -> Index:
    """Pick the classes, tell patients apart, name the whole, and make the index."""
    like = known or named_like(found)
    found = pick_classes(found, options.classes)
    pattern = options.patient_pattern or (like.patient_pattern if like else "")
    rows = without_placeholders(found.rows)
    rows, told = name_patients(rows, pattern, given=options.patient_pattern is not None)
    rows, single = without_single_patient(rows)
    told = (*told, *(single or _placeholder_note(rows, options.patient_pattern)))
    if like and not known and not options.patient_pattern:
        told = (*told, f"patients are told by file names, as in {like.name}.")
    shared = _patients(rows, Part.TRAIN) & _patients(rows, Part.TEST)
    if shared and like and like.patient_note:
        told = (*told, f"patients in both train and test: {len(shared)}; {like.patient_note}.")
    name = _name(slug(path.stem if path.is_file() else path.name), known)
    title = _titled(replace(found, notes=(*found.notes, *told)), name, known)
    return build_index(
        rows, title, reader, left_out=found.left_out, needs_parts=options.needs_parts
    )


def _name(own: str, known: DataSet | None) -> str:
    """Return a data set's name: its folder's or file's own, never a known set's that it is not."""
    if known is None:
        return f"{own}-own" if own in DATA_SETS else own
    return own if own.startswith(known.name) else known.name


def _titled(found: Found, name: str, known: DataSet | None) -> Title:
    return Title(
        name=name,
        modality=known.modality if known else _modality(found.modalities),
        classes=found.classes,
        notes=found.notes,
        understood=found.understood,
    )


def _patients(rows: Iterable[ImageRow], part: Part) -> frozenset[str]:
    return frozenset(row.patient for row in rows if row.part is part and row.patient)


def _modality(stated: frozenset[str]) -> str:
    """Turn the modalities that DICOM files state into ours, where they agree."""
    meant = {{"CT": "ct", "CR": "xray", "DX": "xray"}.get(each, "unknown") for each in stated}
    return meant.pop() if len(meant) == 1 else "unknown"


def name_patients(
    rows: Sequence[ImageRow], pattern: str, *, given: bool
) -> tuple[tuple[ImageRow, ...], tuple[str, ...]]:
    """Return the rows with the patients that a pattern finds in their paths, and notes on it.

    Args:
        rows: the images; a patient known from a manifest or a DICOM tag stays unless `given`.
        pattern: a regular expression with one group; empty for none.
        given: whether a person gave the pattern, which then must match and overrules.

    Raises:
        UsageError: the pattern is no regular expression with one group, or matches no path.
    """
    if not pattern:
        return tuple(rows), ()
    compiled = _compile(pattern)
    named = tuple(_named(row, compiled, overrule=given) for row in rows)
    unknown = sum(not row.patient for row in named)
    if given and rows and unknown == len(rows):
        raise UsageError(
            f"the patient pattern {pattern!r} matches no path; the first is {rows[0].path!r}."
        )
    if unknown:
        return named, (f"{unknown} of {len(rows)} file names do not tell the patient.",)
    return named, ()


def without_placeholders(rows: Iterable[ImageRow]) -> tuple[ImageRow, ...]:
    """Forget patients that a table names by what stands for a removed identifier.

    Those of DICOM files are told before they are hashed, and a hash is no such text.
    """
    return tuple(
        replace(row, patient="", lacks=f"{row.lacks} patient".strip())
        if row.patient and is_placeholder(row.patient, in_table=True)
        else row
        for row in rows
    )


def without_single_patient(
    rows: Sequence[ImageRow],
) -> tuple[tuple[ImageRow, ...], tuple[str, ...]]:
    """Forget a patient that all images state: it was put for a removed one. A note says so."""
    if len(rows) < 2 or not rows[0].patient or len({row.patient for row in rows}) > 1:
        return tuple(rows), ()
    note = (
        f"all {len(rows)} files state one and the same patient, so nothing can be split by "
        "patient and the patient is taken as unknown: if the identifier was removed (ANONYMOUS, "
        "0), give patients by --patient-pattern or a manifest."
    )
    return tuple(replace(row, patient="") for row in rows), (note,)


def _placeholder_note(rows: Sequence[ImageRow], pattern: str | None) -> tuple[str, ...]:
    """Say how many files name no patient but what was put in its place, and what that means."""
    nameless = [row for row in rows if "patient" in row.lacks]
    if not nameless or pattern:
        return ()
    grouped = sum(bool(row.patient) for row in nameless)
    kept = f"; {grouped} of them are kept together by their study" if grouped else ""
    note = (
        f"{len(nameless)} of {len(rows)} images state a placeholder as patient (such as ANONYMOUS "
        f"or 0), which is not taken for one and the same patient{kept}. Give patients by "
        "--patient-pattern, or in a table's column patient."
    )
    return (note,)


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(
            f"the patient pattern {pattern!r} is no regular expression: {error}."
        ) from error
    if compiled.groups != 1:
        raise UsageError(
            f"the patient pattern {pattern!r} must have one group, such as (person\\d+), "
            f"not {compiled.groups}."
        )
    return compiled


def _named(row: ImageRow, pattern: re.Pattern[str], *, overrule: bool) -> ImageRow:
    if row.patient and not overrule:
        return row
    found = pattern.search(row.path)
    return replace(row, patient=(found.group(1) or "") if found else "")
