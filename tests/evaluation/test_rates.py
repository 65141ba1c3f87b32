"""How often the verdict errs, on few boards: tests/performance/simulation judges a thousand.

The bounds are those that the rules of before would fail (a leader compared as if it had been named
beforehand, percentile intervals, a floor for each row alone), with room for a processor's rounding.
"""

from collections.abc import Callable

import numpy as np
import pytest

from benchmark.evaluation import compare
from benchmark.seeds import generator
from tests.performance.simulation.choices import judge_choice, judge_fall, judge_noise
from tests.performance.simulation.coverage import judge as judge_intervals
from tests.performance.simulation.outcome import Cell, Seen, judge, rates_of
from tests.performance.simulation.ties import judge_equal, judge_mixed, judge_searched
from tests.performance.simulation.world import Images, Network, disagreement, entrants

Judge = Callable[[np.random.Generator], Seen]
SMALL = Images.sized(72)


def means(board: Judge, boards: int) -> dict[str, float]:
    """Return the means of what came of some boards."""
    cell = Cell(kind="test", name="few", judge=board)
    return {rate.name: rate.mean for rate in rates_of(cell, [judge(0, cell, range(boards))])}


def test_equal_networks_disagree_as_often_as_a_board_expects() -> None:
    assert disagreement(images=20_000) == pytest.approx(0.17, abs=0.015)


@pytest.mark.parametrize("a_patient", [1, 3])
def test_eight_equal_rows_are_seldom_called_worse(a_patient: int) -> None:
    images = Images.sized(72, a_patient)
    found = means(lambda source: judge_equal(images, (Network(),) * 8, source), 60)
    assert found["any called worse"] <= 8 / 60  # 38 and 40 of 60 where the leader is compared alone


def test_equal_rows_of_seeds_that_differ_are_seldom_called_worse() -> None:
    rows = (Network(seeds=3, between=4.0),) * 8
    found = means(lambda source: judge_equal(SMALL, rows, source), 40)
    assert found["any called worse"] <= 6 / 40  # 10 of 40 if seeds are ignored


def test_worse_rows_are_found_on_315_images_and_the_best_are_kept() -> None:
    rows = tuple(Network(accuracy=each) for each in (*[0.80] * 4, 0.65))
    found = means(lambda source: judge_mixed(Images.sized(315), rows, source), 30)
    assert found["out 0.65"] >= 28 / 30
    assert found["any best called worse"] <= 5 / 30
    assert found["any wrong direction"] <= 5 / 30


def test_fewer_draws_change_the_critical_value_little() -> None:
    rows = entrants(SMALL, (Network(),) * 8, generator(3, "draws"))
    few = np.mean([compare(rows, seed=seed, draws=2_000).critical for seed in range(8)])
    assert few == pytest.approx(compare(rows, seed=0).critical, abs=0.05)


def test_the_best_of_twenty_trials_beats_nothing() -> None:
    found = means(lambda source: judge_searched(SMALL, 1, source), 40)
    assert found["optimism"] > 0.04
    assert found["any called worse"] <= 3 / 40
    assert found["any called worse"] < found["any called worse, trials unknown"]


@pytest.mark.parametrize(("accuracy", "a_patient"), [(0.80, 3), (0.99, 1)])
def test_intervals_hold_the_truth(accuracy: float, a_patient: int) -> None:
    images = Images.sized(72, a_patient)
    found = means(lambda source: judge_intervals(images, Network(accuracy=accuracy), source), 60)
    names = ("macro_f1", "accuracy", "balanced_accuracy", "auroc", "brier", "recall_d")
    least = min(found[name] for name in names)
    assert least >= 51 / 60  # 37 of 60 by percentiles, for macro-F1 at 0.99


def test_the_interval_of_a_mean_over_seeds_holds_the_mean_of_all_seeds() -> None:
    network = Network(seeds=3, between=6.0)
    found = means(lambda source: judge_intervals(Images.sized(315), network, source), 40)
    assert found["macro_f1"] >= 34 / 40  # the images alone: 26 of 40


def test_noise_is_not_promoted() -> None:
    found = means(lambda source: judge_noise(SMALL, 8, source), 80)
    assert found["promotes"] <= 3 / 80  # 5 of 80 if each row had its own exchanges
    assert found["p <= 0.05"] <= 11 / 80  # and 26 of 80
    assert found["p <= 0.5"] >= 24 / 80


def test_the_champion_is_a_best_row_also_where_that_is_over_confident() -> None:
    found = means(lambda source: judge_choice(SMALL, "the good over-confident", source), 30)
    assert found["right"] >= 28 / 30  # 4 of 30 by the fewest parameters among ties


def test_a_healthy_board_is_seldom_warned_of() -> None:
    found = means(lambda source: judge_fall(SMALL, SMALL, 8, source), 30)
    assert found["warned, healthy"] <= 3 / 30  # 7 of 30 if test left validation's interval
