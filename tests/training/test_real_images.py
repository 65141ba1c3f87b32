"""The default head on real images: needs the folders that environment variables name."""

import os

import pytest

from benchmark.cache import Cache
from benchmark.data import ReadOptions, SplitOptions, decode, group_keys, make_splits, read_index
from benchmark.metrics import measure
from benchmark.records import Labels, Part, Picture, Probabilities, Regime, Silent, Spec
from benchmark.training import Material, defaults, difference_bound, train
from benchmark.zoo import ARCHITECTURES, read_weights_from, resolve_weights

from .conftest import largest_difference

IMAGES = os.environ.get("BENCHMARK_TEST_CHEST_CT", "")
WEIGHTS = os.environ.get("BENCHMARK_TEST_WEIGHTS", "")
ARCH = ARCHITECTURES["mobilenetv2"]

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not (IMAGES and WEIGHTS), reason="no real images or weights named"),
]


@pytest.fixture(scope="module")
def chest_ct(tmp_path_factory: pytest.TempPathFactory) -> Material:
    cache = Cache(tmp_path_factory.mktemp("real"))
    index = read_index(IMAGES, ReadOptions(), cache)
    decoded = decode(index, Picture(side_px=224), cache, Silent())
    return Material(
        classes=decoded.index.classes,
        labels=decoded.index.labels,
        split=make_splits(decoded.index, decoded.facts, SplitOptions(scheme="official"))[0],
        hashes=decoded.index.hashes,
        pixels=decoded.pixels,
        weights=resolve_weights(ARCH, read_weights_from(WEIGHTS)),
        cache=cache,
        groups=group_keys(decoded.index, decoded.facts),
    )


def spec_for(material: Material) -> Spec:
    return Spec(
        arch="mobilenetv2",
        data="chest-ct",
        data_digest="data",
        split_digest=material.split.digest,
        picture=Picture(side_px=224),
        regime=Regime.FROZEN,
        weights=material.weights.identity,
        params=defaults(ARCH, Regime.FROZEN),
        epochs=100,
        patience=15,
        seed=0,
    )


def f1(probabilities: Probabilities, labels: Labels) -> float:
    return measure("val", probabilities, labels)["val_macro_f1"]


def test_the_default_head_reaches_what_a_linear_probe_reaches(chest_ct: Material) -> None:
    fitted = train(spec_for(chest_ct), chest_ct, Silent())
    assert f1(fitted.test, chest_ct.truth(Part.TEST)) >= 0.76
    assert largest_difference(fitted, chest_ct) < difference_bound(fitted.engine)
