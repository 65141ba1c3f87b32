"""The multi-layer perceptron: the plain neural baseline, with no idea of neighbourhood."""

from typing import Any

from ...records import Params, Regime, Tunable
from ..architecture import Architecture
from ..layers import average_down, classify, dense_layers


def build_mlp(pixels: Any, classes: int, params: Params) -> Any:
    """Return the (n, classes) probabilities of a perceptron over raw pixels."""
    import keras

    small = average_down(pixels, params.integer("input_side_px"))
    signal = keras.layers.Rescaling(1 / 255, name="scale")(small)
    signal = keras.layers.Flatten(name="flatten")(signal)
    signal = dense_layers(
        signal,
        count=params.integer("dense_layers"),
        width=params.integer("dense_width"),
        params=params,
    )
    return classify(signal, classes)


# chosen, not sourced: defaults that train in seconds on some hundred images; ranges round them.
ARCHITECTURE = Architecture(
    name="mlp",
    family="mlp",
    regimes=(Regime.SCRATCH,),
    build=build_mlp,
    space="mlp",
    native_side_px=224,
    smallest_side_px=8,
    parameters=853_508,
    gflops=0.0017,
    reference="D. E. Rumelhart, G. E. Hinton, R. J. Williams, Learning representations by "
    "back-propagating errors, Nature, 1986",
    doi="10.1038/323533a0",
    tunables=(
        Tunable(
            name="input_side_px",
            default=32,
            about="the image is averaged down to about this side",
            low=8,
            high=64,
        ),
        Tunable(name="dense_layers", default=2, about="hidden layers", low=1, high=4),
        Tunable(name="dense_width", default=256, about="units a layer", low=4, high=1024),
        Tunable(
            name="activation",
            default="relu",
            about="of hidden layers",
            choices=("relu", "gelu", "silu", "elu", "tanh"),
        ),
        Tunable(name="batch_norm", default=False, about="batch normalisation in hidden layers"),
        Tunable(name="dropout", default=0.3, about="share dropped", low=0.0, high=0.8),
        Tunable(name="l2", default=0.0, about="weight of squared kernels", low=0.0, high=0.1),
    ),
    tiny=Params(input_side_px=8, dense_layers=1, dense_width=4),
)
