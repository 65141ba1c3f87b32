import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.evaluation import (
    ASSESSED,
    BY_CLASS,
    Sample,
    estimate,
    has_interval,
    interval_metrics,
    intervals,
    score,
    score_out_of_fold,
)
from benchmark.evaluation.intervals import modified_wilson, satterthwaite, wilson
from benchmark.records import Part, Predictions
from tests.evaluation.made import Make, answered, missing, predictions, truth, turned

EVERY = (*ASSESSED, *BY_CLASS)


def closed_form(share: float, size: float, z: float) -> tuple[float, float]:
    """Return Wilson's limits as the roots of |p - share| = z sqrt(p (1 - p) / size)."""
    a, b, c = 1 + z * z / size, -(2 * share + z * z / size), share * share
    root = math.sqrt(b * b - 4 * a * c)
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def student(freedom: float) -> float:
    from scipy.stats import t

    return float(t.ppf(0.975, freedom))


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        # Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E,
        # table I, score method.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_limits_are_those_published(hits: int, n: int, low: float, high: float) -> None:
    assert wilson(hits / n, n, 1e9) == pytest.approx((low, high), abs=5e-5)


def test_accuracy_of_one_class_is_wilsons_at_its_effective_size() -> None:
    # 20 of 72 wrong: V = p (1 - p) / 71, so that n is 71, with Student's t at 71.
    labels = truth(72, 0)
    found = intervals([answered(labels, missing(labels, range(20)))])["accuracy"]
    wanted = closed_form(52 / 72, 71, student(71))
    assert (found.low, found.high) == pytest.approx(wanted, abs=1e-12)
    assert (found.low, found.high) == pytest.approx((0.6066, 0.8143), abs=1e-4)


def test_accuracy_of_several_classes_adds_their_variances() -> None:
    labels = truth(40, 20)
    found = intervals([answered(labels, missing(labels, [*range(8), *range(40, 50)]))])["accuracy"]
    parts = np.array([39 * 0.2 * 0.8, 19 * 0.5 * 0.5]) / 59**2
    freedom = parts.sum() ** 2 / (parts**2 / [39, 19]).sum()
    wanted = closed_form(0.7, 0.7 * 0.3 / parts.sum(), student(freedom))
    assert (found.low, found.high) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("wrong", [1, 2, 3, 4])
def test_few_errors_are_worth_no_more_than_the_units(wrong: int) -> None:
    # Spread over the classes they would seem worth more than the 72 images there are.
    labels = truth(36, 36)
    places = [0, 36, 1, 37][:wrong]
    found = estimate([answered(labels, missing(labels, places))])["macro_f1"]
    interval = found.interval()
    size = found.value * (1 - found.value) / float((found.units**2).sum())
    freedom = satterthwaite(found.units, found.stratum)
    low, high = closed_form(found.value, min(size, 72), student(freedom))
    assert interval.low == pytest.approx(low, abs=1e-12)
    assert interval.high >= high - 1e-12


def test_a_class_of_three_units_that_varies_little_leaves_few_degrees_of_freedom() -> None:
    stratum = np.repeat([0, 1], [20, 3])
    influences = np.where(stratum == 0, 1.0, 1e-3)
    alike = np.array([1 / 20, 1 / 3])
    wanted = alike.sum() ** 2 / (alike**2 / [19, 2]).sum()
    assert satterthwaite(influences, stratum) == pytest.approx(wanted)
    assert satterthwaite(np.where(stratum == 0, 1.0, 0.0), stratum) == pytest.approx(19)
    large = np.repeat([0, 1], [20, 5])
    assert satterthwaite(np.where(large == 0, 1.0, 1e-3), large) == pytest.approx(19, abs=0.01)


