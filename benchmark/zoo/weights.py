"""Which weights a backbone begins with: found, checked and named before any network is built."""

import os
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from ..errors import UsageError, WeightsError
from ..files import file_digest, path_of
from .architecture import Architecture, WeightFile

FOLDER_VARIABLE = "BENCHMARK_WEIGHTS"
_PROBE_SECONDS = 2.0
_STORE = "https://storage.googleapis.com/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The weights that a backbone begins with.

    Attributes:
        kind: `none` (random), `imagenet` (Keras's own file) or `file` (a file in a folder).
        path: the file, None for random weights and for a file that Keras has yet to fetch.
        identity: what stands in the spec: `none`, `imagenet`, or `sha256:` and the file's digest.
            A file in a folder whose hash is the published one is `imagenet`, for so it is.
        note: why these weights are not ImageNet's, or not checked; empty otherwise.
    """

    kind: str
    path: Path | None = None
    identity: str
    note: str = ""


NONE = Weights(kind="none", identity="none")


class WeightsFrom(StrEnum):
    """Where weights come from, if not from a folder of files under Keras's own names.

    `auto` tries the folder named by BENCHMARK_WEIGHTS, Keras's cache and the network, and otherwise
    takes random weights with a note.
    """

    AUTO = "auto"
    IMAGENET = "imagenet"
    NONE = "none"


def read_weights_from(text: str) -> WeightsFrom | Path:
    """Read `auto`, `imagenet`, `none`, or a folder.

    Raises:
        UsageError: it is none of these words and no folder.
    """
    if text in tuple(WeightsFrom):
        return WeightsFrom(text)
    folder = path_of(text)
    if not text or not folder.is_dir():
        raise UsageError(
            f"weights must be auto, imagenet, none or a folder of weight files, not {text!r}."
        )
    return folder


def resolve_weights(architecture: Architecture, source: WeightsFrom | Path) -> Weights:
    """Find an architecture's weights; one without published weights gets `none` without a note.

    Raises:
        WeightsError: the file is missing, unreadable or another network's, or ImageNet weights
            were asked for and cannot be had.
    """
    file = architecture.weight_file
    if file is None or source is WeightsFrom.NONE:
        return NONE
    if source is WeightsFrom.AUTO:
        return _auto(architecture, file)
    if source is WeightsFrom.IMAGENET:
        return _imagenet(architecture, file)
    return _in_folder(architecture, file, source)


def _auto(architecture: Architecture, file: WeightFile) -> Weights:
    folder = os.environ.get(FOLDER_VARIABLE, "")
    if folder and (path_of(folder) / file.name).is_file():
        return _in_folder(architecture, file, path_of(folder))
    try:
        return _imagenet(architecture, file)
    except WeightsError as error:
        return Weights(kind="none", identity="none", note=f"Random weights: {error}")


def _imagenet(architecture: Architecture, file: WeightFile) -> Weights:
    path = keras_cache() / file.name
    found = path.is_file()
    if found and (not file.published_hash or _matches(path, file)):
        _check(architecture, file, path)
        return Weights(kind="imagenet", path=path, identity="imagenet")
    if is_reachable():
        return Weights(kind="imagenet", identity="imagenet")
    state = "has another hash than published in" if found else "is not in"
    raise WeightsError(
        f"{architecture.name} has no ImageNet weights here: {file.name} {state} "
        f"{keras_cache()}{_expected(file)}, and {_STORE} does not answer. Put the file into a "
        "folder and give that folder as weights, or take weights=none."
    )


def _in_folder(architecture: Architecture, file: WeightFile, folder: Path) -> Weights:
    path = folder / file.name
    if not path.is_file():
        raise WeightsError(
            f"{architecture.name} needs the weight file {file.name}, which is not in {folder}"
            f"{_expected(file)}. Put it there, or leave {architecture.name} out."
        )
    _check(architecture, file, path)
    if file.published_hash and _matches(path, file):
        return Weights(kind="file", path=path, identity="imagenet")
    identity = "sha256:" + _hash(path, "sha256", path.stat().st_mtime_ns)
    if not file.published_hash:
        note = f"{file.name} in {folder} cannot be checked: Keras publishes no hash for it."
    else:
        note = f"{file.name} in {folder} is not the file that Keras publishes{_expected(file)}."
    return Weights(kind="file", path=path, identity=identity, note=note)


def _check(architecture: Architecture, file: WeightFile, path: Path) -> None:
    """Refuse a file that is not HDF5, or that holds another number of weights.

    Only HDF5 is read, never a pickle.
    """
    import h5py

    try:
        with h5py.File(path, "r") as stored:
            count = _count(stored.get("model_weights", stored))
    except (OSError, RuntimeError, KeyError) as error:
        raise WeightsError(
            f"{file.name} in {path.parent} is not a readable HDF5 file{_expected(file)}: {error}. "
            "Fetch it again."
        ) from error
    if count != architecture.parameters:
        raise WeightsError(
            f"{file.name} in {path.parent} belongs to another network: {architecture.name} has "
            f"{architecture.parameters:,} weights, the file {count:,}{_expected(file)}."
        )


def _count(group: object) -> int:
    """Count the numbers in a group of an HDF5 file, without reading them."""
    import h5py

    sizes: list[int] = []

    def visit(_: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            sizes.append(item.size)

    assert isinstance(group, h5py.Group)
    group.visititems(visit)
    return sum(sizes)


def keras_cache() -> Path:
    """Return the folder in which Keras keeps weight files that it has fetched."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "models"


@cache
def is_reachable() -> bool:
    """Whether Keras's store of weights answers within two seconds; asked once per process."""
    answers: list[bool] = []
    # A thread, for a name look-up without an answer obeys no time-out.
    probe = threading.Thread(target=lambda: answers.append(_probe()), daemon=True)
    probe.start()
    probe.join(_PROBE_SECONDS)
    return bool(answers) and answers[0]


def _probe() -> bool:
    request = urllib.request.Request(_STORE, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=_PROBE_SECONDS).close()  # noqa: S310  a constant
    except urllib.error.HTTPError:
        return True  # it answers, if only that its front page is not public
    except OSError:
        return False
    return True


def _matches(path: Path, file: WeightFile) -> bool:
    algorithm = "sha256" if len(file.published_hash) == 64 else "md5"
    return _hash(path, algorithm, path.stat().st_mtime_ns) == file.published_hash


@cache
def _hash(path: Path, algorithm: str, _: int) -> str:
    """Hash a file; once per process and per time of change, for some are 470 MB."""
    return file_digest(path, algorithm)


def _expected(file: WeightFile) -> str:
    if not file.published_hash:
        return " (Keras publishes no hash for it)"
    algorithm = "SHA-256" if len(file.published_hash) == 64 else "MD5"
    return f" (published {algorithm} {file.published_hash})"
