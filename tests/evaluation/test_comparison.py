from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import DataError
from benchmark.evaluation import Comparison, Entrant, compare, estimate, overall, predicted
from benchmark.records import Part, Predictions
from tests.evaluation.made import Make, answered, missing, predictions, truth, turned

LABELS = truth(120, 90, 60, 45)
FEW = 2000  # draws where nothing is near the limit


def row(*runs: Predictions, regime: str = "frozen") -> Entrant:
    return Entrant(runs=runs, regime=regime)


def erring(
    source: np.random.Generator, wrong: int, labels: Sequence[int] = tuple(LABELS)
) -> Predictions:
    """Return a network of four classes that errs on so many images drawn at random."""
    places = source.choice(len(labels), wrong, replace=False).tolist()
    return answered(labels, missing(labels, places, 4), classes=4)


def of_two(wrong: Sequence[int], sizes: tuple[int, int] = (36, 36)) -> Entrant:
    labels = truth(*sizes)
    return row(answered(labels, missing(labels, wrong)))


def test_identical_rows_tie() -> None:
    found = compare([of_two(range(20)), of_two(range(20)), of_two(range(20))], seed=0)
    assert not found.is_worse.any()
    assert not found.better.any()
    assert not found.errors.any()
    assert found.resolvable == 0.0
    assert (found.lows.tolist(), found.highs.tolist()) == ([1, 1, 1], [3, 3, 3])


def test_a_row_alone_is_not_worse() -> None:
    found = compare([of_two(range(20))], seed=0)
    assert found.is_worse.tolist() == [False]
    assert (found.lows.tolist(), found.highs.tolist()) == ([1], [1])


@pytest.mark.parametrize("metric", ["macro_f1", "accuracy", "balanced_accuracy"])
@pytest.mark.parametrize(("wrong", "is_worse"), [(4, False), (5, False), (6, True), (7, True)])
def test_five_errors_of_72_against_none_tie_and_six_do_not(
    metric: str, wrong: int, *, is_worse: bool
) -> None:
    # Exact McNemar: p is 0.125, 0.0625, 0.031 and 0.016.
    places = [0, 36, 1, 37, 2, 38, 3][:wrong]
    found = compare([of_two([]), of_two(places)], seed=0, metric=metric)
    assert found.is_worse.tolist() == [False, is_worse]


def test_five_errors_of_72_in_four_classes_against_none_tie_and_six_do_not() -> None:
    labels = truth(29, 21, 14, 8)
    places = [0, 29, 50, 64, 1, 30]
    rows = [
        row(answered(labels, missing(labels, each, 4), classes=4))
        for each in ([], places[:5], places)
    ]
    assert not compare(rows[:2], seed=0).is_worse.any()
    assert compare([rows[0], rows[2]], seed=0).is_worse.tolist() == [False, True]


