from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import DataError
from benchmark.evaluation import (
    Interval,
    Resampling,
    intervals,
    paired_difference,
    resolvable_difference,
    score,
)
from benchmark.records import Part, Predictions
from tests.evaluation.made import Make, predictions


def resampled_by_hand(rows: Predictions, metric: str, draws: int) -> tuple[float, float]:
    """Give the 2.5th and 97.5th percentile of plain resampling of rows within their class."""
    source = np.random.default_rng(1)
    strata = [np.flatnonzero(rows.labels == each) for each in np.unique(rows.labels)]
    values = []
    for _ in range(draws):
        picks = np.concatenate([source.choice(each, len(each)) for each in strata])
        drawn = Predictions(
            classes=rows.classes,
            hashes=tuple(rows.hashes[row] for row in picks),
            paths=tuple(rows.paths[row] for row in picks),
            parts=tuple(rows.parts[row] for row in picks),
            labels=rows.labels[picks],
            probabilities=rows.probabilities[picks],
            is_copy=rows.is_copy[picks],
        )
        values.append(score(drawn)[f"test_{metric}"])
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


@pytest.mark.parametrize("metric", ["macro_f1", "accuracy", "mcc", "auroc"])
def test_intervals_are_those_of_plain_resampling(make: Make, metric: str) -> None:
    rows = make(images=180, classes=3, skill=1.5, steps=3).part(Part.TEST)
    found = intervals(rows, (metric,), seed=3)[f"test_{metric}"]
    low, high = resampled_by_hand(rows, metric, 1500)
    assert found.value == pytest.approx(score(rows)[f"test_{metric}"])
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.015)


@settings(max_examples=20)
@given(
    images=st.integers(9, 60),
    classes=st.integers(2, 4),
    seed=st.integers(0, 100),
    order=st.integers(0, 100),
)
def test_intervals_do_not_move_with_the_order_of_rows(
    images: int, classes: int, seed: int, order: int
) -> None:
    rows = predictions(images=images, classes=classes, seed=seed)
    turned = rows_in_order(rows, np.random.default_rng(order).permutation(images))
    assert intervals(rows, seed=1, draws=50) == intervals(turned, seed=1, draws=50)


def rows_in_order(rows: Predictions, order: np.ndarray) -> Predictions:
    return replace(
        rows,
        hashes=tuple(rows.hashes[row] for row in order),
        paths=tuple(rows.paths[row] for row in order),
        parts=tuple(rows.parts[row] for row in order),
        labels=rows.labels[order],
        probabilities=rows.probabilities[order],
        is_copy=rows.is_copy[order],
    )


def test_intervals_hold_about_95_of_100_truths() -> None:
    held = 0
    for seed in range(200):
        rows = predictions(images=300, classes=2, seed=seed, skill=1.5).part(Part.TEST)
        found = intervals(rows, ("accuracy",), seed=seed, draws=400)["test_accuracy"]
        held += found.low <= TRUE_ACCURACY <= found.high
    assert 0.90 <= held / 200 <= 0.99


TRUE_ACCURACY = 0.8556  # P(z > -1.5 / sqrt(2)), what `predictions` draws at skill 1.5, two classes


def test_the_seed_decides_the_draws(make: Make) -> None:
    rows = make(images=90)
    assert intervals(rows, seed=1) == intervals(rows, seed=1)
    assert intervals(rows, seed=1) != intervals(rows, seed=2)


def test_copies_of_an_image_are_drawn_together(make: Make) -> None:
    rows = make(images=100, classes=2, skill=1.0)
    once = replace(rows, parts=(Part.TEST,) * 100)
    thrice = rows_in_order(once, np.tile(np.arange(100), 3))
    one = intervals(once, ("accuracy",), seed=1)["test_accuracy"]
    three = intervals(thrice, ("accuracy",), seed=1)["test_accuracy"]
    assert three.high - three.low == pytest.approx(one.high - one.low, abs=0.02)


def test_images_of_a_patient_are_drawn_together(make: Make) -> None:
    rows = replace(make(images=300, classes=2, skill=1.0), parts=(Part.TEST,) * 300)
    hits = rows.probabilities.argmax(axis=1) == rows.labels
    order = np.lexsort((hits, rows.labels))  # a patient's images are of one class and go alike
    groups = [""] * 300
    for place, row in enumerate(order.tolist()):
        groups[row] = f"patient {place // 10}"
    free = intervals(rows, ("accuracy",), seed=1)["test_accuracy"]
    tied = intervals(rows, ("accuracy",), seed=1, groups=groups)["test_accuracy"]
    assert tied.high - tied.low > 2 * (free.high - free.low)


def test_images_without_a_known_patient_are_drawn_alone(make: Make) -> None:
    rows = make(images=60)
    assert intervals(rows, seed=1, groups=[None] * 60) == intervals(rows, seed=1)


def test_a_difference_is_surer_when_paired(make: Make) -> None:
    first = make(images=400, classes=3, skill=1.5)
    second = replace(first, probabilities=first.probabilities.copy())
    second.probabilities[:20] = np.roll(second.probabilities[:20], 1, axis=1)
    found = paired_difference(first, second, Part.TEST, seed=1, metric="accuracy")
    alone = intervals(first, ("accuracy",), seed=1)["test_accuracy"]
    assert found.high - found.low < 0.7 * (alone.high - alone.low)
    both = [score(each)["test_accuracy"] for each in (first, second)]
    assert found.value == pytest.approx(both[0] - both[1])


def test_a_network_does_not_differ_from_itself(make: Make) -> None:
    rows = make(images=90)
    found = paired_difference(rows, rows, Part.VAL, seed=1)
    assert found == Interval(value=0.0, low=0.0, high=0.0)
    assert found.holds_zero


def test_a_clear_difference_excludes_zero(make: Make) -> None:
    found = paired_difference(
        make(images=200, skill=6.0), make(images=200, skill=0.0), Part.TEST, seed=1, metric="auroc"
    )
    assert found.low > 0
    assert not found.holds_zero


def test_networks_on_other_images_cannot_be_compared(make: Make) -> None:
    rows = make(images=90)
    fewer = rows.where(np.arange(90) != 4)
    with pytest.raises(DataError, match="same images only"):
        paired_difference(rows, fewer, Part.TEST, seed=1)


def test_an_empty_part_has_no_intervals(make: Make) -> None:
    assert set(intervals(make().part(Part.VAL), ("accuracy",), seed=1)) == {"val_accuracy"}
    with pytest.raises(DataError, match="must have images"):
        Resampling(make().where(np.zeros(60, dtype=bool)), seed=1)


def test_an_undefined_auroc_has_no_interval(make: Make) -> None:
    rows = make(images=60, classes=3)
    assert intervals(rows.where(rows.labels != 1), ("auroc",), seed=1) == {}


def test_many_networks_in_batches_get_the_draws_that_each_gets_alone(make: Make) -> None:
    tables = [make(images=60, classes=20, skill=skill) for skill in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)]
    resampling = Resampling(tables[0], seed=1)  # at 20 classes five tables fill a batch
    together = resampling.values(tables, "macro_f1")
    alone = [resampling.values([table], "macro_f1")[0] for table in tables]
    assert np.array_equal(together, alone)


def test_fewer_images_resolve_less() -> None:
    assert resolvable_difference(72) == pytest.approx(0.073, abs=0.001)
    assert resolvable_difference(624) == pytest.approx(0.0248, abs=0.001)
    assert resolvable_difference(0) == 1.0