@pytest.mark.parametrize(("errors", "mean"), [(1, 0.0513), (2, 0.3554), (3, 0.8177)])
def test_few_errors_have_the_upper_limit_of_a_poisson(errors: int, mean: float) -> None:
    # Brown, Cai & DasGupta 2001, doi:10.1214/ss/1009213286: half the 5 % quantile of chi square
    # with two degrees of freedom an error.
    low, high = modified_wilson(1 - errors / 14, 14, 13)
    assert high == pytest.approx(1 - mean / 14, abs=1e-5)
    assert low == wilson(1 - errors / 14, 14, 13)[0]
    mirrored = modified_wilson(errors / 14, 14, 13)
    assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_no_errors_and_many_leave_wilsons_limits() -> None:
    assert modified_wilson(1.0, 14, 13) == wilson(1.0, 14, 13)
    assert modified_wilson(0.5, 14, 13) == wilson(0.5, 14, 13)


def test_a_perfect_row_of_72_images_may_be_5_points_worse() -> None:
    labels = truth(29, 21, 14, 8)
    found = intervals([answered(labels, labels, classes=4)])
    for name in ("macro_f1", "accuracy", "balanced_accuracy"):
        assert found[name].high == 1.0
        assert found[name].low == pytest.approx(0.9476, abs=1e-4)  # 72 / (72 + t²), t at 68
    assert found["recall_d"].low == pytest.approx(8 / (8 + student(7) ** 2))


@pytest.mark.parametrize("called", [0, 1])
def test_a_constant_answer_has_an_interval_with_a_width(called: int) -> None:
    labels = truth(50, 22)
    found = intervals([answered(labels, [called] * 72)], EVERY)
    assert found["accuracy"].high - found["accuracy"].low > 0.15
    for name, each in found.items():
        assert each.low < each.high, name
        assert each.low <= each.value <= each.high, name


@given(
    st.builds(
        predictions,
        images=st.integers(24, 90),
        classes=st.integers(2, 4),
        seed=st.integers(0, 10_000),
        skill=st.sampled_from([-30.0, -1.0, 0.0, 1.0, 3.0, 30.0]),
        steps=st.integers(0, 2),
        per_unit=st.integers(0, 3),
    )
)
def test_no_interval_is_of_zero_width_or_outside_the_range(rows: Predictions) -> None:
    for name, each in intervals([rows], EVERY).items():
        assert 0 <= each.low < each.high <= (2 if name == "brier" else 1), name
        assert each.low - 1e-12 <= each.value <= each.high + 1e-12, name


def test_briers_limits_reach_to_two() -> None:
    labels = truth(20, 20)
    certain_and_wrong = answered(labels, missing(labels, range(40)), sure=1.0)
    found = intervals([certain_and_wrong])["brier"]
    assert (found.value, found.high) == (2.0, 2.0)
    assert found.low == pytest.approx(2 * 80 / (80 + student(38) ** 2))  # worth twice the units


@pytest.mark.parametrize("name", ["auroc", "brier"])
@pytest.mark.parametrize(("errors", "worth"), [(4, 2), (5, 5)])
def test_a_unit_is_worth_two_trials_of_probabilities_and_five_where_enough_err(
    make: Make, name: str, errors: int, worth: int
) -> None:
    found = estimate([make(images=60, classes=2)], (name,))[name]
    sure = replace(found, units=found.units / 1000, errors=errors)  # images seem to say all
    scale = 2 if name == "brier" else 1
    freedom = satterthwaite(found.units, found.stratum)
    low, high = closed_form(found.value / scale, worth * 60, student(freedom))
    interval = sure.interval()
    assert (interval.low, interval.high) == pytest.approx((scale * low, scale * high))


@given(
    st.builds(
        predictions,
        images=st.integers(30, 60),
        classes=st.integers(2, 3),
        seed=st.integers(0, 1000),
        per_unit=st.integers(0, 3),
    ),
    st.integers(0, 1000),
)
def test_intervals_do_not_move_with_the_order_of_rows(rows: Predictions, seed: int) -> None:
    assert intervals([turned(rows, seed)], EVERY) == intervals([rows], EVERY)


