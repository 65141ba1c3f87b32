"""Optuna's samplers and pruners, and how a seed gives the same trials after any interruption."""

import copy
import heapq
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial
from optuna.trial import Trial as Row

from ..records import Params, ParamValue
from ..seeds import derive
from .grid import Grid
from .ledger import Ledger
from .settings import SearchSettings
from .space import Kind, Parameter, Space

_WINDOW = 300  # chosen, not sourced: rows that a sampler sees
_BEST = 50  # of them, the best of all before; TPE takes 25 for its good ones


class Exhausted(Exception):  # noqa: N818 - the space is, and that is no error
    """An engine raises it when it has no further trial to propose."""


class NotYet(Exception):  # noqa: N818 - as above
    """An engine raises it when it proposes nothing before other trials have ended."""


class Proposals(BaseSampler):  # type: ignore[misc]  # optuna is untyped here
    """Base of samplers that propose all values of a trial at once, given our trial number."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._proposed: tuple[int, Mapping[str, ParamValue]] = (-1, {})

    def propose(self, trial: int) -> Mapping[str, ParamValue]:
        """Return the searched values of a trial, or raise `Exhausted`."""
        raise NotImplementedError

    def epochs(self, trial: int) -> int | None:  # noqa: ARG002 - most engines grant no epochs
        """Return how many epochs a trial may take, None for as many as the settings say."""
        return None

    def infer_relative_search_space(
        self,
        study: optuna.Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        """Leave every parameter to `sample_independent`."""
        return {}

    def sample_relative(
        self,
        study: optuna.Study,  # noqa: ARG002
        trial: FrozenTrial,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> dict[str, Any]:
        """Leave every parameter to `sample_independent`."""
        return {}

    def sample_independent(
        self,
        study: optuna.Study,  # noqa: ARG002
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,  # noqa: ARG002
    ) -> ParamValue:
        """Return the proposed value."""
        if self._proposed[0] != trial.number:
            number = self._ledger.trial_of(trial.number)
            assert number is not None
            self._proposed = (trial.number, self.propose(number))
        return self._proposed[1][param_name]


class GridPoints(Proposals):
    """Every point of the grid once.

    Optuna's GridSampler takes the product of all parameters, so that points which differ only in
    a parameter that is not there would be tried twice; and it lists the product in memory.
    """

    def __init__(self, ledger: Ledger, grid: Grid) -> None:
        super().__init__(ledger)
        self._grid = grid

    def propose(self, trial: int) -> Mapping[str, ParamValue]:
        """Return the point of that number."""
        if trial >= len(self._grid):
            raise Exhausted
        return self._grid.point(trial)


class Reseeded(BaseSampler):  # type: ignore[misc]  # optuna is untyped here
    """A sampler made afresh for each trial with a seed derived from the trial's number.

    So a trial depends on the seed, its number and the trials before it, and not on how often the
    process was started since.
    """

    def __init__(
        self,
        ledger: Ledger,
        make: Callable[[int], BaseSampler],
        seed: int,
        start: Mapping[str, ParamValue],
    ) -> None:
        self._ledger = ledger
        self._make = make
        self._seed = seed
        self._start = start
        self._row = -1
        self._sampler = make(seed)

    def _of(self, row: FrozenTrial) -> BaseSampler:
        if self._row != row.number:
            self._row = row.number
            trial = self._ledger.trial_of(row.number) or 0
            sampler = self._make(derive(self._seed, "trial", trial))
            self._sampler = sampler if trial else _fixed(self._start, sampler)
        return self._sampler

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Ask the trial's sampler."""
        return self._of(trial).infer_relative_search_space(_window(study, trial), trial)  # type: ignore[no-any-return]

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Ask the trial's sampler."""
        return self._of(trial).sample_relative(_window(study, trial), trial, search_space)  # type: ignore[no-any-return]

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Ask the trial's sampler."""
        sampler = self._of(trial)
        return sampler.sample_independent(
            _window(study, trial), trial, param_name, param_distribution
        )

    def after_trial(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        state: optuna.trial.TrialState,
        values: Any,
    ) -> None:
        """Tell the sampler what came of it; CMA-ES keeps its state this way."""
        self._sampler.after_trial(study, trial, state, values)


