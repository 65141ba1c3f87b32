"""A search space: which parameters are searched, in what ranges, and under which conditions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from ..errors import UsageError, did_you_mean
from ..records import Params, ParamValue, Tunable, digest
from ..training import among

_STEP_TOLERANCE = 1e-6  # of a step: 0.1 + 0.2 is no exact 0.3
GRID_POINTS = 10  # of a range without a step, as KerasTuner's grid search takes


class Kind(StrEnum):
    """What a parameter's values are."""

    FLOAT = "float"
    INT = "int"
    CHOICE = "choice"
    BOOL = "bool"
    FIXED = "fixed"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A parameter is there only while another has one of these values."""

    name: str
    values: tuple[ParamValue, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One searched parameter.

    Attributes:
        name: its name, as in `Params`.
        kind: what its values are; `default` leaves it at the architecture's own default.
        low: the least value of a float or an int, `high` the greatest, both included.
        step: the distance between values, None for any value (1 for an int).
        log: whether the range is searched on a logarithmic scale.
        choices: the values of a choice, all of one type; of `fixed` the one value.
        when: conditions that must all hold.
        source: where the range comes from.
    """

    name: str
    kind: Kind
    low: float | None = None
    high: float | None = None
    step: float | None = None
    log: bool = False
    choices: tuple[ParamValue, ...] = ()
    when: tuple[Condition, ...] = ()
    source: str = ""

    @property
    def is_searched(self) -> bool:
        """Whether an engine chooses its value."""
        return self.kind not in (Kind.FIXED, Kind.DEFAULT)

    def holds(self, value: ParamValue) -> bool:
        """Whether it may have this value."""
        if self.kind in (Kind.FLOAT, Kind.INT):
            if not isinstance(value, int | float) or isinstance(value, bool):
                return False
            steps = (value - self.bounds[0]) / self.step if self.step else 0.0
            within = self.bounds[0] <= value <= self.bounds[1]
            return within and abs(steps - round(steps)) < _STEP_TOLERANCE
        return any(type(value) is type(choice) and value == choice for choice in self.grid())

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value of a range."""
        assert self.low is not None
        assert self.high is not None
        return self.low, self.high

    def grid(self, points: int = GRID_POINTS) -> tuple[ParamValue, ...]:
        """Return its values in order: all of them, or `points` of a range without a step."""
        if self.kind is Kind.BOOL:
            return (False, True)
        if self.kind not in (Kind.FLOAT, Kind.INT):
            return self.choices
        low, high = self.bounds
        if self.step or (self.kind is Kind.INT and not self.log):
            count = math.floor((high - low) / (self.step or 1) + 1e-9) + 1
            steps = [low + number * (self.step or 1) for number in range(count)]
            spread = [min(round(value, 12), high) for value in steps]  # 3 x 0.2 is above 0.6
        else:
            spread = _spread(low, high, points, log=self.log)
        values = spread if self.kind is Kind.FLOAT else [round(value) for value in spread]
        return tuple(dict.fromkeys(values))


def _spread(low: float, high: float, points: int, *, log: bool) -> list[float]:
    if low == high:
        return [low]
    parts = [number / (points - 1) for number in range(points)]
    if log:
        spread = [low * (high / low) ** part for part in parts]
    else:
        spread = [low + (high - low) * part for part in parts]
    return [min(max(value, low), high) for value in spread]


@dataclass(frozen=True, kw_only=True)
class Space:
    """Parameters in the order they are declared; a condition refers to an earlier one.

    Attributes:
        name: the file's name without its ending.
        about: what is searched, in a line.
        parameters: the parameters.
        file: where it was read, for messages.
    """

    name: str
    about: str
    parameters: tuple[Parameter, ...]
    file: str = ""

    @cached_property
    def digest(self) -> str:
        """Digest of all that can change a trial: everything but names, comments and sources."""
        return digest([_identity(parameter) for parameter in self.parameters])

    @property
    def searched(self) -> tuple[Parameter, ...]:
        """The parameters whose values an engine chooses."""
        return tuple(each for each in self.parameters if each.is_searched)

    def __getitem__(self, name: str) -> Parameter:
        return next(each for each in self.parameters if each.name == name)

    def is_active(self, parameter: Parameter, values: Mapping[str, ParamValue]) -> bool:
        """Whether a parameter's conditions hold, given the values of earlier ones."""
        return all(values.get(each.name) in each.values for each in parameter.when)

    def complete(self, values: Mapping[str, ParamValue]) -> Params:
        """Add the fixed parameters to searched ones, and drop those whose condition fails."""
        found: dict[str, ParamValue] = {}
        for parameter in self.parameters:
            if parameter.kind is Kind.DEFAULT or not self.is_active(parameter, found):
                continue
            if parameter.kind is Kind.FIXED:
                found[parameter.name] = parameter.choices[0]
            else:
                found[parameter.name] = values[parameter.name]
        return Params(found)

    def outside(self, values: Mapping[str, ParamValue]) -> tuple[str, ...]:
        """Name the searched parameters that may not have the value they are given here."""
        found: dict[str, ParamValue] = {}
        outside = []
        for each in self.parameters:
            if each.kind is Kind.DEFAULT or not self.is_active(each, found):
                continue
            if each.kind is Kind.FIXED:
                found[each.name] = each.choices[0]
            elif each.name in values and each.holds(values[each.name]):
                found[each.name] = values[each.name]
            else:
                outside.append(each.name)
        return tuple(outside)

    def including(self, values: Mapping[str, ParamValue]) -> "Space":
        """Return the space with these values among the choices of its parameters of that type.

        So the run's own batch is tried even where a file does not list it, and of several values
        that a run may choose among (`end/multi`) each.
        """
        return replace(
            self,
            parameters=tuple(
                _including(each, values) if each.name in values else each
                for each in self.parameters
            ),
        )

    def check(self, tunables: Sequence[Tunable], architecture: str = "this architecture") -> None:
        """Check every parameter against what an architecture and its training have.

        Raises:
            UsageError: a parameter that is not there, or values it may not have; all in one
                message, one line each.
        """
        known = {tunable.name: tunable for tunable in tunables}
        faults = [
            fault
            for parameter in self.parameters
            for fault in _faults(parameter, known, architecture)
        ]
        if faults:
            raise UsageError("\n".join(f"{self.file or self.name}: {fault}" for fault in faults))


