"""Read folders: parts or none, class folders under them, and the files that are pictures."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import DataError, ImageError
from ..records import LeftOut, Part, Understanding
from .fingerprints import Fingerprint, Fingerprints, check_text, read_file
from .index import PART_NAMES, ImageRow

PICTURE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    *(".pgm", ".ppm", ".pnm", ".dcm", ".dicom", ""),
)
"""How names of files that can be read end, in lower case; DICOM files often have no suffix."""

_CLUTTER = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "dicomdir"})
_PAPERS = frozenset(
    (
        *("readme", "license", "licence", "copying", "notice", "authors", "changelog"),
        *("makefile", "manifest", "checksums", "md5sums", "sha1sums", "sha256sums"),
    )
)
_OTHER_SUFFIXES = (
    *(".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".html", ".htm", ".pdf"),
    *(".yaml", ".yml", ".toml", ".ini", ".cfg", ".log", ".py", ".ipynb", ".sh", ".bat", ".m"),
    *(".doc", ".docx", ".xls", ".xlsx", ".ods", ".odt", ".ppt", ".pptx", ".parquet", ".db"),
    *(".zip", ".tar", ".tgz", ".7z", ".rar", ".md5", ".sha1", ".sha256"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderReader:
    """Reads images by their path below a folder, and nothing outside it."""

    root: Path

    def read(self, path: str) -> bytes:
        """Return a file's bytes; one that leads out or is unreadable is an `ImageError`."""
        file = self.root / path
        _hold_inside(file, self.root)
        return read_file(file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a folder, a manifest or an array file holds.

    Attributes:
        rows: the images.
        left_out: what looks like an image and cannot be used.
        classes: the class names, those whose images all were left out included.
        modalities: the modalities that DICOM files state.
        notes: what a reader should know.
        understood: what the folders or the table were taken for.
    """

    rows: tuple[ImageRow, ...]
    left_out: tuple[LeftOut, ...]
    classes: tuple[str, ...]
    modalities: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    understood: Understanding = field(default_factory=Understanding)


def read_folder(root: Path, fingerprints: Fingerprints) -> Found:
    """Find the images under part and class folders.

    Raises:
        DataError: no class folders, an empty one, or class names that cannot be matched.
    """
    parts = _part_folders(root)
    notes = []
    if parts:
        others = sorted({path.name for path in _folders(root)} - {path.name for path in parts})
        notes += [f"left aside, being no part: {', '.join(others)}."] if others else []
    names = {folder: [path.name for path in _folders(folder)] for folder in parts or [root]}
    for folder, classes in names.items():
        if not classes:
            raise DataError(f"{folder} holds no class folders; it needs one folder for each class.")
    matched, told = match_classes({parts.get(folder): each for folder, each in names.items()})
    images = Images(root, fingerprints)
    for folder in {root, *names}:
        images.refuse_links(folder)
    for folder, inside in names.items():
        part = parts.get(folder)
        for name in inside:
            images.add_folder(folder / name, matched[part][name], part)
    return images.found((*notes, *told))


def data_root(root: Path) -> Path:
    """Go down through single folders that only wrap the parts, as archives often do."""
    folder = root
    for _ in range(3):
        inner = _folders(folder)
        if _part_folders(folder) or len(inner) != 1:
            break
        folder = inner[0]
    return folder if _part_folders(folder) else root


def _hold_inside(path: Path, root: Path) -> None:
    """Raise an `ImageError` where a path leads out of a folder, or in a circle, by links."""
    try:
        is_inside = path.resolve().is_relative_to(root.resolve())
    except (OSError, RuntimeError) as error:  # Python 3.13 on has no RuntimeError here
        raise ImageError("its links lead in a circle.") from error
    if not is_inside:
        raise ImageError("it leads out of the data set's folder by a link.")


class Images:
    """Gathers the images of a data set, and why files cannot be used."""

    def __init__(self, root: Path, fingerprints: Fingerprints) -> None:
        self._root = root
        self._fingerprints = fingerprints
        self._rows: list[ImageRow] = []
        self._left_out: list[LeftOut] = []
        self._classes: set[str] = set()
        self._modalities: set[str] = set()
        self._inside: set[str] = set()

    def add(self, path: Path, class_name: str, part: Part | None, patient: str = "") -> None:
        """Add a file, with its own patient where none is given."""
        self._classes.add(class_name)
        name = path.relative_to(self._root).as_posix()
        try:
            found = self._fingerprint(path, name)
        except DataError as error:
            shown = name.encode(errors="backslashreplace").decode()
            self._left_out.append(LeftOut(path=shown, reason=str(error)))
            return
        self._modalities |= {found.modality} - {""}
        self._rows.append(
            ImageRow(
                path=name,
                class_name=class_name,
                part=part,
                patient=patient or found.patient,
                sha256=found.sha256,
                grey=found.grey,
                lacks=found.lacks,
            )
        )

    def _fingerprint(self, path: Path, name: str) -> Fingerprint:
        check_text(name)
        self._hold_inside(path)
        try:
            found = self._fingerprints.of(path, name)
        except OSError as error:
            raise ImageError(f"it cannot be read: {error.strerror or error}.") from error
        if found.fault:
            raise ImageError(found.fault)
        return found

    def _hold_inside(self, path: Path) -> None:
        """Look at each folder once: where a link leads costs more than all else about a file."""
        folder = os.path.dirname(path)  # noqa: PTH120 - four times as fast
        if os.path.islink(path):  # noqa: PTH114 - likewise
            _hold_inside(path, self._root)
        elif folder not in self._inside:
            _hold_inside(path.parent, self._root)
            self._inside.add(folder)

    def add_folder(self, folder: Path, class_name: str, part: Part | None) -> None:
        """Add a class folder's images; a folder without any is a `DataError`."""
        self._classes.add(class_name)
        before = len(self._left_out)
        paths = list(self._files(folder))
        if not paths and len(self._left_out) == before:
            where = folder.relative_to(self._root).as_posix()
            raise DataError(f"the class folder {where!r} holds no image; add some or remove it.")
        for path in paths:
            self.add(path, class_name, part)

    def refuse_links(self, folder: Path) -> None:
        """Name the links to folders that stand in a folder: they are not followed."""
        for path in sorted(folder.iterdir()):
            if path.is_symlink() and path.is_dir():
                shown = path.relative_to(self._root).as_posix()
                self._left_out.append(LeftOut(path=shown, reason="it is a link to a folder."))

    def _files(self, folder: Path) -> Iterator[Path]:
        """Walk the files that may be images, in sorted order."""
        for place, folders, files in os.walk(folder):
            self.refuse_links(Path(place))
            folders[:] = sorted(name for name in folders if not _is_clutter(name))
            for name in sorted(files):
                if not (_is_clutter(name) or _is_other(name)):
                    yield Path(place) / name

    def found(self, notes: Sequence[str] = ()) -> Found:
        """Return all that was gathered."""
        return Found(
            rows=tuple(self._rows),
            left_out=tuple(self._left_out),
            classes=tuple(sorted(self._classes)),
            modalities=frozenset(self._modalities),
            notes=tuple(notes),
        )


def _part_folders(root: Path) -> dict[Path, Part]:
    """Return the folders that are parts, by name; two of one part are a `DataError`."""
    found: dict[Path, Part] = {}
    for path in _folders(root):
        part = PART_NAMES.get(path.name.lower())
        if part is None:
            continue
        if part in found.values():
            raise DataError(f"{root} holds two folders for the {part} part; keep one.")
        found[path] = part
    return found


def _folders(root: Path) -> list[Path]:
    return sorted(
        path
        for path in root.iterdir()
        if path.is_dir() and not _is_clutter(path.name) and not path.is_symlink()
    )


def _is_other(name: str) -> bool:
    """Tell by its name what nobody takes for an image; all else is read or named as left out."""
    return Path(name).suffix.lower() in _OTHER_SUFFIXES or name.lower() in _PAPERS


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name.lower() in _CLUTTER


_WORD = re.compile(r"[^\s._\-]+")


def match_classes(
    names: Mapping[Part | None, Sequence[str]],
) -> tuple[dict[Part | None, dict[str, str]], tuple[str, ...]]:
    """Map each part's class folders to one list of classes.

    Returns:
        For each part a mapping from folder to class, and notes on what was matched.

    Raises:
        DataError: a folder matches no class, or more than one.
    """
    first, *others = sorted(names, key=lambda part: list(Part).index(part) if part else -1)
    classes = {name: name for name in names[first]}
    partners: dict[Part | None, dict[str, str]] = {first: {name: name for name in names[first]}}
    for part in others:
        partners[part] = {name: _partner(name, names[first], names[part]) for name in names[part]}
        for name, partner in partners[part].items():
            classes[partner] = _shared(classes[partner], name) or classes[partner]
    if len(set(classes.values())) < len(classes):
        raise DataError(_ambiguous(names[first], [each for part in others for each in names[part]]))
    mapped = {
        part: {name: classes[partner] for name, partner in each.items()}
        for part, each in partners.items()
    }
    return mapped, _notes(mapped)


def _partner(name: str, known: Sequence[str], siblings: Sequence[str]) -> str:
    """Find the class of the first part that a folder of another part means."""
    same = [each for each in known if each.casefold() == name.casefold()]
    if same:
        return same[0]
    matches = [each for each in known if _means_same(name, each, known, siblings)]
    if len(matches) != 1:
        raise DataError(_ambiguous(known, siblings))
    return matches[0]


def _means_same(name: str, other: str, known: Sequence[str], siblings: Sequence[str]) -> bool:
    """Whether two names share first words that no other name of either part begins with."""
    words = _words(_shared(name, other))
    return bool(words) and all(
        sum(_words(each)[: len(words)] == words for each in part) == 1 for part in (known, siblings)
    )


def _shared(one: str, two: str) -> str:
    """Return the whole words that two names begin with, as the first spells them."""
    end = 0
    for mine, theirs in zip(_WORD.finditer(one), _WORD.finditer(two), strict=False):
        if mine.group().casefold() != theirs.group().casefold():
            break
        end = mine.end()
    return one[:end]


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(name)]


def _notes(mapped: Mapping[Part | None, Mapping[str, str]]) -> tuple[str, ...]:
    meanings: dict[str, set[str]] = {}
    for each in mapped.values():
        for name, meant in each.items():
            meanings.setdefault(meant, set()).add(name)
    return tuple(
        f"class {meant}: the folders {' and '.join(sorted(names))} are taken as one."
        for meant, names in sorted(meanings.items())
        if len(names) > 1
    )


def _ambiguous(known: Sequence[str], siblings: Sequence[str]) -> str:
    return (
        f"class folders must have one name in every part; {', '.join(sorted(known))} cannot be "
        f"matched one to one with {', '.join(sorted(set(siblings)))}. Rename them alike."
    )
