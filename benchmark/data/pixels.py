"""Decode every distinct image once, into a memory-mapped array that all later steps read."""

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from .. import environment
from ..cache import Cache
from ..errors import DataError, ImageError
from ..records import Index, LeftOut, Picture, Progress, Reader, Rows, digest
from .bombs import turn
from .decoding import DECODER, Pixels8, array_native, fit, read_native
from .dicom import decoders
from .facts import Fact, Facts, gather_fact
from .index import check_index, take

MAX_UNREADABLE = 0.05
"""The largest share of unreadable images that is left out without asking."""

_ARRAY, _STORY = "pixels.npy", "pixels.json"
_KIND = "pixels"
_FACTS = 1
"""Raised by hand whenever the same image would give other facts."""


class Pixels:
    """Decoded images on disk: one row for each distinct content digest.

    Opening it again costs a few milliseconds and no memory, in any process; pickling one gives
    its folder only.

    Attributes:
        folder: where they are; may be opened by another process.
        array: (u, side, side, channels) uint8, memory-mapped, read only.
        hashes: u content digests, row by row.
        digest: of the images and of how they were decoded.
        seconds: what decoding cost when it was done.
    """

    def __init__(self, folder: Path) -> None:
        story = json.loads((folder / _STORY).read_text(encoding="utf-8"))
        self.folder = folder
        self.array: npt.NDArray[np.uint8] = np.load(
            folder / _ARRAY, mmap_mode="r", allow_pickle=False
        )
        self.hashes: tuple[str, ...] = tuple(story["hashes"])
        self.unreadable: dict[str, str] = story["unreadable"]
        self.digest: str = story["digest"]
        self.seconds: float = story["seconds"]
        self._rows = {each: row for row, each in enumerate(self.hashes)}

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the pixels that `decode` left in a folder."""
        return cls(Path(folder))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.folder,)

    def __len__(self) -> int:
        return len(self.hashes)

    def rows(self, hashes: Sequence[str]) -> Rows:
        """Return the rows of `array` for content digests; an unknown one is a `KeyError`."""
        return np.array([self._rows[each] for each in hashes], dtype=np.int64)

    def grey(self, row: int) -> Image.Image:
        """Return the grey picture of a row of `array`."""
        image = self.array[row]
        return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).convert("L")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Decoded:
    """An index less what is unreadable, with its pixels and their facts."""

    index: Index
    pixels: Pixels
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedImage:
    """A decoded image of a content digest, its facts with it; or the reason why it is none."""

    sha256: str
    pixels: Pixels8 | None = None
    fact: Fact | None = None
    reason: str = ""


def decode(
    index: Index,
    picture: Picture,
    cache: Cache,
    progress: Progress,
    *,
    max_unreadable: float = MAX_UNREADABLE,
) -> Decoded:
    """Decode an index's images, each distinct content once and only if it never was before.

    Args:
        index: what to decode.
        picture: how files become pixels.
        cache: where the pixels are kept.
        progress: told of each image decoded.
        max_unreadable: the largest share of images that may be left out.

    Raises:
        DataError: too many are unreadable, nothing is left of a class or part, or a file has
            changed since the index was read.
        StoreError: the cache cannot be written.
    """
    first, key = _contents(index, picture)
    make = partial(_make, key=key, first=first, index=index, picture=picture, progress=progress)
    return _decoded(index, cache.entry(_KIND, key, make), max_unreadable)


def find_decoded(
    index: Index, picture: Picture, cache: Cache, *, max_unreadable: float = MAX_UNREADABLE
) -> Decoded | None:
    """Return what `decode` gave before of these very images, None where it never did.

    Raises:
        DataError: too many are unreadable.
    """
    folder = cache.find(_KIND, _contents(index, picture)[1])
    return None if folder is None else _decoded(index, folder, max_unreadable)


def _contents(index: Index, picture: Picture) -> tuple[dict[str, str], str]:
    """Return the first path of each distinct content, and the key of them all decoded."""
    first = dict(zip(reversed(index.hashes), reversed(index.paths), strict=True))
    # What could not be read for want of a decoder is read once there is one.
    return first, digest([DECODER, _FACTS, asdict(picture), sorted(first), *decoders()])


def _decoded(index: Index, folder: Path, max_unreadable: float) -> Decoded:
    pixels = Pixels.open(folder)
    kept = _readable(index, pixels.unreadable, max_unreadable)
    return Decoded(index=kept, pixels=pixels, facts=Facts.open(folder))


def decode_stream(
    jobs: Iterable[tuple[str, str]], reader: Reader, picture: Picture, *, threads: int = 0
) -> Iterator[DecodedImage]:
    """Decode images, given by digest and path, in several threads, and yield them in order.

    At most four images a thread are held at once, however slow the consumer is, so that a
    consumer may compute on each image while the next are decoded. By default a thread a core.

    Raises:
        DataError: a file has changed or gone since the index was read.
    """
    count = threads or environment.cores()
    work = partial(_decode_one, reader=reader, picture=picture)
    with ThreadPoolExecutor(count, "decode") as pool:
        waiting: deque[Future[DecodedImage]] = deque()
        try:
            for job in jobs:
                waiting.append(pool.submit(work, job))
                if len(waiting) >= 4 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _decode_one(job: tuple[str, str], *, reader: Reader, picture: Picture) -> DecodedImage:
    sha256, path = job
    try:
        stored = reader.read(path)
    except ImageError as error:
        raise DataError(f"{path} was there a moment ago, and now: {error}") from error
    if isinstance(stored, bytes) and hashlib.sha256(stored).hexdigest() != sha256:
        raise DataError(f"{path} has changed while it was being read; run again.")
    try:
        native = read_native(stored, picture) if isinstance(stored, bytes) else array_native(stored)
        size = len(stored) if isinstance(stored, bytes) else stored.nbytes
        with turn(native.width, native.height):
            pixels, fact = fit(native, picture), gather_fact(native, size)
        return DecodedImage(sha256=sha256, pixels=pixels, fact=fact)
    except ImageError as error:
        return DecodedImage(sha256=sha256, reason=str(error))


def _make(
    into: Path,
    *,
    key: str,
    first: dict[str, str],
    index: Index,
    picture: Picture,
    progress: Progress,
) -> None:
    """Write pixels, facts and their story into an empty folder."""
    started = environment.seconds()
    progress.stage("decode", len(first), "images")
    hashes: list[str] = []
    facts: list[Fact] = []
    unreadable: dict[str, str] = {}
    shape = (picture.side_px, picture.side_px, picture.channels)
    # In the order of paths, so that a disc reads on, and equally on every machine.
    jobs = sorted(first.items(), key=lambda job: job[1])
    with (into / _ARRAY).open("wb") as out:
        _write_header(out, (len(jobs), *shape))
        for image in decode_stream(jobs, index.reader, picture):
            progress.advance()
            if image.pixels is None or image.fact is None:
                unreadable[image.sha256] = image.reason
                continue
            out.write(image.pixels.tobytes())
            hashes.append(image.sha256)
            facts.append(image.fact)
        out.seek(0)
        _write_header(out, (len(hashes), *shape))
    Facts.of(hashes, facts).save(into)
    story = {
        "digest": key,
        "hashes": hashes,
        "unreadable": unreadable,
        "seconds": environment.seconds() - started,
    }
    (into / _STORY).write_text(json.dumps(story), encoding="utf-8")


def _write_header(out: object, shape: tuple[int, ...]) -> None:
    """Write a .npy header; NumPy pads it so that a smaller first axis takes the same room."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(out, header)  # type: ignore[arg-type]


def _readable(index: Index, unreadable: dict[str, str], max_unreadable: float) -> Index:
    """Take the unreadable images out of an index, and say so in it."""
    bad = np.array([each in unreadable for each in index.hashes], dtype=bool)
    named = tuple(
        LeftOut(path=index.paths[row], reason=unreadable[index.hashes[row]])
        for row in np.flatnonzero(bad)
    )
    left_out = tuple(sorted((*index.left_out, *named), key=lambda each: each.path))
    total = len(index) + len(index.left_out)
    if len(left_out) > max_unreadable * total:
        raise DataError(
            f"{len(left_out)} of {total} images of {index.name} cannot be read, above "
            f"{max_unreadable:.0%}; the first is {left_out[0].path}: {left_out[0].reason} "
            "Mend them, or allow more with --max-unreadable."
        )
    kept = replace(take(index, np.flatnonzero(~bad)), left_out=left_out)
    check_index(kept, needs_parts=False)
    return kept
