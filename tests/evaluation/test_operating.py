from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import UsageError
from benchmark.evaluation import (
    OperatingPoint,
    check_positive,
    choose_point,
    default_positive,
    intervals,
    judge,
    read_rule,
)
from benchmark.records import Predictions
from tests.evaluation.made import predictions, turned

SICK = ("class 1",)


def rows(images: int = 200, seed: int = 0, classes: int = 2) -> Predictions:
    return predictions(images=images, seed=seed, classes=classes, skill=1.5)


def rates(made: Predictions, threshold: float) -> tuple[float, float]:
    called = made.probabilities[:, 1] >= threshold
    return float(called[made.labels == 1].mean()), float((~called)[made.labels == 0].mean())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 200))
def test_youden_s_threshold_has_the_greatest_sum_of_both_rates(seed: int) -> None:
    from sklearn.metrics import roc_curve

    made = rows(seed=seed)
    point = choose_point(made, SICK, "youden")
    false, true, _ = roc_curve(made.labels, made.probabilities[:, 1], drop_intermediate=False)
    assert sum(rates(made, point.threshold)) - 1 == pytest.approx((true - false).max())


@given(st.integers(0, 200), st.floats(0.05, 0.99))
def test_a_wanted_rate_is_reached_and_no_threshold_does_better(seed: int, wanted: float) -> None:
    made = rows(images=60, seed=seed)
    sensitive = choose_point(made, SICK, f"sensitivity={wanted}")
    specific = choose_point(made, SICK, f"specificity={wanted}")
    every = [rates(made, each) for each in (*np.unique(made.probabilities[:, 1]), 2.0)]
    number = float(sensitive.rule.partition("=")[2])
    found, other = rates(made, sensitive.threshold), rates(made, specific.threshold)
    assert found[0] >= number - 1e-9
    assert found[1] == pytest.approx(max(b for a, b in every if a >= number - 1e-9))
    assert other[1] >= number - 1e-9
    assert other[0] == pytest.approx(max(a for a, b in every if b >= number - 1e-9))


def test_a_threshold_lies_between_two_scores_and_not_upon_one() -> None:
    made = rows()
    scores = made.probabilities[:, 1]
    for rule in ("youden", "sensitivity=0.95", "specificity=0.95"):
        assert np.abs(scores - choose_point(made, SICK, rule).threshold).min() > 0


def test_where_the_surest_are_negative_nothing_may_be_called_positive() -> None:
    made = rows(images=20)
    said = np.where(made.labels == 0, 1.0, 0.1)
    made = replace(made, probabilities=np.stack([1 - said, said], axis=1))
    point = choose_point(made, SICK, "specificity=0.5")
    assert point.threshold > 1
    assert judge(point, made)["specificity"].value == 1.0


def test_several_classes_are_called_positive_together() -> None:
    made = rows(classes=4)
    point = choose_point(made, ("class 1", "class 3"), "threshold=0.6")
    found = judge(point, made)
    sick = np.isin(made.labels, [1, 3])
    called = made.probabilities[:, [1, 3]].sum(axis=1) >= 0.6
    assert found["sensitivity"].value == pytest.approx(called[sick].mean())
    assert found["specificity"].value == pytest.approx((~called)[~sick].mean())
    assert found["ppv"].value == pytest.approx(sick[called].mean())
    assert found["npv"].value == pytest.approx((~sick)[~called].mean())


def test_of_two_classes_the_rates_have_the_intervals_of_recall_and_specificity() -> None:
    made = predictions(images=120, classes=2, per_unit=2)
    found = judge(OperatingPoint(positive=SICK, rule="threshold=0.5", threshold=0.5), made)
    known = intervals([made])
    assert found["sensitivity"] == known["recall_class_1"]
    assert found["specificity"] == known["specificity_class_1"]


