"""The images on which formats are compared: those of the model's run, or others that are named."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..cache import Cache
from ..data import ReadOptions, decode_array, decode_bytes, read_index
from ..errors import DataError, ImageError, UsageError
from ..files import path_of
from ..plan import reading_of
from ..records import Index, Picture
from ..tracking import Library, Located, known_of
from .plan_job import cache_or_scratch
from .predicting_inputs import find_inputs
from .rereading import benchmark_of
from .shown import recall

_MOST = 32  # chosen, not sourced: as many as a run keeps its own network's answers to


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Compared:
    """The images that every format is asked about.

    Attributes:
        pixels: (n, side, side, channels) as the network is fed.
        said: which they are, for people.
    """

    pixels: npt.NDArray[np.uint8]
    said: str


def compared_images(model: Located, images: str | None, data: str | None, cache: str) -> Compared:
    """Return the images that a model's formats are compared on.

    Args:
        model: the model.
        images: an image or a folder of them; None for those of the model's run.
        data: where the run's data set lies, or another data set; None for where it lay.
        cache: the cache's folder, which knows that place.

    Raises:
        UsageError: it is not known where the images are.
        DataError: there are none, or one cannot be read.
    """
    picture = model.card.picture
    if images is not None:
        found = list(find_inputs([images]))
        stored = [found[place].read() for place in _spread(found)]
        if fault := next((f"{each.name}: {each.fault}" for each, _ in stored if each.fault), ""):
            raise DataError(f"the formats cannot be compared on {fault}")
        decoded = [_decoded(content, each.name, picture) for each, content in stored]
        said = f"{len(stored)} images of {path_of(images).name}"
        return Compared(pixels=np.stack(decoded), said=said)
    with cache_or_scratch(cache) as kept:
        index, asked = _index(model, data, kept)
        rows = [row for row, sha256 in enumerate(index.hashes) if sha256 in asked][:_MOST]
        which = "that the run was checked on" if rows else "spread over it"
        rows = rows or _spread(range(len(index)))
        paths = [index.paths[row] for row in rows]
        decoded = [_decoded(index.reader.read(path), path, picture) for path in paths]
    return Compared(pixels=np.stack(decoded), said=f"{len(rows)} images of {index.name} {which}")


def _index(model: Located, data: str | None, cache: Cache) -> tuple[Index, frozenset[str]]:
    """Return a data set, and content digests of the images that the run was tried on."""
    library = known_of(model)
    if library is None or model.kept is None:
        if data is None and not model.card.synthetic:
            raise UsageError(
                f"the run of {model.uri} is not in this store, so that its images are not known: "
                "name some with --images FOLDER, or a data set with --data."
            )
        return read_index(data or model.card.data, ReadOptions(), cache), frozenset()
    return _of_run(library, model.kept.run_id, data, cache)


def _of_run(
    library: Library, run_id: str, data: str | None, cache: Cache
) -> tuple[Index, frozenset[str]]:
    record = library.record(run_id)
    asked = benchmark_of(library, record).params
    place = data or recall(asked.get("data", ""), record.spec.data_digest, cache)
    index = read_index(place, reading_of(asked), cache)
    return index, frozenset(library.check(record).hashes)


def _spread(of: Sequence[object]) -> list[int]:
    """Return at most so many places in a sequence, evenly spread."""
    return [round(place) for place in np.linspace(0, len(of) - 1, min(len(of), _MOST))]


def _decoded(
    stored: bytes | npt.NDArray[np.uint8], path: str, picture: Picture
) -> npt.NDArray[np.uint8]:
    try:
        if isinstance(stored, bytes):
            return decode_bytes(stored, picture)
        return decode_array(stored, picture)
    except ImageError as error:
        raise DataError(f"{path} cannot be compared on: {error}") from error
