from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.evaluation import ece, ece_if_calibrated, raw_scores, reliability, score
from benchmark.evaluation.calibration import reliability_table
from benchmark.metrics import equal_mass_bins
from benchmark.records import Part
from tests.evaluation.made import Make, answered, missing, predictions, truth, turned


@given(st.integers(15, 200), st.integers(0, 100))
def test_bins_hold_equally_many_and_grow_with_the_scores(images: int, seed: int) -> None:
    scores = np.random.default_rng(seed).random(images)
    own = equal_mass_bins(scores)
    sizes = np.bincount(own, minlength=15)
    assert len(sizes) == 15
    assert sizes.max() - sizes.min() <= 1
    assert (np.diff(own[np.argsort(scores)]) >= 0).all()


def test_equal_scores_share_a_bin() -> None:
    own = equal_mass_bins(np.array([0.9] * 40 + [0.5] * 5))
    assert len(set(own.tolist())) == 2


def test_the_error_is_the_distance_of_accuracy_and_confidence() -> None:
    labels = truth(50, 50)
    rows = answered(labels, missing(labels, range(30)), sure=0.9)  # one bin: 70 % right, said 90 %
    assert ece(rows) == pytest.approx(0.2)
    assert score(rows)["val_ece"] == pytest.approx(0.2)


@given(st.integers(0, 1000))
def test_the_error_is_the_bins_weighted_mean_in_any_order(seed: int) -> None:
    rows = predictions(images=60, seed=seed)
    bins = reliability(rows)
    assert sum(each.images for each in bins) == 60
    wanted = sum(each.images * abs(each.accuracy.value - each.confidence) for each in bins) / 60
    assert ece(rows) == pytest.approx(wanted)
    assert ece(turned(rows, seed)) == pytest.approx(wanted)


def test_a_bin_says_how_sure_its_accuracy_is() -> None:
    (one,) = reliability(answered(truth(40, 40), truth(40, 40)))
    assert one.accuracy.value == one.accuracy.high == 1.0
    assert 0.9 < one.accuracy.low < 0.97
    (grouped,) = reliability(answered(truth(40, 40), truth(40, 40), units=[0] * 40 + [1] * 40))
    assert grouped.accuracy.low < 0.4


def test_calibrated_answers_have_about_the_error_that_chance_gives_them() -> None:
    source = np.random.default_rng(0)
    sure = source.uniform(0.5, 1.0, 300)
    called = (source.random((20, 300)) > sure).astype(int)
    made = [answered(truth(300, 0), each.tolist(), sure=sure.tolist()) for each in called]
    chance = ece_if_calibrated(made[0])
    assert np.mean([ece(each) for each in made]) == pytest.approx(chance, rel=0.15)
    assert ece_if_calibrated(made[0].take(np.arange(60))) > 1.5 * chance


def test_figures_before_the_temperature_have_their_own_names(make: Make) -> None:
    rows = make(images=60)
    found, raw = score(rows), raw_scores(rows)
    assert len(raw) == 6
    assert all(found[name.replace("_raw", "")] == value for name, value in raw.items())


def test_a_part_without_images_has_no_bins(make: Make) -> None:
    rows = make(images=30)
    val = replace(rows, parts=(Part.VAL,) * 30)
    assert len(reliability_table(val, Part.TEST)) == 0
    assert {name.split("_")[0] for name in raw_scores(val)} == {"val"}
    assert int(reliability_table(val, Part.VAL)["images"].sum()) == 30
