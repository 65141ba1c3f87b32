"""A spec's run while it lasts: begun, fed with epochs, failed."""

import json
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from .. import environment
from ..records import Epoch, Spec, State
from . import names
from .experiments import Experiment
from .parents import Parent, environment_tags, process_tags
from .store import Store

_BATCH = 1000  # MLflow's limit of metrics in one call


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedTrial:
    """A trial's run, and the millisecond since the epoch when the trial began."""

    run_id: str
    started: int


class Run:
    """An open run. Epochs go to MLflow from a thread of its own, so that nobody waits for them.

    Attributes:
        run_id: MLflow's id.
        spec: what is run.
        parent: the benchmark's run.
        adopted: trials that an earlier, interrupted run of the same search had logged, by number:
            they stand below this run now.
    """

    def __init__(self, store: Store, run_id: str, spec: Spec, parent: Parent) -> None:
        self.run_id = run_id
        self.spec = spec
        self.parent = parent
        self.adopted: dict[int, LoggedTrial] = {}
        self._store = store
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
        now = int(environment.now().timestamp() * 1000)
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

    def _send(self) -> None:
        while True:
            with self._lock:
                batch, self._waiting = self._waiting[:_BATCH], self._waiting[_BATCH:]
            if not batch:
                return
            self._store.client.log_batch(self.run_id, metrics=batch)


def start(store: Store, experiment: Experiment, parent: Parent, spec: Spec) -> Run:
    """Begin the run of a spec below the benchmark's run."""
    from mlflow.entities import Param

    text = json.dumps(spec.to_json(), ensure_ascii=False)
    opening = parent.opening
    tags = {
        names.KIND: names.RUN,
        names.MLFLOW_PARENT: parent.run_id,
        names.SPEC_DIGEST: spec.digest,
        names.DATA_DIGEST: spec.data_digest,
        names.SPLIT_DIGEST: spec.split_digest,
        names.SYNTHETIC: str(opening.synthetic).lower(),
        **environment_tags(),
        **process_tags(),
        **({names.SPEC: text} if len(text) <= names.TAG_LIMIT else {}),
    }
    run = store.client.create_run(
        experiment.id,
        start_time=int(environment.now().timestamp() * 1000),
        run_name=_title(spec),
        tags=tags,
    )
    run_id = run.info.run_id
    store.client.log_batch(
        run_id,
        params=[Param(name, value[: names.PARAM_LIMIT]) for name, value in flat(spec).items()],
    )
    if names.SPEC not in tags:
        store.client.log_text(run_id, text, names.SPEC_FILE)
    return Run(store, run_id, spec, parent)


def fail(store: Store, run: Run, reason: str, state: State) -> None:
    """Close a run that gave no outcome, with the reason."""
    run.flush()
    store.client.set_tag(run.run_id, names.REASON, reason[: names.TAG_LIMIT])
    store.client.set_terminated(run.run_id, state)


def flat(spec: Spec) -> dict[str, str]:
    """Return a spec as MLflow params: one name a field, its parameters under their own names."""
    fields = spec.to_json()
    nested: Mapping[str, Any] = {
        **fields.pop("picture"),
        **{f"search.{name}": value for name, value in (fields.pop("search") or {}).items()},
    }
    params = fields.pop("params")
    fields["members"] = ",".join(member[:12] for member in fields.pop("members"))
    own = {**fields, **nested}
    params = {f"params.{name}" if name in own else name: value for name, value in params.items()}
    return {name: str(value) for name, value in {**own, **params}.items() if value is not None}


def _title(spec: Spec) -> str:
    """Return the name that a person sees in the list of runs."""
    fold = "" if spec.fold is None else f" fold {spec.fold}"
    labels = "" if spec.labels == "true" else f" {spec.labels} labels"
    return f"{spec.arch} {spec.picture.side_px}px seed {spec.seed}{fold}{labels}"
