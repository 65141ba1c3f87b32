"""Streams of OpenVINO: every image by itself, whoever computes beside it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.training.engines import convert, keras_engine
from benchmark.training.openvino_engine import Streams, images_at_once
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
