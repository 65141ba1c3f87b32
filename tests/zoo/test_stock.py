"""Parts that `.h5` does not load, and the stock layers in their place."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmark.zoo import ARCHITECTURES, NONE, build_backbone
from benchmark.zoo.stock import is_stock, of_stock_layers
from tests.close import assert_close
from tests.zoo.small import SEED, Array, build_bare, coloured_pixels, run, smallest_picture

pytestmark = pytest.mark.slow

PIXELS = coloured_pixels(32)


def odd_network() -> Any:
    """Return a network of every part that some application has and `.h5` does not load."""
    import keras
    from keras.src.applications.convnext import LayerScale
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer

    keras.utils.set_random_seed(SEED)
    pixels = keras.Input((32, 32, 3))
    signal = keras.layers.Conv2D(4, 3, name="conv")(pixels)
    scaled = LayerScale(0.5, 4, name="scale")(signal)
    signal = CustomScaleLayer(0.2, name="mixed")([signal, scaled])
    signal = keras.layers.ReLU(6.0)(signal + 3.0) * (1.0 / 6.0)
    signal = signal + keras.layers.ReLU()(signal)
    network = keras.Model(pixels, signal, name="odd")
    network.get_layer("scale").set_weights([np.array([1, -2, 3, 0.5])])
    return network


def test_stock_layers_give_what_an_application_s_own_parts_give(
    elsewhere: Callable[[Any, Array], Array],
) -> None:
    network = odd_network()
    assert not all(map(is_stock, network.operations))
    found = of_stock_layers(network)
    assert all(map(is_stock, found.operations))
    assert found.count_params() == network.count_params()
    assert_close(elsewhere(found, PIXELS), run(network, PIXELS), 1e-6)


def test_a_network_of_stock_layers_is_left_as_it_is() -> None:
    found = of_stock_layers(odd_network())
    assert of_stock_layers(found) is found


def test_mobilenetv3_too_is_built_of_stock_layers(
    elsewhere: Callable[[Any, Array], Array],
) -> None:
    architecture = ARCHITECTURES["keras:MobileNetV3Small"]
    backbone = build_backbone(architecture, smallest_picture(architecture), NONE, SEED)
    network = backbone.network
    assert all(map(is_stock, network.operations))
    ours = run(network, PIXELS)
    assert_close(run(build_bare(backbone).network, PIXELS.astype("float32")), ours, 1e-4)
    assert_close(elsewhere(network, PIXELS), ours, 1e-6)
