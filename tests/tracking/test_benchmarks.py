import os
import socket
from dataclasses import replace
from typing import Any

import pytest

from benchmark.errors import StoreError
from benchmark.presence import Presence
from benchmark.records import State
from benchmark.tracking import Benchmark, Opening, Tracker

from .conftest import OPENING, SPEC, Bench

pytestmark = pytest.mark.slow


def leave(tracker: Tracker, run_id: str) -> None:
    """Let a run belong to a process of another machine that is long dead."""
    tracker._store.write_tags(run_id, {"lease": "0123456789abcdef 1000"})


def run_of(tracker: Tracker, run_id: str) -> Any:
    return tracker._store.client.get_run(run_id)


def interrupted(tracker: Tracker, opening: Opening = OPENING) -> Benchmark:
    parent = tracker.begin(opening, resume=False)
    leave(tracker, parent.run_id)
    return parent


def test_a_benchmark_says_what_it_is(bench: Bench) -> None:
    tracker = bench.open()
    data = run_of(tracker, tracker.begin(OPENING, resume=True).run_id).data
    assert data.params == {"arch": "all", "seed": "1"}
    assert data.tags["benchmark"] == "parent"
    assert data.tags["synthetic"] == "true"
    assert data.tags["data_digest"] == "d" * 64
    assert data.tags["lease"].startswith(f"{tracker.token} ")
    assert "version.keras" in data.tags


def test_an_interrupted_benchmark_is_taken_up_again(bench: Bench) -> None:
    first = interrupted(bench.open())
    tracker = bench.open()
    tracker.close_stale()
    second = tracker.begin(OPENING, resume=True)
    assert second.run_id == first.run_id
    assert run_of(tracker, second.run_id).info.status == "RUNNING"


def test_options_that_changed_since_an_interruption_are_tags(bench: Bench) -> None:
    interrupted(bench.open())
    tracker = bench.open()
    tracker.close_stale()
    again = tracker.begin(replace(OPENING, params={"arch": "cnn", "seed": "1"}), resume=True)
    data = run_of(tracker, again.run_id).data
    assert data.params == {"arch": "all", "seed": "1"}
    asked = {name: value for name, value in data.tags.items() if name.startswith("request.")}
    assert asked == {"request.arch": "cnn"}


def test_a_path_that_mlflow_run_logged_whole_is_no_change(bench: Bench) -> None:
    interrupted(bench.open(), replace(OPENING, params={"data": "/home/smith/scans"}))
    tracker = bench.open()
    tracker.close_stale()
    again = tracker.begin(replace(OPENING, params={"data": "scans"}), resume=True)
    tags = run_of(tracker, again.run_id).data.tags
    assert not [name for name in tags if name.startswith("request.")]


def test_a_reason_holds_no_folder_and_no_password(bench: Bench) -> None:
    tracker = bench.open()
    run = tracker.start(tracker.begin(OPENING, resume=False), SPEC)
    run.fail("[Errno 28] full: '/home/smith/x.db', as is postgresql://ann:geheim@db/x")
    said = run_of(tracker, run.run_id).data.tags["reason"]
    assert said == "[Errno 28] full: 'x.db', as is postgresql://ann:***@db/x"


def test_a_run_says_where_and_with_what_it_was_made(bench: Bench) -> None:
    tracker = bench.open()
    parent = tracker.begin(OPENING, resume=False)
    names = ("machine", "code_commit", "version.keras", "version.mlflow")
    own = run_of(tracker, tracker.start(parent, SPEC).run_id).data.tags
    above = run_of(tracker, parent.run_id).data.tags
    assert {name: own[name] for name in names} == {name: above[name] for name in names}


@pytest.mark.parametrize("change", [{"resume": False}, {"plan_digest": "b" * 64}])
def test_another_plan_or_no_wish_to_resume_is_a_new_benchmark(
    bench: Bench, change: dict[str, Any]
) -> None:
    first = interrupted(bench.open())
    opening = replace(OPENING, plan_digest=change.get("plan_digest", OPENING.plan_digest))
    second = bench.open().begin(opening, resume=change.get("resume", True))
    assert second.run_id != first.run_id


def test_a_benchmark_that_still_runs_is_not_taken_over(bench: Bench) -> None:
    first = bench.open().begin(OPENING, resume=True)
    second = bench.open().begin(OPENING, resume=True)
    assert second.run_id != first.run_id


def test_a_finished_benchmark_is_not_taken_up(bench: Bench) -> None:
    tracker = bench.open()
    first = interrupted(tracker)
    tracker.close(first, State.FINISHED)
    assert tracker.begin(OPENING, resume=True).run_id != first.run_id


