"""An outcome that cannot be logged costs its own run, and is logged at the next start."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmark.errors import AwayError
from benchmark.evaluation import write_predictions
from benchmark.jobs.execution import Execution
from benchmark.records import Outcome, Record, Seconds, Spec, State
from benchmark.request import Request
from benchmark.tracking import Run
from benchmark.worker import NotBegun
from tests.evaluation.made import predictions
from tests.plan.test_further import SLOW
from tests.plan.test_rank_on import index_of, split_of
from tests.worker.acting import outcome_of, spec_of

DEAD = "0123456789abcdef"
LIVING = "fedcba9876543210"


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
    logged: list[Path] = field(default_factory=list)
    is_full: bool = True

    def finish(self, run: Any, outcome: Outcome) -> Record:
        if self.is_full and outcome.spec.arch == "bad":
            raise OSError("no space left on device")
        self.logged.append(outcome.folder)
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
        begin: Callable[[Any], NotBegun | None],
        say: object,
        meanwhile: Callable[[], None],
    ) -> Iterator[tuple[Any, Outcome | NotBegun]]:
        meanwhile()
        waiting = list(tasks)
        while waiting:
            task = waiting.pop(0)
            match begin(task):
                case NotBegun.LATER:
                    waiting.append(task)
                case NotBegun.DONE:
                    yield task, NotBegun.DONE
                case _:
                    yield task, leave(task.folder, task.spec)


@dataclass(kw_only=True)
class Claimed:
    """A tracker that knows what others are at, or have made."""

    token: str = "own"
    others: dict[str, list[Record | None]] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    presets: list[str] = field(default_factory=list)

    def living(self) -> frozenset[str]:
        return frozenset({self.token, LIVING})

    def claim(self, parent: object, spec: Spec, preset: str) -> Run | Record | None:
        answers = self.others.get(spec.arch)
        return answers.pop(0) if answers else self.start(parent, spec, preset)

    def start(self, _parent: object, spec: Spec, preset: str) -> Run:
        self.begun.append(spec.arch)
        self.presets.append(preset)
        none = cast("Any", None)
        return Run(none, none, none, "r", spec, none)


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def execution(tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Execution:
    monkeypatch.setattr("benchmark.jobs.execution.Recorder", lambda *_: Recorder())
    tracker = Claimed()
    display = SimpleNamespace(note=said.append, begin=lambda name: None, end=lambda *_: None)
    plan = SimpleNamespace(jobs=())
    return Execution(
        prepared=cast(
            "Any",
            SimpleNamespace(
                index=SimpleNamespace(digest="d", name="phantom"),
                plan=plan,
                request=Request.read(
                    {"register": "none"}, [{"arch": "mlp"}, {"arch": "cnn", "preset": "quick"}]
                ),
            ),
        ),
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


def tracker(execution: Execution) -> Claimed:
    return cast("Claimed", execution.tracker)


def recorder(execution: Execution) -> Recorder:
    return cast("Recorder", execution._recorder)


def test_a_run_is_begun_with_the_preset_of_the_entry_that_asks_for_it(execution: Execution) -> None:
    planned, composite, other = spec_of("cnn"), spec_of("mlp"), replace(spec_of("cnn"), seed=9)
    job = SimpleNamespace(spec=planned, preset="best")
    object.__setattr__(execution.prepared.plan, "jobs", (job,))
    execution = replace(execution)
    for spec in (planned, composite, other):
        execution._claim(spec)
    assert tracker(execution).presets == ["best", "good", "quick"]


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


def test_a_store_that_stays_away_ends_the_benchmark_and_costs_no_outcome(
    execution: Execution, monkeypatch: pytest.MonkeyPatch
) -> None:
    def finish(*_: object) -> None:
        raise AwayError("the tracking store did not answer for 15 minutes")

    monkeypatch.setattr(recorder(execution), "finish", finish)
    with pytest.raises(AwayError, match="15 minutes"):
        run_tasks(execution, "good")
    assert recorder(execution).failed == []
    assert (execution.unlogged / spec_of("good").digest / "outcome.json").is_file()


def test_what_could_not_be_logged_is_logged_when_the_store_takes_it(
    execution: Execution, tmp_path: Path
) -> None:
    for arch in ("bad", "good"):
        leave(tmp_path / ".unlogged" / DEAD / spec_of(arch).digest, spec_of(arch))
    execution.log_leftovers()
    assert list(execution.done) == [spec_of("good").digest]
    assert [record.reason for record in execution.failed] == recorder(execution).failed
    assert (execution.unlogged / spec_of("bad").digest / "outcome.json").is_file()  # its own now
    recorder(execution).is_full = False
    execution.log_leftovers()
    assert set(execution.done) == {spec_of("good").digest, spec_of("bad").digest}
    assert not any((tmp_path / ".unlogged").iterdir())


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


@pytest.mark.parametrize("name", ["0123.part", "benchmark-files-a1b2c3"])
def test_what_the_dead_were_making_goes(name: str, execution: Execution, tmp_path: Path) -> None:
    half = tmp_path / ".unlogged" / DEAD / name
    half.mkdir(parents=True)
    (half / "model.keras").touch()
    execution.log_leftovers()
    assert not (tmp_path / ".unlogged" / DEAD).exists()
    assert execution.done == {}


def test_what_another_live_benchmark_has_not_logged_yet_is_left_to_it(
    execution: Execution, tmp_path: Path
) -> None:
    leave(tmp_path / ".unlogged" / LIVING / spec_of("good").digest, spec_of("good"))
    execution.log_leftovers()
    assert execution.done == {}
    assert (tmp_path / ".unlogged" / LIVING / spec_of("good").digest / "outcome.json").is_file()


@pytest.mark.parametrize(
    ("claimed", "is_left"), [(None, True), (State.FINISHED, False)], ids=["at it", "done"]
)
def test_an_outcome_of_the_dead_is_logged_by_one_benchmark_only(
    claimed: State | None, is_left: bool, execution: Execution, tmp_path: Path
) -> None:
    spec = spec_of("good")
    leave(tmp_path / ".unlogged" / DEAD / spec.digest, spec)
    others = tracker(execution).others
    others["good"] = [None if claimed is None else record_of(spec, claimed)]
    execution.log_leftovers()
    assert tracker(execution).begun == []
    assert (tmp_path / ".unlogged" / DEAD / spec.digest).exists() is is_left
    assert len(execution.done) == (not is_left)


def test_what_another_benchmark_is_at_is_told_once_and_its_run_is_taken(
    execution: Execution, said: list[str]
) -> None:
    made = record_of(spec_of("cnn"), State.FINISHED)
    tracker(execution).others["cnn"] = [None, None, None, made]
    run_tasks(execution, "cnn", "good")
    assert said == ["cnn is being trained by another benchmark; waiting"]
    assert tracker(execution).begun == ["good"]
    assert execution.done[spec_of("cnn").digest] is made
    assert len(execution.done) == 2


def test_a_spec_that_its_benchmark_gave_up_is_made_here(
    execution: Execution, said: list[str]
) -> None:
    tracker(execution).others["cnn"] = [None]
    run_tasks(execution, "cnn", "good")
    assert tracker(execution).begun == ["good", "cnn"]
    assert len(execution.done) == 2


def test_what_its_benchmark_had_trained_and_not_logged_when_it_died_is_logged_here(
    execution: Execution, said: list[str], tmp_path: Path
) -> None:
    spec = spec_of("cnn")
    left = leave(tmp_path / ".unlogged" / DEAD / spec.digest, spec)
    tracker(execution).others["cnn"] = [None]
    run_tasks(execution, "cnn")
    assert tracker(execution).begun == ["cnn"]
    assert execution.done[spec.digest].state is State.FINISHED
    assert recorder(execution).logged == [execution.unlogged / spec.digest]
    assert not left.folder.exists()


def test_who_wants_everything_anew_waits_for_nobody(execution: Execution, said: list[str]) -> None:
    request = replace(execution.prepared.request, resume=False)
    object.__setattr__(execution.prepared, "request", request)
    tracker(execution).others["cnn"] = [None]
    run_tasks(execution, "cnn")
    assert tracker(execution).begun == ["cnn"]
    assert said == []


@pytest.mark.parametrize(
    ("seconds_old", "is_left"), [(120, False), (5, True)], ids=["of the dead", "of the living"]
)
@pytest.mark.parametrize("place", ["checkpoints/0123/.0123-tail.npz.0a1b2c3d.part", ".b.md.0.part"])
def test_half_written_files_of_the_dead_go_at_the_next_start(
    place: str, seconds_old: float, is_left: bool, execution: Execution, tmp_path: Path
) -> None:
    part = tmp_path / place
    whole = part.with_name("0123-tail.npz")
    part.parent.mkdir(parents=True, exist_ok=True)
    whole.touch()
    part.touch()
    written = part.stat().st_mtime - seconds_old
    os.utime(part, (written, written))
    execution.log_leftovers()
    assert part.exists() is is_left
    assert whole.exists()


def test_a_network_that_would_take_too_long_is_not_trained_further_and_that_is_said(
    execution: Execution, said: list[str]
) -> None:
    prepared = SimpleNamespace(
        request=Request.read({"preset": "best"}),
        plan=SimpleNamespace(composites=("finetuned",)),
        index=index_of(1000),
        splits=[split_of(700, 100)],
    )
    execution.prepared = cast("Any", prepared)
    best = SimpleNamespace(members_in=lambda *_: (record_of(SLOW, State.FINISHED),))
    assert execution._composites(cast("Any", best), 0, 0) == []
    (note,) = said
    assert note.startswith("finetuned: skipped: 2 epochs of vgg19 would take longer than the 10 m")
