"""A search's trials in MLflow: light, each once however often the search was killed."""

from dataclasses import replace
from typing import Any

import pytest

from benchmark.records import Params, SearchSpec, State
from benchmark.tracking import Tracker, TrialRun
from benchmark.tracking import runs as room

from .conftest import OPENING, SPEC, Bench

pytestmark = pytest.mark.slow

SEARCH = SearchSpec(engine="optuna:random", space="mlp", space_digest="e" * 64, trials=6)
SEARCHED = replace(SPEC, search=SEARCH)


def trial(number: int, started: float = 1.7e9) -> TrialRun:
    return TrialRun(
        number=number,
        params=Params(learning_rate=0.1, dense_width=64, batch_norm=True),
        state=State.FINISHED,
        outcome="complete",
        reason="",
        metrics={"objective_macro_f1": 0.5},
        steps={epoch: 0.1 * epoch for epoch in range(10)},
        started=started + number,
        seconds=0.25,
    )


def below(tracker: Tracker, run_id: str) -> list[tuple[str, str]]:
    """Return number and id of the trials below a run, sorted."""
    filter_ = f"tags.`mlflow.parentRunId` = '{run_id}'"
    found: list[Any] = tracker._store.client.search_runs([tracker.experiment.id], filter_)
    return sorted((run.data.params["trial"], run.info.run_id) for run in found)


def killed_after(tracker: Tracker, trials: int, search: SearchSpec = SEARCH) -> str:
    """Begin a search, log some trials, and leave it as a dead process's run is left."""
    parent = tracker.begin(OPENING, resume=False)
    run = tracker.start(parent, replace(SPEC, search=search))
    for number in range(trials):
        run.log_trial(trial(number))
    tracker._store.client.set_terminated(run.run_id, State.KILLED)
    return run.run_id


def test_a_search_gone_on_with_takes_over_the_trials_of_the_killed_one(bench: Bench) -> None:
    tracker = bench.open()
    killed = killed_after(tracker, 3)
    before = below(tracker, killed)
    run = tracker.start(tracker.begin(OPENING, resume=False), SEARCHED)
    assert below(tracker, killed) == []
    assert below(tracker, run.run_id) == before
    for number in range(6):  # all of the study, as they are logged when it ends
        run.log_trial(trial(number))
    after = below(tracker, run.run_id)
    assert [number for number, _ in after] == ["0", "1", "2", "3", "4", "5"]
    assert after[:3] == before


def test_a_raised_budget_goes_on_with_the_same_trials(bench: Bench) -> None:
    tracker = bench.open()
    killed_after(tracker, 2)
    more = replace(SPEC, search=replace(SEARCH, trials=20, seconds=60.0))
    run = tracker.start(tracker.begin(OPENING, resume=False), more)
    assert [number for number, _ in below(tracker, run.run_id)] == ["0", "1"]


def test_trials_of_a_search_killed_twice_stand_once(bench: Bench) -> None:
    tracker = bench.open()
    first = killed_after(tracker, 3)
    second = killed_after(tracker, 4)
    run = tracker.start(tracker.begin(OPENING, resume=False), SEARCHED)
    assert below(tracker, first) == below(tracker, second) == []
    assert [number for number, _ in below(tracker, run.run_id)] == ["0", "1", "2", "3"]


@pytest.mark.parametrize("has_params", [False, True])
def test_a_trial_that_a_kill_left_half_logged_is_logged_again(
    has_params: bool, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = bench.open()
    run = tracker.start(tracker.begin(OPENING, resume=False), SEARCHED)
    client = tracker._store.client
    with monkeypatch.context() as killed:
        killed.setattr(client, "set_terminated" if has_params else "log_batch", _killed)
        with pytest.raises(KeyboardInterrupt, match="killed"):
            run.log_trial(trial(0))
    client.set_terminated(run.run_id, State.KILLED)
    again = tracker.start(tracker.begin(OPENING, resume=False), SEARCHED)
    assert below(tracker, again.run_id) == []
    again.log_trial(trial(0))
    assert [number for number, _ in below(tracker, again.run_id)] == ["0"]


def _killed(*_: object, **__: object) -> None:
    raise KeyboardInterrupt("killed")


def test_trials_of_another_search_stay_where_they_are(bench: Bench) -> None:
    tracker = bench.open()
    other = killed_after(tracker, 2, replace(SEARCH, engine="optuna:tpe"))
    run = tracker.start(tracker.begin(OPENING, resume=False), SEARCHED)
    assert below(tracker, run.run_id) == []
    assert len(below(tracker, other)) == 2


def test_trials_of_a_search_that_still_runs_stay_where_they_are(bench: Bench) -> None:
    tracker = bench.open()
    alive = tracker.start(tracker.begin(OPENING, resume=False), SEARCHED)
    alive.log_trial(trial(0))
    run = tracker.start(tracker.begin(OPENING, resume=False), SEARCHED)
    assert below(tracker, run.run_id) == []
    assert len(below(tracker, alive.run_id)) == 1


def test_a_trial_of_a_study_that_was_removed_gives_way(bench: Bench) -> None:
    tracker = bench.open()
    killed_after(tracker, 1)
    run = tracker.start(tracker.begin(OPENING, resume=False), SEARCHED)
    ((_, old),) = below(tracker, run.run_id)
    run.log_trial(trial(0, started=1.8e9))
    ((_, new),) = below(tracker, run.run_id)
    assert new != old
    assert run.gone == 1


def test_trials_of_a_finished_search_stay_below_it_and_are_not_logged_again(bench: Bench) -> None:
    tracker = bench.open()
    finished = killed_after(tracker, 3)
    tracker._store.client.set_terminated(finished, State.FINISHED)
    before = below(tracker, finished)
    more = replace(SPEC, search=replace(SEARCH, trials=20))
    run = tracker.start(tracker.begin(OPENING, resume=False), more)
    for number in range(5):
        run.log_trial(trial(number))
    assert below(tracker, finished) == before
    assert [number for number, _ in below(tracker, run.run_id)] == ["3", "4"]
    assert run.gone == 0


def test_a_study_that_went_away_since_its_run_was_finished_is_counted(bench: Bench) -> None:
    tracker = bench.open()
    finished = killed_after(tracker, 2)
    tracker._store.client.set_terminated(finished, State.FINISHED)
    run = tracker.start(tracker.begin(OPENING, resume=False), SEARCHED)
    for number in range(3):
        run.log_trial(trial(number, started=1.8e9))
    assert len(below(tracker, run.run_id)) == 3
    assert len(below(tracker, finished)) == 2
    assert run.gone == 2


def test_logging_a_trial_takes_three_calls_of_the_store(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = bench.open()
    run = tracker.start(tracker.begin(OPENING, resume=False), SEARCHED)
    client, called = tracker._store.client, list[str]()

    class Counting:
        def __getattr__(self, name: str) -> Any:
            called.append(name)
            return getattr(client, name)

    monkeypatch.setattr(room, "record_of", None)  # nothing is read back
    tracker._store.client = Counting()
    run.log_trial(trial(1))
    assert called == ["create_run", "log_batch", "set_terminated"]
