"""Fetching the published data sets: complete and verified under their name, or absent.

```
<into>/<name>/             the images, moved here once everything has been verified
<into>/<name>.json         the receipt: source, licence, counts, and every file's SHA-256
<into>/.<name>.partial/    being fetched, or left by a download that was interrupted
```
"""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import BenchmarkError, DataError, StoreError, UsageError, one_line
from ..files import file_digest, write_text
from ..records import Part, Progress, Silent, digest
from .index import PART_NAMES
from .known import DATA_SETS, DataSet

__all__ = ["Fetched", "fetch"]

_IMAGES = {".png", ".jpg", ".jpeg"}
_MEASURED = {
    "chest-ct": "c3365b073b2007c50b1c5c11789896ad1e14fd1b89a3fc76198ba21553baf39a",
}
"""Digest of all files of the copy that the figures in docs/data.md were measured on."""
_STAGED = "staged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A data set that has arrived.

    Attributes:
        name: its name; `folder` where it is.
        source: the page about it; `licence` what it may be used for.
        counts: images by `part/class`.
        is_new: whether this call brought it, rather than finding it complete.
        notes: what a reader should know.
    """

    name: str
    folder: Path
    source: str
    licence: str
    counts: Mapping[str, int]
    is_new: bool
    notes: tuple[str, ...] = ()


def fetch(name: str, into: Path, progress: Progress | None = None) -> Fetched:
    """Bring a published data set, or find it: verified either way.

    Args:
        name: `chest-ct`, `chest-xray` or `pneumoniamnist`.
        into: the folder that holds fetched data sets; this one comes under its name.
        progress: told of the stages.

    Raises:
        UsageError: no such data set, or one that needs no fetching.
        StoreError: no network, no room, no permission, or a download that came damaged.
        DataError: what arrived is not what was published.
    """
    wanted, told = _wanted(name), progress or Silent()
    try:
        receipt, damaged = _verified(wanted, into, told)
        if receipt is not None and not damaged:
            return _result(wanted, into / name, receipt, is_new=False)
        with _left_alone(into / name, damaged):
            return _bring(wanted, into, told)
    except BenchmarkError:
        raise
    except OSError as error:
        raise StoreError(f"cannot fetch {name} into {into}: {error.strerror or error}.") from error


def _bring(wanted: DataSet, into: Path, told: Progress) -> Fetched:
    partial = into / f".{wanted.name}.partial"
    if (partial / _STAGED).exists():  # stopped between unpacking and naming: half is moved
        shutil.rmtree(partial)
    partial.mkdir(parents=True, exist_ok=True)
    told.stage("download")
    brought = (
        _from_kaggle(wanted, partial) if _on_kaggle(wanted) else _from_url(wanted, partial, told)
    )
    return _accept(wanted, brought, into, told)


@contextmanager
def _left_alone(folder: Path, damaged: Sequence[str]) -> Iterator[None]:
    """Say of a damaged set that it stands as it was, where a new one could not be brought."""
    try:
        yield
    except BenchmarkError as error:
        if not damaged:
            raise
        raise type(error)(
            f"{len(damaged)} file(s) of {folder} are not as they were fetched (the first: "
            f"{damaged[0]}); nothing was removed, and no other copy came: {error}"
        ) from error


def _wanted(name: str) -> DataSet:
    wanted = DATA_SETS[name]
    if not wanted.handle:
        raise UsageError(f"{name} needs no fetching: it is {wanted.via} when first used.")
    return wanted


def _receipt(name: str, into: Path) -> Path:
    return into / f"{name}.json"


def _verified(
    wanted: DataSet, into: Path, told: Progress
) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """Return a set's receipt, None without, and the files of it that are gone or changed.

    What else lies in the folder, such as a file browser's own, is nobody's damage.
    """
    folder = into / wanted.name
    if not folder.exists():
        return None, ()
    if not _receipt(wanted.name, into).is_file():
        raise StoreError(
            f"{folder} was not fetched by this program, which would have left a receipt beside "
            "it; move it away, and fetch again."
        )
    try:
        receipt = json.loads(_receipt(wanted.name, into).read_text(encoding="utf-8"))
        files: dict[str, str] = receipt["files"]
        is_known = {"counts", "content"} <= receipt.keys()
        found = _hashes(folder, [path for path in files if (folder / path).is_file()], told)
    except (ValueError, KeyError, TypeError, AttributeError):
        is_known = False
    if not is_known:
        return None, (f"{wanted.name}.json",)
    return receipt, tuple(path for path in sorted(files) if found.get(path) != files[path])


def _accept(wanted: DataSet, brought: Path, into: Path, told: Progress) -> Fetched:
    """Count and hash what came, and give it its name; nothing that fails gets the name."""
    partial = into / f".{wanted.name}.partial"
    counts = _folder_counts(brought) if _on_kaggle(wanted) else _npz_counts(brought, wanted)
    due = _due_counts(wanted)
    if Counter(counts) != Counter(due):  # a class without images is as good as absent
        shutil.rmtree(partial)
        raise DataError(f"{wanted.name} is not what was published: {_differences(due, counts)}.")
    folder = into / wanted.name
    staged = partial / _STAGED
    staged.mkdir()
    for path in sorted(brought.iterdir()):
        if _on_kaggle(wanted) and path.name not in PART_NAMES:
            continue
        if path.is_relative_to(partial):
            shutil.move(path, staged / path.name)
        else:  # on Kaggle's own machines the data is mounted, and read-only
            shutil.copytree(path, staged / path.name)
    inside = [path for path in sorted(staged.rglob("*")) if path.is_file()]
    files = _hashes(staged, [path.relative_to(staged).as_posix() for path in inside], told)
    content = digest(sorted(files.values()))
    receipt = {
        "name": wanted.name, "source": wanted.source, "licence": wanted.licence,
        "counts": counts, "content": content, "files": files,
    }  # fmt: skip
    write_text(_receipt(wanted.name, into), json.dumps(receipt, indent=1) + "\n")
    if folder.exists():  # a damaged one, which goes only now that a whole one is here
        folder.rename(partial / "damaged")
    staged.rename(folder)
    shutil.rmtree(partial)
    return _result(wanted, folder, receipt, is_new=True)


def _folder_counts(root: Path) -> dict[str, int]:
    """Count the images of each `part/class`."""
    found: Counter[str] = Counter()
    for path in root.glob("*/*/*"):
        part, group, _ = path.relative_to(root).parts
        if part in PART_NAMES and path.suffix.lower() in _IMAGES and not path.name.startswith("."):
            found[f"{PART_NAMES[part]}/{group.partition('_')[0].lower()}"] += 1
    return dict(found)


def _npz_counts(folder: Path, wanted: DataSet) -> dict[str, int]:
    """Count the labels of each part in MedMNIST's layout: positions in the sorted classes."""
    import numpy as np

    found: Counter[str] = Counter()
    for path in folder.glob("*.npz"):
        with np.load(path, allow_pickle=False) as arrays:
            for part in Part:
                labels = arrays[f"{part}_labels"].ravel()
                for label, name in enumerate(wanted.classes):
                    found[f"{part}/{name}"] += int((labels == label).sum())
    return dict(found)


