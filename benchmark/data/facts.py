"""What is read off each image while it is decoded: hashes of its pixels, size, brightness."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from .decoding import Native, Pixels8

_FILE = "facts.npz"
_BORDER = 0.04  # chosen, not sourced: wide enough for burnt-in frames, clear of the thorax


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What is read off one image.

    Attributes:
        pixel_hash: SHA-256 of the decoded pixels at their own size with their shape: equal for a
            grey PNG with and without alpha. For a large JPEG, which is read reduced, equal for
            equal JPEG data only.
        width: pixels as stored; `height` likewise.
        format: `PNG`, `JPEG`, `DICOM`, `ARRAY`, ...; `mode` how pixels are stored.
        mean: grey level from 0 to 255; `std` its standard deviation.
        border_mean: mean grey of the outer 4 %.
        p01: first percentile of the grey levels; `p99` the ninety-ninth.
        bytes: size of what is stored.
    """

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


class Facts:
    """The facts of u distinct images: for each field of `Fact` a (u,) column, under its name.

    Args:
        hashes: u content digests, as in the index; the rows are those of `Pixels`.
        columns: the columns by name.
    """

    def __init__(self, hashes: Sequence[str], columns: Mapping[str, npt.NDArray[Any]]) -> None:
        self.hashes = tuple(hashes)
        self._columns = dict(columns)
        self._rows = {each: row for row, each in enumerate(self.hashes)}

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._columns[name]

    def pixel_hash_of(self, content_hash: str) -> str:
        """Return the pixel hash of one image.

        Raises:
            KeyError: an image of that digest was not decoded.
        """
        return str(self["pixel_hash"][self._rows[content_hash]])

    @classmethod
    def of(cls, hashes: Sequence[str], facts: Sequence[Fact]) -> Self:
        """Gather the facts of images, in the order of their hashes."""
        names = [item.name for item in fields(Fact)]
        return cls(hashes, {name: np.array([getattr(f, name) for f in facts]) for name in names})

    def save(self, folder: Path) -> None:
        """Write the facts into a folder."""
        hashes = np.array(self.hashes, dtype=np.str_)
        np.savez_compressed(folder / _FILE, allow_pickle=False, hashes=hashes, **self._columns)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read the facts that `save` wrote."""
        with np.load(folder / _FILE, allow_pickle=False) as stored:
            return cls(
                stored["hashes"].tolist(), {item.name: stored[item.name] for item in fields(Fact)}
            )


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