def test_images_of_a_patient_that_go_alike_say_less() -> None:
    labels = truth(60, 60)
    called = missing(labels, [*range(20), *range(60, 80)])
    free = intervals([answered(labels, called)])["accuracy"]
    tied = intervals([answered(labels, called, units=[n // 10 for n in range(120)])])["accuracy"]
    assert tied.value == free.value
    assert tied.high - tied.low > 2.5 * (free.high - free.low)


def test_copies_of_an_image_say_nothing_more() -> None:
    labels = truth(40, 20)
    once = answered(labels, missing(labels, [*range(8), *range(40, 50)]))
    thrice = once.take(np.tile(np.arange(60), 3))
    thrice = replace(thrice, paths=tuple(f"{number}.png" for number in range(180)))
    one, three = (intervals([each], ("accuracy", "recall")) for each in (once, thrice))
    for name, each in one.items():
        assert (three[name].low, three[name].high) == pytest.approx((each.low, each.high))


@pytest.mark.parametrize("few", [1, 2])
def test_one_or_two_units_of_a_class_allow_no_macro_figure_an_interval(few: int) -> None:
    labels = truth(30, few)
    found = intervals([answered(labels, labels)], EVERY)
    assert set(found) == {"accuracy", "brier", "recall_a", "specificity_b"}


def test_three_units_of_a_class_allow_intervals() -> None:
    labels = truth(30, 3)
    found = intervals([answered(labels, labels)], EVERY)
    assert {"macro_f1", "balanced_accuracy", "auroc", "recall_b", "specificity_a"} <= set(found)
    assert found["recall_b"].low == pytest.approx(3 / (3 + student(2) ** 2))


def test_many_images_of_one_patient_are_one_unit_of_their_class() -> None:
    labels = truth(60, 60)
    rows = answered(labels, missing(labels, range(5)), units=[*range(60), *[99] * 60])
    found = intervals([rows], EVERY)
    assert set(found) == {"accuracy", "brier", "recall_a", "specificity_b"}
    assert not has_interval("macro_f1", Sample.of(rows), rows.classes)


def test_a_class_without_images_does_not_keep_the_others_from_an_interval() -> None:
    labels = truth(30, 30)
    found = intervals([answered(labels, labels, classes=3)], EVERY)
    assert "macro_f1" in found
    assert "recall_c" not in found
    assert "auroc" not in found


def test_rows_without_images_have_no_interval(make: Make) -> None:
    assert intervals([make().where(np.zeros(60, dtype=bool))]) == {}


def of_seeds(*wrong: int) -> list[Predictions]:
    """Return a run for each number of errors on the same 72 images."""
    labels = truth(36, 36)
    return [
        answered(labels, missing(labels, [*range(each // 2), *range(36, 36 + each - each // 2)]))
        for each in wrong
    ]


def test_the_interval_of_a_mean_holds_the_variance_between_seeds() -> None:
    found = estimate(of_seeds(6, 18, 30))["accuracy"]
    assert found.value == pytest.approx(0.75)
    assert found.between == pytest.approx((12 / 72) ** 2)
    over_units, over_seeds = float((found.units**2).sum()), (12 / 72) ** 2 / 3
    nu = satterthwaite(found.units, found.stratum)
    freedom = (over_units + over_seeds) ** 2 / (over_seeds**2 / 2 + over_units**2 / nu)
    size = 0.75 * 0.25 / (over_units + over_seeds)
    wanted = closed_form(0.75, size, student(freedom))
    interval = found.interval()
    assert (interval.low, interval.high) == pytest.approx(wanted, abs=1e-12)
    images_alone = replace(found, between=0.0).interval()
    assert interval.high - interval.low > 2 * (images_alone.high - images_alone.low)


def test_seeds_that_answer_alike_say_no_more_than_one() -> None:
    one, three = (intervals(of_seeds(*wrong)) for wrong in ((18,), (18, 18, 18)))
    for name, each in one.items():
        assert (three[name].low, three[name].high) == pytest.approx((each.low, each.high)), name


def test_seeds_that_err_elsewhere_say_more_than_one() -> None:
    labels = truth(36, 36)
    places = [[*range(n, n + 9), *range(36 + n, 45 + n)] for n in (0, 9, 18)]
    runs = [answered(labels, missing(labels, each)) for each in places]
    one, three = intervals(runs[:1])["accuracy"], intervals(runs)["accuracy"]
    assert three.value == one.value
    assert three.high - three.low < 0.7 * (one.high - one.low)


def test_perfect_seeds_are_worth_no_more_than_the_units() -> None:
    found = intervals(of_seeds(0, 0, 0))["accuracy"]
    assert found.low == pytest.approx(72 / (72 + student(70) ** 2))


def test_folds_add_the_variances_of_their_parts() -> None:
    labels = truth(30, 20)
    folds = [
        answered(labels, missing(labels, [*range(wrong), *range(30, 34)]), part=part)
        for wrong, part in ((6, Part.VAL), (12, Part.TEST))
    ]
    found, one, two = (estimate(each)["accuracy"] for each in (folds, folds[:1], folds[1:]))
    assert found.value == pytest.approx((one.value + two.value) / 2)
    assert float((found.units**2).sum()) == pytest.approx((one.single + two.single) / 4)
    assert (found.repeats, found.freedom, found.between, found.size) == (2, 0, 0.0, 100)
    assert len(np.unique(found.stratum)) == 4


def test_seeds_of_folds_are_of_their_own_fold() -> None:
    labels = truth(30, 20)
    runs = [
        answered(labels, missing(labels, [*range(wrong), *range(30, 34)]), part=part)
        for wrong, part in ((6, Part.VAL), (8, Part.VAL), (12, Part.TEST), (16, Part.TEST))
    ]
    found = estimate(runs)["accuracy"]
    assert (found.repeats, found.freedom) == (4, 2)
    assert found.between == pytest.approx(((2 / 50) ** 2 / 2 + (4 / 50) ** 2 / 2) / 2)


def test_a_metric_that_a_run_lacks_is_left_out() -> None:
    labels = truth(20, 20)
    whole = answered(labels, labels)
    lacking = answered(truth(40, 0), truth(40, 0), part=Part.TEST)
    assert "auroc" in estimate([whole])
    assert "auroc" not in estimate([whole, lacking])


def test_intervals_become_metrics_of_each_part_and_of_its_clean_rows(make: Make) -> None:
    rows = make(images=180, copies=0.2)
    found, scores = interval_metrics(rows), score(rows)
    prefixes = ("val_", "val_clean_", "test_", "test_clean_")
    wanted = {f"{part}{name}_{end}" for part in prefixes for name in ASSESSED for end in ENDS}
    by_class = {
        f"{part}_{name}_class_{label}_{end}"
        for part in ("val", "test")
        for name in BY_CLASS
        for label in range(3)
        for end in ENDS
    }
    assert set(found) == wanted | by_class
    for name in {each.removesuffix("_low").removesuffix("_high") for each in found}:
        assert found[f"{name}_low"] < scores[name] < found[f"{name}_high"]


ENDS = ("low", "high")


def test_without_copies_there_are_no_clean_intervals(make: Make) -> None:
    assert not [name for name in interval_metrics(make(images=90)) if "clean" in name]


def test_out_of_fold_answers_are_scored_without_test() -> None:
    labels = truth(30, 20)
    called = missing(labels, range(10))
    parts = (*[Part.TRAIN] * 20, *[Part.VAL] * 20, *[Part.TEST] * 10)
    rows = replace(answered(labels, called), parts=parts)
    found = score_out_of_fold(rows)
    assert found["cv_accuracy"] == pytest.approx(30 / 40)
    assert found["cv_recall_a"] == pytest.approx(20 / 30)
    assert {name.split("_")[0] for name in found} == {"cv"}
    interval = intervals([rows.where(np.arange(50) < 40)])["macro_f1"]
    assert (found["cv_macro_f1_low"], found["cv_macro_f1_high"]) == (interval.low, interval.high)
