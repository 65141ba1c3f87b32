"""Images that are nearly the same: proposed by a hash of how they look, confirmed on their pixels.

An image is compared with each other one and its seven mirrored and turned forms; what the hash
proposes is laid over the other and must correlate, as a whole and in its details. A hash alone
calls neighbouring CT slices copies. How the bounds were chosen is in docs/data.md.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache as remembered
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...cache import Cache
from ...records import Index, Rows, digest
from ..facts import Facts
from ..pixels import Pixels
from ..splits.groups import NearPair
from .aligning import likeness, rough_likeness
from .subject import Pictures, small_pictures, subject

VERSION = 3  # raised by hand whenever the same pixels would give other pairs
DISTANCE = 14  # bits of 63 two hashes may differ in: 97 % of the copies measured differ in fewer
# Between copies and neighbouring slices of one patient or other X-rays, as measured on two sets.
CORRELATION = 0.98
DETAIL = 0.92
_DIGITS = 4  # of a correlation: further ones are the processor's, and would order equal pairs
OVERLAP = 0.5  # chosen, not sourced: half of the picture must be there to be compared
PROPOSED = 8  # partners a hash may propose for an image, so that time grows with images
KEPT = 10  # strongest partners kept for an image, so that memory grows with images, not pairs
FLAT = 2.0  # standard deviation (grey levels) below which an image is blank, and like any other
PAIRS = 1 << 20  # pairs whose hashes are compared at once
CHUNK = 1 << 8  # pairs whose pixels are compared at once: about 100 MiB

Floats = npt.NDArray[np.float32]

# How a picture is turned over before it is compared, by number: bit 0 mirrors left and right,
# bit 1 up and down, bit 2 exchanges rows and columns before.
CHANGES = (
    "",
    "mirrored",
    "mirrored up-down",
    "turned by 180°",
    "mirrored and turned by 90°",
    "turned by 90°",
    "turned by 90°",
    "mirrored and turned by 90°",
)
_BACK = np.array([0, 1, 2, 3, 4, 6, 5, 7])  # the number of the form that undoes each


def near_copies(
    index: Index, facts: Facts, pixels: Pixels, cache: Cache | None = None
) -> tuple[NearPair, ...]:
    """Return the pairs of an index's rows that show nearly the same image, the strongest first.

    Of images with the very same pixels one row stands for all. Pixels alone decide: neither
    classes nor weights change what is found. The cache keeps the pairs.
    """
    if cache is None:
        return _look(index, facts, pixels)
    key = digest([VERSION, pixels.digest, index.hashes, [str(part) for part in index.parts]])

    def build(folder: Path) -> None:
        (folder / "pairs.json").write_text(json.dumps(_look(index, facts, pixels)))

    pairs = json.loads((cache.entry("near", key, build) / "pairs.json").read_text())
    return tuple(NearPair(*pair) for pair in pairs)


def _look(index: Index, facts: Facts, pixels: Pixels) -> tuple[NearPair, ...]:
    seen = subject(index, facts, pixels, None)
    pictures = small_pictures(pixels, seen.pixel_rows[seen.first])
    pairs = near_pairs(pictures, seen.parts[seen.first])
    rows = seen.rows[seen.first].tolist()
    return tuple(pair._replace(left=rows[pair.left], right=rows[pair.right]) for pair in pairs)


def near_pairs(pictures: Pictures, homes: npt.NDArray[np.generic]) -> list[NearPair]:
    """Return the pairs of m (side, side) pictures that show nearly the same, the strongest first.

    Every image keeps its strongest partners inside its home part (`homes`, one each) and as many
    outside it, so that time and memory are linear in m but for the comparison of hashes.
    """
    left, right, form = _proposed(pictures, homes)
    maps, rough = np.empty((len(left), 3, 3)), np.empty(len(left))

    def lay(piece: slice) -> None:
        fixed, moved = _turned_pairs(pictures, left[piece], right[piece], form[piece])
        maps[piece], rough[piece] = rough_likeness(fixed, moved)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lay, _chunks(len(left))))
    keep = _strongest(left, right, rough, homes, KEPT)
    found: list[NearPair] = []
    for piece in _chunks(len(keep)):
        rows = keep[piece]
        fixed, moved = _turned_pairs(pictures, left[rows], right[rows], form[rows])
        alike = likeness(fixed, moved, maps[rows])
        sure = (alike.correlation >= CORRELATION) & (alike.detail >= DETAIL)
        for place in np.flatnonzero(sure & (alike.overlap >= OVERLAP)):
            row, how = rows[place], round(float(alike.correlation[place]), _DIGITS)
            found.append(NearPair(int(left[row]), int(right[row]), CHANGES[form[row]], how))
    return sorted(found, key=lambda pair: (-pair.correlation, pair))


def turned(pictures: Pictures, form: int) -> Pictures:
    """Return (p, side, side) pictures mirrored and turned as a form's number says."""
    if form & 4:
        pictures = pictures.transpose(0, 2, 1)
    if form & 2:
        pictures = pictures[:, ::-1]
    return pictures[:, :, ::-1] if form & 1 else pictures


def _chunks(count: int) -> list[slice]:
    return [slice(start, start + CHUNK) for start in range(0, count, CHUNK)]


