"""The floor: class frequencies of the training part, whatever the image shows."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ...records import Params, Regime
from ..architecture import Architecture
from ..layers import classify


def build_prior(pixels: Any, classes: int, _params: Params) -> Any:
    """Return (n, classes) probabilities that no pixel changes: equal until `fix_answer`.

    A stock Dense layer with a zero kernel, so that the floor is saved, served and combined like
    any other network.
    """
    import keras

    features = keras.layers.GlobalAveragePooling2D(name="mean_colour")(pixels)
    return classify(features, classes, kernel_initializer="zeros")


def fix_answer(network: Any, probabilities: npt.NDArray[np.floating[Any]]) -> None:
    """Make `prior`'s network give the same (k,) probabilities for every image."""
    layer = network.get_layer("logits")
    # A class absent from train has the logarithm of a probability too small to show, not of 0.
    layer.bias.assign(np.log(np.maximum(probabilities, 1e-12)))


ARCHITECTURE = Architecture(
    name="prior",
    family="floor",
    regimes=(Regime.PRIOR,),
    build=build_prior,
    parameters=16,
    reference="R. C. Holte, Very Simple Classification Rules Perform Well on Most Commonly Used "
    "Datasets, Machine Learning, 1993",
    doi="10.1023/A:1022631118932",
)
