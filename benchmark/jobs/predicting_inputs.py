"""What `predict` is to classify: files, folders, globs and manifests, in the order of the words."""

import glob
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..data import PICTURE_SUFFIXES, TABLE_SUFFIXES, FolderReader, list_images, read_file
from ..errors import DataError, ImageError, UsageError
from ..files import path_of

NO_COLUMNS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A file that may be an image.

    Attributes:
        path: where it is.
        fault: why it cannot be one, empty where it may.
        patient: whom it shows, empty where that is not known.
        below: the folder that it must lie in, None for any.
    """

    path: Path
    fault: str = ""
    patient: str = ""
    below: Path | None = None

    @property
    def name(self) -> str:
        """Its path as any text can hold it."""
        return os.fsencode(self.path).decode("utf-8", "backslashreplace")

    def read(self) -> tuple["Candidate", bytes]:
        """Return the file's bytes; where it cannot be read none, and a candidate that says why."""
        if self.fault:
            return self, b""
        try:
            if self.below is None:
                return self, read_file(self.path)
            reader = FolderReader(root=self.below)
            return self, reader.read(str(self.path.relative_to(self.below)))
        except ImageError as error:
            return replace(self, fault=str(error)), b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """What is to be classified; going through it reads folders anew, so that no list grows.

    Attributes:
        places: files, folders, and the lists that manifests hold.
        pattern: finds the patient in a path, None for those that manifests tell.
    """

    places: tuple[Path | tuple[Candidate, ...], ...]
    pattern: re.Pattern[str] | None = None

    def __iter__(self) -> Iterator[Candidate]:
        for place in self.places:
            if isinstance(place, tuple):
                found: Iterator[Candidate] = iter(place)
            elif place.is_dir():
                found = _in_folder(place)
            else:
                found = iter([Candidate(path=place)])
            yield from found if self.pattern is None else map(self._told, found)

    def _told(self, candidate: Candidate) -> Candidate:
        assert self.pattern is not None
        found = self.pattern.search(candidate.name)
        return replace(candidate, patient=(found[1] or "") if found else "")

    def survey(self) -> "Survey":
        """Go through all of it once.

        Raises:
            UsageError: the pattern finds no patient.
        """
        first, count, longest, has_patients = "", 0, 0, False
        for each in self:
            first = first or each.name
            count, longest = count + 1, max(longest, len(each.name))
            has_patients = has_patients or bool(each.patient)
        if self.pattern is not None and not has_patients:
            raise UsageError(
                f"the patient pattern {self.pattern.pattern!r} matches no path; the first is "
                f"{first!r}."
            )
        return Survey(count=count, longest=longest, has_patients=has_patients)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """How many candidates there are, how long the longest name is, and whether some name patients.

    Attributes:
        count: how many.
        longest: characters.
        has_patients: whether the patient of one is known.
    """

    count: int
    longest: int
    has_patients: bool


def find_inputs(
    words: Sequence[str],
    patient_pattern: str | None = None,
    columns: Mapping[str, str] = NO_COLUMNS,
) -> Candidates:
    """See that there is something to classify, before a model is loaded.

    Args:
        words: files, folders, globs that no shell has expanded, and manifests.
        patient_pattern: a regular expression with one group, None for patients as manifests tell.
        columns: a manifest's columns by what they mean.

    Raises:
        UsageError: nothing is named, or columns of no manifest.
        DataError: a file or folder is not there, a glob matches none, or a folder holds no images.
    """
    if not words:
        raise UsageError(
            "predict needs an image or a folder: benchmark predict scans/ --out out.csv"
        )
    places = [place for word in words for place in _places(word, columns)]
    if columns and not any(isinstance(each, tuple) for each in places):
        raise UsageError(
            f"--columns: read with a table ({', '.join(TABLE_SUFFIXES)}) only, and none is named."
        )
    pattern = re.compile(patient_pattern) if patient_pattern else None
    return Candidates(places=tuple(places), pattern=pattern)


def _places(word: str, columns: Mapping[str, str]) -> Iterator[Path | tuple[Candidate, ...]]:
    path = path_of(word)
    if glob.has_magic(word) and not os.path.lexists(path):
        matched = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  Path's needs a root
        if not matched:
            raise DataError(f"no file and no folder matches {word!r}.")
        for each in matched:
            yield _checked(each, Path(each), columns)
    else:
        yield _checked(word, path, columns)


def _checked(word: str, path: Path, columns: Mapping[str, str]) -> Path | tuple[Candidate, ...]:
    try:
        is_folder = stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"there is no file or folder {word!r}.") from error
    except OSError as error:
        raise DataError(f"{word!r} cannot be read: {error.strerror}.") from error
    if is_folder and next(_in_folder(path), None) is None:
        raise DataError(f"the folder {word!r} holds no images.")
    if is_folder or path.suffix.lower() not in TABLE_SUFFIXES:
        return path
    return tuple(
        Candidate(path=path.parent / each.path, patient=each.patient, below=path.parent)
        for each in list_images(path.absolute(), columns)
    )


def _in_folder(folder: Path) -> Iterator[Candidate]:
    """Yield what may be an image below a folder; folders are read once, by whatever name.

    Links to folders are followed, so that a link to a folder above would lead round for ever.
    """
    read: set[tuple[int, int]] = set()
    open_ = [folder]
    while open_:
        path = open_.pop()
        try:
            found = path.stat()
            if not stat.S_ISDIR(found.st_mode):
                if path.suffix.lower() in PICTURE_SUFFIXES:
                    yield Candidate(path=path)
                continue
            if (found.st_dev, found.st_ino) in read:
                yield Candidate(path=path, fault="it is a folder that was read by another name.")
                continue
            read.add((found.st_dev, found.st_ino))
            inside = sorted((each for each in path.iterdir() if each.name[0] != "."), reverse=True)
        except OSError as error:
            yield Candidate(path=path, fault=f"it cannot be read: {error.strerror or error}.")
            continue
        open_ += inside
