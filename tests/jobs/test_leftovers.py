"""An outcome that cannot be logged costs its own run, and is logged at the next start."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmark.evaluation import write_predictions
from benchmark.jobs.execution import Execution
from benchmark.records import Outcome, Record, Seconds, Spec, State
from tests.evaluation.made import predictions
from tests.worker.acting import outcome_of, spec_of

DEAD = f"{socket.gethostname()}=999999999=long ago"


def record_of(spec: Spec, state: State, reason: str = "") -> Record:
    return Record(
        spec=spec,
        run_id="r",
        model_id="",
        state=state,
        reason=reason,
        scores={},
        seconds=Seconds(),
        parameters=1,
        model_bytes=1,
        milliseconds_per_image=1.0,
        started=0.0,
    )


@dataclass(kw_only=True)
class Recorder:
    """A recorder that cannot log the architecture `bad` while the disk is full."""

    failed: list[str] = field(default_factory=list)
    is_full: bool = True

    def finish(self, run: Any, outcome: Outcome) -> Record:
        if self.is_full and outcome.spec.arch == "bad":
            raise OSError("no space left on device")
        return record_of(outcome.spec, State.FINISHED)

    def fail(self, run: Any, reason: str, traceback: str) -> Record:
        assert "Traceback" in traceback
        self.failed.append(reason)
        return record_of(run.spec, State.FAILED, reason)


class Pool:
    """A pool whose tasks all end well."""

    def open(self) -> "Pool":
        return self

    def run(
        self,
        tasks: list[Any],
        begin: Callable[[Any], None],
        say: object,
        meanwhile: Callable[[], None],
    ) -> Iterator[tuple[Any, Outcome]]:
        meanwhile()
        for task in tasks:
            begin(task)
            yield task, leave(task.folder, task.spec)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def execution(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Execution:
    monkeypatch.setattr("benchmark.jobs.execution.Recorder", lambda *_: Recorder())
    tracker = SimpleNamespace(
        finished=lambda digests: {}, start=lambda parent, spec: SimpleNamespace(spec=spec)
    )
    display = SimpleNamespace(note=said.append, begin=lambda name: None, end=lambda *_: None)
    plan = SimpleNamespace(jobs=())
    return Execution(
        prepared=cast("Any", SimpleNamespace(index=SimpleNamespace(digest="d"), plan=plan)),
        tracker=cast("Any", tracker),
        parent=cast("Any", None),
        display=cast("Any", display),
        folder=tmp_path,
        pool=cast("Any", Pool()),
    )


def leave(folder: Path, spec: Spec) -> Outcome:
    """Leave an outcome as a worker does."""
    outcome = outcome_of(cast("Any", SimpleNamespace(spec=spec, folder=folder)))
    names = [name for name in Outcome.__slots__ if name != "folder"]
    values = {name: getattr(outcome, name) for name in names}
    own = {"spec": spec.to_json(), "seconds": asdict(outcome.seconds), "facts": {}}
    folder.mkdir(parents=True)
    write_predictions(predictions(images=6), folder / "predictions.parquet")
    (folder / "history.json").write_text("[]")
    (folder / "outcome.json").write_text(json.dumps({**values, **own}))
    return outcome


def run_tasks(execution: Execution, *architectures: str) -> None:
    specs = [spec_of(arch) for arch in architectures]
    tasks = [SimpleNamespace(spec=spec, folder=execution.unlogged / spec.digest) for spec in specs]
    execution.run_tasks(cast("Any", tasks))


def recorder(execution: Execution) -> Recorder:
    return cast("Recorder", execution._recorder)


def test_an_outcome_that_cannot_be_logged_costs_its_own_architecture_only(
    execution: Execution, said: list[str]
) -> None:
    run_tasks(execution, "bad", "good")
    assert [record.spec.arch for record in execution.done.values()] == ["good"]
    (failed,) = execution.failed
    assert failed.reason == ("trained, but could not be logged: OSError: no space left on device")
    execution._tidy()
    assert (execution.unlogged / spec_of("bad").digest / "outcome.json").is_file()
    assert not (execution.unlogged / spec_of("good").digest).exists()
    assert "it is kept, and logged at the next start" in said[0]


def test_what_could_not_be_logged_is_logged_when_the_store_takes_it(
    execution: Execution, tmp_path: Path
) -> None:
    for arch in ("bad", "good"):
        leave(tmp_path / ".unlogged" / DEAD / spec_of(arch).digest, spec_of(arch))
    execution.log_leftovers()
    assert list(execution.done) == [spec_of("good").digest]
    assert [record.reason for record in execution.failed] == recorder(execution).failed
    assert (tmp_path / ".unlogged" / DEAD / spec_of("bad").digest / "outcome.json").is_file()
    recorder(execution).is_full = False
    execution.log_leftovers()
    assert set(execution.done) == {spec_of("good").digest, spec_of("bad").digest}
    assert not (tmp_path / ".unlogged" / DEAD).exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("outcome.json", "cannot be read: JSONDecodeError"),
        ("history.json", "cannot be read: JSONDecodeError"),
        ("predictions.parquet", "cannot be read: DataError"),
    ],
)
def test_a_leftover_that_cannot_be_read_is_set_aside_with_a_note(
    name: str, reason: str, execution: Execution, said: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / ".unlogged" / DEAD / "x"
    leave(folder, spec_of("good"))
    (folder / name).write_text("{")
    execution.log_leftovers()
    assert reason in said[0]
    assert (tmp_path / "set-aside" / "x" / "outcome.json").is_file()


def test_leftovers_of_other_images_are_left_for_their_own_benchmark(
    execution: Execution, tmp_path: Path
) -> None:
    spec = replace(spec_of("good"), data_digest="other")
    folder = tmp_path / ".unlogged" / DEAD / spec.digest
    leave(folder, spec)
    execution.log_leftovers()
    assert execution.done == {}
    assert (folder / "outcome.json").is_file()


@pytest.mark.parametrize(
    ("pid", "seconds_old", "is_left"),
    [(999999999, 120, False), (999999999, 5, True), (os.getpid(), 120, True)],
    ids=["of a dead process", "of another machine, it may be", "of a living process"],
)
def test_half_written_checkpoints_of_the_dead_go_at_the_next_start(
    pid: int, seconds_old: float, is_left: bool, execution: Execution, tmp_path: Path
) -> None:
    part = tmp_path / "checkpoints" / "0123" / f".0123-tail.npz.{pid}.part"
    whole = part.with_name("0123-tail.npz")
    part.parent.mkdir(parents=True)
    whole.touch()
    part.touch()
    written = part.stat().st_mtime - seconds_old
    os.utime(part, (written, written))
    execution.log_leftovers()
    assert part.exists() is is_left
    assert whole.exists()
