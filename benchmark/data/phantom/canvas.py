"""Where a slice is drawn: shapes in the body's own coordinates, whatever the patient's pose.

The body's coordinates run from about -1 to 1, x to the right of the picture and y down it (the
patient lies on the back and is seen from the feet, as radiology has it). Densities run from 0
(air) over 0.7 (muscle) to 1 (bone).
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from .bits import Bits, Field, turn

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
        """Return, for each pixel, how far out it lies in a thorax-shaped outline: 1 on its edge."""
        return barrel(self.x - centre[0], self.y - centre[1], radii)


def barrel(x: Field, y: Field, radii: Point) -> Field:
    """Return how far out points lie in an outline between an ellipse and a rectangle."""
    first, second = x / radii[0], y / radii[1]
    first, second = first * first, second * second
    round_ = np.sqrt(first + second)
    square = np.sqrt(np.sqrt(first * first + second * second))
    return round_ * 0.5 + square * 0.5


def _span(middle: float, reach: float, side_px: int) -> slice:
    return slice(max(0, int(middle - reach)), max(0, min(side_px, int(middle + reach) + 1)))