def _due_counts(wanted: DataSet) -> dict[str, int]:
    return {
        f"{part}/{name.lower()}": count
        for part, counts in wanted.counts.items()
        for name, count in zip(wanted.classes, counts, strict=True)
    }


def _differences(due: Mapping[str, int], counts: Mapping[str, int]) -> str:
    pairs = [(name, counts.get(name, 0), due.get(name, 0)) for name in sorted({*due, *counts})]
    return ", ".join(f"{name} has {got}, not {want}" for name, got, want in pairs if got != want)


def _hashes(folder: Path, paths: Sequence[str], told: Progress) -> dict[str, str]:
    """Return the SHA-256 of files by their paths in the folder."""
    told.stage("verify", len(paths), "files")
    found = {}
    for path in paths:
        found[path] = file_digest(folder / path)
        told.advance()
    return found


def _result(wanted: DataSet, folder: Path, receipt: Mapping[str, Any], *, is_new: bool) -> Fetched:
    content = receipt["content"]
    differs = content != _MEASURED.get(wanted.name, content)
    note = f"{wanted.name} has the published counts, but its files differ from the copy on which "
    return Fetched(
        name=wanted.name,
        folder=folder,
        source=wanted.source,
        licence=wanted.licence,
        counts=receipt["counts"],
        is_new=is_new,
        notes=(note + "this project's figures were measured.",) if differs else (),
    )


