import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest

from benchmark.records import Outcome, Split
from benchmark.worker import pool as pool_room
from benchmark.worker.handle import Worker
from benchmark.worker.messages import Event, Failure, NotBegun, Ready, Stage, Task
from benchmark.worker.pool import Pool
from benchmark.zoo import Weights
from tests.worker.acting import serve, spec_of

pytestmark = pytest.mark.slow  # each starts processes


def task_of(arch: str) -> Task:
    none = np.zeros(0, dtype=np.int64)
    split = Split(
        scheme="official",
        train=none,
        val=none,
        test=none,
        test_is_copy=none.astype(bool),
        digest="",
    )
    return Task(
        spec=spec_of(arch),
        folder=Path("unused"),
        classes=("a", "b"),
        labels=none,
        hashes=(),
        paths=(),
        groups=(),
        units=none,
        split=split,
        pixels=Path("unused"),
        weights=Weights(kind="none", path=None, identity="none", note=""),
        cache=Path("unused"),
        cache_bytes=None,
        scratch=Path("unused"),
    )


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(tmp_path / "worker.log", serve)
    yield worker
    worker.kill()


def ignore(_event: Event) -> None:
    pass


def test_a_worker_passes_on_what_it_says_and_gives_the_outcome(worker: Worker) -> None:
    said: list[Event] = []
    outcome = worker.run(task_of("finish"), said.append)
    assert isinstance(outcome, Outcome)
    assert said == [Ready(seconds=0.0), Stage(name="act", total=None, unit="")]


def test_a_worker_is_used_again_after_a_failure_it_could_catch(worker: Worker) -> None:
    first = worker.pid
    failure = worker.run(task_of("fail"), ignore)
    assert failure == Failure(reason="ValueError: fail", traceback="Traceback")
    assert isinstance(worker.run(task_of("finish"), ignore), Outcome)
    assert worker.pid == first


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        ("killed", "the worker was killed (SIGKILL)"),
        ("crash", "crashed with signal SIGSEGV"),
        ("exit", "ended by itself with exit code 3"),
    ],
)
def test_a_death_costs_its_task_only_and_says_why(worker: Worker, act: str, reason: str) -> None:
    failure = worker.run(task_of(act), ignore)
    assert isinstance(failure, Failure)
    assert reason in failure.reason
    assert f"the task is {act}" in failure.traceback
    assert isinstance(worker.run(task_of("finish"), ignore), Outcome)


def test_a_task_over_its_time_is_ended(worker: Worker) -> None:
    failure = worker.run(task_of("hang"), ignore, timeout_seconds=0.5)
    assert isinstance(failure, Failure)
    assert "longer than --timeout 0.5 seconds" in failure.reason
    assert isinstance(worker.run(task_of("finish"), ignore), Outcome)


@pytest.mark.parametrize(
    ("threads", "own_word", "found"), [(0, "", "- 1 -"), (3, "", "3 1 3"), (3, "7", "7 1 3")]
)
def test_a_worker_computes_with_its_share_of_the_cores_and_heads_with_one(
    threads: int, own_word: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for word in filter(None, [own_word]):
        monkeypatch.setenv("OMP_NUM_THREADS", word)
    before = dict(os.environ)
    worker = Worker(tmp_path / "worker.log", serve, threads)
    assert dict(os.environ) == before
    result = worker.run(task_of("threads"), ignore)
    worker.close()
    assert isinstance(result, Failure)
    assert result.reason == found


def test_a_pool_runs_every_task_whatever_some_of_them_do(tmp_path: Path) -> None:
    acts = ["finish", "killed", "fail", "finish", "exit"]
    begun: list[str] = []
    with Pool(2, tmp_path, 0.0, serve) as pool:
        ended = {
            (task.spec.arch, type(result).__name__)
            for task, result in pool.run(
                [task_of(act) for act in acts],
                lambda task: begun.append(task.spec.arch),
                lambda task, event: None,
            )
        }
    assert sorted(begun) == sorted(acts)
    assert ended == {
        ("finish", "Outcome"),
        ("killed", "Failure"),
        ("fail", "Failure"),
        ("exit", "Failure"),
    }


def test_a_pool_raises_what_its_callbacks_raise(tmp_path: Path) -> None:
    def refuse(_task: Task) -> None:
        raise ConnectionError("no server")

    with Pool(1, tmp_path, 0.0, serve) as pool, pytest.raises(ConnectionError, match="no server"):
        list(pool.run([task_of("finish")], refuse, lambda task, event: None))


def test_a_task_that_is_put_off_goes_to_the_end_and_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_room, "AGAIN_SECONDS", 0.01)
    tasks = [task_of(act) for act in ("fail", "exit", "finish")]
    later = NotBegun.LATER
    said: dict[str, list[NotBegun | None]] = {
        "fail": [later, later, later, None],
        "exit": [later, NotBegun.DONE],
        "finish": [None],
    }
    asked: list[str] = []

    def begin(task: Task) -> NotBegun | None:
        asked.append(task.spec.arch)
        return said[task.spec.arch].pop(0)

    with Pool(1, tmp_path, 0.0, serve) as pool:
        found = list(pool.run(tasks, begin, lambda task, event: None))
    assert asked == ["fail", "exit", "finish", "fail", "exit", "fail", "fail"]
    assert [task.spec.arch for task, _ in found] == ["finish", "exit", "fail"]
    assert found[1][1] is NotBegun.DONE


