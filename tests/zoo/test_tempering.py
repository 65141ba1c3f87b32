"""The temperature as a network's last layers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.evaluation import tempered
from benchmark.records import Params, Picture
from benchmark.zoo import (
    ARCHITECTURES,
    average_network,
    build_head,
    build_network,
    chained_network,
    with_temperature,
    without_temperature,
)
from tests.close import assert_close
from tests.zoo.small import SEED, Array, coloured_pixels, run

pytestmark = pytest.mark.slow

PIXELS = coloured_pixels(32)


@pytest.fixture(scope="module")
def network() -> Any:
    mlp = ARCHITECTURES["mlp"]
    return build_network(mlp, Picture(side_px=32), 3, mlp.tiny, SEED)


@pytest.mark.parametrize("temperature", [0.05, 0.7, 5.0])
def test_a_network_at_a_temperature_says_what_numpy_says_of_its_probabilities(
    network: Any, temperature: float
) -> None:
    said = run(network, PIXELS).astype(np.float64)
    assert_close(run(with_temperature(network, temperature), PIXELS), tempered(said, temperature))


def test_it_loads_elsewhere_without_this_package(
    network: Any, elsewhere: Callable[[Any, Array], Array]
) -> None:
    hot = with_temperature(network, 1.7)
    assert_close(elsewhere(hot, PIXELS), run(hot, PIXELS))


def test_it_loads_from_h5(network: Any, tmp_path: Path) -> None:
    import keras

    hot = with_temperature(network, 1.7)
    hot.save(tmp_path / "network.h5")
    assert_close(run(keras.models.load_model(tmp_path / "network.h5"), PIXELS), run(hot, PIXELS))


def test_a_class_of_no_probability_has_none_at_any_temperature() -> None:
    import keras

    sure = keras.Sequential([keras.Input((3,)), keras.layers.Rescaling(1.0)])
    said = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0]], "float32")
    found = run(with_temperature(keras.Model(sure.inputs, sure.outputs), 2.0), said)
    np.testing.assert_array_equal(found, said)


def test_a_temperature_of_1_leaves_the_network_itself(network: Any) -> None:
    assert with_temperature(network, 1.0) is network
    assert without_temperature(network) is network


def test_a_temperature_is_taken_away_again(network: Any) -> None:
    cold = without_temperature(with_temperature(network, 3.0))
    assert cold.name == network.name
    assert_close(run(cold, PIXELS), run(network, PIXELS))
    head = build_head(Params(head_layers=0), 3, 3, SEED)
    assert chained_network(cold, head).count_params() > network.count_params()


def test_a_mean_of_networks_has_one_too(network: Any) -> None:
    mean = average_network([network, network])
    said = run(mean, PIXELS).astype(np.float64)
    assert_close(run(with_temperature(mean, 0.5), PIXELS), tempered(said, 0.5))
