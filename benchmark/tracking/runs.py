"""A spec's run: begun, fed with epochs and trials, closed, and read back as a record."""

import json
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from .. import environment
from ..records import Epoch, Params, Record, Spec, State
from ..texts import last_parts, masked
from . import names
from .benchmarks import Benchmark, environment_tags
from .claims import FIRST, claim_of
from .experiments import Experiment
from .finishing import FinishedRun, log_finished
from .leases import Leases, close_run
from .library import record_of
from .models import spec_params
from .store import TrackingStore


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRun:
    """A finished trial as it is logged: a light run without a model, in three calls.

    Attributes:
        number: from 0, in the order in which trials began.
        params: its parameters.
        state: how it ended; `outcome` is the search's own word for it, `reason` says why.
        metrics: final figures by name; `steps` the objective's value by epoch or fold.
        started: when it began, in seconds since the epoch; `seconds` what it took.
    """

    number: int
    params: Params
    state: State
    outcome: str
    reason: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    steps: Mapping[int, float] = field(default_factory=dict)
    started: float
    seconds: float


class Run:
    """An open run. Epochs go to MLflow from a thread of its own, so that nobody waits for them.

    Attributes:
        run_id: MLflow's id.
        spec: what is run.
        parent: the benchmark's run.
        adopted: what MLflow knows of trials that an earlier, interrupted run of the same search
            had logged, by number: they stand below this run now.
        elsewhere: when trials began that stand below finished runs of the same search, by number:
            they stay there, and are not logged again.
        gone: how many trials that MLflow had were run anew: their study is no more.
    """

    def __init__(
        self,
        store: TrackingStore,
        experiment: Experiment,
        leases: Leases,
        run_id: str,
        spec: Spec,
        parent: Benchmark,
    ) -> None:
        self.run_id = run_id
        self.spec = spec
        self.parent = parent
        self.adopted: dict[int, Any] = {}
        self.elsewhere: dict[int, set[int]] = {}
        self.gone = 0
        self._store = store
        self._experiment = experiment
        self._leases = leases
        self._waiting: list[Any] = []
        self._logged: set[tuple[str, int]] = set()
        self._lock = threading.Lock()
        self._sender = ThreadPoolExecutor(max_workers=1, thread_name_prefix="epochs")
        self._sending: Future[None] | None = None

    def epoch(self, epoch: Epoch) -> None:
        """Log an epoch's metrics as `epoch_<metric>`, once however often it is reported."""
        from mlflow.entities import Metric

        if (epoch.stage, epoch.number) in self._logged:
            return
        self._logged.add((epoch.stage, epoch.number))
        now = environment.now_ms()
        metrics = [
            Metric(names.metric_name(f"epoch_{name}"), float(value), now, epoch.number)
            for name, value in epoch.metrics.items()
        ]
        with self._lock:
            self._waiting.extend(metrics)
        if self._sending is None or self._sending.done():
            if self._sending is not None:
                self._sending.result()
            self._sending = self._sender.submit(self._send)

    def flush(self) -> None:
        """Wait until every epoch is logged; whatever went wrong in the thread is raised here."""
        if self._sending is not None:
            self._sending.result()
        self._send()
        self._sender.shutdown()

    def log_trial(self, trial: TrialRun) -> None:
        """Log a finished trial of the search below this run, unless it is logged already."""
        from mlflow.entities import Metric, Param

        client = self._store.client
        began = int(1000 * trial.started)
        known = self.adopted.pop(trial.number, None)
        there = self.elsewhere.pop(trial.number, set())
        if (known is not None and known.start_time == began) or began in there:
            return
        self.gone += known is not None or bool(there)
        if known is not None:  # of a study that is no more
            client.delete_run(known.run_id)
        ended = began + int(1000 * trial.seconds)
        said = last_parts(masked(trial.reason))
        tags = {
            names.KIND: names.TRIAL,
            names.MLFLOW_PARENT: self.run_id,
            "outcome": trial.outcome,
            **self._leases.tag(),
            **({names.REASON: said[: names.TAG_LIMIT]} if said else {}),
        }
        title = f"{self.spec.arch} trial {trial.number}"
        child = client.create_run(
            self._experiment.id, start_time=began, run_name=title, tags=tags
        ).info.run_id
        final = {**trial.metrics, "trial_seconds": trial.seconds}
        metrics = [Metric(names.metric_name(name), each, ended, 0) for name, each in final.items()]
        metrics += [Metric("epoch_objective", each, ended, at) for at, each in trial.steps.items()]
        params = {"arch": self.spec.arch, "trial": trial.number, **trial.params}
        client.log_batch(
            child,
            metrics=metrics[: names.METRICS_LIMIT],
            params=[Param(name, str(each)[: names.PARAM_LIMIT]) for name, each in params.items()],
        )
        client.set_terminated(child, trial.state, end_time=ended)

    def finish(self, finished: FinishedRun) -> Record:
        """Log everything that came of the run and close it as FINISHED, which is the last step."""
        for epoch in finished.history:
            self.epoch(epoch)
        self.flush()
        synthetic = self.parent.synthetic
        log_finished(self._store, self._experiment, self.run_id, finished, synthetic=synthetic)
        self._store.client.set_terminated(self.run_id, State.FINISHED)
        self._leases.release(self.run_id)
        return self._record()

    def fail(self, reason: str, state: State = State.FAILED) -> Record:
        """Close a run that gave no outcome, with the reason."""
        self.flush()
        close_run(self._store, self.run_id, reason, state)
        self._leases.release(self.run_id)
        return self._record()

    def _send(self) -> None:
        while True:
            with self._lock:
                batch = self._waiting[: names.METRICS_LIMIT]
                self._waiting = self._waiting[names.METRICS_LIMIT :]
            if not batch:
                return
            self._store.client.log_batch(self.run_id, metrics=batch)

    def _record(self) -> Record:
        return record_of(self._store, self._store.client.get_run(self.run_id))


