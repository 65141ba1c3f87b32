"""A search's trials as light runs below the architecture's run: no model, three calls each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..records import Params, State
from . import names
from .experiments import Experiment
from .reading import record_of, search_runs
from .runs import LoggedTrial, Run
from .store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRun:
    """A finished trial as it is logged.

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


def adopt_trials(store: Store, experiment: Experiment, run: Run) -> None:
    """Put below a run the trials that interrupted runs of the same search had logged.

    The study goes on where it was, and would log them again; so each stands once in MLflow.
    """
    filter_ = (
        f"tags.{names.KIND} = '{names.RUN}' and attributes.status != 'FINISHED' "
        f"and tags.{names.DATA_DIGEST} = '{run.spec.data_digest}'"
    )
    for earlier in search_runs(store, experiment, filter_):
        if earlier.info.status == State.RUNNING:
            continue
        if record_of(store, earlier).spec.without_budget != run.spec.without_budget:
            continue
        below = f"tags.`{names.MLFLOW_PARENT}` = '{earlier.info.run_id}'"
        for trial in search_runs(store, experiment, below):
            _adopt(store, run, trial)


def _adopt(store: Store, run: Run, trial: Any) -> None:
    if trial.info.status == State.RUNNING:  # killed while it was logged; it will be again
        store.client.delete_run(trial.info.run_id)
        return
    number = int(trial.data.params["trial"])
    if number in run.adopted:
        store.client.delete_run(trial.info.run_id)
        return
    store.client.set_tag(trial.info.run_id, names.MLFLOW_PARENT, run.run_id)
    run.adopted[number] = LoggedTrial(run_id=trial.info.run_id, started=trial.info.start_time)


def log_trial(store: Store, experiment: Experiment, run: Run, trial: TrialRun) -> None:
    """Log a trial as a child of its architecture's run, unless it was adopted as such."""
    from mlflow.entities import Metric, Param

    began = int(1000 * trial.started)
    known = run.adopted.pop(trial.number, None)
    if known is not None and known.started == began:
        return
    if known is not None:  # of a study that is no more
        store.client.delete_run(known.run_id)
    ended = began + int(1000 * trial.seconds)
    tags = {
        names.KIND: names.TRIAL,
        names.MLFLOW_PARENT: run.run_id,
        "outcome": trial.outcome,
        **({names.REASON: trial.reason[: names.TAG_LIMIT]} if trial.reason else {}),
    }
    child = store.client.create_run(
        experiment.id,
        start_time=began,
        run_name=f"{run.spec.arch} trial {trial.number}",
        tags=tags,
    )
    final = {**trial.metrics, "trial_seconds": trial.seconds}
    metrics = [Metric(names.metric_name(name), value, ended, 0) for name, value in final.items()]
    metrics += [
        Metric("epoch_objective", value, ended, step) for step, value in trial.steps.items()
    ]
    params = [Param("arch", run.spec.arch), Param("trial", str(trial.number))]
    params += [Param(name, str(value)[: names.PARAM_LIMIT]) for name, value in trial.params.items()]
    store.client.log_batch(child.info.run_id, metrics=metrics[:1000], params=params)
    store.client.set_terminated(child.info.run_id, trial.state, end_time=ended)
