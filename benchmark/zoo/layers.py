"""Whole networks, and the stock layers that every network of the zoo begins and ends with.

Each network ends in a Dense layer named `logits` and a softmax named `probabilities`, so that a
chained network finds the output before the softmax by name.
"""

from dataclasses import replace
from typing import Any

from ..errors import UsageError
from ..records import Params, Picture
from ..seeds import derive
from .architecture import Architecture, check_side, complete

_SHRINKS = "shrink"


def build_network(
    architecture: Architecture, picture: Picture, classes: int, params: Params, seed: int
) -> Any:
    """Build a network as a whole: raw 0-255 pixels to (n, classes) probabilities.

    Sets the seed of Python's, NumPy's and the backend's generators.

    Args:
        architecture: one with a `build`.
        picture: the side and the channels.
        classes: how many classes.
        params: values of the architecture's tunables, and `scales`, one share of the side; what
            is missing has its default.
        seed: the same seed gives the same weights.

    Raises:
        UsageError: the side is too small, a parameter is wrong, or the architecture is built in
            another way.
    """
    import keras

    if architecture.build is None:
        raise UsageError(f"{architecture.name} is not built from raw pixels as a whole.")
    share = float(params.get("scales", "1"))
    check_side(architecture, replace(picture, side_px=round(picture.side_px * share)))
    keras.utils.set_random_seed(derive(seed, "network", architecture.name))
    pixels = pixel_input(picture.channels, picture.side_px)
    seen = shrink(pixels, share)
    outputs = architecture.build(seen, classes, complete(architecture.tunables, params))
    return keras.Model(pixels, outputs, name=architecture.name)


def average_down(pixels: Any, side_px: int) -> Any:
    """Return pixels averaged down to about a side, by a whole factor, so that none is ignored."""
    import keras

    factor = averaging_factor(pixels.shape[1], side_px)
    if factor < 2:
        return pixels
    # 'same' keeps the border, where the side is no multiple.
    return keras.layers.AveragePooling2D(factor, padding="same", name=_SHRINKS)(pixels)


def averaging_factor(from_px: int, about_px: int) -> int:
    """Return by what whole factor a side is averaged down to about another, 1 for not at all."""
    return max(1, round(from_px / about_px))


def pixels_within(network: Any) -> Any:
    """Return the symbolic pixels of a whole network once it has shrunk them, still in 0-255.

    They are its input where it does not shrink any.
    """
    shrinking = [layer for layer in network.layers if layer.name.startswith(_SHRINKS)]
    return shrinking[-1].output if shrinking else network.inputs[0]


def pixel_input(channels: int, side_px: int | None) -> Any:
    """Return the symbolic input: (n, side, side, channels) raw pixels in 0-255.

    Arrays of uint8 are accepted too; Keras casts them on entry.

    Args:
        channels: 1 or 3.
        side_px: the side, None for any.
    """
    import keras

    return keras.Input((side_px, side_px, channels), name="pixels", dtype="float32")


def shrink(pixels: Any, scale: float) -> Any:
    """Return a picture at a share of its side, by bilinear resampling; as it is at 1.

    To a half of the side that is the mean of four pixels.
    """
    import keras

    if scale == 1:
        return pixels
    side = round(pixels.shape[1] * scale)
    # Its own default is training=True, which Keras 3.15 hands on to every layer behind it: a
    # network that is called without that word, as exports call it, would normalise by its batch.
    return keras.layers.Resizing(side, side, name=f"{_SHRINKS}_to_{side}")(pixels, training=False)


def three_channels(pixels: Any) -> Any:
    """Return pixels with three channels, one channel being repeated."""
    import keras

    if pixels.shape[-1] == 3:
        return pixels
    return keras.layers.Concatenate(name="repeat_grey")([pixels, pixels, pixels])


def dense_layers(signal: Any, *, count: int, width: int, params: Params) -> Any:
    """Stack hidden dense layers with optional batch normalisation and dropout.

    Args:
        signal: (n, width) symbolic input.
        count: how many layers, 0 for none.
        width: units a layer.
        params: `activation`, `batch_norm`, `dropout` and `l2`.
    """
    import keras

    for number in range(1, count + 1):
        penalty = keras.regularizers.L2(params.number("l2")) if params.number("l2") else None
        signal = keras.layers.Dense(width, kernel_regularizer=penalty, name=f"dense_{number}")(
            signal
        )
        if params.flag("batch_norm"):
            # Some hundred images make a dozen steps an epoch: Keras's 0.99 would lag behind.
            signal = keras.layers.BatchNormalization(momentum=0.9, name=f"norm_{number}")(signal)
        signal = keras.layers.Activation(params.text("activation"), name=f"active_{number}")(signal)
        if params.number("dropout"):
            signal = keras.layers.Dropout(params.number("dropout"), name=f"dropout_{number}")(
                signal
            )
    return signal


def classify(features: Any, classes: int, **dense: Any) -> Any:
    """Return the (n, classes) float32 probabilities of (n, width) features; rows sum to 1."""
    import keras

    logits = keras.layers.Dense(classes, name="logits", **dense)(features)
    # float32 whatever the policy: a softmax in float16 does not sum to 1 well enough.
    return keras.layers.Activation("softmax", dtype="float32", name="probabilities")(logits)


def repeat_layer(layer: Any, signal: Any) -> Any:
    """Apply a copy of a layer, weights and all.

    A copy, not the layer, so that it has one output only: `network.get_layer("logits").output`
    is then the one in this network.
    """
    import keras

    copy = type(layer).from_config(layer.get_config())
    outputs = copy(signal)
    copy.set_weights(layer.get_weights())
    if isinstance(copy, keras.layers.Normalization):
        copy.finalize_state()
    return outputs
