"""KerasTuner's oracles, which propose trials and are told what came of each.

Nothing else of KerasTuner is used. Its `Tuner` would end a search after three failures in a row,
reload an old project with another space without a word, and break on a half-written `oracle.json`.
Here an oracle keeps no files: it is made afresh by each process and asked for all earlier trials
again, one after the other.
"""

import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import optuna
from keras_tuner import HyperParameters
from keras_tuner import Objective as KerasTunerObjective
from keras_tuner import oracles as kt_oracles
from optuna.trial import FrozenTrial
from sklearn.exceptions import ConvergenceWarning

from ..records import ParamValue
from .optuna_engines import Proposal, Proposer
from .settings import SearchSettings
from .space import Condition, Kind, Parameter, Space

_STARTING_TRIALS = 10  # random ones before the Gaussian process, as many as Optuna's TPE takes
_NO_LIMIT = 10**9  # KerasTuner's own stop after three failures in a row is not wanted


class Oracles(Proposer):
    """Proposes what a KerasTuner oracle proposes.

    Args:
        settings: the engine, the seed and the goal.
        space: what is searched.
        start: parameters that the first trial has.
    """

    def __init__(
        self, settings: SearchSettings, space: Space, start: Mapping[str, ParamValue]
    ) -> None:
        self._space = space
        self._metric = settings.goals[0].metric
        self._start = {} if settings.engine == "keras-tuner:grid" else start
        self._oracle = _oracle(settings, hyperparameters(space))
        self._trial: Any = None  # KerasTuner's own, proposed last

    def propose(self, study: optuna.Study, number: int) -> Proposal | None:  # noqa: ARG002
        """Return the oracle's values for a trial, None if it has no more."""
        return self._create(number, {})

    def replay(self, number: int, row: FrozenTrial) -> None:
        """Propose an earlier trial again, and tell what came of it."""
        self._create(number, row.params)
        self.tell(row)

    def _create(self, number: int, known: Mapping[str, ParamValue]) -> Proposal | None:
        if isinstance(self._oracle, _GaussianProcess):
            self._oracle.known = known
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a length scale at its bound
            self._trial = self._oracle.create_trial(f"trial-{number}")
        if self._trial.status != "RUNNING":
            return None
        found = self._trial.hyperparameters
        found.values.update(known or ({} if number else self._start))
        found.ensure_active_values()
        values = {
            each.name: _inside(each, found.values[each.name])
            for each in self._space.searched
            if each.name in found.values
        }
        return Proposal(values=values, epochs=int(found.values.get("tuner/epochs", 0)))

    def tell(self, row: FrozenTrial) -> None:
        """Tell the oracle what came of the trial that was proposed last."""
        trial = self._trial
        trial.hyperparameters.values.update(row.params)
        if row.values:  # those of a pruned trial too
            self._oracle.update_trial(trial.trial_id, {self._metric: row.values[0]})
        trial.status = "COMPLETED" if row.values else "FAILED"
        self._oracle.end_trial(trial)


class _GaussianProcess(kt_oracles.BayesianOptimizationOracle):  # type: ignore[misc]  # untyped
    """KerasTuner's oracle without a fit of seconds for a trial whose values are known."""

    known: Mapping[str, ParamValue]

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the known values, or those of a new trial."""
        if self.known and len(self.trials) >= _STARTING_TRIALS:
            return {"status": "RUNNING", "values": dict(self.known)}
        found: dict[str, Any] = super().populate_space(trial_id)
        return found


def _inside(parameter: Parameter, value: ParamValue) -> ParamValue:
    """Undo what adding up steps does to a real number: 3 x 0.2 is above 0.6."""
    if parameter.kind is not Kind.FLOAT:
        return value
    low, high = parameter.bounds
    return min(max(float(value), low), high)


def _oracle(settings: SearchSettings, space: HyperParameters) -> Any:
    goal = settings.goals[0]
    shared = {
        "objective": KerasTunerObjective(goal.metric, "max" if goal.maximise else "min"),
        "hyperparameters": space,
        "seed": settings.seed + 1,  # 0 would be taken for none
        "max_consecutive_failed_trials": _NO_LIMIT,
        "allow_new_entries": False,
        "tune_new_entries": False,
    }
    if settings.engine == "keras-tuner:hyperband":
        oracle = kt_oracles.HyperbandOracle(
            max_epochs=settings.epochs, hyperband_iterations=_NO_LIMIT, **shared
        )
    elif settings.engine == "keras-tuner:bayesian":
        oracle = _GaussianProcess(max_trials=None, num_initial_points=_STARTING_TRIALS, **shared)
    elif settings.engine == "keras-tuner:grid":
        oracle = kt_oracles.GridSearchOracle(max_trials=None, **shared)
    else:
        oracle = kt_oracles.RandomSearchOracle(max_trials=None, **shared)
    oracle.verbose = 0
    oracle.save = lambda: None  # the study keeps everything; these would write n files n times
    oracle._save_trial = lambda _: None  # noqa: SLF001
    return oracle


def hyperparameters(space: Space) -> HyperParameters:
    """Return KerasTuner's form of a space; fixed parameters are left out."""
    found = HyperParameters()
    for parameter in space.searched:
        with ExitStack() as scopes:
            for condition in _conditions(space, parameter):
                scopes.enter_context(
                    found.conditional_scope(condition.name, list(condition.values))
                )
            _declare(found, parameter)
    return found


def _conditions(space: Space, parameter: Parameter) -> list[Condition]:
    """Return a parameter's conditions behind those they refer to; fixed ones hold or not."""
    found: list[Condition] = []
    for condition in parameter.when:
        parent = space[condition.name]
        found += [each for each in _conditions(space, parent) if each not in found]
        if parent.is_searched:
            found.append(condition)
    return found


def _declare(found: HyperParameters, parameter: Parameter) -> None:
    name = parameter.name
    sampling = "log" if parameter.log else "linear"
    if parameter.kind is Kind.FLOAT:
        low, high = parameter.bounds
        found.Float(name, low, high, step=parameter.step, sampling=sampling)
    elif parameter.kind is Kind.INT:
        low, high = (int(bound) for bound in parameter.bounds)
        step = {} if parameter.log else {"step": int(parameter.step or 1)}
        found.Int(name, low, high, sampling=sampling, **step)
    elif parameter.kind is Kind.BOOL:
        found.Boolean(name)
    else:
        found.Choice(name, list(parameter.choices))
