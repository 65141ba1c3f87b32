"""Several benchmarks on one store: each spec is made once, and what the dead left is taken over."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from benchmark.records import Record, SearchSpec, State
from benchmark.tracking import Run, Tracker
from benchmark.tracking import claims as room

from .conftest import OPENING, SPEC, Bench, evidence_of, outcome_in

pytestmark = pytest.mark.slow

Finish = Callable[..., Record]
SEARCH = SearchSpec(engine="optuna:random", space="mlp", space_digest="e" * 64, trials=6)


@pytest.fixture(autouse=True)
def looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look anew each time."""
    monkeypatch.setattr(room, "_LOOK_SECONDS", -1.0)


def claim(tracker: Tracker, spec: Any = SPEC) -> Run | Record | None:
    return tracker.claim(tracker.begin(OPENING, resume=False), spec)


def runs(tracker: Tracker) -> list[tuple[str, str]]:
    """Return id and status of every run of a spec that is not deleted."""
    found = tracker._store.runs(tracker.experiment.id, "tags.benchmark = 'run'")
    return [(run.info.run_id, run.info.status) for run in found]


def die(tracker: Tracker, run: Run) -> None:
    """Leave a run as a process of another machine leaves it that died long ago."""
    tracker._store.write_tags(run.run_id, {"lease": f"{tracker.token} 1000"})


def test_what_another_benchmark_is_at_is_waited_for_and_then_taken(bench: Bench) -> None:
    one, other = bench.open(), bench.open()
    run = claim(one)
    assert isinstance(run, Run)
    assert claim(other) is None
    assert runs(other) == [(run.run_id, "RUNNING")]
    made = run.finish(evidence_of(outcome_in(bench.folder / "outcome")))
    taken = claim(other)
    assert isinstance(taken, Record)
    assert (taken.run_id, taken.state) == (made.run_id, State.FINISHED)
    assert runs(other) == [(run.run_id, "FINISHED")]


def test_who_looked_before_the_other_began_loses_and_leaves_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = bench.open(), bench.open()
    run = claim(one)
    monkeypatch.setattr(other._claims, "is_under_way", lambda _: False)
    assert claim(other) is None
    assert isinstance(run, Run)
    assert runs(other) == [(run.run_id, "RUNNING")]


def test_what_failed_elsewhere_is_tried_here(bench: Bench) -> None:
    one, other = bench.open(), bench.open()
    run = claim(one)
    assert isinstance(run, Run)
    run.fail("no memory")
    assert isinstance(claim(other), Run)


def test_other_specs_are_nobodys_concern(bench: Bench) -> None:
    one, other = bench.open(), bench.open()
    assert isinstance(claim(one), Run)
    assert isinstance(claim(other, replace(SPEC, seed=2)), Run)


def test_one_search_at_a_time_whatever_the_budget(bench: Bench) -> None:
    one, other = bench.open(), bench.open()
    assert isinstance(claim(one, replace(SPEC, search=SEARCH)), Run)
    assert claim(other, replace(SPEC, search=replace(SEARCH, trials=60))) is None


def test_who_wants_it_anew_asks_nobody_and_is_waited_for(bench: Bench, finished: Finish) -> None:
    one, other = bench.open(), bench.open()
    assert isinstance(claim(one), Run)
    anew = other.start(other.begin(OPENING, resume=False), SPEC)
    assert {status for _, status in runs(one)} == {"RUNNING"}
    assert len(runs(one)) == 2
    assert claim(bench.open()) is None
    anew.fail("no memory")


def test_the_run_of_a_dead_benchmark_of_another_machine_is_taken_over(bench: Bench) -> None:
    killed, tracker = bench.open(), bench.open()
    left = claim(killed)
    assert isinstance(left, Run)
    die(killed, left)
    run = claim(tracker)
    assert isinstance(run, Run)
    assert dict(runs(tracker)) == {left.run_id: "KILLED", run.run_id: "RUNNING"}


@pytest.mark.parametrize("closed_by", ["a later start", "its own failure"])
def test_a_model_that_was_half_logged_does_not_stay_pending(
    closed_by: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = bench.open()
    run = claim(tracker)
    assert isinstance(run, Run)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(tracker._store.client, "log_model_artifacts", full)
        with pytest.raises(OSError, match="no space left"):
            run.finish(evidence_of(outcome_in(bench.folder / "outcome")))
    client = tracker._store.client
    (model,) = client.search_logged_models([tracker.experiment.id])
    assert str(model.status) == "PENDING"
    if closed_by == "a later start":
        die(tracker, run)
        assert run.run_id in bench.open().close_stale()
    else:
        run.fail("no space left on device")
    assert str(client.get_logged_model(model.model_id).status) == "FAILED"


def test_models_that_were_logged_stay_ready_when_a_run_is_closed(bench: Bench) -> None:
    tracker = bench.open()
    run = claim(tracker)
    assert isinstance(run, Run)
    record = run.finish(evidence_of(outcome_in(bench.folder / "outcome")))
    client = tracker._store.client
    client.update_run(run.run_id, status="RUNNING")  # killed before its state was written
    die(tracker, run)
    bench.open().close_stale()
    assert str(client.get_logged_model(record.model_id).status) == "READY"


def test_a_trial_that_a_kill_left_half_logged_is_closed_and_given_up(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from .test_trials import below, trial

    killed = bench.open()
    spec = replace(SPEC, search=SEARCH)
    run = claim(killed, spec)
    assert isinstance(run, Run)
    run.log_trial(trial(0))
    with monkeypatch.context() as dying:
        dying.setattr(killed._store.client, "set_terminated", lambda *_, **__: None)
        run.log_trial(trial(1))
    for _, run_id in below(killed, run.run_id)[1:]:
        killed._store.write_tags(run_id, {"lease": f"{killed.token} 1000"})
    die(killed, run)
    tracker = bench.open()
    assert len(tracker.close_stale()) == 2
    again = claim(tracker, spec)
    assert isinstance(again, Run)
    assert [number for number, _ in below(tracker, again.run_id)] == ["0"]


def test_a_claim_asks_the_store_a_few_questions_only(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_LOOK_SECONDS", 60.0)
    tracker = bench.open()
    parent = tracker.begin(OPENING, resume=False)
    assert isinstance(tracker.claim(parent, SPEC), Run)
    asked, search_runs = list[str](), tracker._store.client.search_runs

    def counted(experiments: list[str], filter_: str, **more: Any) -> Any:
        asked.append(filter_)
        return search_runs(experiments, filter_, **more)

    monkeypatch.setattr(tracker._store.client, "search_runs", counted)
    assert isinstance(tracker.claim(parent, replace(SPEC, seed=2)), Run)
    assert len(asked) == 3  # whether somebody is at it, again with a ticket, whether it is done
