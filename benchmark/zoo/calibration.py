"""Batch statistics for a backbone with random weights."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import release_memory
from .features import Backbone

_SIDE_PX = 96
_IMAGES = 16  # Keras holds every activation to the end of a pass: 1.5 GiB of EfficientNetV2L


def calibrate(backbone: Backbone, pixels: npt.NDArray[np.uint8]) -> None:
    """Set every batch normalisation's mean and variance from a sample of training images.

    Untouched statistics (mean 0, variance 1) let the activations of a deep random network
    vanish or grow without bound: EfficientNetV2L then gives the same output for every image. Not
    for pretrained weights. The same sample gives the same statistics.

    Args:
        backbone: changed in place.
        pixels: (n, side, side, channels) raw pixels; the first 16 are used, thinned to about
            96 px, for one pass keeps every activation in memory and a channel's statistics
            hardly depend on the side.
    """
    import keras

    layers = [
        layer
        for layer in backbone.network._flatten_layers(include_self=False, recursive=True)  # noqa: SLF001
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    if not layers:
        return
    least = max(_SIDE_PX, backbone.architecture.smallest_side_px)
    step = max(1, pixels.shape[1] // least)
    sample = np.ascontiguousarray(pixels[:_IMAGES, ::step, ::step]).astype("float32")
    with _only_batch_statistics(backbone.network, layers):
        backbone.network.call(keras.ops.convert_to_tensor(sample), training=True)
    release_memory()


@contextmanager
def _only_batch_statistics(network: Any, norms: Sequence[Any]) -> Iterator[None]:
    """Let a pass in training mode take the batch's statistics over, and drop nothing."""
    import keras

    dropouts = [
        layer
        for layer in network._flatten_layers(include_self=False, recursive=True)  # noqa: SLF001
        if isinstance(layer, keras.layers.Dropout)
    ]
    kept_norms = [(layer, layer.momentum, layer.trainable) for layer in norms]
    kept_dropouts = [(layer, layer.rate) for layer in dropouts]
    try:
        for layer in norms:
            layer.momentum, layer.trainable = 0.0, True
        for layer in dropouts:
            layer.rate = 0.0
        yield
    finally:
        for layer, momentum, trainable in kept_norms:
            layer.momentum, layer.trainable = momentum, trainable
        for layer, rate in kept_dropouts:
            layer.rate = rate
