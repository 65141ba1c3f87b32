"""What a finished network itself says of some images, and how quickly."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import seconds
from ..records import Probabilities
from .engines import keras_engine

_FIRST = 8
_SLOW_SECONDS = 2.0  # chosen, not sourced: traced and run on 8 images by then, it sees all others


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verified:
    """A network's own answers.

    Attributes:
        probabilities: (m, k) of the first m images: of all, or of 16 where the network is slow.
        milliseconds: for an image, once the network is traced; of a single batch tracing included.
    """

    probabilities: Probabilities
    milliseconds: float


def verify(network: Any, images: npt.NDArray[np.uint8]) -> Verified:
    """Let a network itself classify images, to be compared with what training says of them.

    It is run as one graph, as whoever loads it will. Called layer by layer it would often be
    through sooner, but a small network then takes four times as long for an image.

    Args:
        network: from (n, side, side, channels) raw pixels to (n, k) probabilities.
        images: (n, side, side, channels) raw pixels, n > 0; few enough for one batch.
    """
    run = keras_engine(network, as_served=True).run
    found, took = _timed(run, images[:_FIRST])
    rest = images[_FIRST:] if took < _SLOW_SECONDS else images[_FIRST : 2 * _FIRST]
    if not len(rest):
        return Verified(probabilities=found, milliseconds=1000 * took / len(found))
    more, took = _timed(run, rest)
    return Verified(
        probabilities=np.concatenate([found, more]), milliseconds=1000 * took / len(more)
    )


def _timed(
    run: Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]], images: npt.NDArray[np.uint8]
) -> tuple[Probabilities, float]:
    began = seconds()
    answers = run(images)
    return answers.astype(np.float64), seconds() - began
