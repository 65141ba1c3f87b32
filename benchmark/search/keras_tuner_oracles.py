"""KerasTuner's oracles behind the same ledger.

Only the oracle is used: it proposes, and is told what came of each trial. KerasTuner's `Tuner`
would end a search after three failures in a row, reload an old project with another space without
a word, and break on a half-written `oracle.json`. Here the ledger is the truth: an oracle is made
afresh by each process and told all earlier trials, so nothing of it needs to survive a kill.
"""

import warnings
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np
from keras_tuner import HyperParameters
from keras_tuner import Objective as KerasTunerObjective
from keras_tuner import oracles as kt_oracles
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as RowState
from sklearn.exceptions import ConvergenceWarning

from ..records import ParamValue
from ..seeds import derive
from .ledger import Ledger
from .optuna_samplers import Exhausted, NotYet, Proposals, starting_values
from .settings import SearchSettings
from .space import Condition, Kind, Parameter, Space

_STARTING_TRIALS = 10  # random ones before the Gaussian process, as many as optuna's TPE takes
_NO_LIMIT = 10**9  # KerasTuner's own stop after three failures in a row is not wanted


class Oracles(Proposals):
    """Proposes what a KerasTuner oracle proposes, given all trials before."""

    def __init__(self, ledger: Ledger, settings: SearchSettings, space: Space) -> None:
        super().__init__(ledger)
        self._settings = settings
        self._space = space
        self._start = starting_values(space, settings.start)
        self._oracle = _oracle(settings, hyperparameters(space))
        self._trials: list[Any] = []  # KerasTuner's trials, by our number
        self._ended: set[int] = set()

    @property
    def _is_grid(self) -> bool:
        return self._settings.engine == "keras-tuner:grid"

    def propose(self, trial: int) -> Mapping[str, ParamValue]:
        """Return the oracle's values for a trial.

        Raises:
            Exhausted: the oracle has no more.
            NotYet: the oracle waits for other trials to end.
        """
        while len(self._trials) <= trial:
            self._create(len(self._trials))
        self._end_finished(trial + 1)
        values = self._trials[trial].hyperparameters.values
        return {
            each.name: values[each.name] for each in self._space.searched if each.name in values
        }

    def epochs(self, trial: int) -> int | None:
        """Return how many epochs Hyperband grants a trial, None for any other oracle."""
        self.propose(trial)
        granted = self._trials[trial].hyperparameters.values.get("tuner/epochs")
        return None if granted is None else int(granted)

    def _create(self, number: int) -> None:
        """Let the oracle make a trial, the one that the ledger knows if it does."""
        self._end_finished(number)
        self._reseed(number)
        known = self._known(number)
        is_begun = number < len(self._ledger) and bool(self._ledger.last(number).params)
        if is_begun and self._settings.engine == "keras-tuner:bayesian":  # a fit of seconds saved
            self._oracle.populate_space = lambda _: {"status": "RUNNING", "values": known}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a length scale at its bound
            created = self._oracle.create_trial(f"trial-{number}")
        self._oracle.__dict__.pop("populate_space", None)
        if created.status == "STOPPED":
            raise Exhausted
        if created.status == "IDLE":
            raise NotYet
        created.hyperparameters.values.update(known)
        created.hyperparameters.ensure_active_values()
        self._trials.append(created)

    def _known(self, number: int) -> Mapping[str, ParamValue]:
        """Return the values that a trial has already, or those the first one must have."""
        values = dict(self._ledger.last(number).params) if number < len(self._ledger) else {}
        if not values and number == 0 and not self._is_grid:
            return self._start
        return values

    def _reseed(self, number: int) -> None:
        """Make the next proposal depend on nothing but the seed, the number and the past."""
        seed = derive(self._settings.seed, "trial", number)
        self._oracle._seed_state = seed  # noqa: SLF001 - KerasTuner offers no other way
        self._oracle._random_state = np.random.RandomState(seed)  # noqa: SLF001

    def _end_finished(self, before: int) -> None:
        """Tell the oracle of trials that have ended; the grid goes on whatever came of them."""
        for number in range(min(before, len(self._trials))):
            if number in self._ended:
                continue
            row = self._ledger.last(number)
            if row.state.is_finished() or (self._is_grid and number < before):
                self._end(number, row)

    def _end(self, number: int, row: FrozenTrial) -> None:
        trial = self._trials[number]
        trial.hyperparameters.values.update(row.params)
        has_score = row.state in (RowState.COMPLETE, RowState.PRUNED) and row.values
        if has_score:
            metric = self._settings.goals[0].metric
            self._oracle.update_trial(trial.trial_id, {metric: row.values[0]})
        trial.status = "COMPLETED" if has_score else "FAILED"
        self._oracle.end_trial(trial)
        self._ended.add(number)


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
        oracle = kt_oracles.BayesianOptimizationOracle(
            max_trials=None, num_initial_points=_STARTING_TRIALS, **shared
        )
    elif settings.engine == "keras-tuner:grid":
        oracle = kt_oracles.GridSearchOracle(max_trials=None, **shared)
    else:
        oracle = kt_oracles.RandomSearchOracle(max_trials=None, **shared)
    oracle.verbose = 0
    oracle.save = lambda: None  # the ledger keeps everything; these would write n files n times
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
