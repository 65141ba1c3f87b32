"""A search's trials as light runs below the architecture's run: no model, three calls each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..records import Params, State
from . import names
from .experiments import Experiment
from .runs import Run
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


def log_trial(store: Store, experiment: Experiment, run: Run, trial: TrialRun) -> None:
    """Log a trial as a child of its architecture's run."""
    from mlflow.entities import Metric, Param

    began = int(1000 * trial.started)
    ended = began + int(1000 * trial.seconds)
    tags = {
        names.KIND: names.TRIAL,
        "mlflow.parentRunId": run.run_id,
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
