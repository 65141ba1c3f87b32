"""The job that classifies image files with a registered model."""

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import PICTURE_SUFFIXES, read_file
from ..errors import DataError, ImageError, UsageError
from ..files import path_of, whole_file
from ..tracking import Pulled
from .results import writable_file

if TYPE_CHECKING:
    import pandas as pd

_AT_ONCE = 32  # images handed to the model together: a call may hold so many of any size
_BYTES = 64 * 2**20  # chosen: files beyond so many bytes wait for the next call


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """A file that may be an image: its path, and why it cannot be one, empty where it may."""

    path: Path
    fault: str = ""


def predict_files(
    model: str, inputs: Sequence[str], csv: str | None, *, unverified: bool = False
) -> int:
    """Classify image files and folders of them with a registered model; a bad file is a row.

    Args:
        model: the model's address, see `Pulled`.
        inputs: files and folders.
        csv: the file for the table, None to show it.
        unverified: whether to load a model that is not what was registered.

    Returns:
        0, or 1 where no image could be classified.
    """
    _check(inputs)
    target = path_of(csv) if csv else None
    if target is not None:
        writable_file(target)
    pulled = Pulled(model, unverified=unverified)
    good, bad = 0, 0
    with nullcontext() if target is None else whole_file(target) as part:
        for table in _tables(pulled, _candidates(inputs)):
            text = table.to_csv(index=False, header=not good + bad)
            if part is None:
                sys.stdout.write(text)
            else:
                with part.open("a", encoding="utf-8") as file:
                    file.write(text)
            faulty = int((table["error"] != "").sum())
            good, bad = good + len(table) - faulty, bad + faulty
    said = f"{good} images classified" + (f" into {csv}" if csv else "")
    if csv or bad:
        said += f", {bad} could not be" if bad else ""
        print(said, file=sys.stdout if csv else sys.stderr)
    return 0 if good else 1


def _check(inputs: Sequence[str]) -> None:
    """See that there is something to classify, before a model is loaded.

    Raises:
        UsageError: nothing is named.
        DataError: a file or folder is not there, or a folder holds no images.
    """
    if not inputs:
        raise UsageError(
            "predict needs an image or a folder: benchmark predict scans/ --csv out.csv"
        )
    for name in inputs:
        try:
            is_folder = stat.S_ISDIR(path_of(name).stat().st_mode)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DataError(f"there is no file or folder {name!r}.") from error
        except OSError as error:
            raise DataError(f"{name!r} cannot be read: {error.strerror}.") from error
        if is_folder and next(_in_folder(path_of(name)), None) is None:
            raise DataError(f"the folder {name!r} holds no images.")


def _candidates(inputs: Sequence[str]) -> Iterator[_Candidate]:
    """Yield the named files, and the images of the named folders in sorted order."""
    for name in inputs:
        path = path_of(name)
        if path.is_dir():
            yield from _in_folder(path)
        else:
            yield _Candidate(path=path)


def _in_folder(folder: Path) -> Iterator[_Candidate]:
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
                    yield _Candidate(path=path)
                continue
            if (found.st_dev, found.st_ino) in read:
                yield _Candidate(path=path, fault="it is a folder that was read by another name.")
                continue
            read.add((found.st_dev, found.st_ino))
            inside = sorted((each for each in path.iterdir() if each.name[0] != "."), reverse=True)
        except OSError as error:
            yield _Candidate(path=path, fault=f"it cannot be read: {error.strerror or error}.")
            continue
        open_ += inside


def _tables(pulled: Pulled, candidates: Iterator[_Candidate]) -> Iterator["pd.DataFrame"]:
    """Yield the answers in order, a few images at a time, so that memory does not grow."""
    chunk: list[_Candidate] = []
    stored: list[bytes] = []
    for candidate in candidates:
        content, fault = _stored(candidate)
        chunk.append(_Candidate(path=candidate.path, fault=fault))
        stored.append(content)
        if len(chunk) == _AT_ONCE or sum(map(len, stored)) > _BYTES:
            yield _classified(pulled, chunk, stored)
            chunk, stored = [], []
    if chunk:
        yield _classified(pulled, chunk, stored)


def _stored(candidate: _Candidate) -> tuple[bytes, str]:
    """Return a file's bytes, none where it cannot be read, and why it cannot."""
    if candidate.fault:
        return b"", candidate.fault
    try:
        return read_file(candidate.path), ""
    except ImageError as error:
        return b"", str(error)


def _classified(
    pulled: Pulled, chunk: Sequence[_Candidate], stored: Sequence[bytes]
) -> "pd.DataFrame":
    table = pulled.classify(stored)
    names = [os.fsencode(each.path).decode("utf-8", "backslashreplace") for each in chunk]
    table.insert(0, "path", names, allow_duplicates=True)  # a class may be named so
    table["error"] = [
        each.fault or error for each, error in zip(chunk, table["error"], strict=True)
    ]
    return table
