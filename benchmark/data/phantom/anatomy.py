"""A simulated patient's thorax, and the tumour in it: where it lies and what it looks like.

Tumours are after the textbook pictures (Travis et al. 2011, doi:10.1097/JTO.0b013e318206a221;
Rosado-de-Christenson et al. 1994, doi:10.1148/radiographics.14.2.8190965): adenocarcinoma small, at
the pleura, ground-glass with spicules; squamous cell carcinoma at the hilum, often hollow; large
cell carcinoma large, at the pleura, solid and lobulated. Simplified on purpose, and overlapping in
size, so that place, margin and texture all have to be seen.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from .canvas import Bits, Canvas, Field, Point, turn

LUNG, GROUND_GLASS, VESSEL, FAT, MUSCLE, BLOOD, BONE = 0.12, 0.50, 0.34, 0.55, 0.66, 0.74, 0.98


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What is the patient's own and the same in all of the slices.

    Attributes:
        outline: half width and half height of the chest.
        fat: thickness of the fat beneath the skin; `wall` that of the muscle and ribs within.
        heart: where the heart's middle lies; `heart_size` its radius.
        blood: density of blood, higher with contrast medium.
        ribs: how far round the ribs are shifted.
        lung: density of the lungs, by how far the breath is held.
    """

    outline: Point
    fat: float
    wall: float
    heart: Point
    heart_size: float
    blood: float
    ribs: float
    lung: float

    @property
    def cavity(self) -> Point:
        """Half width and half height of the chest's inside."""
        away = self.fat + self.wall
        return self.outline[0] - away, self.outline[1] - away

    def to_pleura(self, start: Point, direction: Point) -> Point:
        """Return where a ray from inside the chest meets its inner wall."""
        near, far = 0.0, 2.0
        for _ in range(30):
            middle = (near + far) / 2.0
            x, y = start[0] + middle * direction[0], start[1] + middle * direction[1]
            near, far = (middle, far) if self._is_inside(x, y) else (near, middle)
        return start[0] + near * direction[0], start[1] + near * direction[1]

    def _is_inside(self, x: float, y: float) -> bool:
        first, second = (x / self.cavity[0]) * (x / self.cavity[0]), y / self.cavity[1]
        second = second * second
        return sqrt(first + second) + sqrt(sqrt(first * first + second * second)) < 2.0


def draw_body(bits: Bits) -> Body:
    """Draw a patient."""
    return Body(
        outline=(bits.uniform(0.86, 0.94), bits.uniform(0.62, 0.74)),
        fat=bits.uniform(0.02, 0.075),
        wall=bits.uniform(0.08, 0.11),
        heart=(bits.uniform(0.06, 0.14), bits.uniform(-0.24, -0.14)),
        heart_size=bits.uniform(0.22, 0.29),
        blood=BLOOD + bits.uniform(0.0, 0.18),
        ribs=bits.uniform(-0.06, 0.06),
        lung=LUNG + bits.uniform(-0.03, 0.05),
    )


def paint_body(canvas: Canvas, body: Body, level: float, bits: Bits) -> Field:
    """Paint a slice of a patient; return the (side_px, side_px) share of each pixel that is lung.

    `level` is where it cuts, from -1 (towards the neck) to 1 (towards the belly).
    """
    _paint_wall(canvas, body, bits)
    lungs = _paint_lungs(canvas, body, bits)
    lungs = lungs * (1.0 - _paint_mediastinum(canvas, body, level))
    _paint_bones(canvas, body, level)
    _paint_vessels(canvas, bits, lungs)
    return lungs


def _paint_wall(canvas: Canvas, body: Body, bits: Bits) -> None:
    width, height = body.outline
    skin = (canvas.barrel(body.outline) - 1.0) * height
    canvas.paint(canvas.cover(skin), FAT)
    flesh = (canvas.barrel((width - body.fat, height - body.fat)) - 1.0) * height
    canvas.paint(canvas.cover(flesh, 2.0), MUSCLE + 0.05 * bits.clouds(canvas.side_px, 9))
    # The couch: a shallow bright arc below the back.
    ring = canvas.barrel((1.25, 0.5), (0.0, height - 0.40))
    couch = np.abs(ring - 1.0) * 0.5 - 0.008
    canvas.paint(canvas.cover(couch) * (canvas.y > height - 0.02), 0.45)


def _paint_lungs(canvas: Canvas, body: Body, bits: Bits) -> Field:
    inside = canvas.cover((canvas.barrel(body.cavity) - 1.0) * body.cavity[1])
    # Supine lungs are denser towards the back, by their own weight.
    density = body.lung + 0.05 * canvas.y + 0.025 * bits.clouds(canvas.side_px, 7)
    canvas.paint(inside, density + 0.02 * bits.clouds(canvas.side_px, 24))
    return inside


