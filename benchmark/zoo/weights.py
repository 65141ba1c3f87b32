"""Which weights a backbone begins with: found, checked and named before any network is built."""

import os
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..errors import WeightsError
from ..files import path_of
from .architecture import Architecture, Preprocessing, WeightFile
from .weight_files import file_hash, holds
from .weights_choice import WeightsChoice, WeightsFrom

FOLDER_VARIABLE = "BENCHMARK_WEIGHTS"
_PROBE_SECONDS = 2.0
_STORE = "https://storage.googleapis.com/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The weights that a backbone begins with.

    Attributes:
        kind: `none` (random), `imagenet` (Keras's own file) or `file` (another file, or one in a
            folder).
        path: the file, None for random weights and for a file that Keras has yet to fetch.
        identity: what stands in the spec: `none`, `imagenet`, or `sha256:` and the file's digest.
            A file whose hash is the published one is `imagenet`, for so it is. Behind a `+`, the
            preprocessing where it is not the architecture's own.
        preprocessing: what these weights expect of pixels, None for the architecture's own.
        note: why these weights are not ImageNet's, or not checked; empty otherwise.
    """

    kind: str
    path: Path | None = None
    identity: str
    preprocessing: Preprocessing | None = None
    note: str = ""


NONE = Weights(kind="none", identity="none")


def resolve_weights(architecture: Architecture, choice: WeightsChoice) -> Weights:
    """Find an architecture's weights; one without published weights gets `none` without a note.

    Raises:
        WeightsError: the file is missing, unreadable or another network's, or ImageNet weights
            were asked for and cannot be had.
    """
    file, place = architecture.weight_file, choice.of(architecture.name)
    if file is None or place.where is WeightsFrom.NONE:
        return NONE
    if place.where is WeightsFrom.AUTO:
        return _auto(architecture, file)
    if place.where is WeightsFrom.IMAGENET:
        return _imagenet(architecture, file)
    path = place.where if place.where.is_file() else _in_folder(architecture, file, place.where)
    return _of_file(architecture, file, path, place.preprocessing)


def _auto(architecture: Architecture, file: WeightFile) -> Weights:
    words = os.environ.get(FOLDER_VARIABLE, "")
    if words and _known_in(architecture, file, folder := path_of(words)):
        return _of_file(architecture, file, _in_folder(architecture, file, folder), None)
    try:
        return _imagenet(architecture, file)
    except WeightsError as error:
        return Weights(kind="none", identity="none", note=f"Random weights: {error}")


def _imagenet(architecture: Architecture, file: WeightFile) -> Weights:
    path = keras_cache() / file.name
    found = path.is_file()
    if found and (not file.published_hash or _matches(path, file)):
        _check(architecture, path, file)
        return Weights(kind="imagenet", path=path, identity="imagenet")
    if is_reachable():
        return Weights(kind="imagenet", identity="imagenet")
    state = "has another hash than published in" if found else "is not in"
    raise WeightsError(
        f"{architecture.name} has no ImageNet weights here: {file.name} {state} "
        f"{keras_cache()}{_expected(file)}, and {_STORE} does not answer. Put the file into a "
        "folder and give that folder as weights, or take weights=none."
    )


def _known_in(architecture: Architecture, file: WeightFile, folder: Path) -> list[Path]:
    """Return the files in a folder that bear a name under which such weights are published."""
    known = (folder / each.name for each in (file, *architecture.further_weights))
    return [path for path in known if path.is_file()]


def _in_folder(architecture: Architecture, file: WeightFile, folder: Path) -> Path:
    found = _known_in(architecture, file, folder)
    if not found:
        others = "".join(f" (or {each.name})" for each in architecture.further_weights)
        raise WeightsError(
            f"{architecture.name} needs the weight file {file.name}{others}, which is not in "
            f"{folder}{_expected(file)}. Put it there, or leave {architecture.name} out."
        )
    if len(found) > 1:
        raise WeightsError(
            f"{folder} holds {' and '.join(path.name for path in found)} for {architecture.name}; "
            f"name one of them: --weights {architecture.name}={found[0]}."
        )
    return found[0]


def _of_file(
    architecture: Architecture, file: WeightFile, path: Path, asked: Preprocessing | None
) -> Weights:
    """Check a file, and tell by its hash and its name what it is."""
    further = (each for each in architecture.further_weights if each.name == path.name)
    published = next(further, file)
    _check(architecture, path, published)
    expected = asked or published.preprocessing or architecture.preprocessing
    preprocessing = None if expected == architecture.preprocessing else expected
    if published.published_hash and _matches(path, published):
        identity, note = "imagenet", ""
    else:
        identity = "sha256:" + file_hash(path, "sha256")
        checked = f"is not the file that {published.publisher} publishes"
        state = checked if published.published_hash else "cannot be checked"
        note = f"{path.name} in {path.parent} {state}{_expected(published)}."
    if preprocessing:
        identity += f"+{preprocessing}"
        note += f" It gets its pixels as {preprocessing} has them."
    return Weights(
        kind="file", path=path, identity=identity, preprocessing=preprocessing, note=note.strip()
    )


def _check(architecture: Architecture, path: Path, file: WeightFile) -> None:
    """Refuse a file that is not HDF5, or whose first layers hold another number of weights."""
    try:
        count = holds(path, architecture.parameters)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise WeightsError(
            f"{path.name} in {path.parent} is not a readable HDF5 file{_expected(file)}: {error}. "
            "Fetch it again."
        ) from error
    if count != architecture.parameters:
        raise WeightsError(
            f"{path.name} in {path.parent} belongs to another network: {architecture.name} has "
            f"{architecture.parameters:,} weights, the file {count:,}{_expected(file)}."
        )


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
    return file_hash(path, algorithm) == file.published_hash


def _expected(file: WeightFile) -> str:
    if not file.published_hash:
        return f" ({file.publisher} publishes no hash for it)"
    algorithm = "SHA-256" if len(file.published_hash) == 64 else "MD5"
    return f" (published {algorithm} {file.published_hash})"
