"""Where a slice is drawn, and the random numbers it is drawn with.

The body's coordinates run from about -1 to 1, x to the right of the picture and y down it (the
patient lies on the back and is seen from the feet, as radiology has it). Densities run from 0
(air) over 0.7 (muscle) to 1 (bone).

Every machine draws the same numbers, to the last bit. NumPy promises the bits of PCG64 and the
rounding of +, -, *, / and the square root, but not its distributions, sines or sums, which may
change with the version or the processor. So everything here is made by those operations alone.
"""

from dataclasses import dataclass
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


Point = tuple[float, float]

_WHOLE = (slice(None), slice(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """How the patient lies in the scanner: turned, larger or smaller, and off the middle."""

    cosine: float
    sine: float
    scale: float
    x: float
    y: float


def draw_pose(patient: Bits, cut: Bits) -> Pose:
    """Draw a pose: most of it the patient's, a little of it the slice's."""
    cosine, sine = turn(patient.uniform(-0.05, 0.05) + cut.uniform(-0.01, 0.01))
    return Pose(
        cosine=cosine,
        sine=sine,
        scale=patient.uniform(0.90, 1.04) * cut.uniform(0.98, 1.02),
        x=patient.uniform(-0.05, 0.05) + cut.uniform(-0.02, 0.02),
        y=patient.uniform(-0.05, 0.05) + cut.uniform(-0.02, 0.02),
    )


class Canvas:
    """A square of densities under a pose.

    Attributes:
        density: (side_px, side_px) densities, changed in place by painting.
        x: (side_px, side_px) body coordinate of each pixel; `y` likewise.
        pixel: the size of a pixel in body coordinates.
    """

    def __init__(self, side_px: int, pose: Pose) -> None:
        middle = (np.arange(side_px, dtype=np.float64) + 0.5) * (2.0 / side_px) - 1.0
        across, down = middle[None, :] - pose.x, middle[:, None] - pose.y
        self.x = (across * pose.cosine + down * pose.sine) / pose.scale
        self.y = (down * pose.cosine - across * pose.sine) / pose.scale
        self.density = np.zeros((side_px, side_px), dtype=np.float64)
        self.pixel = 2.0 / side_px / pose.scale
        self.side_px = side_px
        self._pose = pose

    def around(self, centre: Point, radius: float) -> tuple[slice, slice]:
        """Return the rows and columns that hold a disc, so that small things cost little."""
        x, y = centre
        pose, half = self._pose, self.side_px / 2.0
        column = ((x * pose.cosine - y * pose.sine) * pose.scale + pose.x + 1.0) * half
        row = ((x * pose.sine + y * pose.cosine) * pose.scale + pose.y + 1.0) * half
        reach = radius * pose.scale * half + 2.0
        return _span(row, reach, self.side_px), _span(column, reach, self.side_px)

    def cover(self, distance: Field, softness_px: float = 1.2) -> Field:
        """Turn signed distances, negative inside, into the share of each pixel that is covered."""
        edge = self.pixel * softness_px
        return np.clip(0.5 - distance / edge, 0.0, 1.0)

    def paint(
        self, cover: Field, density: float | Field, window: tuple[slice, slice] = _WHOLE
    ) -> None:
        """Lay a density over a window of the picture, where and as far as it covers."""
        present = self.density[window]
        self.density[window] = present + (density - present) * cover

    def ellipse(
        self,
        centre: Point,
        radii: Point,
        density: float,
        *,
        along: Point = (1.0, 0.0),
        softness_px: float = 1.2,
    ) -> None:
        """Paint an ellipse whose first radius points along a unit vector."""
        window = self.around(centre, max(radii))
        across, down = self.x[window] - centre[0], self.y[window] - centre[1]
        first = (across * along[0] + down * along[1]) / radii[0]
        second = (down * along[0] - across * along[1]) / radii[1]
        distance = (np.sqrt(first * first + second * second) - 1.0) * min(radii)
        self.paint(self.cover(distance, softness_px), density, window)

    def stick(self, start: Point, end: Point, radius: float, density: float, only: Field) -> None:
        """Paint a rod with round ends, within a (side_px, side_px) mask."""
        step = (end[0] - start[0], end[1] - start[1])
        length = sqrt(step[0] * step[0] + step[1] * step[1])
        middle = ((start[0] + end[0]) / 2.0, (start[1] + end[1]) / 2.0)
        window = self.around(middle, length / 2.0 + radius)
        across, down = self.x[window] - start[0], self.y[window] - start[1]
        share = (across * step[0] + down * step[1]) / (length * length)
        share = np.clip(share, 0.0, 1.0)
        across, down = across - share * step[0], down - share * step[1]
        distance = np.sqrt(across * across + down * down) - radius
        self.paint(self.cover(distance) * only[window], density, window)

    def barrel(self, radii: Point, centre: Point = (0.0, 0.0)) -> Field:
        """Return how far out each pixel lies in a thorax-shaped outline, 1 on its edge.

        The outline is between an ellipse and a rectangle.
        """
        first, second = (self.x - centre[0]) / radii[0], (self.y - centre[1]) / radii[1]
        first, second = first * first, second * second
        round_ = np.sqrt(first + second)
        square = np.sqrt(np.sqrt(first * first + second * second))
        return round_ * 0.5 + square * 0.5


def _span(middle: float, reach: float, side_px: int) -> slice:
    return slice(max(0, int(middle - reach)), max(0, min(side_px, int(middle + reach) + 1)))
