"""Composites: one deployable network of stock layers each, made from trained networks."""

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from ..errors import UsageError
from ..records import Regime, Tunable
from .architecture import Architecture
from .layers import classify, repeat_layer
from .stock import apply

_LEAST_PROBABILITY = 1e-7


def _composite(
    name: str, members: int, reference: str, doi: str, tunables: tuple[Tunable, ...] = ()
) -> Architecture:
    return Architecture(
        name=name,
        family="composite",
        regimes=(Regime.COMPOSITE,),
        members=members,
        reference=reference,
        doi=doi,
        tunables=tunables,
    )


FINETUNED = "finetuned"
"""The best frozen network trained further; made only where it is asked for by name or option."""

COMPOSITES = (
    _composite(
        "ensemble",
        2,
        "L. K. Hansen, P. Salamon, Neural network ensembles, IEEE Transactions on Pattern Analysis "
        "and Machine Intelligence, 1990",
        "10.1109/34.58871",
    ),
    _composite(
        "weighted-ensemble",
        2,
        "R. Caruana et al., Ensemble selection from libraries of models, ICML, 2004",
        "10.1145/1015330.1015432",
    ),
    _composite(
        "stacked",
        2,
        "D. H. Wolpert, Stacked generalization, Neural Networks, 1992",
        "10.1016/S0893-6080(05)80023-1",
    ),
    _composite(
        "chained",
        1,
        "J. Yosinski et al., How transferable are features in deep neural networks?, NIPS, 2014",
        "10.48550/arXiv.1411.1792",
        # The second head: parameters of HEAD with other defaults.
        (
            Tunable(name="head_layers", default=1, about="hidden dense layers", low=0, high=3),
            Tunable(name="head_width", default=16, about="units a hidden layer", low=4, high=1024),
            Tunable(name="dropout", default=0.0, about="share dropped", low=0.0, high=0.8),
            Tunable(name="l2", default=1e-4, about="weight of squared kernels", low=0.0, high=1.0),
        ),
    ),
    _composite(
        FINETUNED,
        1,
        "A. Kumar et al., Fine-tuning can distort pretrained features and underperform "
        "out-of-distribution, ICLR, 2022",
        "10.48550/arXiv.2202.10054",
    ),
)


def average_network(networks: Sequence[Any], weights: Sequence[float] | None = None) -> Any:
    """Build the network that gives the (weighted) mean of its members' probabilities.

    Args:
        networks: members from the same raw pixels to probabilities of the same classes.
        weights: one a member, at least 0 and not all 0, made to sum to 1; None for equal ones.

    Raises:
        UsageError: members do not take the same pixels.
    """
    import keras

    shares = [1.0] * len(networks) if weights is None else [float(each) for each in weights]
    pixels, outputs = _members(networks)
    scaled = [
        keras.layers.Rescaling(share / sum(shares), name=f"share_{number}", dtype="float32")(output)
        for number, (share, output) in enumerate(zip(shares, outputs, strict=True), 1)
    ]
    total = scaled[0] if len(scaled) == 1 else keras.layers.Add(name="probabilities")(scaled)
    return keras.Model(pixels, total, name="ensemble" if weights is None else "weighted_ensemble")


def stacked_network(
    networks: Sequence[Any], kernel: npt.NDArray[Any], bias: npt.NDArray[Any]
) -> Any:
    """Build the network whose softmax reads the logarithms of its members' probabilities.

    Args:
        networks: m members from the same raw pixels to probabilities of the same k classes.
        kernel: (m * k, k), member by member; its input is the logarithm of the members'
            probabilities, none taken below 1e-7.
        bias: (k,).

    Raises:
        UsageError: members do not take the same pixels.
    """
    import keras
    from keras.src.ops.numpy import Clip, Log

    pixels, outputs = _members(networks)
    signal = keras.layers.Concatenate(name="member_probabilities", dtype="float32")(outputs)
    signal = apply(Clip(_LEAST_PROBABILITY, 1.0, name="clip"), signal, "at_least", dtype="float32")
    signal = apply(Log(name="log"), signal, "logarithms", dtype="float32")
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
