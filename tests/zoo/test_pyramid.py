"""A backbone that sees a picture at several sizes with one set of weights."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.records import Params, Picture
from benchmark.zoo import (
    ARCHITECTURES,
    NONE,
    assemble,
    build_backbone,
    build_extractor,
    build_head,
    calibrate,
    check_scales,
    read_scales,
    see_at_scales,
    select,
    split_backbone,
)
from benchmark.zoo.features import layout
from tests.close import assert_close
from tests.zoo.small import SEED, Array, coloured_pixels, run

EVERYTHING = Params(feature_depth="multi", pooling="avg+max")
SCALES = (0.5, 0.75, 1.0)
SIDE = 128


def test_scales_are_read_smallest_first_and_are_one_where_none_are_named() -> None:
    assert read_scales(Params(scales="0.5+0.75+1")) == SCALES
    assert read_scales(Params()) == (1.0,)


def test_blocks_of_each_scale_follow_one_another_and_depth_and_pooling_choose_in_all() -> None:
    blocks = layout(("shallow", "end"), (2, 3), (1.0, 0.5))
    assert blocks[:4] == layout(("shallow", "end"), (2, 3))
    assert [(each.scale, each.tap, each.start) for each in blocks[4:]] == [
        (0.5, "shallow", 10),
        (0.5, "shallow", 12),
        (0.5, "end", 14),
        (0.5, "end", 17),
    ]
    chosen = select(blocks, Params(feature_depth="end", pooling="max"))
    assert chosen.tolist() == [7, 8, 9, 17, 18, 19]


def test_a_picture_too_small_at_the_smallest_scale_is_refused() -> None:
    architecture, picture = ARCHITECTURES["xception"], Picture(side_px=96)
    check_scales(architecture, picture, Params(scales="0.75/1"))
    with pytest.raises(
        UsageError, match=r"at least 71 px, and scales=0\.5\+1 shows it 96 px at 48 px too"
    ):
        check_scales(architecture, picture, Params(scales="0.5+1"))
    with pytest.raises(UsageError, match="needs a side of at least 71 px, not 64"):
        check_scales(architecture, Picture(side_px=64), Params())


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["mobilenetv2", "vgg16", "resnet50", "densenet121", "convnexttiny"]
)
def test_features_at_a_scale_are_those_of_a_smaller_picture(
    name: str, elsewhere: Callable[[object, Array], Array]
) -> None:
    architecture, picture = ARCHITECTURES[name], Picture(side_px=SIDE)
    pixels = coloured_pixels(SIDE, count=4)
    built = build_backbone(architecture, picture, NONE, SEED, any_side=True)
    calibrate(built, pixels)
    backbone = see_at_scales(built, picture, SCALES)
    assert backbone.network.count_params() == architecture.parameters
    features = np.asarray(run(build_extractor(backbone), pixels))
    width = features.shape[1] // 3
    halved = pixels.reshape(4, SIDE // 2, 2, SIDE // 2, 2, 3).mean(axis=(2, 4))
    own = np.asarray(run(build_extractor(built), halved))
    deviation = own.std(0).mean()
    assert np.abs(features[:, :width] - own).max() < 1e-2 * deviation
    assert np.abs(features[:, 2 * width :] - own).max() > 0.1 * deviation

    params = architecture.tiny.having(EVERYTHING)
    columns = features[:, select(backbone.layout, params)]
    head = build_head(params, columns.shape[1], 3, SEED, columns.mean(0), columns.var(0))
    network = assemble(backbone, head, params)
    assert_close(elsewhere(network, pixels), run(head, columns))


@pytest.mark.slow
@pytest.mark.parametrize("scales", [(1.0, 0.5), (0.5,)])
def test_a_backbone_is_cut_in_two_at_every_scale_that_it_sees(scales: tuple[float, ...]) -> None:
    architecture, picture = ARCHITECTURES["mobilenetv2"], Picture(side_px=SIDE)
    pixels = coloured_pixels(SIDE, count=4)
    built = build_backbone(architecture, picture, NONE, SEED, any_side=True)
    calibrate(built, pixels)
    backbone = see_at_scales(built, picture, scales)
    features = np.asarray(run(build_extractor(backbone), pixels))
    halves = split_backbone(backbone, "last-block", EVERYTHING)
    assert len(halves.borders) == len(scales)
    assert_close(run(halves.tail, run(halves.trunk, pixels)), features)
    weights = halves.tail.trainable_weights
    network = assemble(backbone, build_head(EVERYTHING, features.shape[1], 2, SEED), EVERYTHING)
    assert {id(each) for each in weights} < {id(each) for each in network.trainable_weights}
