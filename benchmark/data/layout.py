"""What each level of a data set's folders means: parts, classes, and what is below a class."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from ..records import Part
from ..texts import shown
from .index import part_of
from .masks import Beside
from .tree import Folder

_PORTION = re.compile(
    r"(folds?|images?|imgs?|parts?|batch|splits?|sets?|subsets?|data|folders?|shards?|chunks?"
    r"|sites?|cent(?:er|re)s?|hospitals?|scanners?|clinics?)[\W_]*(?:[a-z]|\d+)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFolder:
    """A folder with images of one class: its name as written, and its part, None without parts."""

    folder: Folder
    name: str
    part: Part | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a data set's folders were taken for.

    Attributes:
        classes: the class folders, each without what stands beside its images.
        parts_from: where the parts came from, empty where there are none.
        aside: what is left aside, each as a phrase.
        subfolders: folders below class folders whose images are taken, each as a phrase.
    """

    classes: tuple[ClassFolder, ...]
    parts_from: str
    aside: tuple[str, ...]
    subfolders: tuple[str, ...]


def read_layout(root: Folder, wanted: Sequence[str] = ()) -> Layout:
    """Tell parts and classes in a data set's folders.

    Args:
        root: the data set's folder.
        wanted: class names that a person asked for, which decide what is doubtful.

    Raises:
        DataError: there are no class folders, or it is doubtful which level holds them.
    """
    beside = Beside(wanted)
    root = beside.level(root)
    parts = part_folders(root)
    aside = list(_loose(root))
    if parts:
        aside += [
            f"the folder {each.name!r} ({each.images} files), which is no part"
            for each in root.folders
            if each.path not in parts
        ]
        classes = list(_of_parts(root, parts, beside, aside))
        parts_from = "the folders " + shown(
            [path.name for path in sorted(parts, key=lambda path: list(Part).index(parts[path]))]
        )
    else:
        classes, parts_from = _without_part_folders(root, wanted, beside)
    if not classes:
        raise DataError(_without_classes(root))
    _check_below(root, classes)
    return Layout(
        classes=tuple(classes),
        parts_from=parts_from,
        aside=(*beside.said(), *aside),
        subfolders=tuple(_subfolders(classes)),
    )


def part_folders(root: Folder) -> dict[Path, Part]:
    """Return the folders that are parts, by name; two of one part are a `DataError`."""
    found: dict[Path, Part] = {}
    for folder in root.folders:
        part = part_of(folder.name)
        if part is None:
            continue
        twin = next((path.name for path, each in found.items() if each is part), None)
        if twin is not None:
            raise DataError(
                f"{root.path} holds two folders for the {part} part, {twin!r} and "
                f"{folder.name!r}; leave one aside with --ignore {folder.name}."
            )
        found[folder.path] = part
    return found


def _of_parts(
    root: Folder, parts: Mapping[Path, Part], beside: Beside, aside: list[str]
) -> Iterator[ClassFolder]:
    """Yield the class folders of part folders; a part of images without classes is left aside."""
    for whole in root.folders:
        part = parts.get(whole.path)
        if part is None:
            continue
        folder = beside.level(whole)
        aside += _loose(folder) if folder.folders else []
        if not folder.folders:
            if part is Part.TRAIN or not folder.files:
                raise DataError(
                    f"{_without_classes(folder)} --ignore {folder.name} leaves this one aside."
                )
            aside.append(
                f"the folder {folder.name!r}: its {len(folder.files)} images stand in no class "
                "folder"
            )
        for each in folder.folders:
            yield ClassFolder(folder=beside.below(each), name=each.name, part=part)


def _without_classes(folder: Folder) -> str:
    return (
        f"{folder.path} holds no class folders; it needs one folder for each class, or a table of "
        "the images: --data FILE.csv."
    )


