"""Heads on feature matrices."""

from typing import Any

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.records import Params
from benchmark.zoo import HEAD, build_head
from tests.close import assert_close
from tests.zoo.small import SEED, run

pytestmark = pytest.mark.slow

FEATURES = np.random.default_rng(4).normal(5, [0.01, 1, 100], (50, 3)).astype("float32")


def standardised(network: Any, features: Any) -> Any:
    import keras

    layer = network.get_layer("standardise")
    return run(keras.Model(network.inputs[0], layer.output), features)


@pytest.mark.parametrize("layers", [0, 2])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_head_gives_probabilities(layers: int, batch_norm: bool) -> None:
    params = Params(head_layers=layers, head_width=4, batch_norm=batch_norm)
    found = run(build_head(params, 3, 5, SEED), FEATURES)
    assert found.shape == (50, 5)
    assert_close(found.sum(1), np.ones(50), 1e-5)


def test_the_default_head_is_a_linear_one() -> None:
    assert build_head(Params(), 3, 5, SEED).count_params() == 3 * 5 + 5


def test_features_are_standardised_by_the_statistics_given() -> None:
    head = build_head(Params(), 3, 5, SEED, FEATURES.mean(0), FEATURES.var(0))
    found = standardised(head, FEATURES)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-2)
    np.testing.assert_allclose(found[:, 1:].std(0), 1, rtol=1e-3)


def test_a_feature_that_is_constant_in_train_cannot_explode() -> None:
    variance = np.array([0.0, 1.0, 1.0])
    head = build_head(Params(), 3, 5, SEED, np.zeros(3), variance)
    found = standardised(head, np.array([[1.0, 0.0, 0.0]], "float32"))
    assert 0 < found[0, 0] < 2000


def test_features_that_are_all_constant_pass_unscaled() -> None:
    head = build_head(Params(), 3, 5, SEED, np.zeros(3), np.zeros(3))
    assert_close(standardised(head, np.ones((1, 3), "float32")), np.ones((1, 3)), 1e-5)


def test_without_standardise_features_are_taken_as_they_are() -> None:
    params = Params(standardise=False)
    head = build_head(params, 3, 5, SEED, FEATURES.mean(0), FEATURES.var(0))
    assert [layer.name for layer in head.layers if layer.name == "standardise"] == []


def test_the_same_seed_gives_the_same_head() -> None:
    first, second, other = (build_head(Params(), 3, 5, seed).get_weights() for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0], second[0])
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("tunable", HEAD, ids=lambda each: each.name)
def test_a_parameter_of_the_wrong_type_is_refused(tunable: Any) -> None:
    with pytest.raises(UsageError, match=f"{tunable.name} must be of type"):
        build_head(Params({tunable.name: b"wrong"}), 3, 5, SEED)  # type: ignore[dict-item]
