from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import DataError
from benchmark.evaluation import ASSESSED, Sample, assessed, class_slugs, images, in_order
from benchmark.evaluation.jackknife import BY_CLASS, Influence, influences
from benchmark.records import Predictions
from tests.evaluation.made import Make, answered, predictions, truth, turned

Floats = npt.NDArray[np.float64]
Metric = Callable[[npt.NDArray[np.int64], Floats], float]

tables = st.builds(
    predictions,
    images=st.integers(20, 60),
    classes=st.integers(2, 4),
    seed=st.integers(0, 10_000),
    steps=st.integers(0, 2),
    per_unit=st.integers(0, 4),
)


def by_scikit_learn(rows: Predictions) -> dict[str, Metric]:
    """Return metrics of labels and probabilities, over the classes that all the rows have."""
    from sklearn import metrics

    every = list(range(len(rows.classes)))
    present = np.unique(rows.labels)

    def of_answers(name: str, labels: npt.NDArray[np.int64]) -> Metric:
        function = getattr(metrics, name)
        return lambda true, p: float(
            function(true, p.argmax(axis=1), labels=labels, average="macro", zero_division=0)
        )

    def specificity(label: int) -> Metric:
        return lambda true, p: float(np.mean(p.argmax(axis=1)[true != label] != label))

    found: dict[str, Metric] = {
        "macro_f1": of_answers("f1_score", present),
        "balanced_accuracy": of_answers("recall_score", present),
        "accuracy": lambda true, p: float(metrics.accuracy_score(true, p.argmax(axis=1))),
        "brier": lambda true, p: float(
            metrics.brier_score_loss(true, p, labels=every, scale_by_half=False)
        ),
    }
    for label, slug in enumerate(class_slugs(rows.classes)):
        found[f"recall_{slug}"] = of_answers("recall_score", np.array([label]))
        found[f"specificity_{slug}"] = specificity(label)
    return found


def left_out_one_by_one(sample: Sample, rows: Predictions, metric: Metric) -> Floats:
    """Return the influences by computing the metric anew without each unit."""
    without = np.array(
        [
            metric(rows.labels[kept], rows.probabilities[kept])
            for kept in (sample.unit != each for each in range(len(sample)))
        ]
    )
    found = np.zeros(len(sample))
    for label in np.unique(sample.stratum):
        own = sample.stratum == label
        size = int(own.sum())
        found[own] = (without[own] - without[own].mean()) * np.sqrt((size - 1) / size)
    return found


@pytest.mark.parametrize("per_unit", [0, 3])
@pytest.mark.parametrize("classes", [2, 3])
def test_influences_are_those_of_leaving_out_units_one_by_one(
    make: Make, classes: int, per_unit: int
) -> None:
    rows = make(images=45, classes=classes, steps=2, per_unit=per_unit)
    sample = Sample.of(rows)
    found = influences(sample, rows, (*ASSESSED, *BY_CLASS))
    for name, metric in by_scikit_learn(rows).items():
        assert found[name].value == pytest.approx(metric(rows.labels, rows.probabilities))
        wanted = left_out_one_by_one(sample, rows, metric)
        assert found[name].units == pytest.approx(wanted, abs=1e-12), name


def test_influences_are_right_where_a_class_has_no_image(make: Make) -> None:
    whole = make(images=60, classes=4)
    rows = whole.where(whole.labels != 2)
    sample = Sample.of(rows)
    found = influences(sample, rows)
    for name in ("macro_f1", "balanced_accuracy", "accuracy", "brier"):
        metric = by_scikit_learn(rows)[name]
        assert found[name].units == pytest.approx(left_out_one_by_one(sample, rows, metric))


def test_a_unit_alone_in_its_class_has_no_influence(make: Make) -> None:
    rows = answered(truth(8, 6, 1), [0, 0, 0, 0, 0, 1, 1, 2, 1, 1, 1, 1, 0, 0, 2], classes=3)
    assert influences(Sample.of(rows), rows)["macro_f1"].units[-1] == 0


def test_auroc_of_two_classes_is_that_of_leaving_out_images_one_by_one(make: Make) -> None:
    from sklearn.metrics import roc_auc_score

    rows = make(images=45, classes=2, steps=2)
    sample = Sample.of(rows)
    wanted = left_out_one_by_one(sample, rows, lambda true, p: float(roc_auc_score(true, p[:, 1])))
    # The placements of DeLong count the other way round: what an image adds.
    assert influences(sample, rows)["auroc"].units == pytest.approx(-wanted, abs=1e-12)


def delong(labels: npt.NDArray[np.int64], scores: Floats) -> float:
    """Return DeLong's variance of an area by comparing every pair."""
    high, low = scores[labels == 1], scores[labels == 0]
    wins = (high[:, None] > low).astype(float) + 0.5 * (high[:, None] == low)
    of_high, of_low = wins.mean(axis=1), wins.mean(axis=0)
    return float(of_high.var(ddof=1) / len(high) + of_low.var(ddof=1) / len(low))


@given(seed=st.integers(0, 1000), steps=st.integers(0, 2))
def test_the_variance_of_auroc_is_delongs(seed: int, steps: int) -> None:
    rows = predictions(images=60, classes=2, seed=seed, steps=steps)
    found = influences(Sample.of(rows), rows)["auroc"]
    assert found.variance == pytest.approx(delong(rows.labels, rows.probabilities[:, 1]))


