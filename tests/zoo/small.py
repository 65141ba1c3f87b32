"""Small pictures, pixels and reference networks for the zoo's tests."""

import importlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt

from benchmark.records import Picture
from benchmark.zoo import ARCHITECTURES, Architecture, Backbone, Explained

Array = npt.NDArray[Any]

BACKBONES = tuple(name for name in ARCHITECTURES if ARCHITECTURES[name].keras_class)
SEED = 1


@dataclass(frozen=True)
class Fetched:
    """A weight file that Keras asked for: its name, address and hash."""

    name: str
    url: str
    published_hash: str


@dataclass(frozen=True)
class Bare:
    """A class of keras.applications without its top, untouched by us, and what it would fetch."""

    network: Any
    fetched: Fetched


def smallest_picture(architecture: Architecture, channels: int = 3) -> Picture:
    """Return the least picture that an architecture takes, at least 32 px."""
    return Picture(side_px=max(32, architecture.smallest_side_px), channels=channels)


def coloured_pixels(side_px: int, *, count: int = 12, channels: int = 3) -> Array:
    """Draw coarse coloured patches under noise: images that differ from one another."""
    draw = np.random.default_rng(20)
    patches = draw.integers(0, 256, (count, 4, 4, channels)).repeat(32, 1).repeat(32, 2)
    noise = draw.normal(0, 12, (count, side_px, side_px, channels))
    return (patches[:, :side_px, :side_px] + noise).clip(0, 255).astype(np.uint8)


def run(network: Any, inputs: Any) -> Any:
    """Run a network once without compiling it: a thousand layers compile for many seconds."""
    import keras

    outputs = network(inputs, training=False)
    return keras.tree.map_structure(np.asarray, outputs)


def explained(network: Any) -> Explained:
    """Explain a network, or the one in a file, without compiling it."""
    found = Explained.open(network) if isinstance(network, Path) else Explained(network)
    for portion in found.portions:
        portion.plane.run_eagerly = True
    return found


def keras_preprocess(keras_class: str, pixels: Array) -> Array:
    """Preprocess raw pixels with the function beside a class in keras.applications."""
    from keras import applications

    module = importlib.import_module(getattr(applications, keras_class).__module__)
    return np.asarray(module.preprocess_input(pixels.astype("float32")))


def build_bare(backbone: Backbone) -> Bare:
    """Build a backbone's class by keras.applications alone, with the backbone's weights."""
    import keras
    from keras.src.utils import file_utils

    asked: list[Fetched] = []

    def note(fname: str, origin: str, file_hash: str | None = None, **_: Any) -> str:
        asked.append(Fetched(fname, origin, file_hash or ""))
        return "not fetched"

    side = backbone.network.inputs[0].shape[1]
    with (
        mock.patch.object(file_utils, "get_file", note),
        mock.patch.object(keras.Model, "load_weights"),
        warnings.catch_warnings(),
    ):
        # MobileNetV2 says that it takes the 224 px weights for a side that it does not know.
        warnings.simplefilter("ignore")
        build = getattr(keras.applications, backbone.architecture.keras_class)
        network = build(include_top=False, weights="imagenet", input_shape=(side, side, 3))
    # The same figures; those that scale ConvNeXt's channels have another shape there.
    pairs = zip(network.weights, backbone.network.get_weights(), strict=True)
    network.set_weights([values.reshape(own.shape) for own, values in pairs])
    return Bare(network, asked[0])
