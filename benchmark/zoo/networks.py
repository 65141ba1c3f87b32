"""Whole networks that are trained from raw pixels, and the floor."""

from typing import Any

import numpy.typing as npt

from ..errors import UsageError
from ..records import Params, Picture
from ..seeds import derive
from .architecture import Architecture
from .backbone import check_side
from .cnn import build_cnn
from .floor import build_prior
from .layers import pixel_input
from .mlp import build_mlp


def build_network(
    architecture: Architecture,
    picture: Picture,
    classes: int,
    params: Params,
    seed: int,
    *,
    prior_probabilities: npt.ArrayLike | None = None,
) -> Any:
    """Build `cnn`, `mlp` or `prior`: raw 0-255 pixels to (n, classes) probabilities.

    Sets the seed of Python's, NumPy's and the backend's generators.

    Args:
        architecture: one of the three.
        picture: the side and the channels.
        classes: how many classes.
        params: values of the architecture's tunables; what is missing has its default.
        seed: the same seed gives the same weights.
        prior_probabilities: (classes,) frequencies in train, for `prior`.

    Raises:
        UsageError: the side is too small, a parameter is wrong, or the architecture is built in
            another way.
    """
    import keras

    check_side(architecture, picture)
    keras.utils.set_random_seed(derive(seed, "network", architecture.name))
    pixels = pixel_input(picture.channels, picture.side_px)
    match architecture.name:
        case "cnn":
            outputs = build_cnn(pixels, classes, params)
        case "mlp":
            outputs = build_mlp(pixels, classes, params)
        case "prior" if prior_probabilities is not None:
            outputs = build_prior(pixels, prior_probabilities)
        case "prior":
            raise UsageError("prior needs prior_probabilities, the class frequencies of train.")
        case _:
            raise UsageError(f"{architecture.name} is not built from raw pixels as a whole.")
    return keras.Model(pixels, outputs, name=architecture.name)
