"""Which classes are positive and by which rule a threshold is chosen: what a person says of it."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import UsageError, did_you_mean

YOUDEN = "youden"
WORDS = f"{YOUDEN}, sensitivity=0.95, specificity=0.95 or threshold=0.37"
"""What a rule can be, for people."""

_NEGATIVE = re.compile(r"normals?|negatives?|healthy|benign|no[ _-]?findings?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPoint:
    """An operating point that is still to be chosen.

    Attributes:
        positive: the classes that are called positive together.
        rule: as `read_rule` returns it.
        prevalence: the share of positives for which predictive values are given too, None for that
            of the images alone.
    """

    positive: tuple[str, ...]
    rule: str
    prevalence: float | None = None


def wanted_point(
    classes: Sequence[str],
    positive: Sequence[str] | None,
    rule: str | None,
    prevalence: float | None = None,
) -> WantedPoint | None:
    """Return the operating point that is wanted for a data set, None where there is none.

    Args:
        classes: the data set's.
        positive: those that a person calls positive; None where nobody said.
        rule: as `read_rule` returns it; None for Youden's.
        prevalence: a share that predictive values are wanted for.

    Raises:
        UsageError: a class is unknown, or nobody said what is positive among more than two.
    """
    named = default_positive(classes) if positive is None else check_positive(positive, classes)
    if named is not None:
        return WantedPoint(positive=named, rule=rule or YOUDEN, prevalence=prevalence)
    if rule is not None or prevalence is not None:
        option = "--prevalence" if rule is None else "--operating-point"
        raise UsageError(
            f"{option} needs --positive CLASS or CLASS+CLASS where there are more than two "
            f"classes, which are {', '.join(classes)}."
        )
    return None


def read_rule(text: str) -> str:
    """Return a rule as it is kept: `sensitivity=0.95` of `sensitivity = .95`.

    Raises:
        UsageError: it is none.
    """
    name, equals, value = (word.strip() for word in text.partition("="))
    try:
        number = float(value) if equals else math.nan
    except ValueError:
        number = math.inf
    if name == YOUDEN and not equals:
        return YOUDEN
    if name not in ("sensitivity", "specificity", "threshold") or not 0 < number < 1:
        raise UsageError(f"must be {WORDS}, the number between 0 and 1, not {text!r}.")
    return f"{name}={number:g}"


def default_positive(classes: Sequence[str]) -> tuple[str, ...] | None:
    """Return the class that is positive if nobody says: of two the one that is not healthy.

    The second where neither name says so, or both do; None where there are more than two.
    """
    if len(classes) != 2:
        return None
    negative = [bool(_NEGATIVE.fullmatch(name.strip())) for name in classes]
    return (classes[0],) if negative == [False, True] else (classes[1],)


def check_positive(positive: Sequence[str], classes: Sequence[str]) -> tuple[str, ...]:
    """Return the classes that a person calls positive, in the order of the data set's.

    Raises:
        UsageError: one is none of the data set's, or none is left that is negative.
    """
    for name in positive:
        if name not in classes:
            raise UsageError(
                f"--positive: there is no class {name!r}. {did_you_mean(name, classes)}"
            )
    if set(positive) == set(classes):
        raise UsageError(
            f"--positive must leave a class that is negative, and names all: {', '.join(classes)}."
        )
    return tuple(name for name in classes if name in positive)
