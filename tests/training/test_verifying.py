"""What a network itself says."""

import math
from typing import Any

import numpy as np
import pytest

from benchmark.training import verify, verifying
from tests.close import assert_close

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)


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
    monkeypatch.setattr(verifying, "_SLOW_SECONDS", math.inf)
    own = verify(network, IMAGES)
    assert_close(own.probabilities, network.predict_on_batch(IMAGES), 1e-4)
    assert own.milliseconds > 0


def test_a_slow_network_is_asked_for_sixteen_images(
    network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "_SLOW_SECONDS", 0.0)
    assert len(verify(network, IMAGES).probabilities) == 16


def test_the_time_of_an_image_holds_no_tracing(
    network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 5.0, 5.0, 5.8])  # 8 images with tracing, then 8 without
    monkeypatch.setattr(verifying, "seconds", lambda: next(clock))
    assert verify(network, IMAGES).milliseconds == pytest.approx(100)


def test_fewer_images_than_a_batch_are_enough(network: Any) -> None:
    assert verify(network, IMAGES[:3]).probabilities.shape == (3, 3)


def test_a_deep_network_is_asked_as_it_will_be_served() -> None:
    import keras

    keras.utils.set_random_seed(3)
    images = np.random.default_rng(1).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    deep = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), classes=3)
    own = verify(deep, images)
    assert_close(own.probabilities, deep.predict_on_batch(images))
