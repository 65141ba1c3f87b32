"""Optuna's samplers and pruners, and the grid of a space."""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
)
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial
from optuna.trial import Trial as Row

from ..records import Params, ParamValue
from ..seeds import derive, generator
from .settings import SearchSettings
from .space import Kind, Parameter, Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What an engine settles of a trial before its sampler draws the rest.

    Attributes:
        values: parameters and their values.
        epochs: how many epochs the trial may take, 0 for as many as the settings say.
    """

    values: Mapping[str, ParamValue] = field(default_factory=dict)
    epochs: int = 0


class Proposer:
    """Base of what chooses the trials of a search, one after the other."""

    def propose(self, study: optuna.Study, number: int) -> Proposal | None:
        """Return what trial `number` is to be, None if there is no further one.

        Sets the study's sampler where that is to draw.
        """
        raise NotImplementedError

    def tell(self, row: FrozenTrial) -> None:
        """Learn what came of the trial that was proposed last."""

    def replay(self, number: int, row: FrozenTrial) -> None:
        """Learn of a trial of an earlier process."""


class Samplers(Proposer):
    """One of Optuna's samplers, made afresh for each trial with a seed derived from its number.

    So a trial depends on the seed, its number and the trials before it, and not on how often the
    search was interrupted.

    Args:
        settings: the engine and the seed.
        start: parameters that the first trial has.
    """

    def __init__(self, settings: SearchSettings, start: Mapping[str, ParamValue]) -> None:
        self._settings = settings
        self._start = start

    def propose(self, study: optuna.Study, number: int) -> Proposal | None:
        """Return the start as the first trial, nothing for any other."""
        study.sampler = _sampler(self._settings, derive(self._settings.seed, "trial", number))
        return Proposal(values={} if number else self._start)


class GridPoints(Proposer):
    """Every point of the grid once.

    Optuna's GridSampler takes the product of all parameters, so that points which differ only in
    a parameter that is not there would be tried twice; and it lists the product in memory.
    """

    def __init__(self, grid: "Grid") -> None:
        self._grid = grid

    def propose(self, study: optuna.Study, number: int) -> Proposal | None:  # noqa: ARG002
        """Return the point of that number."""
        return Proposal(values=self._grid.point(number)) if number < len(self._grid) else None


class Grid:
    """Every point of a space, counted and reached by number without listing them.

    Conditions are honoured: a parameter that is not there does not multiply the points. Points
    are taken in a fixed order that a seed shuffles, so that the first few cover the space.

    Args:
        space: the space.
        seed: shuffles the order.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self._space = space
        self._parameters = space.parameters
        self._controls = {each.name for item in space.parameters for each in item.when}
        self._counts: dict[tuple[object, ...], int] = {}
        self.size = self._count(0, {})
        rng = generator(seed, "grid", space.digest)
        self._stride = _coprime(int(rng.integers(1, 2**62)) % self.size, self.size)
        self._offset = int(rng.integers(0, 2**62)) % self.size

    def __len__(self) -> int:
        return self.size

    def point(self, number: int) -> Params:
        """Return point `number`, from 0 up to the size, all of them different."""
        rest = (self._offset + number * self._stride) % self.size
        values: dict[str, ParamValue] = {}
        for position, parameter in enumerate(self._parameters):
            for value in self._values(parameter, values):
                below = self._count(position + 1, {**values, parameter.name: value})
                if rest < below:
                    values[parameter.name] = value
                    break
                rest -= below
        return Params(values)

    def _values(
        self, parameter: Parameter, values: Mapping[str, ParamValue]
    ) -> tuple[ParamValue, ...]:
        if parameter.kind is Kind.DEFAULT or not self._space.is_active(parameter, values):
            return ()
        return parameter.grid()

    def _count(self, position: int, values: Mapping[str, ParamValue]) -> int:
        """Count the points that share `values`, whose parameters stand before `position`."""
        if position == len(self._parameters):
            return 1
        controls = tuple((name, values[name]) for name in sorted(self._controls & set(values)))
        key = (position, controls)
        if key not in self._counts:
            parameter = self._parameters[position]
            choices = self._values(parameter, values)
            self._counts[key] = (
                sum(self._count(position + 1, {**values, parameter.name: each}) for each in choices)
                if choices
                else self._count(position + 1, values)
            )
        return self._counts[key]


def _coprime(start: int, size: int) -> int:
    stride = max(start, 1)
    while math.gcd(stride, size) != 1:
        stride += 1
    return stride


def _sampler(settings: SearchSettings, seed: int) -> BaseSampler:
    from optuna import samplers

    makers: dict[str, Callable[[], BaseSampler]] = {
        "optuna:random": lambda: samplers.RandomSampler(seed=seed),
        "optuna:tpe": lambda: samplers.TPESampler(seed=seed, multivariate=True, group=True),
        "optuna:cma-es": lambda: samplers.CmaEsSampler(
            seed=seed,
            independent_sampler=samplers.RandomSampler(seed=seed),
            warn_independent_sampling=False,
        ),
        # the points of one Sobol sequence: its scramble must not change from trial to trial
        "optuna:qmc": lambda: samplers.QMCSampler(
            seed=settings.seed,
            scramble=True,
            independent_sampler=samplers.RandomSampler(seed=seed),
            warn_independent_sampling=False,
            warn_asynchronous_seeding=False,
        ),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return makers[settings.engine]()


def make_pruner(settings: SearchSettings) -> optuna.pruners.BasePruner:
    """Return a pruner of Optuna's."""
    from optuna import pruners

    makers: dict[str, Callable[[], Any]] = {
        "none": pruners.NopPruner,
        "median": lambda: pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2),
        "successive-halving": lambda: pruners.SuccessiveHalvingPruner(reduction_factor=3),
        "hyperband": lambda: pruners.HyperbandPruner(
            max_resource=settings.epochs, reduction_factor=3
        ),
        "wilcoxon": lambda: pruners.WilcoxonPruner(p_threshold=0.1),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return makers[settings.pruner]()


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
    given = distribution(parameter)
    if isinstance(given, FloatDistribution):
        value = row.suggest_float(name, given.low, given.high, log=given.log, step=given.step)
    elif isinstance(given, IntDistribution):
        value = row.suggest_int(name, given.low, given.high, log=given.log, step=given.step)
    else:
        value = row.suggest_categorical(name, parameter.grid())
    return value


def distribution(parameter: Parameter) -> BaseDistribution:
    """Return Optuna's form of a searched parameter."""
    if parameter.kind is Kind.FLOAT:
        low, high = parameter.bounds
        return FloatDistribution(low, high, log=parameter.log, step=parameter.step)
    if parameter.kind is Kind.INT:
        low, high = (int(bound) for bound in parameter.bounds)
        return IntDistribution(low, high, log=parameter.log, step=int(parameter.step or 1))
    return CategoricalDistribution(parameter.grid())


def check_rows(study: optuna.Study, space: Space) -> None:
    """Check that the parameters of a study's rows are those of a space.

    Raises:
        ValueError: one is not.
    """
    known = {each.name: distribution(each) for each in space.searched}
    for row in study.get_trials(deepcopy=False):
        for name, given in row.distributions.items():
            if name not in known:
                raise ValueError(f"trial {row.number} has the parameter {name!r}")
            check_distribution_compatibility(known[name], given)
