"""Numbers drawn so that every machine draws the same ones, to the last bit.

NumPy promises the bits of PCG64 and the rounding of +, -, *, / and the square root, but not its
distributions, sines or sums, which may change with the version or the processor. So everything
here is made from bits by those operations alone, one element at a time.
"""

from math import sqrt

import numpy as np
import numpy.typing as npt

from ...seeds import derive

Field = npt.NDArray[np.float64]

_UNIT = 1.0 / (1 << 53)


class Bits:
    """A stream of numbers derived from a seed and the names of what it is for."""

    def __init__(self, seed: int, *names: str | int) -> None:
        self._source = np.random.PCG64(derive(seed, *names))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Draw a number in [low, high)."""
        return low + (high - low) * ((int(self._source.random_raw()) >> 11) * _UNIT)

    def chance(self, probability: float) -> bool:
        """Draw yes with a probability."""
        return self.uniform() < probability

    def side(self) -> float:
        """Draw -1 or 1."""
        return -1.0 if self.chance(0.5) else 1.0

    def direction(self) -> tuple[float, float]:
        """Draw a unit vector from the whole circle, close to evenly."""
        cosine, sine = turn(self.uniform(-1.0, 1.0))
        side = self.side()
        return side * cosine, side * sine

    def grid(self, rows: int, columns: int) -> Field:
        """Draw (rows, columns) numbers in [0, 1)."""
        raw = self._source.random_raw(rows * columns)
        return ((raw >> np.uint64(11)).astype(np.float64) * _UNIT).reshape(rows, columns)

    def bell(self, rows: int, columns: int) -> Field:
        """Draw (rows, columns) numbers with mean 0 and deviation 1, near to a normal law.

        The sum of four uniform numbers stands in for it: no logarithm, no cosine.
        """
        first, second = self.grid(rows, columns), self.grid(rows, columns)
        third, fourth = self.grid(rows, columns), self.grid(rows, columns)
        return (((first + second) + (third + fourth)) - 2.0) * sqrt(3.0)

    def clouds(self, side_px: int, cells: int) -> Field:
        """Draw a (side_px, side_px) field in [-1, 1) that varies smoothly over `cells` cells."""
        knots = self.grid(cells + 2, cells + 2) * 2.0 - 1.0
        at = np.arange(side_px, dtype=np.float64) * (cells / side_px)
        low = at.astype(np.int64)
        part = at - low
        part = part * part * (3.0 - 2.0 * part)
        down, right = part[:, None], part[None, :]
        upper, lower = knots[low], knots[low + 1]
        above = upper[:, low] + (upper[:, low + 1] - upper[:, low]) * right
        below = lower[:, low] + (lower[:, low + 1] - lower[:, low]) * right
        return above + (below - above) * down


def turn(half_tangent: float) -> tuple[float, float]:
    """Return the cosine and sine of the angle whose half has that tangent, without either."""
    square = half_tangent * half_tangent
    return (1.0 - square) / (1.0 + square), 2.0 * half_tangent / (1.0 + square)
