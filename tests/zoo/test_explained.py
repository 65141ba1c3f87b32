"""Where in a picture an answer comes from, held to what is known of small networks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.errors import StoreError, UsageError
from benchmark.records import Params, Picture
from benchmark.zoo import (
    ARCHITECTURES,
    NONE,
    Explained,
    assemble,
    average_network,
    build_backbone,
    build_head,
    build_network,
    calibrate,
    chained_network,
    see_at_scales,
    select,
    stacked_network,
)
from benchmark.zoo.cuts import tensor_after
from tests.close import assert_close
from tests.zoo.small import BACKBONES, SEED, Array, coloured_pixels, explained, run

pytestmark = pytest.mark.slow

SIDE = 64
SMALL = Picture(side_px=SIDE)
PIXELS = coloured_pixels(SIDE, count=3)
CLASSES = [0, 1, 2]
PLAIN = Params(ARCHITECTURES["cnn"].tiny, dropout=0.0)
OWN = tuple(name for name in ARCHITECTURES if ARCHITECTURES[name].build)


def build(name: str, params: Params, seed: int = SEED) -> Any:
    return build_network(ARCHITECTURES[name], SMALL, 3, params, seed)


@pytest.fixture(scope="module")
def cnn() -> Any:
    return build("cnn", PLAIN)


@pytest.fixture(scope="module")
def other() -> Any:
    return build("cnn", PLAIN, seed=2)


@pytest.fixture(scope="module")
def mlp() -> Any:
    return build("mlp", ARCHITECTURES["mlp"].tiny)


def heat(network: Any) -> Array:
    return explained(network).heat(PIXELS, CLASSES)


def scaled(heat: Array) -> Array:
    most = heat.max((1, 2), keepdims=True)
    return np.asarray(heat / np.where(most > 0, most, 1))


def test_a_linear_head_s_heat_is_its_logit_place_by_place(cnn: Any) -> None:
    import keras

    maps = run(keras.Model(cnn.inputs[0], tensor_after(cnn, "<features")), PIXELS)
    kernel = np.asarray(cnn.get_layer("logits").kernel)
    logits = np.einsum("nhwc,cn->nhw", maps, kernel[:, CLASSES]).astype(np.float32)
    size, how = (SIDE, SIDE), Image.Resampling.BILINEAR
    large = [np.asarray(Image.fromarray(each).resize(size, how)) for each in logits]
    expected = np.maximum(np.stack(large), 0)
    assert_close(heat(cnn), scaled(expected), 1e-4)


def test_the_heat_lies_on_the_bright_square_that_speaks_for_the_class() -> None:
    import keras

    pixels = keras.Input((SIDE, SIDE, 3))
    bright = keras.layers.Conv2D(1, 1, kernel_initializer="ones")(pixels)
    features = keras.layers.GlobalAveragePooling2D()(bright)
    logits = keras.layers.Dense(2, name="logits")
    network = keras.Model(pixels, keras.layers.Softmax()(logits(features)))
    logits.set_weights([np.array([[1.0, -1.0]]), np.zeros(2)])
    picture = np.zeros((2, SIDE, SIDE, 3), np.uint8)
    picture[:, 4:20, 40:60] = 200
    speaks, against = Explained(network).heat(picture, [0, 1])
    assert np.array_equal(speaks == 1, picture[0, ..., 0] > 0)
    assert not against.any()


@pytest.mark.parametrize("name", OWN)
def test_the_contract_of_a_network_of_one_s_own_says_what_is_read(name: str) -> None:
    architecture = ARCHITECTURES[name]
    network = build(name, architecture.tiny)
    if architecture.explained:
        (portion,) = Explained(network).portions
        wanted = [tensor_after(network, place) for place in architecture.explained]
        assert [id(each) for each in portion.plane.outputs] == [id(each) for each in wanted]
    else:
        with pytest.raises(UsageError, match=f"{name} has no map of a picture"):
            Explained(network)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_published_backbone_is_explained_where_features_are_taken(name: str) -> None:
    assert ARCHITECTURES[name].explained == ARCHITECTURES[name].taps


@pytest.mark.parametrize("pooling", ["avg", "max", "flatten"])
def test_the_heat_changes_with_the_weights(pooling: str) -> None:
    params = PLAIN.having(global_pooling=pooling, dense_layers=1, dense_width=16)
    one, two = (heat(build("cnn", params, seed)) for seed in (1, 2))
    assert np.abs(one - two).max() > 0.2


def test_a_composite_s_heat_is_the_mean_of_its_members(cnn: Any, other: Any, mlp: Any) -> None:
    first, second = heat(cnn), heat(other)
    assert_close(heat(average_network([cnn, other])), scaled(first + second), 1e-4)
    weighted = average_network([cnn, other, mlp], [3, 1, 4])
    assert_close(heat(weighted), scaled(3 * first + second), 1e-4)
    assert Explained(weighted).silent == 1
    stacked = stacked_network([cnn, other], np.ones((6, 3)), np.zeros(3))
    assert_close(heat(stacked), scaled(first + second), 1e-4)
    nested = average_network([average_network([cnn, other]), other])
    assert_close(heat(nested), scaled(first + 3 * second), 1e-4)


def test_a_chained_network_that_repeats_its_logits_has_its_member_s_heat(cnn: Any) -> None:
    head = build_head(Params(dropout=0.0, standardise=False), 3, 3, SEED)
    head.get_layer("logits").set_weights([np.eye(3), np.zeros(3)])
    chained = chained_network(cnn, head)
    assert_close(heat(chained), heat(cnn), 1e-4)
    assert_close(heat(average_network([chained, cnn])), heat(cnn), 1e-4)


@pytest.fixture(scope="module")
def pyramid() -> Any:
    """A backbone that sees its picture at two sizes, under a linear head."""
    wide = build_backbone(ARCHITECTURES["mobilenetv2"], SMALL, NONE, SEED, any_side=True)
    backbone = see_at_scales(wide, SMALL, (0.5, 1.0))
    calibrate(backbone, PIXELS)
    params = Params(dropout=0.0)
    head = build_head(
        params, len(select(backbone.layout, Params(feature_depth="multi", pooling="avg"))), 3, SEED
    )
    return assemble(backbone, head, params)


def test_a_network_that_sees_several_sizes_is_explained_at_all_of_them(pyramid: Any) -> None:
    (portion,) = Explained(pyramid).portions
    assert len(portion.plane.outputs) == 6


def test_what_was_saved_is_explained_alike_whatever_its_temperature(
    pyramid: Any, cnn: Any, tmp_path: Path
) -> None:
    import keras
    from keras.src.ops.numpy import Log

    network = average_network([pyramid, cnn])
    signal = keras.layers.Activation(Log(), dtype="float32")(network.outputs[0])
    signal = keras.layers.Softmax()(keras.layers.Rescaling(1 / 3)(signal))
    keras.Model(network.inputs[0], signal).save(tmp_path / "model.keras")
    # Two deep networks with random weights: what is left of rounding is far below a temperature.
    assert_close(heat(tmp_path / "model.keras"), heat(network), 0.01)


def test_a_file_that_is_no_network_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.keras").write_bytes(b"no network")
    with pytest.raises(StoreError, match="cannot be loaded by Keras"):
        Explained.open(tmp_path / "model.keras")


def test_another_backend_is_refused(monkeypatch: pytest.MonkeyPatch, cnn: Any) -> None:
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(UsageError, match="set it to tensorflow, or leave --explain out"):
        Explained(cnn)
