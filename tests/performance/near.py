"""Seconds and memory that near copies cost: `python -m tests.performance.near --images 20000`.

The pictures are drawn: a body that all share, and a texture that each has to itself. Every
thousandth is a mirrored copy of its neighbour, so that what is found can be counted.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmark.cache import Cache
from benchmark.data import ReadOptions, decode, near_copies, read_index
from benchmark.records import Picture, Silent
from benchmark.seeds import generator

from .memory import Watch

COPY_EVERY = 1000
TEXTURE = 12  # chosen, not sourced: cells a side of the texture, as coarse as organs


def main() -> None:
    """Print what was found, the seconds, and the peak memory beside the pixels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--alike", type=float, default=0.3, help="share of the common body")
    asked = parser.parse_args()
    with TemporaryDirectory() as name, Watch() as watch:
        folder = Path(name)
        draw(folder / "drawn.npz", asked.images, asked.side, asked.alike)
        cache = Cache(folder / "cache")
        index = read_index(str(folder / "drawn.npz"), ReadOptions(), cache)
        seen = decode(index, Picture(side_px=asked.side, channels=1), cache, Silent())
        began, worked = time.perf_counter(), time.process_time()
        with watch.phase("near"):
            pairs = near_copies(seen.index, seen.facts, seen.pixels)
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
    numbers = [int(path.rpartition("/")[2]) for path in index.paths]
    planted = sum(numbers[pair.left] // 2 == numbers[pair.right] // 2 for pair in pairs)
    print(
        f"{asked.images} images at {asked.side} px: {seconds:.1f} s ({worked:.1f} s of processor), "
        f"{watch.peaks_mib['near']['RssAnon']:.0f} MiB of this process's own; "
        f"{planted} of {asked.images // COPY_EVERY} planted copies found, "
        f"{len(pairs) - planted} further pairs"
    )


def draw(file: Path, count: int, side: int, alike: float) -> None:
    """Draw pictures into an archive in MedMNIST's layout, a tenth in val and in test."""
    line = np.linspace(-1, 1, side)
    body = 255 * (line[:, None] ** 2 / 0.6 + line**2 / 0.9 < 1) * (0.4 + 0.4 * abs(line))
    images = np.empty((count, side, side), np.uint8)
    for number in range(count):
        images[number] = alike * body + (1 - alike) * _texture(number, side)
    images[1::COPY_EVERY] = images[::COPY_EVERY, :, ::-1]
    labels = np.arange(count)[:, np.newaxis] % 2
    tenth = count // 10
    parts = {"train": slice(2 * tenth, None), "val": slice(tenth), "test": slice(tenth, 2 * tenth)}
    arrays: dict[str, Any] = {}
    for part, rows in parts.items():
        arrays |= {f"{part}_images": images[rows], f"{part}_labels": labels[rows]}
    np.savez(file, **arrays)


def _texture(number: int, side: int) -> npt.NDArray[np.uint8]:
    cells = generator(0, "texture", number).integers(0, 256, (TEXTURE, TEXTURE), dtype=np.uint8)
    return np.asarray(Image.fromarray(cells).resize((side, side), Image.Resampling.BICUBIC))


if __name__ == "__main__":
    main()
