"""Engines: every image by itself, whoever computes beside it; what a network itself says."""

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.training import engines, verify
from benchmark.training.engines import Streams, convert, images_at_once, keras_engine
from tests.close import assert_close

from .conftest import EXTRACTOR_SIDE as SIDE

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(0).integers(0, 256, (21, SIDE, SIDE, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def reference(extractor: Any) -> Any:
    return keras_engine(extractor)


@pytest.mark.parametrize("streams", [0, 1, 3])
@pytest.mark.parametrize("count", [1, 8, 21])
def test_streams_give_what_the_reference_gives_in_its_order(
    streams: int, count: int, reference: Any
) -> None:
    found = Streams(convert(reference), "f32", streams).run(IMAGES[:count])
    assert_close(found, reference.run(IMAGES[:count]), 1e-4)


def test_an_image_has_the_same_figures_to_the_bit_wherever_it_stands(reference: Any) -> None:
    streams = Streams(convert(reference), "f32", 2)
    together = streams.run(IMAGES)
    order = np.random.default_rng(1).permutation(len(IMAGES))
    np.testing.assert_array_equal(streams.run(IMAGES[order]), together[order])
    np.testing.assert_array_equal(streams.run(IMAGES[5:6]), together[5:6])


def test_a_later_call_leaves_what_an_earlier_one_gave(reference: Any) -> None:
    streams = Streams(convert(reference), "f32", 2)
    first = streams.run(IMAGES)
    kept = first.copy()
    streams.run(255 - IMAGES)
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize(
    ("side", "streams", "expected"),
    [(224, 2, 1), (448, 2, 1), (128, 2, 4), (96, 2, 7), (28, 2, 8), (28, 16, 1), (28, 64, 1)],
)
def test_small_images_go_several_at_once_where_cores_are_few(
    side: int, streams: int, expected: int
) -> None:
    assert images_at_once(side, streams) == expected


def test_a_call_keeps_every_stream_at_work(reference: Any) -> None:
    model = convert(reference)
    assert Streams(model, "f32", 4).batch >= 4 * Streams(model, "f32", 1).batch // 2
    assert Streams(model, "f32", 4).batch % 4 == 0


CONVERTED = """
import socket
def refused(*words, **options):
    raise AssertionError(f"the network was asked for: {words}")
socket.getaddrinfo = socket.create_connection = socket.socket.connect = refused
import keras, sys
from benchmark.training.engines import convert, keras_engine
pixels = keras.Input((8, 8, 3))
convert(keras_engine(keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(pixels))))
assert not sys.modules["openvino_telemetry"]
"""


def test_converting_tells_nobody_and_leaves_no_identity_in_the_home_folder(tmp_path: Path) -> None:
    surroundings = {**os.environ, "HOME": str(tmp_path), "CI": "", "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-c", CONVERTED], env=surroundings, check=True, timeout=120)
    of_keras_and_matplotlib = {".keras", ".cache", ".config"}
    assert {each.name for each in tmp_path.iterdir()} <= of_keras_and_matplotlib


PICTURES = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def network() -> Any:
    import keras

    keras.utils.set_random_seed(3)
    pixels = keras.Input((8, 8, 3))
    flat = keras.layers.Dropout(0.5)(
        keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(pixels))
    )
    return keras.Model(pixels, keras.layers.Dense(3, activation="softmax")(flat))


def test_a_network_says_what_it_predicts_and_how_quickly(
    network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_SLOW_SECONDS", math.inf)
    own = verify(network, PICTURES)
    assert_close(own.probabilities, network.predict_on_batch(PICTURES), 1e-4)
    assert own.milliseconds > 0


def test_a_slow_network_is_asked_for_sixteen_images(
    network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_SLOW_SECONDS", 0.0)
    assert len(verify(network, PICTURES).probabilities) == 16


def test_the_time_of_an_image_holds_no_tracing(
    network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 5.0, 5.0, 5.8])  # 8 images with tracing, then 8 without
    monkeypatch.setattr(engines, "seconds", lambda: next(clock))
    assert verify(network, PICTURES).milliseconds == pytest.approx(100)


def test_fewer_images_than_a_batch_are_enough(network: Any) -> None:
    assert verify(network, PICTURES[:3]).probabilities.shape == (3, 3)


def test_a_deep_network_is_asked_as_it_will_be_served() -> None:
    import keras

    keras.utils.set_random_seed(3)
    images = np.random.default_rng(1).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    deep = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), classes=3)
    own = verify(deep, images)
    assert_close(own.probabilities, deep.predict_on_batch(images))
