"""A benchmark killed at a call of the store: the next one leaves what an unkilled one does.

By hand, BENCHMARK_TEST_EVERY_KILL=1 kills at every call in turn, for minutes; and real processes,
with a search and composites under way, are killed by `python -m tests.performance.kills`.
"""

import os
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.presence import Presence
from benchmark.records import Record, SearchSpec, State
from benchmark.tracking import BoardFiles, Run, Tracker

from .conftest import OPENING, SPEC, Bench, evidence_of, outcome_in
from .test_trials import trial

pytestmark = pytest.mark.slow

SEARCH = SearchSpec(engine="optuna:random", space="mlp", space_digest="e" * 64, trials=2)
SEARCHED = replace(SPEC, search=SEARCH)


class Killed(BaseException):
    """What no handler of the benchmark's is meant for: its process is no more."""


class Mortal:
    """A client whose process is killed before its nth call, of one name if that is given."""

    def __init__(self, client: Any, nth: int, name: str = "") -> None:
        self._client, self._left, self._deadly = client, nth, name

    def __getattr__(self, name: str) -> Any:
        """Return a method of the client, or die."""
        method = getattr(self._client, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self._left -= self._deadly in ("", name)
            if self._left < 0:
                raise Killed(name)
            return method(*args, **kwargs)

        return call


def make(tracker: Tracker, outcome: Path) -> Record:
    """Do what a benchmark does with one search whose outcome its worker has left."""
    tracker.close_stale()
    parent = tracker.begin(OPENING, resume=True)
    claimed = tracker.claim(parent, SEARCHED)
    assert claimed is not None
    if isinstance(claimed, Run):
        for number in range(2):
            claimed.log_trial(trial(number))
        claimed = claimed.finish(evidence_of(outcome_in(outcome, SEARCHED)))
    tracker.finish_benchmark(parent, BoardFiles(files={"leaderboard.csv": "rank\n"}))
    return claimed


def killed_at(bench: Bench, nth: int, name: str = "") -> str:
    """Run a benchmark that dies at a call, in its own folder; return which call that was."""
    tracker = bench.open()
    presence = Presence(bench.folder / "alive")
    tracker._be(presence)
    tracker._store.client = Mortal(tracker._store.client, nth, name)
    try:
        make(tracker, bench.folder / f"outcome {nth}")
    except Killed as death:
        return str(death)
    finally:
        assert presence._held is not None
        presence._held.close()  # as the system does when a process is killed
    return ""


def mend(bench: Bench) -> None:
    """Run the benchmark again, and see that nothing tells that it was killed."""
    tracker = bench.open()
    with tracker.present(bench.folder / "alive"):
        record = make(tracker, bench.folder / "mended")
    client, experiment = tracker._store.client, tracker.experiment.id
    found = client.search_runs([experiment], max_results=1000)
    states = Counter((run.data.tags["benchmark"], run.info.status) for run in found)
    assert record.state is State.FINISHED
    assert [kind for kind, state in states if state == State.RUNNING] == []
    assert (states["run", State.FINISHED], states["trial", State.FINISHED]) == (1, 2)
    models = client.search_logged_models([experiment], max_results=100)
    assert "PENDING" not in [str(model.status) for model in models]


@pytest.mark.parametrize(
    ("nth", "name"),
    [
        pytest.param(2, "log_batch", id="before it has its ticket"),
        pytest.param(0, "set_terminated", id="in the midst of a trial"),
        pytest.param(0, "log_model_artifacts", id="in the midst of its model"),
        pytest.param(2, "set_terminated", id="when all but its state is logged"),
    ],
)
def test_a_kill_costs_nothing(nth: int, name: str, bench: Bench) -> None:
    assert killed_at(bench, nth, name) == name
    mend(bench)


@pytest.mark.skipif("BENCHMARK_TEST_EVERY_KILL" not in os.environ, reason="takes minutes")
def test_a_kill_at_any_call_of_the_store_costs_nothing(bench: Bench) -> None:
    deaths: list[str] = []
    while not deaths or deaths[-1]:
        deaths.append(killed_at(bench, len(deaths)))
        mend(bench)
        tracker = bench.open()
        for run in tracker._store.runs(tracker.experiment.id, ""):
            tracker._store.client.delete_run(run.info.run_id)
        shutil.rmtree(bench.folder / "mended", ignore_errors=True)
    assert {"create_run", "create_logged_model", "log_artifacts", "set_terminated"} <= set(deaths)


def test_a_database_that_a_kill_left_half_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.store.db import utils

    def die(_engine: object) -> None:
        raise Killed("before the tables of its later versions")

    uri = f"sqlite:///{tmp_path}/new.db"
    with monkeypatch.context() as dying:
        dying.setattr(utils, "_upgrade_db", die)
        with pytest.raises(Killed, match="later versions"):
            Tracker.open(uri, "one", default_experiment="one")
    assert Tracker.open(uri, "one", default_experiment="one").count() == 0
    assert [path.name for path in tmp_path.iterdir()] == ["new.db"]
