"""Contracts of every backbone: its preprocessing, its places, its weights, its deployment."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.records import Params
from benchmark.zoo import (
    ARCHITECTURES,
    NONE,
    Backbone,
    assemble,
    build_backbone,
    build_extractor,
    build_head,
    calibrate,
    select,
    split_backbone,
)
from benchmark.zoo.cuts import comes_after
from tests.close import assert_close
from tests.zoo.small import (
    BACKBONES,
    SEED,
    Array,
    Bare,
    Fetched,
    build_bare,
    coloured_pixels,
    explained,
    keras_preprocess,
    run,
    smallest_picture,
)

pytestmark = pytest.mark.slow

EVERYTHING = Params(feature_depth="multi", pooling="avg+max")


# One backbone at a time: pytest orders the tests by it, and together they would take 2 GiB.
@pytest.fixture(scope="module", params=BACKBONES)
def backbone(request: pytest.FixtureRequest) -> Iterator[Backbone]:
    architecture = ARCHITECTURES[request.param]
    picture = smallest_picture(architecture)
    built = build_backbone(architecture, picture, NONE, SEED)
    calibrate(built, coloured_pixels(picture.side_px))
    yield built
    gc.collect()


@pytest.fixture(scope="module")
def bare(backbone: Backbone) -> Bare:
    return build_bare(backbone)


@pytest.fixture(scope="module")
def pixels(backbone: Backbone) -> Array:
    return coloured_pixels(smallest_picture(backbone.architecture).side_px, count=4)


@pytest.fixture(scope="module")
def features(backbone: Backbone, pixels: Array) -> Array:
    return np.asarray(run(build_extractor(backbone), pixels))


def distance(ours: Array, reference: Array) -> float:
    """Return the largest difference, in the reference's typical deviation from image to image."""
    return float(np.abs(ours - reference).max() / reference.std(0).mean())


def test_preprocessing_inside_is_keras_s_own_outside(
    backbone: Backbone, bare: Bare, pixels: Array
) -> None:
    prepared = keras_preprocess(backbone.architecture.keras_class, pixels)
    ours = run(backbone.network, pixels)[-1]
    # Random networks amplify rounding: 0.001 in InceptionV3, against 0.1 for a wrong scaling.
    assert distance(ours, run(bare.network, prepared)) < 0.01


@pytest.mark.parametrize("mistake", ["unit range", "another family's"])
def test_a_wrong_scaling_is_caught(
    backbone: Backbone, bare: Bare, pixels: Array, mistake: str
) -> None:
    other = {"caffe": "ResNet50V2", "tf": "DenseNet121", "torch": "VGG16", "builtin": "Xception"}
    wrong = {
        "unit range": lambda: keras_preprocess(backbone.architecture.keras_class, pixels / 255),
        "another family's": lambda: keras_preprocess(
            other[backbone.architecture.preprocessing], pixels
        ),
    }
    ours = run(backbone.network, pixels)[-1]
    assert distance(ours, run(bare.network, wrong[mistake]())) > 0.1


def test_the_weight_file_is_the_one_that_keras_would_fetch(backbone: Backbone, bare: Bare) -> None:
    file = backbone.architecture.weight_file
    assert file is not None
    assert bare.fetched == Fetched(file.name, file.url, file.published_hash)


def test_the_parameter_count_is_that_of_keras(backbone: Backbone, bare: Bare) -> None:
    counted = {backbone.network.count_params(), bare.network.count_params()}
    assert counted == {backbone.architecture.parameters}


def test_taps_go_from_shallow_to_deep_and_end_with_the_end(backbone: Backbone, bare: Bare) -> None:
    first, second, end = backbone.network.outputs
    assert comes_after(second, first)
    assert comes_after(end, second)
    assert end.shape == bare.network.outputs[0].shape


def test_features_differ_from_image_to_image(features: Array) -> None:
    assert np.isfinite(features).all()
    assert features.std(0).mean() > 0.02 * np.abs(features).mean()


