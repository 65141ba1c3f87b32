"""Files of others: RadImageNet's preprocessing, and every way in which a backbone was saved."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import WeightsError
from benchmark.records import Picture
from benchmark.zoo import (
    ARCHITECTURES,
    Preprocessing,
    build_backbone,
    read_weights_from,
    resolve_weights,
)
from benchmark.zoo.backbone import preprocess
from tests.close import assert_close
from tests.zoo.small import Array, coloured_pixels, run

pytestmark = pytest.mark.slow

SMALL = Picture(side_px=32)
MOBILENETV2 = ARCHITECTURES["mobilenetv2"]


def as_radimagenet_has_them(pixels: Array) -> Array:
    """Return pixels as the scripts beside RadImageNet's Keras files prepare them."""
    mean = np.array([103.939, 116.779, 123.68])
    prepared: Array = (pixels[..., ::-1].astype(float) - mean) / 255
    return prepared


def test_radimagenet_s_preprocessing_is_that_of_its_scripts() -> None:
    import keras
    from keras.applications import imagenet_utils

    pixels = coloured_pixels(8, count=3)
    symbolic = keras.Input((8, 8, 3))
    network = keras.Model(symbolic, preprocess(symbolic, Preprocessing.RADIMAGENET))
    assert_close(run(network, pixels), as_radimagenet_has_them(pixels), 1e-5)
    assert_close(
        run(network, pixels), imagenet_utils.preprocess_input(pixels.astype("float32")) / 255, 1e-5
    )


def build_bare(keras_class: str) -> Any:
    from keras import applications

    return getattr(applications, keras_class)(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )


def save(network: Any, path: Path) -> Path:
    """Save a network as Keras 2 did: its description beside its weights, in one HDF5 file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the format is legacy
        network.save(path)
    return path


def with_head(bare: Any) -> Any:
    import keras

    pooled = keras.layers.GlobalAveragePooling2D()(bare.output)
    return keras.Model(bare.input, keras.layers.Dense(3)(pooled))


def as_one_layer(bare: Any) -> Any:
    import keras

    pooling = keras.layers.GlobalAveragePooling2D()
    return keras.Sequential([keras.Input((32, 32, 3)), bare, pooling, keras.layers.Dense(3)])


def as_one_frozen_layer(bare: Any) -> Any:
    bare.trainable = False
    return as_one_layer(bare)


@pytest.fixture(scope="module")
def bare() -> Any:
    """MobileNetV2 by Keras alone, with drawn statistics."""
    network = build_bare("MobileNetV2")
    draw = np.random.default_rng(1)
    network.set_weights([draw.normal(size=each.shape) for each in network.get_weights()])
    return network


@pytest.mark.parametrize("wrap", [with_head, as_one_layer, as_one_frozen_layer])
def test_a_backbone_is_read_out_of_a_saved_network(
    bare: Any, wrap: Callable[[Any], Any], tmp_path: Path
) -> None:
    path = save(wrap(bare), tmp_path / "medical.h5")
    weights = resolve_weights(MOBILENETV2, read_weights_from(str(path)))
    loaded = build_backbone(MOBILENETV2, SMALL, weights, seed=6).network
    for one, other in zip(loaded.get_weights(), bare.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_as_many_weights_of_other_shapes_are_refused(tmp_path: Path) -> None:
    import keras

    layer = keras.layers.Dense(1, use_bias=False)
    pixels = keras.Input((MOBILENETV2.parameters,))
    path = save(keras.Model(pixels, layer(pixels)), tmp_path / "other.h5")
    weights = resolve_weights(MOBILENETV2, read_weights_from(str(path)))
    with pytest.raises(WeightsError, match=r"does not hold .* have other shapes there"):
        build_backbone(MOBILENETV2, SMALL, weights, seed=6)


def test_a_radimagenet_file_sees_what_it_was_used_with(tmp_path: Path) -> None:
    architecture = ARCHITECTURES["densenet121"]
    published = build_bare("DenseNet121")
    save(published, tmp_path / "RadImageNet-DenseNet121_notop.h5")
    choice = read_weights_from(f"none,densenet121={tmp_path}")
    weights = resolve_weights(architecture, choice)
    backbone = build_backbone(architecture, SMALL, weights, seed=6)
    pixels = coloured_pixels(32, count=4)
    end = run(backbone.network, pixels)[-1]
    assert_close(end, run(published, as_radimagenet_has_them(pixels)), 1e-4)
