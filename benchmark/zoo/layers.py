"""Stock layers that every network of the zoo begins and ends with.

Each network ends in a Dense layer named `logits` and a softmax named `probabilities`, so that a
chained network finds the output before the softmax by name.
"""

from typing import Any


def pixel_input(channels: int, side_px: int | None) -> Any:
    """Return the symbolic input: (n, side, side, channels) raw pixels in 0-255.

    Arrays of uint8 are accepted too; Keras casts them on entry.

    Args:
        channels: 1 or 3.
        side_px: the side, None for any.
    """
    import keras

    return keras.Input((side_px, side_px, channels), name="pixels", dtype="float32")


def three_channels(pixels: Any) -> Any:
    """Return pixels with three channels, one channel being repeated."""
    import keras

    if pixels.shape[-1] == 3:
        return pixels
    return keras.layers.Concatenate(name="repeat_grey")([pixels, pixels, pixels])


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