def test_runs_of_a_dead_process_are_closed_with_a_reason(bench: Bench) -> None:
    tracker = bench.open()
    parent = interrupted(tracker)
    run = tracker.start(parent, SPEC)
    leave(tracker, run.run_id)
    assert set(bench.open().close_stale()) == {parent.run_id, run.run_id}
    closed = run_of(tracker, run.run_id)
    assert closed.info.status == "KILLED"
    assert closed.data.tags["reason"] == (
        "the benchmark that this run belonged to ended without closing it"
    )


def test_runs_of_the_living_and_of_other_programs_are_left(bench: Bench) -> None:
    tracker = bench.open()
    own = tracker.begin(OPENING, resume=False).run_id
    others = tracker._store.client.create_run(tracker.experiment.id).info.run_id
    for each in (tracker, bench.open()):  # another process, it may be of another machine
        assert each.close_stale() == ()
    assert {run_of(tracker, each).info.status for each in (own, others)} == {"RUNNING"}


def test_on_one_machine_the_dead_are_known_at_once(bench: Bench) -> None:
    killed, tracker = bench.open(), bench.open()
    killed._be(Presence(bench.folder / "alive"))
    parent = killed.begin(OPENING, resume=True)
    with tracker.present(bench.folder / "alive"):
        assert tracker.close_stale() == ()
        assert tracker.living() == {killed.token}
        held = killed._presence._held
        assert held is not None
        held.close()  # as the system does when a process is killed
        assert tracker.living() == frozenset()
        assert tracker.close_stale() == (parent.run_id,)
        assert [path.name for path in (bench.folder / "alive").iterdir()] == [tracker.token]
        assert tracker.begin(OPENING, resume=True).run_id == parent.run_id


def test_what_is_still_open_when_a_benchmark_ends_is_closed(bench: Bench) -> None:
    tracker = bench.open()
    with tracker.present(bench.folder / "alive"):
        parent = tracker.begin(OPENING, resume=True)
        run = tracker.start(parent, SPEC)
    for run_id in (parent.run_id, run.run_id):
        assert run_of(tracker, run_id).info.status == "KILLED"
    assert not (bench.folder / "alive").exists()


def test_nothing_of_the_host_or_the_process_reaches_the_store(bench: Bench) -> None:
    tracker = bench.open()
    with tracker.present(bench.folder / "alive"):
        parent = tracker.begin(OPENING, resume=True)
        run = tracker.start(parent, SPEC)
        for run_id in (parent.run_id, run.run_id):
            data = run_of(tracker, run_id).data
            said = " ".join([*data.tags.values(), *data.params.values()]).split()
            assert socket.gethostname() not in said
            assert str(os.getpid()) not in said


def test_runs_of_another_experiment_are_left(bench: Bench) -> None:
    interrupted(bench.open("one"))
    assert bench.open("two").close_stale() == ()


def opened(bench: Bench, monkeypatch: pytest.MonkeyPatch, experiment: str) -> str:
    """Open a run as `mlflow run` does, with its -P values logged."""
    tracker = bench.open(experiment)
    run = tracker._store.client.create_run(tracker.experiment.id)
    tracker._store.client.log_param(run.info.run_id, "arch", "cnn,mlp")
    monkeypatch.setenv("MLFLOW_RUN_ID", run.info.run_id)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", tracker.experiment.id)
    return str(run.info.run_id)


def test_the_run_that_mlflow_opened_is_joined_and_keeps_its_params(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = opened(bench, monkeypatch, "lungs")
    tracker = bench.open()
    assert tracker.experiment.name == "lungs"
    assert tracker.begin(OPENING, resume=True).run_id == run_id
    data = run_of(tracker, run_id).data
    assert data.params == {"arch": "cnn,mlp", "seed": "1"}
    assert data.tags["benchmark"] == "parent"


def test_the_opened_run_is_joined_when_its_own_experiment_is_named(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = opened(bench, monkeypatch, "lungs")
    assert bench.open("lungs").begin(OPENING, resume=True).run_id == run_id


def test_the_opened_run_points_to_the_parent_when_another_experiment_is_named(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = opened(bench, monkeypatch, "Default")
    tracker = bench.open("lungs")
    parent = tracker.begin(OPENING, resume=True)
    tags = run_of(tracker, run_id).data.tags
    assert parent.run_id != run_id
    assert tags["benchmark"] == "launcher"
    assert tags["benchmark.parent_run_id"] == parent.run_id
    assert run_of(tracker, parent.run_id).info.experiment_id == tracker.experiment.id


def test_an_opened_run_of_another_store_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    with pytest.raises(StoreError, match=r"MLFLOW_RUN_ID names the run 0{32}, which"):
        bench.open()


def test_mlflows_own_variable_names_the_experiment(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "thorax")
    assert bench.open().experiment.name == "thorax"
    assert bench.open("lungs").experiment.name == "lungs"
