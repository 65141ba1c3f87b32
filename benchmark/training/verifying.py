"""What a finished network itself says of some images, and how quickly."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import seconds
from ..records import Probabilities

_FIRST = 8
_SLOW_SECONDS = 1.0  # chosen, not sourced: what takes longer for 8 images is not asked for more


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verified:
    """A network's own answers.

    Attributes:
        probabilities: (m, k) of the first m images; m is 8 where those took longer than a second.
        milliseconds: for an image, in the last batch.
    """

    probabilities: Probabilities
    milliseconds: float


def verify(network: Any, images: npt.NDArray[np.uint8]) -> Verified:
    """Let a network itself classify images, to be compared with what training says of them.

    It is called layer by layer: tracing its graph takes several times as long as running it.

    Args:
        network: from (n, side, side, channels) raw pixels to (n, k) probabilities.
        images: (n, side, side, channels) raw pixels, n > 0; few enough for one batch.
    """
    found, took = _called(network, images[:_FIRST])
    milliseconds = 1000 * took / len(found)
    rest = images[_FIRST:]
    if len(rest) and took < _SLOW_SECONDS:
        more, took = _called(network, rest)
        milliseconds = 1000 * took / len(more)
        found = np.concatenate([found, more])
    return Verified(probabilities=found, milliseconds=milliseconds)


def _called(network: Any, images: npt.NDArray[np.uint8]) -> tuple[Probabilities, float]:
    import keras

    began = seconds()
    answers = keras.ops.convert_to_numpy(network(images, training=False))
    return answers.astype(np.float64), seconds() - began