def test_the_variance_of_a_mean_over_classes_is_that_of_leaving_out_images(make: Make) -> None:
    from sklearn.metrics import roc_auc_score

    rows = make(images=150, classes=3)
    sample = Sample.of(rows)
    wanted = left_out_one_by_one(
        sample, rows, lambda true, p: float(roc_auc_score(true, p, multi_class="ovr"))
    )
    found = influences(sample, rows)["auroc"]
    # One against the rest mixes classes of other sizes: the two differ in the order of 1/n.
    assert found.variance == pytest.approx(float((wanted**2).sum()), rel=0.03)


def test_auroc_is_left_out_where_it_is_undefined(make: Make) -> None:
    whole = make(images=60, classes=3)
    rows = whole.where(whole.labels != 1)
    assert set(influences(Sample.of(rows), rows)) == set(ASSESSED) - {"auroc"}


@given(tables, st.integers(0, 1000))
def test_influences_do_not_move_with_the_order_of_rows(rows: Predictions, seed: int) -> None:
    other = turned(rows, seed)

    def found(each: Predictions) -> dict[str, Influence]:
        return influences(Sample.of(each), each, (*ASSESSED, *BY_CLASS))

    one, two = found(rows), found(other)
    assert set(one) == set(two)
    for name, each in one.items():
        assert each.value == pytest.approx(two[name].value, abs=1e-12)
        assert each.units == pytest.approx(two[name].units, abs=1e-12)
        assert (each.errors, each.size) == (two[name].errors, two[name].size)


def test_without_units_a_distinct_image_is_a_unit() -> None:
    rows = answered(truth(3, 3), [0, 0, 1, 1, 1, 0])
    twice = replace(rows, hashes=("x", "x", "y", "z", "z", "z"))
    sample = Sample.of(twice)
    assert sample.unit.tolist() == [0, 0, 1, 2, 2, 2]
    assert sample.sizes.tolist() == [2, 1]


def test_units_that_are_given_stand_before_images() -> None:
    sample = Sample.of(answered(truth(3, 3), [0, 0, 1, 1, 1, 0], units=[7, 7, 9, 4, 4, 4]))
    assert sample.unit.tolist() == [1, 1, 2, 0, 0, 0]
    assert sample.stratum.tolist() == [1, 0, 0]
    assert sample.sizes.tolist() == [2, 1]


def test_a_unit_of_several_classes_counts_for_its_commonest() -> None:
    sample = Sample.of(answered([0, 1, 1, 0, 0], [0] * 5, units=[0, 0, 0, 1, 2]))
    assert sample.stratum.tolist() == [1, 0, 0]


def test_copies_of_an_image_weigh_as_one() -> None:
    once = answered(truth(5, 5), [0, 0, 0, 1, 1, 1, 1, 1, 1, 0])
    thrice = once.take(np.tile(np.arange(10), 3))
    thrice = replace(thrice, paths=tuple(f"{number}.png" for number in range(30)))
    one, three = (influences(Sample.of(each), each) for each in (once, thrice))
    for name in ASSESSED:
        assert three[name].value == pytest.approx(one[name].value)
        assert (three[name].errors, three[name].size) == (one[name].errors, one[name].size)
    assert three["accuracy"].units == pytest.approx(one["accuracy"].units)


@pytest.mark.parametrize(
    ("sizes", "decides"), [((3, 3), True), ((50, 2), False), ((3, 0), True), ((1, 3), False)]
)
def test_three_units_of_every_class_that_occurs_decide(
    sizes: tuple[int, int], decides: bool
) -> None:
    assert Sample.of(answered(truth(*sizes), truth(*sizes))).is_decidable is decides


def test_errors_are_counted_in_units_and_where_a_figure_rests() -> None:
    # Units of two images: one a wrong in both images, one b in one of them.
    called = [1, 1, 0, 0, 0, 0, 0, 1, 1, 1]
    rows = answered(truth(6, 4), called, units=[0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    found = influences(Sample.of(rows), rows, (*ASSESSED, *BY_CLASS))
    assert [(found[name].errors, found[name].size) for name in ("macro_f1", "accuracy")] == [
        (2, 5),
        (2, 5),
    ]
    assert (found["recall_a"].errors, found["recall_a"].size) == (1, 3)
    assert (found["specificity_a"].errors, found["specificity_a"].size) == (1, 2)
    for name in ("auroc", "brier"):
        assert (found[name].errors, found[name].size) == (2, 5)
        assert found[name].of_probabilities
    assert not found["accuracy"].of_probabilities


def test_a_part_without_images_has_no_units(make: Make) -> None:
    with pytest.raises(DataError, match="a part must have images"):
        Sample.of(make().where(np.zeros(60, dtype=bool)))


@given(tables, st.integers(0, 1000))
def test_rows_are_put_in_one_order_whatever_it_was(rows: Predictions, seed: int) -> None:
    one, two = in_order(rows), in_order(turned(rows, seed))
    assert one.hashes == two.hashes
    assert one.probabilities.tobytes() == two.probabilities.tobytes()
    assert images(one) == images(turned(rows, seed))


def test_other_images_and_other_true_classes_are_told_apart() -> None:
    rows = answered(truth(3, 3), [0] * 6)
    assert images(rows) != images(rows.where(np.arange(6) != 0))
    assert images(rows) != images(replace(rows, labels=rows.labels[::-1]))
    assert images(rows) == images(answered(truth(3, 3), [1] * 6))


def test_all_metrics_with_intervals_are_named() -> None:
    assert assessed(("a", "b c")) == (
        *("macro_f1", "accuracy", "balanced_accuracy", "auroc", "brier"),
        *("recall_a", "recall_b_c", "specificity_a", "specificity_b_c"),
    )
