"""Training images varied afresh every epoch, seen through a backbone's frozen trunk."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..records import Rows
from .engines import engine_named
from .epochs import Batch
from .inputs import Vary, filled

Images = npt.NDArray[np.uint8]


class Fresh:
    """Gives what a tail reads of images that are varied afresh in every epoch.

    Nothing in the trunk is trained, so that no gradient goes there. It is passed in float32 by the
    engine that computed the activations at the cut, which has been found the quickest, and which
    gives the same on a further day: the choice is kept, not made again.

    Args:
        trunk: keras.Model from raw pixels to the maps at the cut or, where features from before
            it are wanted too, to a list of both.
        engine: the name of who computed the activations.
        pixels: (u, side, side, channels) memory-mapped.
        vary: varies a batch of training images.
        batch: images in a training step.
    """

    def __init__(self, trunk: Any, engine: str, pixels: Images, vary: Vary, batch: int) -> None:
        self._engine = engine_named(engine, flat_trunk(trunk))
        self._shape = trunk.outputs[0].shape[1:]
        self._with_early = len(trunk.outputs) > 1
        self._pixels = pixels
        self._vary = vary
        self._batch = batch

    def drawn(self, rows: Rows, epoch: int) -> Batch:
        """Return activations of some rows' images as an epoch varies them, and early features."""
        images = self._vary(np.asarray(self._pixels[rows]), rows, epoch)
        found = self._engine.run(filled(images, self._batch))[: len(rows)]
        cells = int(np.prod(self._shape))
        maps = found[:, :cells].reshape(-1, *self._shape)
        return [maps, found[:, cells:]] if self._with_early else maps


def flat_trunk(trunk: Any) -> Any:
    """Return a trunk with one output, a row an image: the maps at the cut, then early features."""
    import keras

    border, *early = trunk.outputs
    row = keras.layers.Flatten(dtype="float32")(border)
    if early:
        row = keras.layers.Concatenate(dtype="float32")([row, *early])
    return keras.Model(trunk.inputs, row)