@given(st.integers(0, 300), st.floats(0.001, 0.999), st.sampled_from([0.2, 0.5, 0.8]))
def test_predictive_values_are_those_of_bayes_within_their_limits(
    seed: int, prevalence: float, threshold: float
) -> None:
    made = rows(images=60, seed=seed)
    point = choose_point(made, SICK, f"threshold={threshold}")
    found = judge(point, made, prevalence)
    hit, spared = found["sensitivity"].value, found["specificity"].value
    called = prevalence * hit + (1 - prevalence) * (1 - spared)
    assert ("ppv" in found) == (called > 0)
    for name in {"ppv", "npv"} & set(found):
        each = found[name]
        assert 0 <= each.low <= each.value + 1e-12
        assert each.value <= each.high + 1e-12 <= 1 + 2e-12
    if called > 0:
        assert found["ppv"].value == pytest.approx(prevalence * hit / called)


def test_a_perfect_answer_is_less_sure_where_the_sick_are_few() -> None:
    made = rows(images=120)
    made = replace(made, probabilities=np.eye(2)[made.labels])
    point = OperatingPoint(positive=SICK, rule="threshold=0.5", threshold=0.5)
    often, rare = (judge(point, made, share)["ppv"] for share in (0.5, 0.01))
    assert often.value == rare.value == 1.0
    assert often.low > 0.9
    assert rare.low < 0.3


def test_what_is_undefined_is_left_out() -> None:
    made = rows(images=60)
    point = OperatingPoint(positive=SICK, rule="threshold=0.5", threshold=0.5)
    assert set(judge(point, made.where(made.labels == 1))) == {"sensitivity"}
    assert set(judge(point, made.where(made.labels == 0))) == {"specificity"}
    assert judge(point, made.where(made.labels == 7)) == {}
    few = judge(point, made.where((made.labels == 0) | (np.cumsum(made.labels == 1) <= 2)))
    assert (few["sensitivity"].low, few["sensitivity"].high) == (0.0, 1.0)


def test_a_point_does_not_move_with_the_order_of_rows() -> None:
    made = rows()
    assert choose_point(turned(made, 3), SICK, "youden") == choose_point(made, SICK, "youden")


def test_a_point_is_read_back_as_it_was_written() -> None:
    point = OperatingPoint(positive=("a", "bé"), rule="sensitivity=0.95", threshold=0.1 + 0.2)
    assert OperatingPoint.from_json(point.to_json()) == point


@pytest.mark.parametrize("rule", ["youden", "sensitivity=0.95"])
def test_a_rule_needs_images_of_both_sides(rule: str) -> None:
    made = rows(images=30)
    with pytest.raises(UsageError, match="needs validation images that are class 1, and others"):
        choose_point(made.where(made.labels == 0), SICK, rule)


def test_a_rule_is_read_once() -> None:
    assert read_rule(" sensitivity = .950") == "sensitivity=0.95"
    assert read_rule("youden") == "youden"


@pytest.mark.parametrize(
    "text",
    ["", "Youden", "youden=1", "sensitivity", "sensitivity=95", "sensitivity=1", "recall=0.9"],
)
def test_anything_else_is_no_rule(text: str) -> None:
    with pytest.raises(UsageError, match=r"must be youden, sensitivity=0\.95"):
        read_rule(text)


@pytest.mark.parametrize(
    ("classes", "wanted"),
    [
        (("NORMAL", "PNEUMONIA"), ("PNEUMONIA",)),
        (("cancer", "no finding"), ("cancer",)),
        (("covid", "Negative"), ("covid",)),
        (("benign", "malignant"), ("malignant",)),
        (("a", "b"), ("b",)),
        (("a", "b", "normal"), None),
    ],
)
def test_of_two_classes_the_one_that_is_not_healthy_is_positive(
    classes: tuple[str, ...], wanted: tuple[str, ...] | None
) -> None:
    assert default_positive(classes) == wanted


def test_a_class_that_is_none_is_refused() -> None:
    classes = ("adeno", "normal", "squamous")
    assert check_positive(("squamous", "adeno"), classes) == ("adeno", "squamous")
    with pytest.raises(UsageError, match=r"--positive: there is no class 'adenoma'.*adeno"):
        check_positive(("adenoma",), classes)
    with pytest.raises(UsageError, match="--positive must leave a class that is negative"):
        check_positive(classes, classes)