def _paint_mediastinum(canvas: Canvas, body: Body, level: float) -> Field:
    """Paint what lies between the lungs, and give its share of each pixel."""
    before = canvas.density.copy()
    canvas.density[:] = 0.0
    size = body.heart_size * (0.86 + 0.2 * level)
    column = (0.13 + 0.02 * level, body.cavity[1] * 0.98)
    canvas.ellipse((0.0, 0.0), column, 1.0)
    canvas.ellipse((0.0, body.cavity[1]), (0.24, 0.20), 1.0)
    canvas.ellipse(body.heart, (size * 1.25, size), 1.0, along=turn(0.2))
    share = canvas.density.copy()
    canvas.density[:] = before
    canvas.paint(share, MUSCLE - 0.02)
    blood = body.blood
    canvas.ellipse(body.heart, (size * 1.1, size * 0.85), blood, along=turn(0.2), softness_px=3.0)
    canvas.ellipse((body.heart[0] - 0.13, body.heart[1] + 0.05), (size * 0.4, size * 0.5), blood)
    canvas.ellipse((0.09, body.cavity[1] * 0.52), (0.065, 0.065), blood + 0.02)
    for side in (-1.0, 1.0):
        apart = 0.055 + 0.05 * level
        canvas.ellipse((side * apart, 0.09), (0.04, 0.045), 0.03)
    return share


def _paint_bones(canvas: Canvas, body: Body, level: float) -> None:
    back = body.cavity[1]
    canvas.ellipse((0.0, back * 0.84), (0.125, 0.095), BONE - 0.06)
    canvas.ellipse((0.0, back * 0.84), (0.09, 0.065), BONE - 0.16, softness_px=2.0)
    canvas.ellipse((0.0, back * 0.84 + 0.135), (0.05, 0.04), MUSCLE)
    for side in (-1.0, 1.0):
        canvas.ellipse(
            (side * 0.14, back * 0.84 + 0.12), (0.11, 0.03), BONE, along=turn(side * 0.2)
        )
    canvas.ellipse((0.0, back * 0.84 + 0.20), (0.02, 0.06), BONE)
    canvas.ellipse((0.0, -back - 0.02), (0.10, 0.03), BONE - 0.05)
    ring = (body.outline[0] - body.fat - 0.055, body.outline[1] - body.fat - 0.055)
    for side in (-1.0, 1.0):
        for number in range(6):
            # Ribs run downwards, so a slice cuts each at another place round the chest.
            cosine, sine = turn(-0.72 + 0.29 * number + body.ribs + 0.07 * level)
            first, second = cosine * cosine, sine * sine
            stretch = 0.5 / sqrt(sqrt(first * first + second * second)) + 0.5
            at = (side * cosine * ring[0] * stretch, sine * ring[1] * stretch)
            tangent = (-side * sine * ring[0], cosine * ring[1])
            length = sqrt(tangent[0] * tangent[0] + tangent[1] * tangent[1])
            along = (tangent[0] / length, tangent[1] / length)
            canvas.ellipse(at, (0.085, 0.028), BONE, along=along)


def _paint_vessels(canvas: Canvas, bits: Bits, lungs: Field) -> None:
    """Paint the lungs' branching vessels, and those that a slice cuts across as dots."""
    for side in (-1.0, 1.0):
        for _ in range(4):
            start = (side * bits.uniform(0.14, 0.20), bits.uniform(-0.10, 0.16))
            cosine, sine = turn(bits.uniform(-0.75, 0.75))
            _grow(canvas, bits, lungs, start, (side * cosine, sine), 0.017, 2)
        for _ in range(9):
            spot = (side * bits.uniform(0.22, 0.72), bits.uniform(-0.42, 0.48))
            radius = bits.uniform(0.008, 0.02)
            end = (spot[0] + 0.001, spot[1])
            canvas.stick(spot, end, radius, VESSEL, lungs)


def _grow(
    canvas: Canvas,
    bits: Bits,
    lungs: Field,
    start: Point,
    direction: Point,
    radius: float,
    forks: int,
) -> None:
    length = bits.uniform(0.10, 0.18)
    end = (start[0] + length * direction[0], start[1] + length * direction[1])
    canvas.stick(start, end, radius, VESSEL, lungs)
    if forks == 0:
        return
    for side in (-1.0, 1.0):
        if bits.chance(0.7):
            cosine, sine = turn(side * bits.uniform(0.05, 0.30))
            turned = (
                direction[0] * cosine - direction[1] * sine,
                direction[0] * sine + direction[1] * cosine,
            )
            _grow(canvas, bits, lungs, end, turned, radius * 0.68, forks - 1)