def test_rows_that_differ_on_five_patients_tie_however_many_images_those_have() -> None:
    labels = truth(120, 120)
    units = [number // 4 for number in range(240)]
    places = [*range(12), *range(120, 132)]  # six patients, all their images wrong

    def of(wrong: Sequence[int]) -> Entrant:
        return row(answered(labels, missing(labels, wrong), units=units))

    assert not compare([of([]), of(places[:20])], seed=0).is_worse.any()
    assert compare([of([]), of(places)], seed=0).is_worse.tolist() == [False, True]


@settings(max_examples=30)
@given(
    st.lists(st.floats(-1, 4), min_size=2, max_size=6),
    st.integers(30, 90),
    st.integers(0, 1000),
)
def test_the_leader_is_not_called_worse_and_ranks_are_ranges(
    skills: list[float], images: int, seed: int
) -> None:
    tables = [
        predictions(images=images, seed=seed, skill=skill, noise=noise)
        for noise, skill in enumerate(skills)
    ]
    found = compare([row(each) for each in tables], seed=seed, draws=FEW)
    values = [overall(each)["macro_f1"] for each in tables]
    assert not found.is_worse[int(np.argmax(values))]
    assert (found.lows >= 1).all()
    assert (found.highs <= len(skills)).all()
    assert (found.lows <= found.highs).all()
    places = np.argsort(np.argsort(-np.array(values), kind="stable")) + 1
    assert (found.lows <= places).all()
    assert (places <= found.highs).all()
    assert (found.lows[found.is_worse] >= 2).all()


def test_ranks_follow_from_what_is_called_better() -> None:
    source = np.random.default_rng(1)
    rows = [row(erring(source, wrong)) for wrong in (20, 24, 110, 240)]
    found = compare(rows, seed=0)
    assert found.is_worse.tolist() == [False, False, True, True]
    assert found.better.sum(axis=1).tolist() == [2, 2, 1, 0]
    assert (found.lows.tolist(), found.highs.tolist()) == ([1, 1, 3, 4], [2, 2, 3, 4])


def test_a_row_leaves_once_those_that_are_far_behind_have_left() -> None:
    source = np.random.default_rng(5)
    behind = [row(erring(source, 200)) for _ in range(6)]
    first, second = row(erring(source, 20)), row(erring(source, 38))
    found = compare([first, second, *behind], seed=0)
    assert not found.better[0, 1]  # among eight rows it cannot be told from the first
    assert found.is_worse.tolist() == [False, *[True] * 7]
    assert (found.lows[1], found.highs[1]) == (2, 2)
    assert found.lows[0] == 1


@pytest.mark.parametrize(("rows", "critical"), [(2, 1.96), (8, 3.03), (16, 3.43)])
def test_independent_equal_rows_need_tukeys_range(rows: int, critical: float) -> None:
    source = np.random.default_rng(0)
    found = compare([row(erring(source, 63)) for _ in range(rows)], seed=0)
    # Student's t has some 150 degrees of freedom here, which asks for 0.02 to 0.05 more.
    assert found.critical == pytest.approx(critical, abs=0.08)


def claims_by_hand(entrants: Sequence[Entrant], draws: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return better, worse and the critical value, pair by pair, of rows of one run each."""
    from scipy.stats import norm
    from scipy.stats import t as student

    found = [estimate(each.runs, ("macro_f1",))["macro_f1"] for each in entrants]
    k, stratum = len(found), found[0].stratum
    pairs = [(i, j) for i in range(k) for j in range(i)]
    parts = np.zeros(len(np.unique(stratum)))
    ratio = np.zeros((k, k))
    for i, j in pairs:
        apart = found[i].units - found[j].units
        parts += [(apart[stratum == each] ** 2).sum() for each in np.unique(stratum)]
        differ = (predicted(entrants[i].runs[0]) != predicted(entrants[j].runs[0])).sum()
        error = np.sqrt((apart**2).sum() * (differ + 1) / differ)
        ratio[i, j] = (found[i].value - found[j].value) / error
        ratio[j, i] = -ratio[i, j]
    freedom = parts.sum() ** 2 / (parts**2 / (np.bincount(stratum) - 1)).sum()
    units = np.stack([each.units for each in found], axis=1)
    drawn = np.random.default_rng(99).normal(size=(draws, len(units))) @ units

    def critical(kept: set[int]) -> float:
        greatest = np.zeros(draws)
        for i, j in pairs:
            if {i, j} <= kept:
                error = np.sqrt(((units[:, i] - units[:, j]) ** 2).sum())
                greatest = np.maximum(greatest, np.abs(drawn[:, i] - drawn[:, j]) / error)
        return float(student.isf(norm.sf(np.quantile(greatest, 0.95)), freedom))

    kept, before = set(range(k)), set[int]()
    while kept != before:
        before, limit = kept, critical(kept)
        kept = {j for j in kept if not any(ratio[i, j] > limit for i in kept)}
    return ratio > critical(set(range(k))), ~np.isin(range(k), list(kept)), critical(set(range(k)))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_claims_are_those_of_the_rule_written_out_pair_by_pair(seed: int) -> None:
    source = np.random.default_rng(seed)
    rows = [row(erring(source, wrong)) for wrong in (40, 50, 63, 75, 90, 150)]
    found = compare(rows, seed=0)
    better, worse, critical = claims_by_hand(rows, 20_000)
    assert found.critical == pytest.approx(critical, abs=0.05)  # another 20,000 draws
    assert found.better.tolist() == better.tolist()
    assert found.is_worse.tolist() == worse.tolist()


def test_claims_are_the_same_for_the_same_seed() -> None:
    source = np.random.default_rng(2)
    rows = [row(erring(source, wrong)) for wrong in (40, 60, 80)]
    assert compare(rows, seed=4).critical == compare(rows, seed=4).critical
    assert compare(rows, seed=4).critical != compare(rows, seed=5).critical


def same(one: Comparison, other: Comparison, order: Sequence[int]) -> bool:
    """Whether two comparisons claim the same of rows, the second having them in an order."""
    return (
        one.is_worse[list(order)].tolist() == other.is_worse.tolist()
        and one.better[np.ix_(order, order)].tolist() == other.better.tolist()
        and np.allclose(one.errors[np.ix_(order, order)], other.errors, atol=1e-12)
    )


def test_the_order_of_rows_and_of_images_does_not_matter() -> None:
    source = np.random.default_rng(3)
    tables = [erring(source, wrong) for wrong in (40, 45, 80, 150)]
    whole = compare([row(each) for each in tables], seed=0)
    order = [2, 0, 3, 1]
    other = compare([row(tables[each]) for each in order], seed=0)
    assert same(whole, other, order)
    shuffled = compare([row(turned(each, 7)) for each in tables], seed=0)
    assert shuffled.critical == whole.critical
    assert same(whole, shuffled, range(4))


def test_rows_on_other_images_cannot_be_compared() -> None:
    with pytest.raises(DataError, match="the same images"):
        compare([of_two([0]), of_two([0], (36, 35))], seed=0)


def seeds(source: np.random.Generator, *wrong: int) -> tuple[Predictions, ...]:
    return tuple(erring(source, each) for each in wrong)


def test_the_variance_between_seeds_is_pooled_over_a_regime_and_no_further() -> None:
    source = np.random.default_rng(3)
    settled = [erring(source, 40), erring(source, 40)]
    noisy = [seeds(source, 40, 60, 80), seeds(source, 45, 60, 75)]

    def found(regime: str) -> Comparison:
        rows = [row(*[each] * 3, regime="frozen") for each in settled]
        return compare([*rows, *(row(*each, regime=regime) for each in noisy)], seed=0, draws=FEW)

    apart, pooled = found("scratch"), found("frozen")
    assert apart.between[:2].tolist() == [0, 0]
    assert apart.between[2] == apart.between[3] > 0.001
    assert len(set(pooled.between.tolist())) == 1
    assert 0 < pooled.between[0] < apart.between[2]
    assert pooled.errors[0, 1] > apart.errors[0, 1]


def test_rows_whose_seeds_scatter_tie_where_those_of_steady_seeds_do_not() -> None:
    labels = tuple(LABELS)

    def of(*wrong: int) -> Entrant:
        return row(*(erring(np.random.default_rng(each), each, labels) for each in wrong))

    steady = compare([of(40, 41, 42), of(80, 81, 82)], seed=0)
    scattered = compare([of(10, 41, 72), of(50, 81, 112)], seed=0)
    assert steady.is_worse.tolist() == [False, True]
    assert scattered.is_worse.tolist() == [False, False]


def test_what_images_explain_of_the_scatter_is_not_counted_twice() -> None:
    source = np.random.default_rng(8)
    found = compare([row(*seeds(source, 60, 60, 61)), row(*seeds(source, 62, 62, 61))], seed=0)
    assert found.between.tolist() == [0, 0]


def test_a_row_that_was_chosen_among_trials_must_be_further_ahead() -> None:
    source = np.random.default_rng(3)
    first, second = erring(source, 30), erring(source, 50)
    trials = np.stack([predicted(erring(source, 45)) for _ in range(20)])
    plain = compare([row(first), row(second)], seed=0)
    searched = compare([replace(row(first), trials=(trials,)), row(second)], seed=0)
    assert plain.is_worse.tolist() == [False, True]
    assert searched.is_worse.tolist() == [False, False]
    assert searched.critical > plain.critical + 0.5
    assert searched.errors.tolist() == plain.errors.tolist()


def test_trials_that_answered_alike_are_one() -> None:
    source = np.random.default_rng(3)
    first, second = erring(source, 30), erring(source, 55)
    alike = np.stack([predicted(first)] * 20)
    plain = compare([row(first), row(second)], seed=0)
    searched = compare([replace(row(first), trials=(alike,)), row(second)], seed=0)
    assert searched.critical == pytest.approx(plain.critical, abs=0.02)


def test_folds_are_compared_over_all_their_parts() -> None:
    labels = truth(60, 60)

    def of(wrong: int) -> Entrant:
        called = missing(labels, [*range(wrong), *range(60, 60 + wrong)])
        return row(*(answered(labels, called, part=part) for part in (Part.VAL, Part.TEST)))

    found = compare([of(5), of(20)], seed=0)
    alone = compare([row(each.runs[0]) for each in (of(5), of(20))], seed=0)
    assert found.is_worse.tolist() == [False, True]
    assert found.errors[0, 1] < 0.8 * alone.errors[0, 1]


def test_the_resolvable_difference_is_that_of_the_median_pair() -> None:
    source = np.random.default_rng(4)
    found = compare([row(erring(source, 63)) for _ in range(3)], seed=0)
    pairs = sorted([found.errors[0, 1], found.errors[0, 2], found.errors[1, 2]])
    assert found.resolvable == pytest.approx((found.critical + 0.8416) * pairs[1])


def test_auroc_tells_rows_apart_too(make: Make) -> None:
    tables = [make(images=150, skill=skill, noise=n) for n, skill in enumerate((2.0, 2.1, -1.0))]
    found = compare([row(each) for each in tables], seed=0, metric="auroc", draws=FEW)
    assert found.is_worse.tolist() == [False, False, True]


def test_pairs_taken_block_by_block_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    source = np.random.default_rng(6)
    rows = [row(erring(source, 63)) for _ in range(6)]
    whole = compare(rows, seed=0, draws=FEW)
    monkeypatch.setattr("benchmark.evaluation.comparison._BLOCK", 700)  # two pairs at once
    parts = compare(rows, seed=0, draws=FEW)
    assert parts.errors == pytest.approx(whole.errors, rel=1e-12)
    assert parts.critical == pytest.approx(whole.critical, abs=0.2)  # draws come in another order
