"""The floor: class frequencies of the training part, whatever the image shows."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..records import Regime
from .architecture import Architecture
from .layers import classify

PRIOR = Architecture(
    name="prior",
    family="floor",
    regimes=(Regime.PRIOR,),
    parameters=16,
    reference="R. C. Holte, Very Simple Classification Rules Perform Well on Most Commonly Used "
    "Datasets, Machine Learning, 1993",
    doi="10.1023/A:1022631118932",
)


def build_prior(inputs: Any, probabilities: npt.ArrayLike) -> Any:
    """Return the (n, k) output that is the same k probabilities for every image.

    A stock Dense layer with a zero kernel and the logarithms as its bias, so that the floor is
    saved, served and combined like any other network.
    """
    import keras

    # A class absent from train has the logarithm of a probability too small to show, not of 0.
    bias = np.log(np.maximum(np.asarray(probabilities, dtype="float64"), 1e-12))
    features = keras.layers.GlobalAveragePooling2D(name="mean_colour")(inputs)
    return classify(
        features,
        len(bias),
        kernel_initializer="zeros",
        bias_initializer=keras.initializers.Constant(bias.tolist()),
    )
