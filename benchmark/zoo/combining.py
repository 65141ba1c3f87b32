"""Composites as one deployable network of stock layers each."""

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from ..errors import UsageError
from .layers import classify, repeat_layer

_LEAST_PROBABILITY = 1e-7


def average_network(networks: Sequence[Any], weights: Sequence[float] | None = None) -> Any:
    """Build the network that gives the (weighted) mean of its members' probabilities.

    Args:
        networks: members from the same raw pixels to probabilities of the same classes.
        weights: one a member, at least 0, made to sum to 1; None for equal ones.

    Raises:
        UsageError: members do not take the same pixels, or the weights do not fit.
    """
    import keras

    shares = _shares(len(networks), weights)
    pixels, outputs = _members(networks)
    scaled = [
        keras.layers.Rescaling(share, name=f"share_{number}", dtype="float32")(output)
        for number, (share, output) in enumerate(zip(shares, outputs, strict=True), 1)
    ]
    total = scaled[0] if len(scaled) == 1 else keras.layers.Add(name="probabilities")(scaled)
    return keras.Model(pixels, total, name="ensemble" if weights is None else "weighted_ensemble")


def _shares(count: int, weights: Sequence[float] | None) -> list[float]:
    given = [1.0] * count if weights is None else [float(each) for each in weights]
    if len(given) != count or min(given) < 0 or sum(given) <= 0:
        raise UsageError(
            f"weights must be {count} numbers of at least 0 that are not all 0, not {given}."
        )
    return [each / sum(given) for each in given]


def stacked_network(
    networks: Sequence[Any],
    kernel: npt.NDArray[Any],
    bias: npt.NDArray[Any],
    *,
    logarithms: bool = True,
) -> Any:
    """Build the network whose softmax reads its members' probabilities.

    Args:
        networks: m members from the same raw pixels to probabilities of the same k classes.
        kernel: (m * k, k), member by member; its input is the logarithm of the members'
            probabilities, none taken below 1e-7, or the probabilities themselves.
        bias: (k,).
        logarithms: which of the two.

    Raises:
        UsageError: members do not take the same pixels, or the kernel does not fit.
    """
    import keras

    pixels, outputs = _members(networks)
    signal = keras.layers.Concatenate(name="member_probabilities", dtype="float32")(outputs)
    if kernel.shape != (signal.shape[-1], len(bias)):
        raise UsageError(
            f"the meta-learner's kernel must be {(signal.shape[-1], len(bias))}, "
            f"not {kernel.shape}."
        )
    if logarithms:
        signal = keras.ops.log(keras.ops.maximum(signal, _LEAST_PROBABILITY))
    network = keras.Model(pixels, classify(signal, len(bias)), name="stacked")
    network.get_layer("logits").set_weights([kernel, bias])
    return network


def logits_network(network: Any) -> Any:
    """Build a trained network without its softmax: raw pixels to (n, k) logits."""
    import keras

    logits = _logits_layer(network).output
    return keras.Model(network.inputs[0], logits, name=f"{network.name}_logits")


def chained_network(network: Any, head: Any) -> Any:
    """Build a trained network, its softmax dropped, that feeds a second dense head.

    Args:
        network: raw pixels to probabilities; it ends in a layer `logits` and a softmax.
        head: (n, k) logits to (n, k) probabilities, from `build_head`.
    """
    import keras

    first = logits_network(network)
    pixels = keras.Input(first.inputs[0].shape[1:], name="pixels", dtype="float32")
    signal = first(pixels)
    for layer in head.layers[1:]:
        signal = repeat_layer(layer, signal)
    return keras.Model(pixels, signal, name="chained")


def _logits_layer(network: Any) -> Any:
    if all(layer.name != "logits" for layer in network.layers):
        raise UsageError(
            f"chained needs a member that ends in a softmax over logits, which {network.name} "
            "does not; take a single network as its member."
        )
    return network.get_layer("logits")


def _members(networks: Sequence[Any]) -> tuple[Any, list[Any]]:
    """Return one input and the members' outputs on it, each member under a name of its own."""
    import keras

    shapes = {tuple(network.inputs[0].shape[1:]) for network in networks}
    classes = {network.outputs[0].shape[-1] for network in networks}
    if len(shapes) != 1 or len(classes) != 1:
        raise UsageError(
            "members of a composite must take the same pixels and give the same classes, "
            f"not {sorted(shapes)} and {sorted(classes)}; choose members of one side."
        )
    pixels = keras.Input(shapes.pop(), name="pixels", dtype="float32")
    members = [
        keras.Model(network.inputs[0], network.outputs[0], name=f"member_{number}")
        for number, network in enumerate(networks, 1)
    ]
    return pixels, [member(pixels) for member in members]
