"""What a search's time limit means where several workers share the study."""

import threading
import time
from collections.abc import Sequence

import pytest

from benchmark.records import Params
from benchmark.search import (
    Objective,
    SearchSettings,
    Space,
    Trial,
    TrialRecord,
    TrialState,
    search,
)
from benchmark.search.searching import busy_seconds

LIMITED = SearchSettings(engine="optuna:random", trials=0, seconds=0.6, seed=3)


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0.0),
        ([(0, 2), (5, 1)], 3.0),
        ([(0, 4), (1, 2), (3, 3)], 6.0),
        ([(3, 3), (0, 4)], 6.0),
    ],
    ids=["none", "one after the other", "at once", "in any order"],
)
def test_seconds_in_which_two_trials_ran_count_once(
    spans: Sequence[tuple[float, float]], seconds: float
) -> None:
    trials = [
        TrialRecord(
            number=number,
            params=Params(),
            state=TrialState.COMPLETE,
            started=1.7e9 + began,
            seconds=took,
        )
        for number, (began, took) in enumerate(spans)
    ]
    assert busy_seconds(trials) == pytest.approx(seconds)


@pytest.mark.slow  # waits for time to pass
def test_a_trial_that_another_worker_had_begun_when_the_time_was_up_counts(
    space: Space, objective: Objective, journal: str
) -> None:
    begun = threading.Event()

    def slowly(trial: Trial) -> float | tuple[float, ...]:
        begun.set()
        time.sleep(1.5)
        return objective(trial)

    def quickly(trial: Trial) -> float | tuple[float, ...]:
        time.sleep(0.05)
        return objective(trial)

    other = threading.Thread(target=lambda: search(space, slowly, LIMITED, journal))
    other.start()
    assert begun.wait(60)
    found = search(space, quickly, LIMITED, journal)
    other.join()
    states = [each.state for each in found.trials]
    assert states == [TrialState.COMPLETE] * len(states)
    assert [each.number for each in found.trials] == list(range(len(states)))
    assert max(each.seconds for each in found.trials) > 1.4