def _window(study: optuna.Study, row: FrozenTrial) -> optuna.Study:
    """Return a study's best and latest rows, so that a sampler's work does not grow for ever.

    TPE's cost grows with every row it weighs: 25 ms a trial after 400 trials of 16 parameters.
    """
    if len(study.directions) > 1 or row.number < _WINDOW:
        return study
    view = copy.copy(study)
    view._get_trials = lambda *asked, **named: _recent(study, *asked, **named)  # noqa: SLF001
    return view


def _recent(study: optuna.Study, *asked: Any, **named: Any) -> list[FrozenTrial]:
    rows: list[FrozenTrial] = study._get_trials(*asked, **named)  # noqa: SLF001 - samplers ask so
    if len(rows) <= _WINDOW:
        return rows
    latest, earlier = rows[-_WINDOW + _BEST :], rows[: -_WINDOW + _BEST]
    sign = 1.0 if study.directions[0] == optuna.study.StudyDirection.MINIMIZE else -1.0
    scored = [row for row in earlier if row.values]
    best = heapq.nsmallest(_BEST, scored, key=lambda row: (sign * row.values[0], row.number))
    return sorted(best, key=lambda row: row.number) + latest


def make_sampler(settings: SearchSettings, space: Space, ledger: Ledger) -> BaseSampler:
    """Make the sampler of an engine that optuna provides."""
    from optuna import samplers

    if settings.engine == "optuna:grid":
        return GridPoints(ledger, Grid(space, settings.seed))
    makers: dict[str, Callable[[int], BaseSampler]] = {
        "optuna:random": lambda seed: samplers.RandomSampler(seed=seed),
        "optuna:tpe": lambda seed: samplers.TPESampler(
            seed=seed, multivariate=True, group=True, constant_liar=True
        ),
        "optuna:cma-es": lambda seed: samplers.CmaEsSampler(
            seed=seed,
            independent_sampler=samplers.RandomSampler(seed=seed),
            warn_independent_sampling=False,
        ),
        # the points of one Sobol sequence: its scramble must not change from trial to trial
        "optuna:qmc": lambda seed: samplers.QMCSampler(
            seed=settings.seed,
            scramble=True,
            independent_sampler=samplers.RandomSampler(seed=seed),
            warn_independent_sampling=False,
            warn_asynchronous_seeding=False,
        ),
    }
    start = starting_values(space, settings.start)
    return Reseeded(ledger, _quietly(makers[settings.engine]), settings.seed, start)


def _fixed(values: Mapping[str, ParamValue], sampler: BaseSampler) -> BaseSampler:
    from optuna.samplers import PartialFixedSampler

    return _quietly(lambda _: PartialFixedSampler(dict(values), sampler))(0)


def _quietly(make: Callable[[int], BaseSampler]) -> Callable[[int], BaseSampler]:
    def maker(seed: int) -> BaseSampler:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return make(seed)

    return maker


def suggest(row: Row, space: Space) -> Params:
    """Draw the values of a trial, each active parameter in turn, and complete them."""
    values: dict[str, ParamValue] = {}
    for parameter in space.parameters:
        if not space.is_active(parameter, values):
            continue
        if parameter.kind is Kind.FIXED:
            values[parameter.name] = parameter.choices[0]
        elif parameter.is_searched:
            values[parameter.name] = _draw(row, parameter)
    return space.complete(values)


def _draw(row: Row, parameter: Parameter) -> ParamValue:
    name = parameter.name
    value: ParamValue
    if parameter.kind is Kind.FLOAT:
        low, high = parameter.bounds
        value = row.suggest_float(name, low, high, log=parameter.log, step=parameter.step)
    elif parameter.kind is Kind.INT:
        low, high = (int(bound) for bound in parameter.bounds)
        step = int(parameter.step or 1)
        value = row.suggest_int(name, low, high, log=parameter.log, step=step)
    else:
        value = row.suggest_categorical(name, parameter.grid())
    return value


def starting_values(space: Space, start: Params) -> dict[str, ParamValue]:
    """Return the values of `start` that the space allows."""
    return {
        parameter.name: start[parameter.name]
        for parameter in space.searched
        if parameter.name in start and parameter.holds(start[parameter.name])
    }
