"""What is read off each image while it is decoded: hashes of its pixels, size, brightness."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..records import Rows
from .decoding import Native, Pixels8

Texts = npt.NDArray[np.str_]
Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]

_FILE = "facts.npz"
_BORDER = 0.04  # chosen, not sourced: wide enough for burnt-in frames, clear of the thorax


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One image's facts; the fields are those of `Facts`."""

    pixel_hash: str
    width: int
    height: int
    format: str
    mode: str
    mean: float
    std: float
    border_mean: float
    p01: float
    p99: float
    bytes: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Facts:
    """The facts of u distinct images, one row each, aligned with the rows of `Pixels`.

    Attributes:
        hashes: u content digests, as in the index.
        pixel_hash: (u,) SHA-256 of the decoded pixels at their own size with their shape: equal
            for a grey PNG with and without alpha. For a large JPEG, which is read reduced, equal
            for equal JPEG data only.
        width: (u,) pixels as stored; `height` likewise.
        format: (u,) `PNG`, `JPEG`, `DICOM`, `ARRAY`, ...; `mode` how pixels are stored.
        mean: (u,) grey level from 0 to 255; `std` its standard deviation.
        border_mean: (u,) mean grey of the outer 4 %.
        p01: (u,) first percentile of the grey levels; `p99` the ninety-ninth.
        bytes: (u,) size of what is stored.
    """

    hashes: tuple[str, ...]
    pixel_hash: Texts
    width: Whole
    height: Whole
    format: Texts
    mode: Texts
    mean: Real
    std: Real
    border_mean: Real
    p01: Real
    p99: Real
    bytes: Whole
    _rows: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {each: row for row, each in enumerate(self.hashes)})

    def __len__(self) -> int:
        return len(self.hashes)

    def rows(self, hashes: Sequence[str]) -> Rows:
        """Return the rows of content digests, in their order.

        Raises:
            KeyError: an image of that digest was not decoded.
        """
        return np.array([self._rows[each] for each in hashes], dtype=np.int64)

    def pixel_hash_of(self, content_hash: str) -> str:
        """Return the pixel hash of one image.

        Raises:
            KeyError: an image of that digest was not decoded.
        """
        return str(self.pixel_hash[self._rows[content_hash]])

    @classmethod
    def of(cls, hashes: Sequence[str], facts: Sequence[Fact]) -> Self:
        """Gather the facts of images, in the order of their hashes."""
        columns: dict[str, Any] = {
            item.name: np.array(
                [getattr(fact, item.name) for fact in facts], dtype=_TYPES.get(item.name)
            )
            for item in fields(Fact)
        }
        return cls(hashes=tuple(hashes), **columns)

    def save(self, folder: Path) -> None:
        """Write the facts into a folder."""
        columns = {item.name: getattr(self, item.name) for item in fields(Fact)}
        np.savez_compressed(folder / _FILE, hashes=np.array(self.hashes, dtype=np.str_), **columns)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the facts that `save` wrote."""
        with np.load(folder / _FILE, allow_pickle=False) as stored:
            columns: dict[str, Any] = {item.name: stored[item.name] for item in fields(Fact)}
            return cls(hashes=tuple(stored["hashes"].tolist()), **columns)


_TYPES: dict[str, Any] = {
    "pixel_hash": np.str_,
    "width": np.int64,
    "height": np.int64,
    "format": np.str_,
    "mode": np.str_,
    "bytes": np.int64,
}


def gather_fact(native: Native, size_bytes: int) -> Fact:
    """Read the facts off a decoded image."""
    image = Image.fromarray(native.pixels)
    grey = image if image.mode == "L" else image.convert("L")
    counts = np.array(grey.histogram(), dtype=np.int64)
    total = int(counts.sum())
    levels = np.arange(256)
    mean = float(counts @ levels) / total
    below = np.cumsum(counts)
    return Fact(
        pixel_hash=pixel_hash(native.pixels),
        width=native.width,
        height=native.height,
        format=native.format,
        mode=native.mode,
        mean=mean,
        std=float(counts @ (levels - mean) ** 2 / total) ** 0.5,
        border_mean=_border_mean(np.asarray(grey)),
        p01=float(np.searchsorted(below, 0.01 * total)),
        p99=float(np.searchsorted(below, 0.99 * total)),
        bytes=size_bytes,
    )


def pixel_hash(pixels: Pixels8) -> str:
    """Hash (h, w) or (h, w, 3) pixels with their shape."""
    hasher = hashlib.sha256(repr(pixels.shape).encode())
    hasher.update(np.ascontiguousarray(pixels).data)
    return hasher.hexdigest()


def _border_mean(grey: Pixels8) -> float:
    height, width = grey.shape
    rim = max(1, round(_BORDER * min(height, width)))
    if 2 * rim >= min(height, width):
        return float(grey.mean())
    sides = grey[rim:-rim]
    strips = (grey[:rim], grey[-rim:], sides[:, :rim], sides[:, -rim:])
    total = sum(int(strip.sum(dtype=np.int64)) for strip in strips)
    return total / sum(strip.size for strip in strips)
