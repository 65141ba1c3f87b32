"""What the figures show, gathered from an index, its facts and its pixels."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...records import Index, Part, Rows, Split
from ...seeds import generator
from ..facts import Facts
from ..pixels import Decoded, Pixels

ALL = "all"  # the one part of a data set without parts
MOST = 2_000  # images a class and part that histograms and means are computed from

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gathered:
    """The rows of an index that stand in a part.

    Attributes:
        index: the index; `pixels` and `facts` as decoding gave them.
        part_of: (n,) each row's part, empty for none.
        pixel_rows: (n,) each row's row in pixels and facts.
        parts: the parts that have rows, in the order train, val, test.
        seed: which images are drawn, and how they are changed.
    """

    index: Index
    pixels: Pixels
    facts: Facts
    part_of: npt.NDArray[np.str_]
    pixel_rows: Rows
    parts: tuple[str, ...]
    seed: int

    def rows(self, label: int, part: str) -> Rows:
        """Return the rows of one class in one part."""
        return np.flatnonzero((self.index.labels == label) & (self.part_of == part))

    def distinct(self, label: int, part: str | None = None) -> Rows:
        """Return one row for each distinct image of a class in a part or in all, drawn if many."""
        inside = self.part_of == part if part is not None else self.part_of != ""
        rows = np.flatnonzero((self.index.labels == label) & inside)
        hashes = np.asarray(self.facts.pixel_hash)[self.pixel_rows[rows]]
        rows = rows[np.sort(np.unique(hashes, return_index=True)[1])]
        if len(rows) > MOST:
            draw = generator(self.seed, "explore", label, part or "")
            rows = np.sort(draw.choice(rows, MOST, replace=False))
        return rows

    def sample(self, label: int, count: int, part: str | None = None) -> Rows:
        """Draw distinct images of a class."""
        rows = self.distinct(label, part)
        draw = generator(self.seed, "explore", "sample", label)
        return np.sort(draw.permutation(rows)[:count])

    def images(self, rows: Rows) -> Images:
        """Return the (n, side, side, channels) pixels of some rows."""
        return self.pixels.array[self.pixel_rows[rows]]

    def grey(self, rows: Rows) -> Iterator[npt.NDArray[np.uint8]]:
        """Return (side, side) grey pictures of some rows, one at a time."""
        for row in self.pixel_rows[rows]:
            image = self.pixels.array[row]
            yield image[..., 0] if image.shape[-1] == 1 else _grey(image)


def gather(decoded: Decoded, split: Split | None, seed: int) -> Gathered:
    """Join a decoded data set with the parts of a split, or with the official ones."""
    index = decoded.index
    part_of = np.full(len(index), "", dtype="<U5")
    if split is not None:
        for part in Part:
            part_of[split.rows(part)] = part.value
    elif any(index.parts):
        part_of[:] = [part.value if part is not None else "" for part in index.parts]
    else:
        part_of[:] = ALL
    present = set(part_of.tolist())
    return Gathered(
        index=index,
        pixels=decoded.pixels,
        facts=decoded.facts,
        part_of=part_of,
        pixel_rows=decoded.pixels.rows(index.hashes),
        parts=tuple(name for name in (*map(str, Part), ALL) if name in present),
        seed=seed,
    )


def _grey(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    from PIL import Image

    return np.asarray(Image.fromarray(image).convert("L"))
