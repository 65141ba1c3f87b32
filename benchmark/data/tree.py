"""A data set's folders as they stand on disk: walked once, links and all, before any meaning."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path

from ..errors import DataError, UsageError
from ..texts import printable
from .index import part_of

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
_LONGEST_PATH = 4096
_DEEPEST = 60  # chosen, not sourced: published sets nest six folders at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder: what may be images in it, and the folders below.

    Attributes:
        path: as reached from the data set's folder, through links that were followed.
        folders: the folders in it, sorted by name.
        files: the names of its files that may be images, sorted.
    """

    path: Path
    folders: tuple["Folder", ...] = ()
    files: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.name

    @property
    def names(self) -> frozenset[str]:
        """The names of the folders in it."""
        return frozenset(each.name for each in self.folders)

    def walk(self) -> Iterator["Folder"]:
        """Yield this folder and all below it, in sorted order."""
        yield self
        for each in self.folders:
            yield from each.walk()

    @property
    def images(self) -> int:
        """How many files in it and below may be images."""
        return sum(len(each.files) for each in self.walk())

    def paths(self) -> Iterator[Path]:
        """Yield the paths of all files in it and below that may be images."""
        for folder in self.walk():
            for name in folder.files:
                yield folder.path / name


class Ignored:
    """What a person's globs leave aside, and which of them found anything.

    A glob is matched against a relative path and against each end of it that begins after a slash,
    so that `masks`, `masks/*` and `*_seg.png` are found at any depth; what is in a folder that is
    left aside is left aside with it.
    """

    def __init__(self, globs: Sequence[str]) -> None:
        self._globs = tuple(each.strip("/") for each in globs)
        self._patterns = [re.compile(rf"(?s:.*/)?{translate(each)}") for each in self._globs]
        self._found: Counter[str] = Counter()

    def has(self, path: str) -> bool:
        """Whether a relative path, or a folder that it lies in, is left aside."""
        ends = [found.start() for found in re.finditer("/", path)] if self._globs else []
        return any(self.has_own(path[:end]) for end in (*ends, len(path)))

    def has_own(self, path: str) -> bool:
        """Whether a relative path itself is left aside, whatever its folders are."""
        for glob, pattern in zip(self._globs, self._patterns, strict=True):
            if pattern.match(path):
                self._found[glob] += 1
                return True
        return False

    def said(self) -> tuple[str, ...]:
        """Return what was left aside, a phrase a glob.

        Raises:
            UsageError: a glob found nothing.
        """
        idle = [each for each in self._globs if not self._found[each]]
        if idle:
            raise UsageError(
                f"--ignore {idle[0]!r} matches no file and no folder of the data set; a glob is "
                "matched against paths relative to its folder, such as masks/* or *_seg.png."
            )
        return tuple(
            f"{count} files or folders by --ignore {each}" for each, count in self._found.items()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A data set's folder, and what the walk through it met.

    Attributes:
        root: the folder.
        linked: where the links lead that were followed.
        links: what was followed, each as a phrase.
        ignored: what a person's globs left aside, each as a phrase.
    """

    root: Folder
    linked: tuple[Path, ...] = ()
    links: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def read_tree(root: Path, ignore: Sequence[str] = ()) -> Tree:
    """Walk through a data set's folders.

    Links to folders are followed where a part or a class may stand: directly below the folder, and
    directly below a part. They may lead out of it, as in a set that is composed without copying.

    Raises:
        DataError: a link leads nowhere, in a circle, or stands deeper; folders nest too deep; one
            cannot be read.
        UsageError: a glob leaves nothing aside.
    """
    ignored = Ignored(ignore)
    walk = _Walk(root, ignored)
    folder = walk.folder()
    return Tree(
        root=folder, linked=tuple(walk.linked), links=tuple(walk.links), ignored=ignored.said()
    )


def data_root(root: Path) -> Path:
    """Go down through single folders that only wrap the parts, as archives often do."""
    folder = root
    for _ in range(4):
        inner = [Path(entry.path) for entry in _entries(folder) if _is_folder(entry)]
        if any(part_of(each.name) for each in inner):
            return folder
        if len(inner) != 1 or inner[0].is_symlink():
            break
        folder = inner[0]
    return root


class _Walk:
    def __init__(self, root: Path, ignored: Ignored) -> None:
        self._root = root
        self._ignored = ignored
        self.linked: list[Path] = []
        self.links: list[str] = []

    def folder(self) -> Folder:
        """Read the data set's folder and all below it."""
        return self._read(self._root, "", 0)[0]

    def _read(self, path: Path, begin: str, depth: int) -> tuple[Folder, bool]:
        """Return a folder whose relative paths begin so, and whether globs left nothing in it."""
        if depth > _DEEPEST:
            raise DataError(
                f"{printable(begin)[:80]}… nests more than {_DEEPEST} folders; "
                "leave it aside with --ignore, or give a table of the images: --data FILE.csv."
            )
        folders, files, thinned = [], [], False
        for entry in _entries(path):
            name = begin + entry.name  # a Path for each of 100,000 files takes seconds
            if self._ignored.has_own(name):
                thinned = True
            elif _is_folder(entry):
                if entry.is_symlink():
                    self._follow(path / entry.name, name, depth)
                folder, is_emptied = self._read(path / entry.name, f"{name}/", depth + 1)
                thinned = thinned or is_emptied
                folders += [] if is_emptied else [folder]
            elif _is_broken(entry):
                raise DataError(
                    f"the link {name!r} leads nowhere, so that a class may be missing; mend it, "
                    f"or leave it aside with --ignore {entry.name}."
                )
            elif depth <= 1 and (target := _lost_link(entry)):
                raise DataError(
                    f"{name!r} is a text with the path {target!r}, as a link becomes where it is "
                    "copied without care, so that a class may be missing; make it a link again, "
                    f"copy the folder, or leave it aside with --ignore {entry.name}."
                )
            elif not _is_other(entry.name):
                files.append(entry.name)
        found = Folder(path=path, folders=tuple(folders), files=tuple(files))
        return found, thinned and not folders and not files

    def _follow(self, path: Path, name: str, depth: int) -> None:
        """Note a link to a folder.

        Raises:
            DataError: no class or part can stand there, or it leads in a circle.
        """
        target = path.resolve()
        if path.parent.resolve().is_relative_to(target):
            raise DataError(
                f"the link {name!r} leads in a circle, to a folder that it lies in; remove it, or "
                f"leave it aside with --ignore {path.name}."
            )
        if depth > 1 or (depth == 1 and part_of(path.parent.name) is None):
            raise DataError(
                f"{name!r} is a link to a folder; links are followed where a part or a class "
                "stands and no deeper: copy what it leads to, or leave it aside with "
                f"--ignore {path.name}."
            )
        is_inside = target.is_relative_to(self._root.resolve())
        self.linked += [] if is_inside else [target]
        where = "inside the data set" if is_inside else "outside the data set's folder"
        self.links.append(f"{name} leads to {path.readlink()}, {where}")


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what stands in a folder but for clutter, sorted by name."""
    try:
        with os.scandir(folder) as entries:
            found = [entry for entry in entries if not _is_clutter(entry.name)]
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror or error}.") from error
    return sorted(found, key=lambda entry: entry.name)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder or leads to one; a link to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_broken(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a link that leads nowhere and may have been a folder's."""
    is_file = Path(entry.name).suffix.lower() in _PICTURES
    return entry.is_symlink() and not is_file and not os.access(entry.path, os.F_OK)


_PICTURES = frozenset(PICTURE_SUFFIXES) - {""}


def _lost_link(entry: os.DirEntry[str]) -> str:
    """Return the folder whose path is all that a file holds, which then was a link; else nothing.

    Git leaves such a file on systems without links, and so do some archives.
    """
    path = Path(entry.path)
    if path.suffix or not entry.is_file() or not 1 < entry.stat().st_size <= _LONGEST_PATH:
        return ""
    try:
        text = path.read_bytes().decode().strip()
        return text if "/" in text and (path.parent / text).is_dir() else ""
    except (OSError, ValueError):
        return ""


def _is_other(name: str) -> bool:
    """Tell by its name what nobody takes for an image; all else is read or named as left out."""
    return Path(name).suffix.lower() in _OTHER_SUFFIXES or name.lower() in _PAPERS


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name.lower() in _CLUTTER
