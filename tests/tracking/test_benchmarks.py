import os
import socket
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from benchmark.errors import StoreError
from benchmark.records import State
from benchmark.tracking import Benchmark, Opening, Tracker

from .conftest import OPENING, SPEC, Bench

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def belongs_to(tracker: Tracker, run_id: str, pid: int, host: str | None = None) -> None:
    tags = {"process.pid": str(pid), "process.host": host or socket.gethostname()}
    tracker._store.write_tags(run_id, {**tags, "process.started": "1.00"})


def run_of(tracker: Tracker, run_id: str) -> Any:
    return tracker._store.client.get_run(run_id)


def interrupted(tracker: Tracker, pid: int, opening: Opening = OPENING) -> Benchmark:
    parent = tracker.begin(opening, resume=False)
    belongs_to(tracker, parent.run_id, pid)
    return parent


def test_a_benchmark_says_what_it_is(bench: Bench) -> None:
    tracker = bench.open()
    data = run_of(tracker, tracker.begin(OPENING, resume=True).run_id).data
    assert data.params == {"arch": "all", "seed": "1"}
    assert data.tags["benchmark"] == "parent"
    assert data.tags["synthetic"] == "true"
    assert data.tags["data_digest"] == "d" * 64
    assert data.tags["process.pid"] == str(os.getpid())
    assert "version.keras" in data.tags


def test_an_interrupted_benchmark_is_taken_up_again(bench: Bench, dead_pid: int) -> None:
    first = interrupted(bench.open(), dead_pid)
    tracker = bench.open()
    tracker.close_stale()
    second = tracker.begin(OPENING, resume=True)
    assert second.run_id == first.run_id
    assert run_of(tracker, second.run_id).info.status == "RUNNING"


def test_options_that_changed_since_an_interruption_are_tags(bench: Bench, dead_pid: int) -> None:
    interrupted(bench.open(), dead_pid)
    tracker = bench.open()
    tracker.close_stale()
    again = tracker.begin(replace(OPENING, params={"arch": "cnn", "seed": "1"}), resume=True)
    data = run_of(tracker, again.run_id).data
    assert data.params == {"arch": "all", "seed": "1"}
    asked = {name: value for name, value in data.tags.items() if name.startswith("request.")}
    assert asked == {"request.arch": "cnn"}


def test_a_run_says_where_and_with_what_it_was_made(bench: Bench) -> None:
    tracker = bench.open()
    parent = tracker.begin(OPENING, resume=False)
    names = ("machine", "code_commit", "version.keras", "version.mlflow")
    own = run_of(tracker, tracker.start(parent, SPEC).run_id).data.tags
    above = run_of(tracker, parent.run_id).data.tags
    assert {name: own[name] for name in names} == {name: above[name] for name in names}


@pytest.mark.parametrize("change", [{"resume": False}, {"plan_digest": "b" * 64}])
def test_another_plan_or_no_wish_to_resume_is_a_new_benchmark(
    bench: Bench, dead_pid: int, change: dict[str, Any]
) -> None:
    first = interrupted(bench.open(), dead_pid)
    opening = replace(OPENING, plan_digest=change.get("plan_digest", OPENING.plan_digest))
    second = bench.open().begin(opening, resume=change.get("resume", True))
    assert second.run_id != first.run_id


def test_a_benchmark_that_still_runs_is_not_taken_over(bench: Bench) -> None:
    first = bench.open().begin(OPENING, resume=True)
    second = bench.open().begin(OPENING, resume=True)
    assert second.run_id != first.run_id


def test_a_finished_benchmark_is_not_taken_up(bench: Bench, dead_pid: int) -> None:
    tracker = bench.open()
    first = interrupted(tracker, dead_pid)
    tracker.close(first, State.FINISHED)
    assert tracker.begin(OPENING, resume=True).run_id != first.run_id


def test_runs_of_a_dead_process_are_closed_with_a_reason(bench: Bench, dead_pid: int) -> None:
    tracker = bench.open()
    parent = interrupted(tracker, dead_pid)
    run = tracker.start(parent, SPEC)
    belongs_to(tracker, run.run_id, dead_pid)
    assert set(bench.open().close_stale()) == {parent.run_id, run.run_id}
    closed = run_of(tracker, run.run_id)
    assert closed.info.status == "KILLED"
    assert f"process {dead_pid} on" in closed.data.tags["reason"]


def test_runs_of_live_processes_other_hosts_and_other_programs_are_left(
    bench: Bench, dead_pid: int
) -> None:
    tracker = bench.open()
    own = tracker.begin(OPENING, resume=False).run_id
    away = tracker.begin(OPENING, resume=False).run_id
    belongs_to(tracker, away, dead_pid, host="elsewhere")
    tracker._store.client.create_run(tracker.experiment.id)
    assert tracker.close_stale() == ()
    assert run_of(tracker, own).info.status == run_of(tracker, away).info.status == "RUNNING"


def test_runs_of_another_experiment_are_left(bench: Bench, dead_pid: int) -> None:
    interrupted(bench.open("one"), dead_pid)
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
