"""Composites as one network each."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.records import Params, Picture
from benchmark.zoo import (
    ARCHITECTURES,
    HEAD,
    NONE,
    assemble,
    average_network,
    build_backbone,
    build_head,
    build_network,
    calibrate,
    chained_network,
    complete,
    logits_network,
    select,
    stacked_network,
)
from tests.close import assert_close
from tests.zoo.small import SEED, Array, coloured_pixels, run

pytestmark = pytest.mark.slow

SMALL = Picture(side_px=32)
PIXELS = coloured_pixels(32)


@pytest.fixture(scope="module")
def networks() -> list[Any]:
    """Two perceptrons of one name, a CNN, and a backbone under a head."""
    scratch = [
        build_network(ARCHITECTURES[name], SMALL, 3, ARCHITECTURES[name].tiny, seed)
        for name, seed in (("mlp", 1), ("mlp", 2), ("cnn", 1))
    ]
    backbone = build_backbone(ARCHITECTURES["mobilenetv2"], SMALL, NONE, SEED)
    calibrate(backbone, PIXELS)
    params = Params()
    head = build_head(params, len(select(backbone.layout, complete(HEAD, {}))), 3, SEED)
    return [*scratch, assemble(backbone, head, params)]


@pytest.fixture(scope="module")
def said(networks: list[Any]) -> Array:
    """Return the members' probabilities, (m, n, k)."""
    return np.stack([run(network, PIXELS) for network in networks])


def test_an_ensemble_is_its_members_mean(
    networks: list[Any], said: Array, elsewhere: Callable[[Any, Array], Array]
) -> None:
    found = elsewhere(average_network(networks), PIXELS)
    assert_close(found, said.mean(0), 1e-4)


def test_a_weighted_ensemble_is_its_members_weighted_mean(
    networks: list[Any], said: Array, elsewhere: Callable[[Any, Array], Array]
) -> None:
    found = elsewhere(average_network(networks, [3, 0, 1, 4]), PIXELS)
    assert_close(found, (said.T @ [3 / 8, 0, 1 / 8, 4 / 8]).T, 1e-4)


def test_an_ensemble_of_one_is_its_member(networks: list[Any], said: Array) -> None:
    assert_close(run(average_network(networks[:1]), PIXELS), said[0], 1e-4)


def test_a_stacked_network_is_a_softmax_over_its_members(
    networks: list[Any],
    said: Array,
    elsewhere: Callable[[Any, Array], Array],
) -> None:
    draw = np.random.default_rng(3)
    kernel, bias = draw.normal(size=(12, 3)), draw.normal(size=3)
    read = np.concatenate(list(np.log(said)), axis=1)
    odds = np.exp(read @ kernel + bias)
    network = stacked_network(networks, kernel, bias)
    assert_close(elsewhere(network, PIXELS), odds / odds.sum(1, keepdims=True))


def test_the_softmax_of_the_logits_is_the_network(networks: list[Any], said: Array) -> None:
    odds = np.exp(run(logits_network(networks[3]), PIXELS))
    assert_close(odds / odds.sum(1, keepdims=True), said[3], 1e-4)


def test_a_chained_network_is_its_head_on_the_logits(
    networks: list[Any], elsewhere: Callable[[Any, Array], Array]
) -> None:
    logits = run(logits_network(networks[3]), PIXELS)
    params = Params(head_layers=1, head_width=4)
    head = build_head(params, 3, 3, SEED, logits.mean(0), logits.var(0))
    found = elsewhere(chained_network(networks[3], head), PIXELS)
    assert_close(found, run(head, logits))


def test_a_composite_can_be_a_member(networks: list[Any], said: Array) -> None:
    inner = average_network(networks[:2])
    found = run(average_network([inner, networks[2]]), PIXELS)
    expected = (said[:2].mean(0) + said[2]) / 2
    assert_close(found, expected, 1e-4)


def test_a_composite_without_logits_cannot_be_chained(networks: list[Any]) -> None:
    with pytest.raises(UsageError, match="chained needs a member that ends in a softmax"):
        chained_network(average_network(networks), build_head(Params(), 3, 3, SEED))


def test_members_of_different_sides_are_refused(networks: list[Any]) -> None:
    larger = build_network(
        ARCHITECTURES["mlp"], Picture(side_px=64), 3, ARCHITECTURES["mlp"].tiny, SEED
    )
    with pytest.raises(UsageError, match=r"must take the same pixels.*\(32, 32, 3\), \(64, 64, 3"):
        average_network([networks[0], larger])
