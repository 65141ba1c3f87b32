"""Networks trained from raw pixels, and the floor."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.records import Params, Picture, Regime, Tunable
from benchmark.zoo import ARCHITECTURES, build_network, fix_answer, pixels_within
from tests.close import assert_close
from tests.zoo.small import SEED, Array, coloured_pixels, run

pytestmark = pytest.mark.slow

SMALL = Picture(side_px=32)
PRIOR = [0.5, 0.3, 0.2]
NAMES = tuple(name for name in ARCHITECTURES if ARCHITECTURES[name].build)
TRAINED = tuple(name for name in NAMES if Regime.SCRATCH in ARCHITECTURES[name].regimes)


def build(name: str, params: Params | None = None, seed: int = SEED, side_px: int = 32) -> Any:
    chosen = ARCHITECTURES[name].tiny if params is None else params
    picture = Picture(side_px=side_px)
    return build_network(ARCHITECTURES[name], picture, 3, chosen, seed)


def extremes(tunable: Tunable) -> list[Any]:
    """Return a tunable's choices or the ends of its range; both truths of a flag."""
    if tunable.choices:
        return list(tunable.choices)
    if isinstance(tunable.default, bool):
        return [False, True]
    assert tunable.low is not None
    assert tunable.high is not None
    ends = (tunable.low, tunable.high)
    return [int(end) if isinstance(tunable.default, int) else float(end) for end in ends]


MOVES = [
    (name, Params({**ARCHITECTURES[name].tiny, tunable.name: value}))
    for name in TRAINED
    for tunable in ARCHITECTURES[name].tunables
    for value in extremes(tunable)
]


@pytest.mark.parametrize(("name", "params"), MOVES)
def test_every_parameter_at_its_ends_gives_probabilities(name: str, params: Params) -> None:
    found = run(build(name, params), coloured_pixels(32, count=3))
    assert found.shape == (3, 3)
    assert found.dtype == np.float32
    assert_close(found.sum(1), np.ones(3), 1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_network_says_the_same_in_another_process(
    name: str, elsewhere: Callable[[Any, Array], Array]
) -> None:
    network = build(name, Params(ARCHITECTURES[name].tiny, scales="0.5"), side_px=64)
    pixels = coloured_pixels(64)
    assert_close(elsewhere(network, pixels), run(network, pixels), 1e-5)


@pytest.mark.parametrize("name", TRAINED)
def test_a_network_that_shrinks_its_picture_is_that_of_the_smaller_side(name: str) -> None:
    pixels = coloured_pixels(64, count=3)
    shrinking = build(name, Params(ARCHITECTURES[name].tiny, scales="0.5"), side_px=64)
    halved = pixels.reshape(3, 32, 2, 32, 2, 3).mean((2, 4), np.float32)
    assert_close(run(shrinking, pixels), run(build(name), halved), 1e-5)
    assert_close(run(pixels_of(shrinking), pixels), run(pixels_of(build(name)), halved), 1e-3)


def pixels_of(network: Any) -> Any:
    import keras

    return keras.Model(network.inputs[0], pixels_within(network))


def test_a_perceptron_reads_the_means_of_squares_that_make_up_the_picture() -> None:
    pixels = coloured_pixels(60, count=3)
    network = build("mlp", Params(ARCHITECTURES["mlp"].tiny, input_side_px=10), side_px=60)
    means = pixels.reshape(3, 10, 6, 10, 6, 3).mean((2, 4), np.float32)
    assert_close(run(pixels_of(network), pixels), means, 1e-3)


def test_a_share_that_leaves_too_small_a_side_is_refused() -> None:
    with pytest.raises(UsageError, match="cnn needs a side of at least 32 px, not 24"):
        build("cnn", Params(scales="0.5"), side_px=48)


@pytest.mark.parametrize("name", TRAINED)
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(name: str) -> None:
    first, second, other = (build(name, seed=seed).get_weights() for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_the_parameter_count_is_that_of_the_default_network(name: str) -> None:
    architecture = ARCHITECTURES[name]
    network = build_network(architecture, Picture(side_px=224), 4, Params(), SEED)
    assert network.count_params() == architecture.parameters


def test_the_floor_gives_the_frequencies_whatever_the_image() -> None:
    network = build("prior")
    fix_answer(network, np.array(PRIOR))
    assert_close(run(network, coloured_pixels(32)), np.tile(PRIOR, (12, 1)), 1e-5)


def test_the_floor_gives_no_probability_to_a_class_without_images() -> None:
    network = build("prior")
    fix_answer(network, np.array([0.6, 0.4, 0.0]))
    found = run(network, coloured_pixels(32, count=1))
    assert_close(found, [[0.6, 0.4, 0.0]], 1e-5)


def test_a_backbone_is_not_built_as_a_whole() -> None:
    with pytest.raises(UsageError, match="vgg16 is not built from raw pixels as a whole"):
        build_network(ARCHITECTURES["vgg16"], SMALL, 3, Params(), SEED)


def test_a_side_too_small_for_the_depth_is_refused() -> None:
    with pytest.raises(UsageError, match="cnn needs a side of at least 32 px, not 31"):
        build("cnn", side_px=31)


@pytest.mark.parametrize("name", TRAINED)
def test_a_parameter_out_of_range_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"dropout must be at most 0\.8, not 0\.9"):
        build(name, Params(dropout=0.9))


@pytest.mark.parametrize("name", TRAINED)
def test_a_few_steps_on_a_few_images_teach_it_something(name: str) -> None:
    import keras

    pixels, labels = coloured_pixels(32), np.arange(12) % 3
    network = build(name, Params(ARCHITECTURES[name].tiny, dense_width=32, dropout=0.0))
    network.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    before = network.evaluate(pixels, labels, verbose=0)
    network.fit(pixels, labels, epochs=40, batch_size=12, verbose=0)
    assert network.evaluate(pixels, labels, verbose=0) < before / 2