def test_a_pool_that_only_waits_can_be_closed(tmp_path: Path) -> None:
    asked = threading.Event()

    def begin(_task: Task) -> NotBegun:
        asked.set()
        return NotBegun.LATER

    pool = Pool(1, tmp_path, 0.0, serve)
    results = pool.run([task_of("finish")], begin, lambda task, event: None)
    threading.Thread(target=lambda: next(results, None), daemon=True).start()
    assert asked.wait(60)
    began = time.monotonic()
    pool.close()
    assert time.monotonic() - began < 60


def test_a_closed_pool_begins_no_further_task_and_starts_no_process(tmp_path: Path) -> None:
    begun: list[str] = []
    working = threading.Event()
    pool = Pool(1, tmp_path, 0.0, serve)
    results = pool.run(
        [task_of("hang"), task_of("finish")],
        lambda task: begun.append(task.spec.arch),
        lambda task, event: working.set(),
    )
    ended: list[object] = []
    reader = threading.Thread(target=lambda: ended.append(next(results)[1]), daemon=True)
    reader.start()
    assert working.wait(60)
    pool.close()
    reader.join(60)
    time.sleep(0.5)  # what would begin has begun by then
    assert ended == [
        Failure(reason="the worker was closed before the task came to its end", traceback="")
    ]
    assert begun == ["hang"]
    assert not [child for child in psutil.Process().children() if "spawn_main" in command(child)]


def test_a_closed_worker_starts_no_process_again(worker: Worker) -> None:
    worker.close()
    worker.start()
    assert worker.pid is None
    failure = worker.run(task_of("finish"), ignore)
    assert isinstance(failure, Failure)
    assert "was closed" in failure.reason


def test_a_worker_killed_from_another_thread_gives_a_failure(worker: Worker) -> None:
    for _ in range(5):
        killer = threading.Thread(target=worker.kill)
        result = worker.run(task_of("hang"), partial(begin_once, killer))
        killer.join(60)
        assert isinstance(result, Failure)
        worker.start()


def begin_once(thread: threading.Thread, _event: Event) -> None:
    if thread.ident is None:
        thread.start()


def command(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


def test_a_worker_dies_with_a_killed_main_process(tmp_path: Path) -> None:
    script = (
        "import time; from pathlib import Path\n"
        "from benchmark.worker.handle import Worker; from tests.worker.acting import serve\n"
        "if __name__ == '__main__':\n"
        f"    worker = Worker(Path({str(tmp_path)!r}) / 'log', serve)\n"
        "    print(worker.pid, flush=True); time.sleep(600)\n"
    )
    path = tmp_path / "main.py"
    path.write_text(script)
    root = Path(__file__).parents[2]
    main = subprocess.Popen(
        [sys.executable, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(root)},
    )
    assert main.stdout is not None
    pid = int(main.stdout.readline())
    time.sleep(1.0)
    main.kill()
    main.wait()
    main.stdout.close()
    deadline = time.monotonic() + 60
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not psutil.pid_exists(pid)


def test_what_is_done_meanwhile_is_done_here_once_the_tasks_have_begun(tmp_path: Path) -> None:
    begun = threading.Event()
    done: list[tuple[bool, str]] = []

    def meanwhile() -> None:
        done.append((begun.wait(60), threading.current_thread().name))

    with Pool(1, tmp_path, 0.0, serve) as pool:
        ended = list(
            pool.run(
                [task_of("finish")], lambda _: begun.set(), lambda task, event: None, meanwhile
            )
        )
    assert len(ended) == 1
    assert done == [(True, threading.current_thread().name)]


def test_what_fails_meanwhile_is_raised_and_no_task_goes_on(tmp_path: Path) -> None:
    def meanwhile() -> None:
        raise OSError("no room")

    with Pool(1, tmp_path, 0.0, serve) as pool:
        with pytest.raises(OSError, match="no room"):
            list(pool.run([task_of("finish")], lambda _: None, lambda task, event: None, meanwhile))
        begun: list[Task] = []
        list(pool.run([task_of("finish")], begun.append, lambda task, event: None))
        assert len(begun) == 1