def create_run(
    store: TrackingStore,
    experiment: Experiment,
    leases: Leases,
    parent: Benchmark,
    spec: Spec,
    *,
    preset: str = "",
    asks: bool = False,
    kind: str = names.RUN,
) -> str:
    """Make the run of a spec below the benchmark's run, and hold it; return its id.

    Args:
        store: the tracking store.
        experiment: where the run is to be.
        leases: this process's; it holds the run from now on.
        parent: the benchmark's run.
        spec: what is run.
        preset: the name of what `auto` stood for where it was asked for.
        asks: whether it must win its claim before it goes on, rather than hold it at once.
        kind: what it is, a run that is ranked or a final one.
    """
    text = _spec_text(spec)
    tags = {
        **({names.KIND: kind, names.SPEC: text} if text else {}),
        names.MLFLOW_PARENT: parent.run_id,
        names.SPEC_DIGEST: spec.digest,
        names.DATA_DIGEST: spec.data_digest,
        names.SPLIT_DIGEST: spec.split_digest,
        names.SYNTHETIC: str(parent.synthetic).lower(),
        **environment_tags(),
        **({names.PRESET: preset} if preset else {}),
        names.CLAIM: claim_of(spec),
        **({} if asks else {names.TICKET: FIRST}),
        **leases.tag(),
    }
    title = _title(spec) + (" on train and val" if kind == names.FINAL else "")
    run_id = store.create_run(experiment.id, title, tags)
    leases.hold(run_id)
    return run_id


def open_run(
    store: TrackingStore,
    experiment: Experiment,
    leases: Leases,
    parent: Benchmark,
    spec: Spec,
    run_id: str,
    kind: str = names.RUN,
) -> Run:
    """Log what a run is of; a search takes over the trials that an interrupted one had logged.

    The arguments are as in `create_run`.
    """
    store.write_params(run_id, spec_params(spec))
    if not _spec_text(spec):  # a run without its spec is none of a benchmark's yet
        store.keep_text(run_id, json.dumps(spec.to_json(), ensure_ascii=False), names.SPEC_FILE)
        store.write_tags(run_id, {names.KIND: kind})
    run = Run(store, experiment, leases, run_id, spec, parent)
    if spec.search is not None:
        _adopt_trials(store, experiment, run)
    return run


def _spec_text(spec: Spec) -> str:
    """Return a spec as a tag holds it, nothing where it is too long for one."""
    text = json.dumps(spec.to_json(), ensure_ascii=False)
    return text if len(text) <= names.TAG_LIMIT else ""


def _title(spec: Spec) -> str:
    """Return the name that a person sees in the list of runs."""
    fold = "" if spec.fold is None else f" fold {spec.fold}"
    labels = "" if spec.labels == "true" else f" {spec.labels} labels"
    return f"{spec.arch} {spec.picture.side_px}px seed {spec.seed}{fold}{labels}"


def _adopt_trials(store: TrackingStore, experiment: Experiment, run: Run) -> None:
    """Put below a run the trials that interrupted runs of the same search had logged.

    The study goes on where it was, and would log them again; so each stands once in MLflow. Those
    of a finished run stay below it.
    """
    filter_ = (
        f"tags.{names.KIND} = '{names.RUN}' and tags.{names.DATA_DIGEST} = '{run.spec.data_digest}'"
    )
    for earlier in store.runs(experiment.id, filter_):
        is_other = earlier.data.params.get("arch", run.spec.arch) != run.spec.arch
        if is_other or earlier.info.status == State.RUNNING:
            continue
        if record_of(store, earlier).spec.without_budget != run.spec.without_budget:
            continue
        below = f"tags.`{names.MLFLOW_PARENT}` = '{earlier.info.run_id}'"
        for trial in store.runs(experiment.id, below):
            number = trial.data.params.get("trial")
            if earlier.info.status != State.FINISHED:
                _adopt(store, run, trial)
            elif number is not None:
                run.elsewhere.setdefault(int(number), set()).add(trial.info.start_time)


def _adopt(store: TrackingStore, run: Run, trial: Any) -> None:
    # Killed while it was logged; it will be again.
    is_half = trial.info.status in (State.RUNNING, State.KILLED)
    if is_half or (number := int(trial.data.params["trial"])) in run.adopted:
        store.client.delete_run(trial.info.run_id)
        return
    store.client.set_tag(trial.info.run_id, names.MLFLOW_PARENT, run.run_id)
    run.adopted[number] = trial.info
