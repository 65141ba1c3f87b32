"""Workers that find no task waiting help with a search under way, and none of them is missed."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.records import Outcome
from benchmark.search import SearchSettings, parse_space, search
from benchmark.search.ledger import MAX_ATTEMPTS
from benchmark.worker.agenda import MOST_DEATHS
from benchmark.worker.messages import Event, Failure, Task, Tried
from benchmark.worker.pool import Pool
from tests.worker.acting import serve
from tests.worker.test_workers import task_of

pytestmark = pytest.mark.slow  # each starts processes

SPACE = parse_space(
    "about: one\nparameters:\n  rate: {type: float, low: 0.0, high: 1.0}\n",
    name="one",
    file="one.yaml",
)


def searching(folder: Path, trials: int, pause: float = 0.05, **job: str) -> Task:
    job |= {"trials": str(trials), "pause": str(pause)}
    return replace(task_of("search"), space=SPACE, storage=str(folder / "s.journal"), job=job)


def ignore(_task: Task, _event: Event) -> None:
    pass


def run(
    folder: Path,
    jobs: int,
    *tasks: Task,
    say: Callable[[Task, Event], None] = ignore,
    timeout: float = 0.0,
) -> list[Outcome | Failure]:
    with Pool(jobs, folder / "logs", timeout, serve) as pool:
        return [result for _, result in pool.run(tasks, lambda _task: None, say)]


def begun(folder: Path) -> list[tuple[int, int, bool]]:
    """Return number, process and whether it helped, of every attempt that was begun."""
    path = folder / "begun"
    lines = path.read_text().splitlines() if path.exists() else []
    words = [line.split() for line in lines]
    return [(int(number), int(pid), helps == "True") for number, pid, helps in words]


def values(folder: Path, trials: int) -> list[float]:
    """Return the values of a study that is at its end."""
    settings = SearchSettings(engine="optuna:random", trials=trials, seed=3)
    found = search(SPACE, lambda trial: trial.params.number("rate"), settings, str(folder))
    return [each.values[0] for each in found.trials]


def test_an_idle_worker_takes_its_share_of_the_trials(tmp_path: Path) -> None:
    told: list[int] = []

    def say(_task: Task, event: Event) -> None:
        told.extend([event.trial.number] if isinstance(event, Tried) else [])

    (outcome,) = run(tmp_path, 2, searching(tmp_path, 30, together="yes"), say=say)
    assert isinstance(outcome, Outcome)
    assert sorted(number for number, *_ in begun(tmp_path)) == list(range(30))
    assert sorted(told) == list(range(30))
    assert {helps for *_, helps in begun(tmp_path)} == {True, False}


def test_shared_or_not_a_random_search_has_the_same_trials(tmp_path: Path) -> None:
    run(tmp_path, 3, searching(tmp_path, 20))
    assert values(tmp_path / "s.journal", 20) == values(tmp_path / "alone.journal", 20)


@pytest.mark.parametrize("helps", [True, False], ids=["helper", "own worker"])
def test_a_worker_that_is_killed_loses_its_own_trial_only(helps: bool, tmp_path: Path) -> None:
    killed: list[int] = []

    def say(_task: Task, event: Event) -> None:
        at_work = [pid for _, pid, is_help in begun(tmp_path) if is_help is helps]
        if isinstance(event, Tried) and at_work and not killed:
            killed.append(at_work[-1])
            os.kill(at_work[-1], signal.SIGKILL)

    (outcome,) = run(tmp_path, 2, searching(tmp_path, 40, 0.2, together="yes"), say=say)
    assert isinstance(outcome, Outcome)
    attempts = Counter(number for number, *_ in begun(tmp_path))
    assert sorted(attempts) == list(range(40))
    assert sum(attempts.values()) <= 41
    assert len(killed) == 1
    assert values(tmp_path / "s.journal", 40) == values(tmp_path / "alone.journal", 40)


def test_a_trial_that_kills_every_worker_is_given_up_and_the_search_goes_on(tmp_path: Path) -> None:
    (outcome,) = run(tmp_path, 1, searching(tmp_path, 4, 0.0, deadly="2"))
    assert isinstance(outcome, Outcome)
    attempts = Counter(number for number, *_ in begun(tmp_path))
    assert attempts == {0: 1, 1: 1, 2: MAX_ATTEMPTS, 3: 1}


def test_a_search_in_which_every_trial_kills_comes_to_an_end(tmp_path: Path) -> None:
    deadly = " ".join(map(str, range(9)))
    (failure,) = run(tmp_path, 1, searching(tmp_path, 9, 0.0, deadly=deadly))
    assert isinstance(failure, Failure)
    assert "was killed (SIGKILL)" in failure.reason
    assert len(begun(tmp_path)) == MOST_DEATHS


def test_nobody_goes_on_with_the_search_of_a_task_that_ran_out_of_time(tmp_path: Path) -> None:
    (failure,) = run(tmp_path, 2, searching(tmp_path, 1000, 0.1), timeout=4.0)
    assert isinstance(failure, Failure)
    assert "longer than --timeout 4 seconds" in failure.reason
    time.sleep(0.5)
    before = begun(tmp_path)
    time.sleep(0.5)
    assert begun(tmp_path) == before


def test_a_task_that_waits_comes_before_helping(tmp_path: Path) -> None:
    ended: list[str] = []
    with Pool(2, tmp_path / "logs", 0.0, serve) as pool:
        tasks = [searching(tmp_path, 30, together="yes"), task_of("finish"), task_of("fail")]
        ended = [task.spec.arch for task, _ in pool.run(tasks, lambda _task: None, ignore)]
    assert ended == ["finish", "fail", "search"]
    assert any(helps for *_, helps in begun(tmp_path))


def test_the_next_tasks_wait_for_a_helper_to_come_to_its_end(tmp_path: Path) -> None:
    first = [searching(tmp_path, 12, linger="1.5", together="yes")]
    then = [task_of("finish"), task_of("finish")]
    with Pool(2, tmp_path / "logs", 0.0, serve) as pool:
        results = [
            result
            for tasks in (first, then)
            for _, result in pool.run(tasks, lambda _task: None, ignore)
        ]
    assert any(helps for *_, helps in begun(tmp_path))
    assert [type(result) for result in results] == [Outcome] * 3
