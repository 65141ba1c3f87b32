"""One benchmark from its plan to its board: workers train, this process logs, ranks, registers."""

import json
import shutil
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..board import Board
from ..data import PAGE
from ..errors import AwayError, is_interruption, kind_and_line
from ..plan import Job, Prepared, composite_spec, too_long
from ..records import Epoch, Outcome, Record, Spec, State
from ..tracking import Benchmark, Run, Tracker
from ..worker import (
    Event,
    Failure,
    LazyPool,
    NotBegun,
    Task,
    Tried,
    complete_outcomes,
)
from ..zoo import FINETUNED, NONE
from .boards import SUBJECT_FILE, subject_of
from .composing import Networks, members_of, networks_on
from .image_jobs import audit_images, leave_page, leave_split
from .leftovers import read_left, remove_if_empty, remove_stale_parts, take
from .progress import Display, name_of, names_of
from .recording import Recorder, import_what_draws
from .tasks import job_task, plain_task


@dataclass(kw_only=True, eq=False)
class Execution:
    """A benchmark under way.

    Attributes:
        prepared: the images, the split and the plan.
        tracker: where runs are logged.
        parent: the benchmark's own run.
        display: what a person sees.
        folder: the experiment's folder under the output.
        pool: the workers.
        done: finished records by spec digest, found or made.
        failed: records of this benchmark that are not finished.
        board: the board, once there is one.
        files: texts of what was found before training, by file name.
    """

    prepared: Prepared
    tracker: Tracker
    parent: Benchmark
    display: Display
    folder: Path
    pool: LazyPool
    done: dict[str, Record] = field(default_factory=dict)
    failed: list[Record] = field(default_factory=list)
    board: Board | None = None
    files: dict[str, str] = field(default_factory=dict)
    _open: dict[str, Run] = field(default_factory=dict)
    _elsewhere: dict[str, Record] = field(default_factory=dict)  # made by others meanwhile
    _left: dict[str, Outcome] = field(default_factory=dict)  # trained by the dead meanwhile
    _waited_for: set[str] = field(default_factory=set)  # of which a person was told
    _kept: dict[str, Path] = field(default_factory=dict)  # trained and not logged, by spec digest
    _names: dict[str, str] = field(init=False)  # for people, by spec digest
    _presets: dict[str, str] = field(init=False)  # of what is planned, by spec digest
    _recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        self._names = names_of(job.spec for job in self.prepared.plan.jobs)
        self._presets = {job.spec.digest: job.preset for job in self.prepared.plan.jobs}
        self._recorder = Recorder(self.prepared, self.tracker, self.folder)

    @property
    def unlogged(self) -> Path:
        """Where this process's workers leave outcomes; a later process can tell whose they are."""
        return self.folder / ".unlogged" / self.tracker.token

    def run(self) -> None:
        """Run what the plan holds and is not done, then the composites."""
        plan, request = self.prepared.plan, self.prepared.request
        splits = len(self.prepared.splits)
        made = len(plan.composites) * splits * len(request.seed)
        self.display.plan(len(plan.jobs) + made)
        for job in plan.jobs:
            if job.spec.digest in self.done:
                self.display.end(self.done[job.spec.digest], self._name(job.spec))
        met = {**self.done, **(self._kept if request.resume else {})}
        tasks = [self._task(job) for job in plan.open_jobs(met)]
        with self._closed_on_error():
            if tasks:
                self.pool.open()  # TensorFlow is imported while the images are audited
            self.files["split.csv"] = leave_split(self.prepared, self.folder)
            found, self.files["audit.json"] = audit_images(self.prepared, self.folder, self.display)
            text = json.dumps(subject_of(self.prepared, found).to_json(), ensure_ascii=False)
            self.tracker.keep_text(self.parent, SUBJECT_FILE, text)

            def draw() -> None:
                self.files[PAGE] = leave_page(self.prepared, found, self.folder)
                if tasks:
                    import_what_draws()

            self.run_tasks(tasks, meanwhile=draw)
            for split in range(splits if plan.composites else 0):
                networks = networks_on(self.tracker, self.prepared, split)
                for seed in request.seed:
                    self.run_tasks(self._composites(networks, split, seed))
        self._tidy()

    @contextmanager
    def _closed_on_error(self) -> Iterator[None]:
        """End the workers and close what they were at, whatever goes wrong here."""
        try:
            yield
        except BaseException as error:
            self.pool.close()
            self.tracker.hurry()
            interrupted = is_interruption(error)
            for run in list(self._open.values()):
                with suppress(AwayError):  # a later start closes it
                    run.fail("interrupted" if interrupted else str(error), State.KILLED)
            if interrupted:
                raise KeyboardInterrupt from error
            raise

    def log_leftovers(self) -> None:
        """Log outcomes that a dead process's workers had finished and nobody had logged.

        What its workers had half written is taken away.
        """
        remove_stale_parts(self.folder)
        folders = sorted((self.folder / ".unlogged").glob("*"))
        living = self.tracker.living() - {self.tracker.token} if folders else ()
        for folder in folders:
            if folder.name in living:
                continue
            for left in complete_outcomes(folder):
                outcome = read_left(left, self.folder / "set-aside", self.display.note)
                if outcome is None:
                    continue
                if outcome.spec.data_digest == self.prepared.index.digest:
                    self._log_leftover(outcome)
            remove_if_empty(folder)

    def _log_leftover(self, outcome: Outcome) -> None:
        claimed = self.tracker.claim(self.parent, outcome.spec, self._preset(outcome.spec))
        if claimed is None:  # another benchmark logs it just now
            return
        if isinstance(claimed, Record):
            record = claimed
        else:
            outcome = take(outcome, self.unlogged)
            record = self._log(claimed, outcome)
        if record.state is State.FINISHED:
            self.done[outcome.spec.digest] = record
            shutil.rmtree(outcome.folder, ignore_errors=True)
        else:
            self.failed.append(record)

    def _log(self, run: Run, outcome: Outcome) -> Record:
        """Log an outcome; one that cannot be logged is a failure, and kept for the next start.

        Raises:
            AwayError: the store was waited for in vain; the outcome stays for a later start.
            Exception: the store takes not even the failure; the outcome stays likewise.
        """
        try:
            return self._recorder.finish(run, outcome)
        except AwayError:
            raise
        except Exception as error:  # noqa: BLE001  one architecture's failure costs itself only
            reason = f"trained, but could not be logged: {kind_and_line(error)}"
            record = self._recorder.fail(run, reason, traceback.format_exc())
            self._kept[run.spec.digest] = outcome.folder
            self.display.note(
                f"{self._name(run.spec)}: {reason}; it is kept, and logged at the next start"
            )
            return record

    def _tidy(self) -> None:
        """Take away this process's folders, and the ones around them where nothing else is in.

        What was trained and not logged stays.
        """
        for folder in self.unlogged.glob("*"):
            if folder not in self._kept.values():
                shutil.rmtree(folder, ignore_errors=True)
        remove_if_empty(self.unlogged)
        checkpoints = self.folder / "checkpoints"
        remove_stale_parts(self.folder)
        for folder in (*checkpoints.glob("*"), checkpoints, self.unlogged.parent):
            remove_if_empty(folder)

    def run_tasks(
        self, tasks: Sequence[Task], meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Run tasks in the pool and log what comes of each; a failure costs its own task only.

        `meanwhile` is called once, when the workers have begun.
        """
        if not tasks:
            meanwhile()
            return
        results = self.pool.open().run(tasks, self._begin, self._say, meanwhile)
        for left, (task, result) in zip(range(len(tasks) - 1, -1, -1), results, strict=True):
            if left == 1 and self.prepared.request.register.on(self.prepared.index.name):
                self.tracker.registry.expect()  # it imports beside the last task
            digest = task.spec.digest
            match result:
                case Failure(reason=reason, traceback=trace):
                    record = self._recorder.fail(self._open[digest], reason, trace)
                case Outcome():
                    record = self._log(self._open[digest], result)
                case NotBegun() if digest in self._left:
                    record = self._log(self._open[digest], self._left.pop(digest))
                case NotBegun():
                    record = self._elsewhere[digest]
            if record.state is State.FINISHED:
                self.done[digest] = record
            else:
                self.failed.append(record)
            self._open.pop(digest, None)
            self.display.end(record, self._name(task.spec))

    def _begin(self, task: Task) -> NotBegun | None:
        """Begin a task's run, unless another benchmark is at it or has finished it by now."""
        digest, name = task.spec.digest, self._name(task.spec)
        match self._claim(task.spec):
            case None:
                if digest not in self._waited_for:
                    self._waited_for.add(digest)
                    self.display.note(f"{name} is being trained by another benchmark; waiting")
                return NotBegun.LATER
            case Record() as record:
                self._elsewhere[digest] = record
                return NotBegun.DONE
            case Run() as run:
                self._open[digest] = run
                self.display.begin(name)
                if digest in self._waited_for and self._find_left(digest):
                    return NotBegun.DONE
        return None

    def _find_left(self, digest: str) -> bool:
        """Find what a benchmark that was waited for had trained and not logged when it died.

        It is logged in the main thread, which draws figures.
        """
        living = self.tracker.living()
        for path in (self.folder / ".unlogged").glob(f"*/{digest}/outcome.json"):
            if path.parents[1].name not in living:
                outcome = read_left(path.parent, self.folder / "set-aside", self.display.note)
                if outcome is not None:
                    self._left[digest] = take(outcome, self.unlogged)
                    return True
        return False

    def _claim(self, spec: Spec) -> Run | Record | None:
        """Claim a spec, or begin it whatever others do where a person wants everything anew."""
        if not self.prepared.request.resume:
            return self.tracker.start(self.parent, spec, self._preset(spec))
        return self.tracker.claim(self.parent, spec, self._preset(spec))

    def _preset(self, spec: Spec) -> str:
        """Return the preset that a spec was asked for with; a composite's is its part's."""
        return self._presets.get(spec.digest, self.prepared.request.part_of(spec.arch).preset)

    def _say(self, task: Task, event: Event) -> None:
        self.display.event(self._name(task.spec), event)
        run = self._open[task.spec.digest]
        match event:
            case Epoch():
                run.epoch(event)
            case Tried(trial=trial):
                self._recorder.log_trials(run, [trial])

    def _name(self, spec: Spec) -> str:
        return self._names.get(spec.digest, name_of(spec))

    def _task(self, job: Job) -> Task:
        return job_task(self.prepared, job, self.folder, self.unlogged)

    def _composites(self, networks: Networks, split: int, seed: int) -> list[Task]:
        """Return the composites' tasks on one split and seed, from what has finished by now."""
        prepared = self.prepared
        names = prepared.request.members
        tasks = []
        for name in prepared.plan.composites:
            members = networks.members_in(prepared.plan, name, names, seed)
            if not members:
                self.display.note(f"{name}: skipped: {networks.lacking(name, names)}")
                continue
            spec = composite_spec(
                prepared.request, name, prepared.index, prepared.splits[split], members
            )
            if not spec.epochs:
                self.display.note(f"{name}: skipped: {too_long(prepared.request, members)}")
                continue
            if prepared.request.resume and spec.digest in self._kept:
                continue
            self._recorder.noted[spec.digest] = networks.notes(members) if names else ()
            found = self.tracker.finished([spec.digest]) if prepared.request.resume else {}
            if spec.digest in found:
                self.done[spec.digest] = found[spec.digest]
                self.display.end(found[spec.digest], self._name(spec))
            else:
                task = plain_task(self.prepared, spec, split, NONE, self.folder, self.unlogged)
                task = replace(task, members=members_of(self.tracker, members))
                if name == FINETUNED:
                    begun = self._job_of(members[0])
                    task = replace(task, weights=begun.weights, space=begun.space)
                tasks.append(task)
        return tasks

    def _job_of(self, record: Record) -> Job:
        """Return the job of this plan that a finished run is of."""
        jobs = self.prepared.plan.jobs
        return next(job for job in jobs if job.spec.digest == record.spec.digest)
