"""Small grey pictures of the images, on which the audit compares them."""

import numpy as np
import numpy.typing as npt

from ...records import Rows
from ..pixels import Pixels

Pictures = npt.NDArray[np.uint8]
SIDE = 64


def small_pictures(pixels: Pixels, rows: Rows, side: int = SIDE) -> Pictures:
    """Return (m, side, side) grey pictures of some rows, each pixel the mean of the area it covers.

    A side greater than that of the pixels becomes theirs.
    """
    from PIL import Image

    side = min(side, pixels.array.shape[1])
    small = np.empty((len(rows), side, side), dtype=np.uint8)
    for position, row in enumerate(rows):
        array = pixels.array[row]
        picture = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array).convert("L")
        small[position] = np.asarray(picture.resize((side, side), Image.Resampling.BOX))
    return small


def squares(pictures: Pictures, count: int) -> npt.NDArray[np.float32]:
    """Return (m, count²) means over a grid of squares; fewer where the pictures are smaller."""
    step = max(1, pictures.shape[1] // count)
    side = pictures.shape[1] // step
    cut = pictures[:, : side * step, : side * step]
    blocks = cut.reshape(len(cut), side, step, side, step)
    means: npt.NDArray[np.float32] = blocks.mean(axis=(2, 4), dtype=np.float32)
    return means.reshape(len(means), -1)
