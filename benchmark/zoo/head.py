"""The head on a frozen backbone's features, and the whole network from raw pixels."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..records import Params, Tunable
from ..seeds import derive
from .architecture import complete
from .features import Backbone, chosen_blocks, pool_blocks
from .layers import classify, dense_layers, repeat_layer

LOGISTIC, LAYERS = "logistic", "layers"
PENALTY_PATH, PENALTY_GIVEN = "path", "given"

# chosen, not sourced: on some hundred images a standardised linear head over ImageNet features
# is hard to beat; hidden layers, norms and penalties are there for a search to try.
HEAD: tuple[Tunable, ...] = (
    Tunable(
        name="head",
        default=LOGISTIC,
        about="logistic regression to its minimum, or dense layers trained by epochs",
        choices=(LOGISTIC, LAYERS),
    ),
    Tunable(
        name="penalty",
        default=PENALTY_PATH,
        about="l2 chosen on a path by cross-validated log loss, or as given",
        choices=(PENALTY_PATH, PENALTY_GIVEN),
    ),
    Tunable(
        name="feature_depth",
        default="multi",
        about="features at the backbone's end, or at all taps",
        choices=("end", "multi"),
        alternatives=True,
    ),
    Tunable(
        name="pooling",
        default="avg",
        about="from maps to features",
        choices=("avg", "max", "avg+max"),
        alternatives=True,
    ),
    Tunable(name="standardise", default=True, about="features to mean 0, variance 1"),
    Tunable(name="head_layers", default=0, about="hidden dense layers", low=0, high=3),
    Tunable(name="head_width", default=128, about="units a hidden layer", low=4, high=1024),
    Tunable(
        name="head_activation",
        default="relu",
        about="of hidden layers",
        choices=("relu", "gelu", "silu", "elu", "tanh"),
    ),
    Tunable(name="batch_norm", default=False, about="batch normalisation in hidden layers"),
    Tunable(name="dropout", default=0.3, about="share dropped", low=0.0, high=0.8),
    Tunable(name="l2", default=1e-4, about="weight of squared kernels", low=0.0, high=100.0),
)
TINY_HEAD = Params(head=LAYERS, head_layers=1, head_width=4)


def build_head(
    params: Params,
    width: int,
    classes: int,
    seed: int,
    mean: npt.ArrayLike | None = None,
    variance: npt.ArrayLike | None = None,
) -> Any:
    """Build the network from (n, width) features to (n, classes) probabilities.

    Args:
        params: values of `HEAD`; what is missing has its default.
        width: how many features.
        classes: how many classes.
        seed: the same seed gives the same weights.
        mean: (width,) means of the training images' features, for `standardise`; without it
            features are taken as they come, which suits features standardised outside.
        variance: (width,) variances, likewise.
    """
    import keras

    values = complete(HEAD, params)
    keras.utils.set_random_seed(derive(seed, "head"))
    features = keras.Input((width,), name="features", dtype="float32")
    signal = features
    standard = None
    if values.flag("standardise") and mean is not None and variance is not None:
        standard = keras.layers.Normalization(name="standardise")
        signal = standard(signal)
    signal = _hidden(signal, values)
    penalty = keras.regularizers.L2(values.number("l2")) if values.number("l2") else None
    outputs = classify(signal, classes, kernel_regularizer=penalty)
    if standard is not None:
        _set_standard(standard, np.asarray(mean), np.asarray(variance))
    return keras.Model(features, outputs, name="head")


def _hidden(signal: Any, values: Params) -> Any:
    import keras

    if values.integer("head_layers"):
        return dense_layers(
            signal,
            count=values.integer("head_layers"),
            width=values.integer("head_width"),
            params=values.having(activation=values.text("head_activation")),
        )
    if values.number("dropout"):
        return keras.layers.Dropout(values.number("dropout"), name="dropout")(signal)
    return signal


def _set_standard(
    layer: Any, mean: npt.NDArray[np.floating[Any]], variance: npt.NDArray[np.floating[Any]]
) -> None:
    """Put the statistics into the layer's weights, where saving finds them.

    Given to the constructor they would be written out in the network's JSON, 20 bytes a figure.
    """
    layer.adapt_mean.assign(mean.astype("float32"))
    layer.adapt_variance.assign(floor_variance(variance).astype("float32"))
    layer.finalize_state()


def floor_variance(variance: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    """Return (width,) variances of features that one may divide by the roots of.

    A feature that is constant in train has variance 0 or rounding noise; divided by that, one
    test image would reach the head as a million. Its least deviation is a thousandth of the
    typical one. (chosen, not sourced: far below any feature that carries signal.)
    """
    floor = 1e-6 * float(np.mean(variance)) or 1.0
    floored: npt.NDArray[np.floating[Any]] = np.maximum(variance, floor)
    return floored


def assemble(backbone: Backbone, head: Any, params: Params) -> Any:
    """Join a backbone and a head trained on its features: raw pixels to (n, k) probabilities.

    Only the blocks that `feature_depth` and `pooling` choose are computed, in the order in which
    `select` gives their columns. The backbone's layers are shared, the head's copied.
    """
    import keras

    values = complete(HEAD, params)
    network = backbone.network
    signal = pool_blocks(backbone, chosen_blocks(backbone.layout, values))
    # Layer by layer, not as a nested network: a chained network finds `logits` by name.
    for layer in head.layers[1:]:
        signal = repeat_layer(layer, signal)
    return keras.Model(network.inputs[0], signal, name=network.name)