ADENO, LARGE, NORMAL, SQUAMOUS = (
    "adenocarcinoma",
    "large.cell.carcinoma",
    "normal",
    "squamous.cell.carcinoma",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesion:
    """A patient's tumour: what the slices through it share.

    Attributes:
        kind: its class.
        centre: where it lies in the body.
        radius: its radius where it is widest.
        hollow: the cavity's radius as a share of the tumour's, 0 for none.
    """

    kind: str
    centre: Point
    radius: float
    hollow: float


def draw_lesion(kind: str, body: Body, bits: Bits) -> Lesion | None:
    """Draw a tumour of a class, or None for a normal patient."""
    if kind == NORMAL:
        return None
    side = bits.side()
    if kind == SQUAMOUS:
        radius = bits.uniform(0.14, 0.21)
        centre = (side * (0.17 + radius * bits.uniform(0.5, 1.0)), bits.uniform(-0.16, 0.30))
        hollow = bits.uniform(0.45, 0.65) if bits.chance(0.92) else 0.0
        return Lesion(kind=kind, centre=centre, radius=radius, hollow=hollow)
    low, high = (0.14, 0.18) if kind == ADENO else (0.21, 0.27)
    radius = bits.uniform(low, high)
    cosine, sine = turn(bits.uniform(-0.62, 0.62))
    pleura = body.to_pleura((side * 0.40, 0.02), (side * cosine, sine))
    inwards = radius * bits.uniform(0.8, 1.5)
    centre = (pleura[0] - side * cosine * inwards, pleura[1] - sine * inwards)
    return Lesion(kind=kind, centre=centre, radius=radius, hollow=0.0)


def paint_lesion(canvas: Canvas, lesion: Lesion, lungs: Field, off: float, bits: Bits) -> None:
    """Paint the cut through a tumour, `off` its middle by a share of its radius.

    `lungs` is the (side_px, side_px) share of each pixel that is lung.
    """
    radius = lesion.radius * sqrt(1.0 - off * off)
    paint = {ADENO: _paint_ground_glass, LARGE: _paint_lobulated, SQUAMOUS: _paint_hollow}
    paint[lesion.kind](canvas, lesion, radius, lungs, bits)


def _paint_ground_glass(
    canvas: Canvas, lesion: Lesion, radius: float, lungs: Field, bits: Bits
) -> None:
    texture = bits.clouds(canvas.side_px, 32)
    distance = _distance(canvas, lesion.centre) - radius * (1.0 + 0.25 * texture)
    cover = canvas.cover(distance, 4.0) * lungs
    canvas.paint(cover * 0.9, GROUND_GLASS + 0.08 * texture)
    for _ in range(9):
        x, y = bits.direction()
        reach = radius * bits.uniform(1.2, 1.9)
        end = (lesion.centre[0] + x * reach, lesion.centre[1] + y * reach)
        canvas.stick(lesion.centre, end, 0.012, MUSCLE - 0.06, lungs)
    core = _distance(canvas, lesion.centre) - radius * bits.uniform(0.25, 0.40)
    canvas.paint(canvas.cover(core, 2.0) * lungs, MUSCLE)


def _paint_lobulated(
    canvas: Canvas, lesion: Lesion, radius: float, lungs: Field, bits: Bits
) -> None:
    lobes = bits.clouds(canvas.side_px, 11)
    distance = _distance(canvas, lesion.centre) - radius * (1.0 + 0.45 * lobes)
    decay = bits.clouds(canvas.side_px, 14)
    canvas.paint(canvas.cover(distance, 1.5) * lungs, MUSCLE + 0.06 + 0.07 * decay)


def _paint_hollow(canvas: Canvas, lesion: Lesion, radius: float, lungs: Field, bits: Bits) -> None:
    margin = bits.clouds(canvas.side_px, 16)
    distance = _distance(canvas, lesion.centre) - radius * (1.0 + 0.22 * margin)
    canvas.paint(canvas.cover(distance, 1.5) * lungs, MUSCLE + 0.02)
    if lesion.hollow:
        x, y = bits.direction()
        away = radius * 0.15
        middle = (lesion.centre[0] + x * away, lesion.centre[1] + y * away)
        hole = _distance(canvas, middle) - radius * lesion.hollow * (1.0 + 0.2 * margin)
        canvas.paint(canvas.cover(hole, 1.5) * lungs, 0.06)


def _distance(canvas: Canvas, centre: Point) -> Field:
    across, down = canvas.x - centre[0], canvas.y - centre[1]
    return np.sqrt(across * across + down * down)
