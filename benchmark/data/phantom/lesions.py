"""Lesions: where each class's tumour lies, how large it is and what it looks like.

After the textbook pictures (Travis et al. 2011, doi:10.1097/JTO.0b013e318206a221; Rosado-de-
Christenson et al. 1994, doi:10.1148/radiographics.14.2.8190965): adenocarcinoma small, at the
pleura, ground-glass with spicules; squamous cell carcinoma at the hilum, often hollow; large
cell carcinoma large, at the pleura, solid and lobulated. Simplified on purpose, and overlapping
in size, so that place, margin and texture all have to be seen.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from .anatomy import GROUND_GLASS, MUSCLE, Body
from .bits import Bits, Field, turn
from .canvas import Canvas, Point

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
    """Paint the cut through a tumour.

    Args:
        canvas: a canvas with the patient's body on it.
        lesion: the tumour.
        lungs: (side_px, side_px) share of each pixel that is lung.
        off: how far from the tumour's middle the slice cuts, as a share of its radius.
        bits: the slice's own randomness.
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
