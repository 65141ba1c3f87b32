"""Subgroups of images by what a table says of each: one group a value, numbers in quartiles."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..metrics import Floats

FEWEST_IMAGES = 10  # chosen, not sourced: a row of fewer says little, and may name a person
UNKNOWN = "not stated"
_CODES = 4  # chosen, not sourced: so many different numbers or fewer are codes, such as 0 and 1
_QUARTILES = (0.25, 0.5, 0.75)


def subgroups(values: Sequence[str]) -> tuple[str, ...]:
    """Return the name of each image's subgroup.

    Numbers, where there are more than four different ones, are divided at their quartiles, and a
    group is named by the least and the greatest in it. Values of fewer than ten images are joined.

    Args:
        values: n cells of a column, empty where it says nothing.
    """
    stated = {value for value in values if value}
    numbers = {value: _number(value) for value in stated}
    if len(set(numbers.values())) > _CODES and all(map(math.isfinite, numbers.values())):
        return _quartiles(values, numbers)
    counts = Counter(values)
    rare = {value for value in stated if counts[value] < FEWEST_IMAGES}
    joined = f"{len(rare)} rarer {'value' if len(rare) == 1 else 'values'}"
    return tuple(joined if each in rare else each or UNKNOWN for each in values)


def ordered_subgroups(groups: Sequence[str], values: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the subgroups: by their least number or by name, those unstated last."""
    least: dict[str, tuple[bool, float, str]] = {}
    for group, value in zip(groups, values, strict=True):
        number = _number(value)
        key = (not value, number if math.isfinite(number) else math.inf, group)
        least[group] = min(least.get(group, key), key)
    return tuple(sorted(least, key=lambda group: least[group]))


def _number(value: str) -> float:
    """Return a cell as a number, NaN where it is none."""
    try:
        return float(value)
    except ValueError:
        return math.nan


def _quartiles(values: Sequence[str], numbers: dict[str, float]) -> tuple[str, ...]:
    known = np.array([numbers[value] for value in values if value])
    edges = np.quantile(known, _QUARTILES)
    places = np.searchsorted(edges, known, side="left")  # what equals an edge is below it
    names = {place: _range(known[places == place]) for place in set(places.tolist())}
    found = iter(places.tolist())
    return tuple(names[next(found)] if value else UNKNOWN for value in values)


def _range(numbers: Floats) -> str:
    low, high = f"{numbers.min():.10g}", f"{numbers.max():.10g}"
    return low if low == high else f"{low} to {high}"
