import numpy as np
import pytest

from benchmark.board import duel
from benchmark.records import Predictions
from tests.board.made import spread
from tests.evaluation.made import answered, missing, truth, turned

LABELS = truth(36, 36)


def erring(wrong: list[int], sure: float = 0.9) -> Predictions:
    return answered(LABELS, missing(LABELS, wrong), sure=sure)


def test_a_network_that_is_better_replaces_the_champion() -> None:
    found = duel(erring(spread(20)), erring(spread(4)))
    assert found.replaces
    assert found.said.startswith("it is not worse and has the better probabilities: macro-F1 0.944")
    assert found.said.endswith("on 72 units that neither learnt from")


def test_a_network_that_is_called_worse_does_not_replace_it() -> None:
    found = duel(erring(spread(4)), erring(spread(24)))
    assert not found.replaces
    assert found.said.startswith("it is worse than the champion: macro-F1 0.667 against 0.944, log")


def test_equal_networks_leave_the_champion_in_place() -> None:
    found = duel(erring(spread(8)), erring(spread(8)))
    assert not found.replaces
    assert found.said.startswith("its probabilities are no better: macro-F1 0.889 against 0.889")


def test_of_networks_that_tie_the_better_probabilities_win() -> None:
    present, wrong = erring(spread(8)), set(spread(8, start=5))
    sure = [0.55 if place in wrong else 0.95 for place in range(72)]
    new = answered(LABELS, missing(LABELS, sorted(wrong)), sure=sure)
    assert duel(present, new).replaces
    assert not duel(new, present).replaces


def test_sharper_probabilities_alone_win_nothing() -> None:
    found = duel(erring(spread(8), sure=0.9999), erring(spread(8), sure=0.9))
    assert not found.replaces


def test_the_order_of_the_images_does_not_matter() -> None:
    present, new = erring(spread(20)), erring(spread(8, start=3))
    assert duel(turned(present, 1), turned(new, 2)) == duel(present, new)


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (range(0), "there are no images that both can be judged on"),
        ([*range(14), *range(36, 51)], "only 29 units of 2 classes can judge both; at least 30"),
        (range(36), "only 36 units of 1 classes can judge both"),
        ([*range(36), 36, 37], "a class has too few units to judge both by"),
    ],
)
def test_too_few_images_judge_nothing(keep: list[int], said: str) -> None:
    rows = np.isin(np.arange(72), list(keep))
    found = duel(erring(spread(20)).where(rows), erring(spread(4)).where(rows))
    assert not found.replaces
    assert said in found.said


def test_units_and_not_images_are_counted() -> None:
    units = [number // 3 for number in range(72)]
    rows = [answered(LABELS, missing(LABELS, spread(n)), units=units) for n in (20, 4)]
    found = duel(*rows)
    assert not found.replaces
    assert found.said.startswith("only 24 units of 2 classes")
