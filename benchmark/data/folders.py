"""Read folders: their images by class and part, held inside the folders that were accepted."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import DataError, ImageError
from ..records import LeftOut, Part, Understanding
from .class_names import match_classes
from .fingerprints import Fingerprint, Fingerprints, check_text, read_file
from .index import ImageRow
from .layout import ClassFolder, read_layout
from .tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderReader:
    """Reads images by their path below a folder, and nothing outside it.

    Attributes:
        root: the folder.
        linked: the folders outside it to which its parts or classes are links.
    """

    root: Path
    linked: tuple[Path, ...] = ()

    def read(self, path: str) -> bytes:
        """Return a file's bytes; one that leads out or is unreadable is an `ImageError`."""
        file = self.root / path
        _hold_inside(file, (self.root, *self.linked))
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


def read_folder(tree: Tree, fingerprints: Fingerprints, wanted: Sequence[str] = ()) -> Found:
    """Find the images under part and class folders.

    Args:
        tree: the folders.
        fingerprints: what is known of the files in them.
        wanted: class names that a person asked for, which decide what is doubtful.

    Raises:
        DataError: no class folders, an empty one, or class names that cannot be matched.
    """
    layout = read_layout(tree.root, wanted)
    matched, merged = match_classes(_names(layout.classes), is_picked=bool(wanted))
    images = Images(tree.root.path, fingerprints, tree.linked)
    for each in layout.classes:
        images.add_folder(each, matched[each.part][each.name])
    understood = Understanding(
        parts_from=layout.parts_from,
        subfolders=layout.subfolders,
        merged=merged,
        ignored_files=(*tree.ignored, *layout.aside),
        links=tree.links,
    )
    return replace(images.found(), understood=understood)


def _names(classes: Sequence[ClassFolder]) -> Mapping[Part | None, Sequence[str]]:
    """Return the names of the class folders of each part."""
    names: dict[Part | None, dict[str, None]] = {}
    for each in classes:
        names.setdefault(each.part, {})[each.name] = None
    return {part: list(own) for part, own in names.items()}


def _hold_inside(path: Path, folders: Sequence[Path]) -> None:
    """Raise an `ImageError` where a path leads out of some folders, or in a circle, by links."""
    try:
        real = path.resolve()
        is_inside = any(real.is_relative_to(folder.resolve()) for folder in folders)
    except (OSError, RuntimeError) as error:  # Python 3.13 on has no RuntimeError here
        raise ImageError("its links lead in a circle.") from error
    if not is_inside:
        raise ImageError("it leads out of the data set's folder by a link.")


class Images:
    """Gathers the images of a data set, and why files cannot be used.

    Args:
        root: the data set's folder.
        fingerprints: what is known of the files in it.
        linked: folders outside it in which images may lie as well.
    """

    def __init__(self, root: Path, fingerprints: Fingerprints, linked: Sequence[Path] = ()) -> None:
        self._root = root
        self._begin = os.path.join(root, "")  # noqa: PTH118 - ends with the slash
        self._fingerprints = fingerprints
        self._allowed = tuple(folder.resolve() for folder in (root, *linked))
        self._held: set[Path] = set()
        self._rows: list[ImageRow] = []
        self._left_out: list[LeftOut] = []
        self._classes: set[str] = set()
        self._modalities: set[str] = set()

    def add(self, path: Path, class_name: str, part: Part | None, patient: str = "") -> None:
        """Add a file, with its own patient where none is given."""
        self._classes.add(class_name)
        name = os.fspath(path).removeprefix(self._begin)
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
                lacks=found.lacks.replace("patient", "") if patient else found.lacks,
            )
        )

    def _fingerprint(self, path: Path, name: str) -> Fingerprint:
        check_text(name)
        self._hold(path)
        try:
            found = self._fingerprints.of(path, name)
        except OSError as error:
            raise ImageError(f"it cannot be read: {error.strerror or error}.") from error
        if found.fault:
            raise ImageError(found.fault)
        return found

    def _hold(self, path: Path) -> None:
        """Hold a path inside, which costs little where it is no link and its folder is known."""
        is_link = os.path.islink(path)  # noqa: PTH114 - Path's own fails where a name is too long
        if path.parent in self._held and not is_link:
            return
        _hold_inside(path, self._allowed)
        if not is_link:
            self._held.add(path.parent)

    def add_folder(self, each: ClassFolder, class_name: str) -> None:
        """Add a class folder's images; a folder without any is a `DataError`."""
        self._classes.add(class_name)
        paths = list(each.folder.paths())
        if not paths:
            where = each.folder.path.relative_to(self._root).as_posix()
            raise DataError(
                f"the class folder {where!r} holds no image; add some, or leave it aside with "
                f"--ignore {where}."
            )
        for path in paths:
            self.add(path, class_name, each.part)

    def found(self, notes: Sequence[str] = ()) -> Found:
        """Return all that was gathered."""
        return Found(
            rows=tuple(self._rows),
            left_out=tuple(self._left_out),
            classes=tuple(sorted(self._classes)),
            modalities=frozenset(self._modalities),
            notes=tuple(notes),
        )