@pytest.mark.parametrize("cut", ["last-block", "last-two-blocks", "last-stage"])
def test_trunk_and_tail_together_give_the_backbone_s_features(
    backbone: Backbone, pixels: Array, features: Array, cut: str
) -> None:
    halves = split_backbone(backbone, cut, EVERYTHING)
    assert 0 < halves.tail.count_params() < 0.95 * backbone.network.count_params()
    joined = run(halves.tail, run(halves.trunk, pixels))
    assert distance(joined, features) < 1e-3


def test_the_deeper_the_cut_the_fewer_weights_are_trained(backbone: Backbone) -> None:
    end = Params(feature_depth="end")
    cuts = ("last-block", "last-two-blocks")
    last, two = (split_backbone(backbone, cut, end).tail.count_params() for cut in cuts)
    assert last < two


def test_an_unknown_cut_is_refused(backbone: Backbone) -> None:
    with pytest.raises(UsageError, match=r"no cut named 'stem'\. There are: last-block, last-two"):
        split_backbone(backbone, "stem", EVERYTHING)


def test_the_same_seed_gives_the_same_weights(backbone: Backbone) -> None:
    architecture = backbone.architecture
    again = build_backbone(architecture, smallest_picture(architecture), NONE, SEED).network
    for one, other in zip(backbone.network.trainable_weights, again.trainable_weights, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


@contextmanager
def randomised(network: Any) -> Iterator[None]:
    """Shuffle each kernel, and put it back."""
    kernels = [each for each in network.weights if each.path.endswith("kernel")]
    kept = [np.asarray(each) for each in kernels]
    draw = np.random.default_rng(SEED)
    for variable, value in zip(kernels, kept, strict=True):
        variable.assign(draw.permutation(value.ravel()).reshape(value.shape))
    yield
    for variable, value in zip(kernels, kept, strict=True):
        variable.assign(value)


def test_where_an_answer_comes_from_is_read_off_all_taps_and_hangs_on_the_weights(
    backbone: Backbone, pixels: Array, features: Array
) -> None:
    """J. Adebayo et al., Sanity checks for saliency maps, NeurIPS, 2018, arXiv:1810.03292."""
    import keras

    params = EVERYTHING.having(head_layers=0)
    head = build_head(params, features.shape[1], 3, SEED, features.mean(0), features.var(0))
    logits = head.get_layer("logits")
    kernel, bias = (np.array(each) for each in logits.get_weights())
    kernel[backbone.layout[0].stop :] = 0  # at so small a side the other taps have a place or two
    logits.set_weights([kernel, bias])
    seen = explained(assemble(backbone, head, params))
    (portion,) = seen.portions
    taps = backbone.network.outputs
    assert {id(each) for each in portion.plane.outputs} == {id(each) for each in taps}
    of_all_classes = np.repeat(pixels[:1], 3, axis=0)
    heat = seen.heat(of_all_classes, [0, 1, 2])
    assert np.ptp(heat, axis=(1, 2)).max() > 0.1
    with randomised(keras.Model(backbone.network.inputs[0], taps[0])):
        other = seen.heat(of_all_classes, [0, 1, 2])
    assert np.abs(heat - other).max() > 0.2


def test_the_assembled_network_gives_the_head_s_probabilities_in_another_process(
    backbone: Backbone,
    pixels: Array,
    features: Array,
    elsewhere: Callable[[object, Array], Array],
) -> None:
    params = backbone.architecture.tiny.having(EVERYTHING)
    columns = features[:, select(backbone.layout, params)]
    mean, variance = columns.mean(0), columns.var(0)
    head = build_head(params, columns.shape[1], 3, SEED, mean, variance)
    expected = run(head, columns)
    network = assemble(backbone, head, params)
    assert expected.shape == (4, 3)
    assert np.ptp(expected, axis=0).max() > 1e-3
    assert_close(expected.sum(1), np.ones(4), 1e-5)
    assert_close(elsewhere(network, pixels), expected)
