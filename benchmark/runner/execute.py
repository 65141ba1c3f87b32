"""One benchmark from its plan to its board: workers train, this process logs, ranks, registers."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from .. import environment
from ..board import Board
from ..data import (
    PAGE,
    Audit,
    Decoded,
    Severity,
    audit,
    audit_table,
    explore,
    read_policy,
)
from ..evaluation import Caption, read_predictions, score
from ..records import Epoch, Outcome, Record, Seconds, Spec, State, digest
from ..search import SearchResult, TrialRecord
from ..tracking import Evidence, Parent, Run, Tracker
from ..training import Member
from ..zoo import NONE
from .evidence import figures_of, tables_of
from .members import choose_members, lacking
from .outcomes import complete_outcomes, read_history, read_outcome
from .plan import Job, composite_spec, member_names
from .pool import Pool
from .prepare import Prepared
from .progress import Display, StageOf, spec_name
from .searches import (
    SEARCH_FILE,
    read_search,
    search_figures,
    search_scores,
    trial_run,
)
from .task import Event, Failure, Task, Tried
from .tasks import job_task, plain_task

_AUDIT = "audit"


@dataclass(kw_only=True, eq=False)
class Execution:
    """A benchmark under way.

    Attributes:
        prepared: the images, the split and the plan.
        tracker: where runs are logged.
        parent: the benchmark's own run.
        display: what a person sees.
        folder: the experiment's folder under the output.
        done: finished records by spec digest, found or made.
        failed: records of this benchmark that are not finished.
        board: the board, once there is one.
    """

    prepared: Prepared
    tracker: Tracker
    parent: Parent
    display: Display
    folder: Path
    done: dict[str, Record] = field(default_factory=dict)
    failed: list[Record] = field(default_factory=list)
    board: Board | None = None
    _open: dict[str, Run] = field(default_factory=dict)
    _logged_trials: dict[str, set[int]] = field(default_factory=dict)

    @property
    def unlogged(self) -> Path:
        """Where this process's workers leave outcomes; a later process can tell whose they are."""
        process = environment.this_process()
        return self.folder / ".unlogged" / f"{process.host}={process.pid}={process.started}"

    def run(self) -> None:
        """Run what the plan holds and is not done, then the composites."""
        plan, request = self.prepared.plan, self.prepared.request
        splits = len(self.prepared.splits)
        made = len(plan.composites) * splits * len(request.seed)
        self.display.plan(len(plan.jobs) + made)
        for job in plan.jobs:
            if job.spec.digest in self.done:
                self.display.end(self.done[job.spec.digest])
        tasks = [self._task(job) for job in plan.open_jobs(self.done)]
        with self._workers() as pool:
            if tasks:
                pool.open()  # TensorFlow is imported there while the images are looked at here
            self._look()
            self._run_tasks(pool, tasks)
            for split in range(splits):
                for seed in request.seed:
                    self._run_tasks(pool, self._composites(split, seed))

    @contextmanager
    def _workers(self) -> Iterator["_LazyPool"]:
        pool = _LazyPool(
            self.prepared.request.jobs, self.folder / "logs", self.prepared.request.timeout
        )
        try:
            yield pool
        except BaseException as error:
            pool.close()
            reason = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
            for run in list(self._open.values()):
                self.tracker.fail(run, reason, State.KILLED)
            raise
        pool.close()
        shutil.rmtree(self.unlogged, ignore_errors=True)

    def _look(self) -> None:
        """Audit the images as published, say what was found, and keep the whole of it."""
        prepared = self.prepared
        progress = StageOf(self.display, _AUDIT)
        self.display.begin(_AUDIT)
        found = audit(
            prepared.index, prepared.facts, prepared.pixels, cache=prepared.cache, progress=progress
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        found.write(self.folder / "audit.json")
        self._draw(found)
        grave = [each for each in found.findings if each.severity is not Severity.INFO]
        if grave:
            self.display.show(audit_table(replace(found, findings=tuple(grave))))

    def _draw(self, found: Audit) -> None:
        """Draw the page about the images, once for the same images and policy."""
        prepared = self.prepared
        policy = read_policy(prepared.request.augmentation)
        decoded = Decoded(index=prepared.index, pixels=prepared.pixels, facts=prepared.facts)
        seed = prepared.request.seed[0]
        split = prepared.splits[0]
        names = [prepared.index.digest, prepared.pixels.digest, split.digest, policy.text, seed]

        def build(folder: Path) -> None:
            explore(decoded, policy, folder, split=split, audit=found, seed=seed)

        page = prepared.cache.entry("explore", digest(names), build) / PAGE
        shutil.copyfile(page, self.folder / PAGE)

    def log_leftovers(self) -> None:
        """Log outcomes that a dead process's workers had finished and nobody had logged."""
        for folder in sorted((self.folder / ".unlogged").glob("*")):
            if _is_alive(folder.name):
                continue
            for left in complete_outcomes(folder):
                outcome = read_outcome(left)
                known = self.tracker.finished([outcome.spec.digest])
                if outcome.spec.digest not in known:
                    self._finish(self.tracker.start(self.parent, outcome.spec), outcome)
            shutil.rmtree(folder, ignore_errors=True)

    def _run_tasks(self, pool: "_LazyPool", tasks: Sequence[Task]) -> None:
        if not tasks:
            return
        for task, result in pool.open().run(tasks, self._begin, self._say):
            run = self._open[task.spec.digest]
            match result:
                case Failure(reason=reason, traceback=traceback):
                    record = self.tracker.fail(run, reason)
                    self._write_traceback(task, traceback)
                    self.failed.append(record)
                case Outcome():
                    record = self._finish(run, result)
            del self._open[task.spec.digest]
            self.display.end(record)

    def _begin(self, task: Task) -> None:
        self.display.begin(_name(task.spec))
        self._open[task.spec.digest] = self.tracker.start(self.parent, task.spec)

    def _say(self, task: Task, event: Event) -> None:
        self.display.event(_name(task.spec), event)
        run = self._open[task.spec.digest]
        match event:
            case Epoch():
                run.epoch(event)
            case Tried(trial=trial):
                self._log_trials(run, [trial])

    def _log_trials(self, run: Run, trials: Sequence[TrialRecord]) -> None:
        """Log trials as runs, each once, up to the number that a person wants to see in MLflow."""
        logged = self._logged_trials.setdefault(run.run_id, set())
        for trial in trials:
            if trial.number not in logged and len(logged) < self.prepared.request.log_trials:
                logged.add(trial.number)
                self.tracker.log_trial(run, trial_run(trial, run.spec))

    def _finish(self, run: Run, outcome: Outcome) -> Record:
        """Log an outcome; its prediction table stays among the results, the rest is taken away."""
        predictions = read_predictions(outcome.folder / "predictions.parquet")
        history = read_history(outcome.folder)
        caption = Caption(
            arch=_name(outcome.spec),
            data=outcome.spec.data,
            synthetic=self.prepared.index.synthetic,
        )
        outcome = replace(outcome, facts={**outcome.facts, **self._weights_note(outcome.spec)})
        outcome = replace(outcome, seconds=self._from_nothing(outcome))
        found = self._search_of(outcome)
        if found is not None:
            self._log_trials(run, found.trials)
            found.write(outcome.folder / "trials.parquet")
        scores = score(predictions)
        record = self.tracker.finish(
            run,
            Evidence(
                outcome=outcome,
                predictions=predictions,
                scores={**scores, **(search_scores(found, scores) if found else {})},
                history=history,
                figures={
                    **figures_of(predictions, history, caption),
                    **(search_figures(found) if found else {}),
                },
                tables=tables_of(predictions),
            ),
        )
        self._keep(outcome)
        self.done[outcome.spec.digest] = record
        return record

    def _write_traceback(self, task: Task, traceback: str) -> None:
        path = self.folder / "logs" / f"{task.spec.arch.replace(':', '-')}-failure.log"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(traceback)

    def _from_nothing(self, outcome: Outcome) -> Seconds:
        """Give what an outcome cost from nothing: a composite is charged for its members too."""
        members = self.tracker.finished(outcome.spec.members) if outcome.spec.members else {}
        own, each = outcome.seconds, [record.seconds for record in members.values()]
        return own.having(
            decode=max([own.decode, *(member.decode for member in each)]),
            features=own.features + sum(member.features for member in each),
            head=own.head + sum(member.head for member in each),
            search=own.search + sum(member.search for member in each),
        )

    def _search_of(self, outcome: Outcome) -> SearchResult | None:
        path = outcome.folder / SEARCH_FILE
        if not path.is_file():
            return None
        spaces = {job.spec.arch: job.space for job in self.prepared.plan.jobs}
        space = spaces.get(outcome.spec.arch)
        return None if space is None else read_search(path, space)

    def _keep(self, outcome: Outcome) -> None:
        kept = self.folder / "predictions"
        kept.mkdir(parents=True, exist_ok=True)
        name = f"{outcome.spec.arch.replace(':', '-')}-{outcome.spec.digest[:12]}.parquet"
        shutil.move(outcome.folder / "predictions.parquet", kept / name)
        shutil.rmtree(outcome.folder)

    def _weights_note(self, spec: Spec) -> dict[str, str]:
        """Give the tag that says why a network has other weights than were asked for."""
        for job in self.prepared.plan.jobs:
            if job.spec.arch == spec.arch and job.weights.note:
                return {"weights_note": job.weights.note}
        return {}

    def _task(self, job: Job) -> Task:
        return job_task(self.prepared, job, self.folder, self.unlogged)

    def _composites(self, split: int, seed: int) -> list[Task]:
        """Give the composites' tasks on one split and seed, from what has finished by now."""
        prepared = self.prepared
        names = member_names(prepared.request.members)
        fit = list(self._comparable(split, seed))
        tasks = []
        for name in prepared.plan.composites:
            members = choose_members(name, fit, names)
            if not members:
                self.display.note(f"{name}: skipped: {lacking(name, names)}")
                continue
            spec = composite_spec(
                prepared.request, name, prepared.index, prepared.splits[split], members
            )
            found = self.tracker.finished([spec.digest]) if prepared.request.resume else {}
            if spec.digest in found:
                self.done[spec.digest] = found[spec.digest]
                self.display.end(found[spec.digest])
            else:
                task = plain_task(self.prepared, spec, split, NONE, self.folder, self.unlogged)
                tasks.append(replace(task, members=self._members(members)))
        return tasks

    def _comparable(self, split: int, seed: int) -> Iterator[Record]:
        """Give finished runs on the same images, split, picture and seed, whoever made them."""
        digest = self.prepared.splits[split].digest
        picture = self.prepared.picture
        records = self.tracker.records(self.prepared.index.digest)
        known = {record.spec.digest: record for record in records if record.model_id}
        for record in {**known, **self.done}.values():
            spec = record.spec
            if (spec.split_digest, spec.seed, record.final.picture) == (digest, seed, picture):
                yield record

    def _members(self, records: Sequence[Record]) -> tuple[Member, ...]:
        return tuple(
            Member(
                digest=record.spec.digest,
                arch=record.spec.arch,
                network=self.tracker.network_path(record),
                predictions=self.tracker.predictions(record),
                spec=record.final,
            )
            for record in records
        )


class _LazyPool:
    """A pool that is made when the first task needs it: a finished benchmark starts no worker."""

    def __init__(self, jobs: int, logs: Path, timeout_seconds: float) -> None:
        self._made: Pool | None = None
        self._jobs, self._logs, self._timeout = jobs, logs, timeout_seconds

    def open(self) -> Pool:
        if self._made is None:
            self._made = Pool(self._jobs, self._logs, self._timeout)
        return self._made

    def close(self) -> None:
        if self._made is not None:
            self._made.close()


def _name(spec: Spec) -> str:
    return spec_name(spec.arch, spec.seed, spec.fold)


def _is_alive(name: str) -> bool:
    """Whether the process that a folder of outcomes is named after still runs."""
    host, pid, started = (*name.split("="), "", "")[:3]
    if not pid.isdigit():
        return False
    return environment.Process(host=host, pid=int(pid), started=started).is_alive
