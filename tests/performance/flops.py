"""What a network computes for an image, counted from its layers."""

from math import prod
from typing import Any


def multiply_adds(network: Any) -> int:
    """Count the multiply-adds of a Keras network for one image; twice that are its FLOPs.

    Convolutions (whole, grouped, depthwise, separable) and dense layers count: each weight of a
    kernel is used once at every position of the output, for which batch size is 1. Biases,
    activations, normalisation, pooling and padding are left out, as in the papers' figures; at
    most a few per cent of the products. A separable convolution's depthwise half runs at the
    output's positions, its pointwise half too.

    Raises:
        ValueError: a layer has weights in more than one dimension, and it is not known here how
            often they are used.
    """
    layers = network._flatten_layers(include_self=False, recursive=True)
    return sum(_multiply_adds(layer) for layer in layers if not getattr(layer, "layers", None))


def _multiply_adds(layer: Any) -> int:
    kind = type(layer).__name__
    if kind not in _POSITIONS:
        if any(len(weight.shape) > 1 for weight in layer.weights):
            raise ValueError(f"multiply-adds of a layer {kind} ({layer.name}) are not known.")
        return 0
    kernels = [weight.shape for weight in layer.weights if len(weight.shape) > 1]
    weights: int = sum(prod(shape) for shape in kernels)
    return _POSITIONS[kind](layer.output.shape) * weights


def _of_maps(shape: tuple[int | None, ...]) -> int:
    """Positions of (batch, height, width, depth) maps."""
    return prod(side or 1 for side in shape[1:-1])


_POSITIONS = {
    "Conv2D": _of_maps,
    "DepthwiseConv2D": _of_maps,
    "SeparableConv2D": _of_maps,
    "Dense": _of_maps,  # of (batch, width) there is one, of ConvNeXt's (batch, h, w, c) many
}