def _without_part_folders(
    root: Folder, wanted: Sequence[str], beside: Beside
) -> tuple[list[ClassFolder], str]:
    """Return the class folders of a set whose top folders are no parts, and where parts are from.

    Raises:
        DataError: there are none, or what stands there may be something else than classes.
    """
    tops = [beside.below(each) for each in root.folders]
    if not tops:
        raise DataError(_without_classes(root))
    divided = [each for each in tops if any(map(part_of, each.names))]
    if divided and len(tops) > 1:
        return _parts_below(tops, divided), "the folders below each class"
    inner = _level_of_classes(tops, wanted)
    return [ClassFolder(folder=each, name=each.name, part=None) for each in inner], ""


def _parts_below(tops: Sequence[Folder], divided: Sequence[Folder]) -> list[ClassFolder]:
    """Return the class folders of a set whose classes hold the parts: covid/train, covid/test."""
    whole = [each for each in tops if each not in divided]
    if whole:
        raise DataError(
            f"{divided[0].name!r} holds part folders ({shown(sorted(divided[0].names))}) and "
            f"{whole[0].name!r} holds none; arrange all classes alike, or leave one aside with "
            f"--ignore {whole[0].name}."
        )
    found = []
    for top in divided:
        parts = part_folders(top)
        others = [each.name for each in top.folders if each.path not in parts]
        if others or top.files:
            what = f"the folder {others[0]!r}" if others else f"{len(top.files)} files"
            raise DataError(
                f"{top.path} holds part folders and beside them {what}; move what belongs to a "
                f"part into it, or leave it aside with --ignore {(others or top.files)[0]}."
            )
        found += [
            ClassFolder(folder=each, name=top.name, part=parts[each.path]) for each in top.folders
        ]
    return found


def _level_of_classes(tops: Sequence[Folder], wanted: Sequence[str]) -> Sequence[Folder]:
    """Return the folders that are classes: the top ones, or those in them where a person says so.

    All top folders holding the same sub-folders is what parts, sites and folds look like.

    Raises:
        DataError: either may be the classes, and nobody says which.
    """
    asked = {name.casefold() for name in wanted}
    names = [each.name for each in tops]
    if asked & {name.casefold() for name in names} or len(tops) < 2:
        return tops
    inner = sorted(frozenset.intersection(*(each.names for each in tops)))
    every = [folder for each in tops for folder in each.folders]
    if asked and asked & {folder.name.casefold() for folder in every}:
        return every
    if len(inner) > 1:
        raise DataError(
            f"{shown(names, 4)} hold the same folders {shown(inner, 4)}, so that either may be the "
            f"classes: write --classes {','.join(inner[:2])},… or --classes "
            f"{','.join(names[:2])},…; parts must be called train, val and test."
        )
    if all(_PORTION.fullmatch(name.lower()) for name in names):
        raise DataError(
            f"{shown(names, 4)} look like portions of one set and not like its classes: give a "
            "table of the images (--data FILE.csv), or, if they are its classes, write --classes "
            f"{','.join(names[:2])},…"
        )
    return tops


def _check_below(root: Folder, classes: Sequence[ClassFolder]) -> None:
    """Raise a `DataError` where a folder below a class is called like a part."""
    for each in classes:
        for folder in each.folder.walk():
            if folder is not each.folder and part_of(folder.name):
                where = folder.path.relative_to(root.path).as_posix()
                raise DataError(
                    f"{where!r} is called like a part and lies below the class {each.name!r}: give "
                    "the folder that holds the parts (--data FOLDER), rename it, or leave it aside "
                    f"with --ignore {folder.name}."
                )


def _loose(folder: Folder) -> tuple[str, ...]:
    """Say which files stand beside class folders, and so in no class."""
    if not folder.files:
        return ()
    return (f"{len(folder.files)} files beside the class folders ({shown(folder.files, 2)})",)


def _subfolders(classes: Sequence[ClassFolder]) -> Iterator[str]:
    """Say which folders below class folders hold images."""
    counts: Counter[str] = Counter()
    for each in classes:
        for inner in each.folder.folders:
            counts[inner.name] += inner.images
    counts = +counts
    if len(counts) > 3:
        yield f"{len(counts)} names ({shown(sorted(counts), 2)}), {counts.total()} images"
    else:
        yield from (f"{name}: {count} images" for name, count in sorted(counts.items()))