def _turned_pairs(
    pictures: Pictures, left: Rows, right: Rows, form: Rows
) -> tuple[Pictures, Pictures]:
    """Return the left pictures of pairs, and the right ones turned as their forms say."""
    moved = pictures[right]
    for number in range(1, len(CHANGES)):
        chosen = form == number
        moved[chosen] = turned(moved[chosen], number)
    return pictures[left], moved


def _proposed(pictures: Pictures, homes: npt.NDArray[np.generic]) -> tuple[Rows, Rows, Rows]:
    """Return the pairs whose hashes are close, each once, and the form the second is turned to."""
    count = len(pictures)
    # A product of signs is 63 less twice the bits that differ; times 8, it leaves room for the
    # form, as which the last column comes in. All are whole numbers below 2^24, so exact.
    theirs = _signs(pictures)
    forms = np.arange(len(CHANGES), dtype=np.float32)
    theirs = np.concatenate(
        [theirs, np.broadcast_to(forms[:, None, None], (len(CHANGES), count, 1))], axis=2
    )
    ours = np.hstack([8 * theirs[0, :, :-1], np.ones((count, 1), np.float32)])
    block = max(1, PAIRS // max(1, count))

    def propose(start: int) -> npt.NDArray[np.int64]:
        rows = ours[start : start + block]
        best, product = np.zeros((2, len(rows), count), np.float32)
        for form in range(len(CHANGES)):
            np.maximum(best, np.matmul(rows, theirs[form].T, out=product), out=best)
        best[np.arange(len(rows)), np.arange(start, start + len(rows))] = 0  # not with itself
        left, right = np.nonzero(best >= 8 * (63 - 2 * DISTANCE))
        code = best[left, right].astype(np.int64)
        chosen = _partners(left + start, right, code, homes, PROPOSED)
        return np.stack([left[chosen] + start, right[chosen], code[chosen] % 8])

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        kept = list(pool.map(propose, range(0, count, block)))
    left, right, form = np.concatenate(kept, axis=1)
    form = np.where(left < right, form, _BACK[form])
    ends, first = np.unique(np.sort([left, right], axis=0), axis=1, return_index=True)
    return ends[0], ends[1], form[first]


def _signs(pictures: Pictures) -> Floats:
    """Return (8, m, 64) signs of each form's lowest frequencies: its hash, 0 for a blank image.

    The 8 × 8 lowest frequencies of a discrete cosine transform but the constant are compared with
    their median (Zauner C. Implementation and benchmarking of perceptual image hash functions,
    2010). The transform is in whole numbers, so the hash is the same on every machine.
    """
    waves = _waves(pictures.shape[1])
    low, seen = np.empty((len(pictures), 8, 8)), np.empty(len(pictures), bool)
    for piece in _chunks(len(pictures)):  # whole numbers as float64 take eight times their memory
        some = pictures[piece].astype(np.float64)
        low[piece] = waves @ some @ waves.T
        seen[piece] = some.std(axis=(1, 2)) >= FLAT
    odd = np.where(np.arange(8) % 2, -1.0, 1.0)
    signs = np.zeros((len(CHANGES), len(pictures), 64), np.float32)
    for form in range(len(CHANGES)):
        # Mirroring a picture changes the sign of its odd frequencies.
        each = low.transpose(0, 2, 1) if form & 4 else low
        each = each * odd[:, None] if form & 2 else each
        flat = (each * odd if form & 1 else each).reshape(len(low), 64)
        signs[form] = np.where(flat > np.median(flat[:, 1:], axis=1, keepdims=True), 1, -1)
        signs[form, :, 0] = 0
        signs[form, ~seen] = 0
    return signs


@remembered
def _waves(side: int) -> npt.NDArray[np.float64]:
    """Return the 8 lowest cosines over a number of points, in whole steps of 1/1024."""
    frequency, place = np.arange(8)[:, np.newaxis], np.arange(side)[np.newaxis, :]
    return np.round(1024 * np.cos(np.pi * frequency * (2 * place + 1) / (2 * side)))


def _partners(
    left: Rows,
    right: Rows,
    weight: npt.NDArray[Any],
    homes: npt.NDArray[np.generic],
    count: int,
) -> Rows:
    """Return where the strongest partners of each left image stand: in its part, and outside."""
    outside = homes[left] != homes[right]
    order = np.lexsort((right, -weight, outside, left))
    key = left[order] * 2 + outside[order]
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.zeros(0, int)
    rank = np.arange(len(key)) - np.repeat(starts, np.diff(np.r_[starts, len(key)]))
    kept: Rows = order[rank < count]
    return kept


def _strongest(
    left: Rows,
    right: Rows,
    weight: npt.NDArray[np.float64],
    homes: npt.NDArray[np.generic],
    count: int,
) -> Rows:
    """Return where the pairs stand that are among the strongest of one of their two images."""
    able = np.flatnonzero(weight)
    ways = [(left[able], right[able]), (right[able], left[able])]
    kept = [_partners(one, other, weight[able], homes, count) for one, other in ways]
    chosen: Rows = able[np.unique(np.concatenate(kept))]
    return chosen
