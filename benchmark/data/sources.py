"""The one way into every data set: `read_index`."""

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ..cache import Cache
from ..errors import DataError, UsageError
from ..records import Index, Part, Reader
from .arrays import read_arrays
from .fingerprints import Fingerprints
from .folders import FolderReader, Found, data_root, read_folder
from .index import ImageRow, ReadOptions, Title, build_index, slug
from .known import DATA_SETS, DataSet
from .manifests import read_manifest
from .tables import TABLE_SUFFIXES

_USUAL_CACHE = ".benchmark-cache"  # as --cache has it where nothing is said


def read_index(data: str, options: ReadOptions, cache: Cache) -> Index:
    """Find a data set's images, their classes, parts and patients, without decoding them.

    Args:
        data: a name in `DATA_SETS`, a folder, a .csv or .parquet manifest, or an .npz file.
        options: how it is read.
        cache: where hashes of files are remembered, and fetched sets are looked for.

    Raises:
        UsageError: no data set and no file of that name.
        DataError: what stands there cannot be used, or has not been fetched.
    """
    if data == "phantom":
        from . import phantom

        return phantom.read_index(cache)
    if data in DATA_SETS:
        return _read(fetched_folder(data, cache), options, cache, DATA_SETS[data])
    path = Path(data).expanduser()
    if not data or not path.exists():
        if path.suffix or len(path.parts) > 1:
            raise UsageError(f"there is no file or folder {data}.")
        DATA_SETS[data]  # says which names are near
    return _read(path.absolute(), options, cache, None)


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
    if path.is_dir():
        root = data_root(path)
        with Fingerprints(root, cache.folder) as fingerprints:
            found = read_folder(root, fingerprints)
        reader = FolderReader(root=root)
        known = known or _recognise(found)
    elif path.suffix.lower() in TABLE_SUFFIXES:
        with Fingerprints(path.parent, cache.folder) as fingerprints:
            found = read_manifest(path, fingerprints, options)
        reader = FolderReader(root=path.parent)
    elif path.suffix.lower() == ".npz":
        known = known or _named_in(path.stem)
        found, reader = read_arrays(path, cache, known.classes if known else ())
    else:
        raise UsageError(
            f"{path} is no folder, .csv, .tsv, .parquet or .npz; write a list of images as a .csv "
            "that begins with the line path,label."
        )
    return _titled(found, reader, path, options, known)


def _titled(
    found: Found, reader: Reader, path: Path, options: ReadOptions, known: DataSet | None
) -> Index:
    """Name what was found, tell its patients apart, and make the index."""
    pattern = options.patient_pattern or (known.patient_pattern if known else "")
    rows, told = name_patients(found.rows, pattern, given=options.patient_pattern is not None)
    rows, single = without_single_patient(rows)
    told = (*told, *(single or _placeholder_note(rows, options.patient_pattern)))
    shared = _patients(rows, Part.TRAIN) & _patients(rows, Part.TEST)
    if shared and known and known.patient_note:
        told = (*told, f"patients in both train and test: {len(shared)}; {known.patient_note}.")
    own = slug(path.stem if path.is_file() else path.name)
    title = Title(
        name=own if known is None or own.startswith(known.name) else known.name,
        modality=known.modality if known else _modality(found.modalities),
        classes=found.classes,
        notes=(*found.notes, *told),
        understood=found.understood,
    )
    return build_index(
        rows, title, reader, left_out=found.left_out, needs_parts=options.needs_parts
    )


def _recognise(found: Found) -> DataSet | None:
    """Tell which known data set a folder holds, by its class names and its file names."""
    if not found.rows:
        return None
    for name in DATA_SETS:
        known = DATA_SETS[name]
        if known.synthetic or found.classes != known.classes or found.rows[0].part is None:
            continue
        pattern = re.compile(known.patient_pattern)
        if sum(pattern.search(row.path) is not None for row in found.rows) * 2 > len(found.rows):
            return known
    return None


def _named_in(stem: str) -> DataSet | None:
    """Tell which known data set a file's name begins with, such as pneumoniamnist_224."""
    return next((DATA_SETS[name] for name in DATA_SETS if slug(stem).startswith(name)), None)


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
        f"{len(nameless)} of {len(rows)} files state a placeholder as patient (such as ANONYMOUS "
        f"or 0), which is not taken for one and the same patient{kept}. Give patients by "
        "--patient-pattern or a manifest."
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
