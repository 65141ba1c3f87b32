"""A worker that dies in a search costs one trial; a fresh process goes on with the search."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.records import Outcome, Params
from benchmark.search import SearchSettings, parse_space, search
from benchmark.search.searching import MAX_ATTEMPTS
from benchmark.worker.messages import Event, Failure, NotBegun, Task, Tried
from benchmark.worker.pool import MOST_DEATHS, Pool
from tests.worker.acting import serve
from tests.worker.test_workers import task_of

pytestmark = pytest.mark.slow  # each starts processes

SPACE = parse_space(
    "about: one\nparameters:\n  rate: {type: float, low: 0.0, high: 1.0}\n",
    name="one",
    file="one.yaml",
)


def searching(folder: Path, trials: int, pause: float = 0.05, deadly: str = "") -> Task:
    task = task_of("search")
    spec = replace(task.spec, params=Params(trials=trials, pause=pause, deadly=deadly))
    return replace(task, spec=spec, space=SPACE, storage=str(folder / "s.journal"))


def ignore(_task: Task, _event: Event) -> None:
    pass


def run(
    folder: Path, task: Task, say: Callable[[Task, Event], None] = ignore, timeout: float = 0.0
) -> Outcome | Failure:
    with Pool(1, folder / "logs", timeout, serve) as pool:
        ((_, result),) = pool.run([task], lambda _task: None, say)
    assert not isinstance(result, NotBegun)
    return result


def begun(folder: Path) -> list[tuple[int, int]]:
    """Return number and process of every attempt that was begun."""
    lines = (folder / "begun").read_text().splitlines()
    return [(int(number), int(pid)) for number, pid in (line.split() for line in lines)]


def values(storage: Path, trials: int) -> list[float]:
    """Return the values of a study that is at its end."""
    settings = SearchSettings(engine="optuna:random", trials=trials, seed=3)
    found = search(SPACE, lambda trial: trial.params.number("rate"), settings, str(storage))
    return [each.values[0] for each in found.trials]


def test_a_worker_that_is_killed_loses_its_own_trial_only(tmp_path: Path) -> None:
    killed: list[int] = []
    told: list[int] = []

    def say(_task: Task, event: Event) -> None:
        told.extend([event.trial.number] if isinstance(event, Tried) else [])
        if len(told) > 5 and not killed:
            killed.append(begun(tmp_path)[-1][1])
            os.kill(killed[0], signal.SIGKILL)

    assert isinstance(run(tmp_path, searching(tmp_path, 20, 0.2), say), Outcome)
    attempts = Counter(number for number, _ in begun(tmp_path))
    assert sorted(attempts) == list(range(20))
    assert sum(attempts.values()) <= 21
    assert sorted(set(told)) == list(range(20))
    assert values(tmp_path / "s.journal", 20) == values(tmp_path / "alone.journal", 20)


def test_a_trial_that_kills_every_worker_is_given_up_and_the_search_goes_on(tmp_path: Path) -> None:
    assert isinstance(run(tmp_path, searching(tmp_path, 4, 0.0, deadly="2")), Outcome)
    attempts = Counter(number for number, _ in begun(tmp_path))
    assert attempts == {0: 1, 1: 1, 2: MAX_ATTEMPTS, 3: 1}


def test_a_search_in_which_every_trial_kills_comes_to_an_end(tmp_path: Path) -> None:
    deadly = " ".join(map(str, range(9)))
    failure = run(tmp_path, searching(tmp_path, 9, 0.0, deadly=deadly))
    assert isinstance(failure, Failure)
    assert "was killed (SIGKILL)" in failure.reason
    assert len(begun(tmp_path)) == MOST_DEATHS


def test_nobody_goes_on_with_the_search_of_a_task_that_ran_out_of_time(tmp_path: Path) -> None:
    failure = run(tmp_path, searching(tmp_path, 1000, 0.1), timeout=4.0)
    assert isinstance(failure, Failure)
    assert "longer than --timeout 4 seconds" in failure.reason
    before = begun(tmp_path)
    time.sleep(0.5)
    assert begun(tmp_path) == before