def _including(parameter: Parameter, values: Mapping[str, ParamValue]) -> Parameter:
    choices, own = parameter.choices, values[parameter.name]
    if parameter.kind is not Kind.CHOICE or type(own) is not type(choices[0]):
        return parameter
    each_of = among(values, parameter.name) if isinstance(own, str) else (own,)
    more = [each for each in each_of if each not in choices]
    return replace(parameter, choices=(*choices, *more))


def _identity(parameter: Parameter) -> list[object]:
    return [
        parameter.name,
        str(parameter.kind),
        parameter.low,
        parameter.high,
        parameter.step,
        parameter.log,
        list(parameter.choices),
        [[each.name, list(each.values)] for each in parameter.when],
    ]


def _faults(parameter: Parameter, known: Mapping[str, Tunable], architecture: str) -> list[str]:
    tunable = known.get(parameter.name)
    if tunable is None:
        hint = did_you_mean(parameter.name, known, otherwise=f"It has: {', '.join(known)}.")
        return [f"{parameter.name} is no parameter of {architecture}. {hint}"]
    if parameter.kind is Kind.DEFAULT:
        return []
    faults = []
    for value in _extremes(parameter):
        try:
            tunable.check(value)
        except UsageError as error:
            faults.append(f"{parameter.name} may not be searched at {value!r}: {error}")
    return faults


def _extremes(parameter: Parameter) -> tuple[ParamValue, ...]:
    """Return values that stand for all: every choice, or the two ends of a range."""
    if parameter.kind is Kind.FLOAT:
        return parameter.bounds
    if parameter.kind is Kind.INT:
        low, high = parameter.bounds
        return (int(low), int(high))
    return parameter.grid()
