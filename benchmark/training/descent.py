"""Several smooth convex losses followed down to their minima at once, each on its own way.

L-BFGS (Liu and Nocedal 1989, doi:10.1007/BF01589116): each problem has its own memory, step and
end; what they share is the call that computes their losses, which for linear models is one matrix
product in place of many small ones. What it saves beside scipy's, one problem after the other,
stands in docs/performance.md.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
# (a, p) points of some of the problems, and which ones → their (a,) losses and (a, p) slopes
Losses = Callable[[Reals, Places], tuple[Reals, Reals]]

_MEMORY = 6  # pairs: twice as many save a twentieth of the steps and double what each costs
_DECREASE = 1e-4  # of what the slope promises: Nocedal and Wright 2006, equation 3.4
_LEAST_STEP = 1e-6  # a shorter one changes nothing but by rounding
_SHORTER = (0.1, 0.5)  # of a step that was too long: ibid., section 3.5
_NOISE = 1e-12  # of a squared change: less curvature is rounding


def minimise(
    losses: Losses, start: Reals, *, slope: float, decrease: float, evaluations: int
) -> Reals:
    """Return the (m, p) points where m losses are least.

    Args:
        losses: convex ones, whose curvature is about 1 in every direction.
        start: (m, p) points to begin at.
        slope: a problem ends where no part of its slope is greater,
        decrease: or where a step makes its loss less by no more than this share of it or of 1,
        evaluations: or after so many.
    """
    reached, at, which = start.copy(), start.copy(), np.arange(len(start))
    values, slopes = losses(at, which)
    steps, memory = np.ones(len(start)), _Memory(len(start))
    is_done = np.abs(slopes).max(axis=1) <= slope
    for _ in range(evaluations):
        if is_done.any():
            reached[which[is_done]] = at[is_done]
            going = ~is_done
            which, at, steps = which[going], at[going], steps[going]
            values, slopes = values[going], slopes[going]
            memory.keep(going)
        if not len(which):
            break
        moves = memory.directions(slopes)
        moves *= steps[:, None]
        promised = _products(moves, slopes)
        found, found_slopes = losses(at + moves, which)
        changes = found_slopes - slopes
        is_taken = found <= values + _DECREASE * promised
        memory.add(moves, changes, is_taken)
        at[is_taken] += moves[is_taken]
        is_done = np.where(
            is_taken,
            (values - found <= decrease * np.maximum(np.abs(values), 1))
            | (np.abs(found_slopes).max(axis=1) <= slope),
            steps < _LEAST_STEP,
        )
        steps = np.where(is_taken, 1.0, steps * _shorter(found - values, promised))
        values = np.where(is_taken, found, values)
        slopes[is_taken] = found_slopes[is_taken]
    reached[which] = at
    return reached


def _shorter(rises: Reals, promised: Reals) -> Reals:
    """Return what share of a step leads to where the parabola through what is known is least."""
    found: Reals = np.clip(-promised / (2 * np.maximum(rises - promised, 1e-300)), *_SHORTER)
    return found


class _Memory:
    """The last steps of several problems, and how their slopes changed on them."""

    def __init__(self, count: int) -> None:
        self._pairs: list[tuple[Reals, Reals, Reals]] = []  # moves, changes, 1 / their product
        self._scales = np.ones(count)

    def add(self, moves: Reals, changes: Reals, is_taken: npt.NDArray[np.bool_]) -> None:
        """Note (a, p) steps; one not taken, or without curvature, is remembered as none."""
        products, squares = _products(moves, changes), _products(changes, changes)
        is_step = is_taken & (products > _NOISE * squares)
        inverse = np.divide(1, products, out=np.zeros_like(products), where=is_step)
        self._scales = np.divide(products, squares, out=self._scales, where=is_step)
        self._pairs = [*self._pairs[1 - _MEMORY :], (moves, changes, inverse)]

    def keep(self, going: npt.NDArray[np.bool_]) -> None:
        """Forget the problems that have ended."""
        self._pairs = [tuple(each[going] for each in pair) for pair in self._pairs]  # type: ignore[misc]
        self._scales = self._scales[going]

    def directions(self, slopes: Reals) -> Reals:
        """Return the (a, p) steps to where each problem's model of its loss is least."""
        found, shares = -slopes, list[Reals]()
        for moves, changes, inverse in reversed(self._pairs):
            shares.append(inverse * _products(moves, found))
            found -= shares[-1][:, None] * changes
        found *= self._scales[:, None]
        for (moves, changes, inverse), share in zip(self._pairs, reversed(shares), strict=True):
            found += (share - inverse * _products(changes, found))[:, None] * moves
        return found


def _products(some: Reals, others: Reals) -> Reals:
    found: Reals = np.einsum("ij,ij->i", some, others)
    return found
