"""Lay one picture over another and say how alike they are then, whatever was done to its light.

A copy that was cropped, shifted or tilted a little is moved back by an affine map (Baker and
Matthews 2004, the inverse compositional algorithm, doi:10.1023/B:VISI.0000011205.11775.fd). A
monotone change of the grey levels (brightness, contrast, gamma, a window) is undone by giving both
pictures the same histogram.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .subject import Pictures, squares


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sieve:
    """A side in pixels at which pairs are laid over each other, in how many steps, and what passes.

    All copies measured pass but some that were made darker until their lungs clip; of pairs of
    other images a half do not pass the first sieve, and 98 of 100 not the second.
    """

    side: int
    steps: int
    correlation: float
    detail: float


SIEVES = (
    _Sieve(side=16, steps=2, correlation=0.85, detail=0.8),
    _Sieve(side=32, steps=3, correlation=0.85, detail=0.8),
)
STEPS = 2  # chosen, not sourced: further steps at the full side
RIM = 0.055  # share of the side left out at each border: what was cropped or filled in
GRID, REACHED = 8, 0.7  # chosen, not sourced: squares a side, and the share of them that must agree
DETAIL = 5  # pixels a side of the mean that is taken off to leave the details

Reals = npt.NDArray[Any]  # float32 at the rough side, where speed counts; float64 at the full


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Likeness:
    """How alike p pairs are once laid over each other.

    Attributes:
        correlation: (p,) Pearson's, as they are or with equal histograms, whichever is greater.
        detail: (p,) the same of what differs from its surroundings (vessels, not the body's shape),
            as seven tenths of the picture reach it: a line drawn on a copy spoils few places, of
            a neighbouring slice all are a little different.
        overlap: (p,) share of the picture that both show.
    """

    correlation: Reals
    detail: Reals
    overlap: Reals


def rough_likeness(fixed: Pictures, moved: Pictures) -> tuple[Reals, Reals]:
    """Return (p, 3, 3) maps that lay p moved pictures over p fixed ones, and (p,) correlations.

    The correlation is 0 for a pair that cannot be copies.
    """
    maps, found = np.tile(np.eye(3), (len(fixed), 1, 1)), np.ones(len(fixed))
    for sieve in SIEVES:
        left = np.flatnonzero(found)
        if not len(left):
            break
        one, other = _shrunk(fixed[left], sieve.side), _shrunk(moved[left], sieve.side)
        side = one.shape[1]
        maps[left] = _align(one, other, maps[left], sieve.steps)
        laid, both = _laid(other, maps[left], side)
        flat = one.reshape(-1, side * side)
        alike = _correlation(flat, laid, both)
        fine = _correlation(_detail(flat, side), _detail(laid, side), both)
        passes = (alike >= sieve.correlation) & (fine >= sieve.detail)
        found[left] = np.where(passes, alike, 0)
    return maps, found


def likeness(fixed: Pictures, moved: Pictures, maps: Reals) -> Likeness:
    """Return how alike (p, side, side) grey pictures are, after their maps were made finer.

    The (p, 3, 3) maps of `rough_likeness` lead from places in `fixed` to places in `moved`, in half
    sides from the middle.
    """
    one, other = fixed.astype(np.float64), moved.astype(np.float64)
    side = one.shape[1]
    laid, both = _laid(other, _align(one, other, maps, STEPS), side)
    flat = one.reshape(len(one), -1)
    alike = _same_histogram(laid, flat, both)
    plain, matched = _correlation(laid, flat, both), _correlation(alike, flat, both)
    return Likeness(
        correlation=np.maximum(plain, matched),
        detail=_by_places(_detail(laid, side) * both, _detail(flat, side) * both, side),
        overlap=both.mean(axis=1),
    )


def _by_places(one: Reals, other: Reals, side: int) -> Reals:
    """Return the correlation that seven tenths of the squares of a grid reach, by their weight."""
    step = side // GRID

    def gridded(flat: Reals) -> Reals:
        cut = flat.reshape(-1, side, side)[:, : GRID * step, : GRID * step]
        cells = cut.reshape(-1, GRID, step, GRID, step).transpose(0, 1, 3, 2, 4)
        return cells.reshape(len(flat), GRID * GRID, step * step)

    a, b = gridded(one), gridded(other)
    weight = np.sqrt((a * a).sum(axis=2) * (b * b).sum(axis=2))
    found = (a * b).sum(axis=2) / np.maximum(weight, 1e-9)
    order = np.argsort(found, axis=1, kind="stable")
    found, weight = (np.take_along_axis(each, order, axis=1) for each in (found, weight))
    passed = weight.cumsum(axis=1)
    place = (passed < (1 - REACHED) * passed[:, -1:]).sum(axis=1)
    return np.take_along_axis(found, place[:, None], axis=1)[:, 0]


def _shrunk(pictures: Pictures, side: int) -> Reals:
    means = squares(pictures, side)
    side = int(np.sqrt(means.shape[1]))
    return means.reshape(len(means), side, side)


def _places(side: int) -> Reals:
    """Return (3, side²) places of the pixels from the middle, in half sides, and ones below."""
    line = (np.arange(side) - (side - 1) / 2) / (side / 2)
    across, down = np.meshgrid(line, line)
    return np.stack([across.ravel(), down.ravel(), np.ones(side * side)])


def _align(fixed: Reals, moved: Reals, maps: Reals, steps: int) -> Reals:
    """Return maps after some steps towards the least squared difference."""
    pairs, side, _ = fixed.shape
    x, y, _one = _places(side).astype(fixed.dtype)
    down, across = np.gradient(fixed, 2 / side, axis=(1, 2))
    across, down = across.reshape(pairs, -1), down.reshape(pairs, -1)
    inner = np.maximum(abs(x), abs(y)) <= 1 - 2 * RIM
    slopes = np.stack([across * x, across * y, across, down * x, down * y, down], axis=1) * inner
    slopes -= slopes.mean(axis=2, keepdims=True) * inner
    # A blank picture has no slope: the little on the diagonal keeps its equations solvable.
    squared = (slopes @ slopes.transpose(0, 2, 1)).astype(np.float64) + 1e-3 * np.eye(6)
    target = _unit(fixed.reshape(pairs, -1), inner)
    scale = np.linalg.norm(target[1], axis=1, keepdims=True)
    for _ in range(steps):
        laid, both = _laid(moved, maps, side)
        values = _unit(laid, inner)[0]
        miss = (values - target[0]) * scale * both
        change = np.linalg.solve(squared, slopes @ miss[:, :, None])[:, :, 0]
        step = np.tile(np.eye(3), (pairs, 1, 1))
        step[:, :2] += np.clip(change, -0.1, 0.1).reshape(pairs, 2, 3)
        maps = maps @ np.linalg.inv(step)
    return maps


def _unit(flat: Reals, inner: npt.NDArray[np.bool_]) -> tuple[Reals, Reals]:
    """Return pictures with mean 0 and length 1 over the inner places, and before the length."""
    centred = (flat - flat[:, inner].mean(axis=1, keepdims=True)) * inner
    return centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9), centred


def _laid(moved: Reals, maps: Reals, side: int) -> tuple[Reals, npt.NDArray[np.bool_]]:
    """Return (p, side²) moved pictures as laid over the fixed ones, and where both show."""
    places = _places(side).astype(moved.dtype)
    at = maps[:, :2].astype(moved.dtype) @ places
    both = (np.abs(at) <= 1 - RIM / 2).all(axis=1)
    both &= np.abs(places[:2]).max(axis=0) <= 1 - 2 * RIM
    at = np.clip(at * (side / 2) + (side - 1) / 2, 0, side - 1)
    corner = np.minimum(at.astype(np.int32), side - 2)
    right, low = (at - corner).astype(moved.dtype).transpose(1, 0, 2)
    first = corner[:, 1] * side + corner[:, 0]
    flat = moved.reshape(len(moved), -1)
    near = [np.take_along_axis(flat, first + far, axis=1) for far in (0, 1, side, side + 1)]
    top, bottom = near[0] + (near[1] - near[0]) * right, near[2] + (near[3] - near[2]) * right
    return top + (bottom - top) * low, both


def _correlation(one: Reals, other: Reals, both: npt.NDArray[np.bool_]) -> Reals:
    count = np.maximum(both.sum(axis=1, keepdims=True), 1)
    one = (one - (one * both).sum(axis=1, keepdims=True) / count) * both
    other = (other - (other * both).sum(axis=1, keepdims=True) / count) * both
    length = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    found: Reals = (one * other).sum(axis=1) / np.maximum(length, 1e-9)
    return found


def _same_histogram(one: Reals, other: Reals, both: npt.NDArray[np.bool_]) -> Reals:
    """Return `one` with the grey levels of `other` where both show, its own elsewhere."""
    order = np.argsort(np.where(both, one, np.inf), axis=1, kind="stable")
    levels = np.sort(np.where(both, other, np.inf), axis=1)
    given = np.empty_like(one)
    np.put_along_axis(given, order, levels, axis=1)
    return np.where(both, given, one)


def _detail(flat: Reals, side: int) -> Reals:
    """Return pictures less the mean of the squares of DETAIL pixels round each pixel."""
    reach = DETAIL // 2
    pictures = flat.reshape(-1, side, side)
    wide = np.pad(pictures, ((0, 0), (reach + 1, reach), (reach + 1, reach)), mode="edge")
    sums = wide.cumsum(axis=1).cumsum(axis=2)
    total = sums[:, DETAIL:, DETAIL:] - sums[:, :-DETAIL, DETAIL:]
    total += sums[:, :-DETAIL, :-DETAIL] - sums[:, DETAIL:, :-DETAIL]
    detail: Reals = flat - (total / DETAIL**2).reshape(flat.shape)
    return detail
