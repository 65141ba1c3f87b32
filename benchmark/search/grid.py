"""The grid of a space: every point once, in a shuffled order, without listing them."""

import math
from collections.abc import Mapping

from ..records import Params, ParamValue
from ..seeds import generator
from .space import Kind, Parameter, Space


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
