"""A perceptron over images: what stands before its weights is computed once an image."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..records import Rows
from .epochs import Batch
from .inputs import Store, fits_in_memory
from .stack import Stack, read_stack

Matrix = npt.NDArray[np.float32]

_BATCH = 32


def split_perceptron(network: Any) -> tuple[Any, Stack] | None:
    """Split a network into a front without weights and a stack of all layers behind it.

    Returns None where a layer with weights is not one that NumPy trains, such as a convolution.
    """
    import keras

    first = next(place for place, layer in enumerate(network.layers) if layer.weights)
    stack = read_stack(network.layers[first:])
    if stack is None:
        return None
    return keras.Model(network.inputs[0], network.layers[first - 1].output), stack


class Shrunk:
    """What a front without weights makes of images, such as means over squares of pixels.

    It is computed when it is first asked for, and then held in memory, up to 256 MiB for all
    images; above that, and for varied images, it is computed every time.

    Args:
        front: keras.Model from raw pixels to (width,) values.
        pixels: the images.
    """

    def __init__(self, front: Any, pixels: Store) -> None:
        self._front = front
        self._pixels = pixels
        shape = (len(pixels), int(front.output_shape[-1]))
        self._held = np.empty(shape, np.float32) if fits_in_memory(*shape) else None
        self._is_held = np.zeros(len(pixels), bool)

    def take(self, rows: Rows) -> Matrix:
        """Return the (b, width) values of some rows."""
        if self._held is None:
            return self._of(rows)
        missing = np.unique(rows[~self._is_held[rows]])
        if len(missing):
            self._held[missing] = self._of(missing)
            self._is_held[missing] = True
        found: Matrix = self._held[rows]
        return found

    def drawn(self, rows: Rows, epoch: int) -> Matrix:
        """Return the values of some rows for training, of varied images where there are any."""
        if not self._pixels.is_varied:
            return self.take(rows)
        return self._passed(self._pixels.drawn(rows, epoch))

    def _of(self, rows: Rows) -> Matrix:
        batches = [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]
        return np.concatenate([self._passed(self._pixels.take(each)) for each in batches])

    def _passed(self, images: Batch) -> Matrix:
        import keras

        values: Matrix = keras.ops.convert_to_numpy(self._front(images, training=False))
        return values
