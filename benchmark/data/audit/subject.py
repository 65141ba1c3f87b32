"""What an audit looks at: the rows of an index joined with their parts, facts and pixels."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...records import Index, Part, Rows, Split
from ..facts import Facts
from ..pixels import Pixels

Texts = npt.NDArray[np.str_]
Numbers = npt.NDArray[np.float64]

ALL = "all"  # the one part of a data set without parts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """The n rows of an index that stand in a part, and their m distinct images.

    Attributes:
        index: the index; `rows` (n,) the rows of it that stand in a part.
        parts: (n,) part of each row, `all` where the data set has none.
        labels: (n,) classes.
        images: (n,) which distinct image each row is, by decoded pixels.
        first: (m,) a row for each distinct image, as a position in 0..n-1.
        pixels: the pixels; `pixel_rows` (n,) their row for each row.
        facts: what was read when decoding, aligned with the pixels.
        patients: (n,) patient numbers, -1 where unknown.
        scheme: the split's scheme, empty for the official parts or the whole.
    """

    index: Index
    rows: Rows
    parts: Texts
    labels: Rows
    images: Rows
    first: Rows
    pixels: Pixels
    pixel_rows: Rows
    facts: Facts
    patients: Rows
    scheme: str = ""

    @property
    def units(self) -> Rows:
        """The (n,) number of each row's sampling unit: its patient, else its distinct image."""
        return np.where(self.patients >= 0, self.patients, len(self.rows) + self.images)

    @property
    def is_dealt(self) -> bool:
        """Whether the split in use deals all images out anew, by shares or in folds."""
        return re.match(r"kfold:|[\d.]+/", self.scheme) is not None

    @property
    def part_names(self) -> tuple[str, ...]:
        """The parts that have rows, in the order train, val, test."""
        return in_order(self.parts)

    @property
    def part_pairs(self) -> tuple[tuple[str, str], ...]:
        """Pairs of parts, the one learnt from first."""
        return tuple(combinations(self.part_names, 2))

    def fact(self, name: str) -> npt.NDArray[np.generic]:
        """Return a fact for each of the n rows."""
        values: npt.NDArray[np.generic] = self.facts[name][self.pixel_rows]
        return values

    def paths(self, positions: Iterable[int]) -> tuple[str, ...]:
        """Return the paths at some positions in 0..n-1."""
        return tuple(self.index.paths[self.rows[position]] for position in positions)

    def classes(self, positions: Rows) -> tuple[str, ...]:
        """Return the names of the classes that some positions in 0..n-1 have."""
        return tuple(self.index.classes[label] for label in np.unique(self.labels[positions]))


def subject(index: Index, facts: Facts, pixels: Pixels, split: Split | None) -> Subject:
    """Join an index with its facts, its pixels and the parts of a split, or the official ones."""
    names = part_names(index, split)
    rows = np.flatnonzero(names != "")
    pixel_rows = pixels.rows([index.hashes[row] for row in rows])
    hashes = facts["pixel_hash"][pixel_rows]
    _, first, images = np.unique(hashes, return_index=True, return_inverse=True)
    return Subject(
        index=index,
        rows=rows,
        parts=names[rows],
        labels=index.labels[rows],
        images=images.astype(np.int64),
        first=first.astype(np.int64),
        pixels=pixels,
        pixel_rows=pixel_rows,
        facts=facts,
        patients=_patients([index.patients[row] for row in rows]),
        scheme=split.scheme if split is not None else "",
    )


def part_names(index: Index, split: Split | None) -> Texts:
    """Return the (n,) part of each row, by default the official one; empty where left out."""
    names = np.full(len(index), "", dtype="<U5")
    if split is not None:
        for part in Part:
            names[split.rows(part)] = part.value
    elif any(index.parts):
        names[:] = [part.value if part is not None else "" for part in index.parts]
    else:
        names[:] = ALL
    return names


def in_order(names: Texts) -> tuple[str, ...]:
    """Return which parts occur, in the order train, val, test."""
    present = set(names.tolist())
    return tuple(name for name in (*map(str, Part), ALL) if name in present)


def _patients(keys: list[str | None]) -> Rows:
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys)) if key is not None}
    return np.array([-1 if key is None else numbers[key] for key in keys], dtype=np.int64)


Pictures = npt.NDArray[np.uint8]
SIDE = 64


def small_pictures(pixels: Pixels, rows: Rows, side: int = SIDE) -> Pictures:
    """Return (m, side, side) grey pictures of some rows, each pixel the mean of the area it covers.

    A side greater than that of the pixels becomes theirs.
    """
    side = min(side, pixels.array.shape[1])
    small = np.empty((len(rows), side, side), dtype=np.uint8)
    for position, row in enumerate(rows):
        small[position] = np.asarray(pixels.grey(row).resize((side, side), Image.Resampling.BOX))
    return small


def squares(pictures: Pictures, count: int) -> npt.NDArray[np.float32]:
    """Return (m, count²) means over a grid of squares; fewer where the pictures are smaller."""
    step = max(1, pictures.shape[1] // count)
    side = pictures.shape[1] // step
    cut = pictures[:, : side * step, : side * step]
    blocks = cut.reshape(len(cut), side, step, side, step)
    means: npt.NDArray[np.float32] = blocks.mean(axis=(2, 4), dtype=np.float32)
    return means.reshape(len(means), -1)