def _on_kaggle(wanted: DataSet) -> bool:
    return wanted.via == "kagglehub"


def _from_kaggle(wanted: DataSet, partial: Path) -> Path:
    """Download and unpack with kagglehub; an archive begun earlier is gone on with."""
    import kagglehub
    from kagglehub import exceptions

    refusals = (
        exceptions.UnauthenticatedError,
        exceptions.CredentialError,
        exceptions.BackendError,
        exceptions.DataCorruptionError,
    )
    try:
        with _in_one_line(wanted), _environment("KAGGLEHUB_CACHE", str(partial)):
            return _root(Path(kagglehub.dataset_download(wanted.handle)), wanted)
    except refusals as error:
        raise _refusal(wanted, error) from error


def _root(folder: Path, wanted: DataSet) -> Path:
    """Return the outermost folder with a train and a test folder in it."""
    for path in sorted([folder, *folder.rglob("*")], key=lambda each: (len(each.parts), each)):
        if "__MACOSX" not in path.parts and (path / "train").is_dir() and (path / "test").is_dir():
            return path
    raise DataError(f"{wanted.name}: {wanted.handle} has no train and test folder any more.")


def _from_url(wanted: DataSet, partial: Path, told: Progress) -> Path:
    """Download the one file of a data set with pooch, which checks its MD5."""
    import pooch

    target = partial / "whole"
    pooch.get_logger().setLevel("WARNING")  # progress is told by the bar
    downloader = pooch.HTTPDownloader(_Bar(told), chunk_size=1 << 16, timeout=(10, 60))
    name = wanted.handle.rpartition("/")[2]
    try:
        with _in_one_line(wanted):
            pooch.retrieve(wanted.handle, wanted.checksum, name, target, downloader=downloader)
    except ValueError as error:  # pooch's word for another hash
        raise StoreError(
            f"{wanted.name} came damaged: its hash is not {wanted.checksum}. Fetch it again."
        ) from error
    return target


class _Bar:
    """What pooch takes for a progress bar, told to a `Progress`."""

    def __init__(self, told: Progress) -> None:
        self._told = told
        self._size = 0

    @property
    def total(self) -> int:
        """The bytes to come, 0 where they are not known; setting them begins the stage."""
        return self._size

    @total.setter
    def total(self, size: int) -> None:
        self._size = size
        self._told.stage("download", size or None, "bytes")

    def update(self, count: int) -> None:
        """Say that more bytes are there."""
        self._told.advance(count)

    def reset(self) -> None:
        """Begin again: pooch fills the bar when everything has come."""
        self.total = self._size

    def close(self) -> None:
        """Do nothing: the next stage ends this one."""


@contextmanager
def _in_one_line(wanted: DataSet) -> Iterator[None]:
    """Say in one line why a server did not give a data set."""
    import requests

    try:
        yield
    except requests.exceptions.ChunkedEncodingError as error:
        raise StoreError(f"the download of {wanted.name} broke off; fetch it again.") from error
    except (requests.ConnectionError, requests.Timeout) as error:
        raise StoreError(
            f"cannot reach {_host(wanted)} to fetch {wanted.name}: is there a network? Otherwise "
            f"fetch it elsewhere from {wanted.source} and give its folder with --data FOLDER."
        ) from error
    except requests.RequestException as error:
        raise _refusal(wanted, error) from error


def _refusal(wanted: DataSet, error: Exception) -> StoreError:
    source = "Kaggle" if _on_kaggle(wanted) else _host(wanted)
    return StoreError(f"{source} did not give {wanted.handle}: {one_line(error)}.")


def _host(wanted: DataSet) -> str:
    return "kaggle.com" if _on_kaggle(wanted) else wanted.handle.split("/")[2]


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set an environment variable for a while; kagglehub takes its folder from nowhere else."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
