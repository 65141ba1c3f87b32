"""A heat map over the picture that it explains, in the picture's own shape."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

Pixels8 = npt.NDArray[np.uint8]

LONGEST_PX = 1024
"""A longer side is reduced to so much: chosen, not sourced, to fill a screen and no more."""

_COLOURS = "inferno"  # even steps from dark to light, for colour-blind readers too
_COVER = 0.6  # chosen, not sourced: of the strongest place, whose anatomy still shows through
_MARK_PX = 4


def shown_size(pixels: Pixels8) -> Image.Image:
    """Return a picture, (h, w) or (h, w, 3), in colour and no larger than it will be shown."""
    image = Image.fromarray(pixels).convert("RGB")
    image.thumbnail((LONGEST_PX, LONGEST_PX), Image.Resampling.BILINEAR)
    return image


def overlay(picture: Image.Image, heat: npt.NDArray[np.floating[Any]], fit: str) -> Image.Image:
    """Lay heat over the picture that it was found in.

    Args:
        picture: in its own shape.
        heat: (side, side) from 0 to 1, over the square that the network saw.
        fit: how the picture met the square: `stretch`, `pad` or `crop`. What was cropped away has
            no heat.
    """
    from matplotlib import colormaps

    placed = _placed(heat, picture.width, picture.height, fit)
    colours = colormaps[_COLOURS](placed)[..., :3] * 255
    cover = (_COVER * placed)[..., np.newaxis]
    mixed = (1 - cover) * np.asarray(picture, dtype=np.float64) + cover * colours
    return Image.fromarray(mixed.round().astype(np.uint8))


def _placed(
    heat: npt.NDArray[np.floating[Any]], width: int, height: int, fit: str
) -> npt.NDArray[np.floating[Any]]:
    """Return (height, width) heat: the square's, brought back to where it stands in the picture."""
    square = Image.fromarray(heat.astype(np.float32))
    side, least, most = square.width, min(width, height), max(width, height)
    if fit == "crop":
        whole = np.zeros((height, width), np.float32)
        above, before = (height - least) // 2, (width - least) // 2
        whole[above : above + least, before : before + least] = np.asarray(
            square.resize((least, least), Image.Resampling.BILINEAR)
        )
        return whole
    inside = (side * width / most, side * height / most) if fit == "pad" else (side, side)
    left, top = ((side - each) / 2 for each in inside)
    box = (left, top, left + inside[0], top + inside[1])
    return np.asarray(square.resize((width, height), Image.Resampling.BILINEAR, box)).clip(0, 1)


def write_overlay(image: Image.Image, path: Path, about: str, mark: str = "") -> None:
    """Write an overlay as PNG, with a text on what it shows, and a mark in its corner if any.

    Raises:
        OSError: the file cannot be written.
    """
    if mark:
        drawing = ImageDraw.Draw(image)
        box = drawing.textbbox((_MARK_PX, _MARK_PX), mark)
        drawing.rectangle((0, 0, box[2] + _MARK_PX, box[3] + _MARK_PX), fill="black")
        drawing.text((_MARK_PX, _MARK_PX), mark, fill="white")
    info = PngInfo()
    info.add_itxt("Description", about)
    image.save(path, format="PNG", pnginfo=info)
