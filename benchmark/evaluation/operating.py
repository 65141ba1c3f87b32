"""Operating points: from which probability on an image is called positive, and what that gives.

Two classes, or one group of classes against the rest: an image's score is the sum of the
probabilities of the group's classes, after the temperature. The threshold is chosen on validation
and judged on test.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from ..errors import UsageError
from ..metrics import Floats
from ..records import Part, Predictions
from .curves import roc_points
from .intervals import Interval, intervals, limits
from .jackknife import BY_CLASS
from .positives import YOUDEN, read_rule
from .scores import SCORED_PARTS

if TYPE_CHECKING:
    import pandas as pd

_GROUP = ("negative", "positive")
_OF_BAYES = ("ppv", "npv")
POINT_TITLES = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "PPV",
    "npv": "NPV",
}
"""What `judge` gives, as people call it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """A threshold, and how it came about.

    Attributes:
        positive: the classes that are called positive together.
        rule: how the threshold was chosen: `youden`, `sensitivity=0.95`, `specificity=0.95` or
            `threshold=0.37`.
        threshold: the sum of their probabilities from which on an image is called positive.
    """

    positive: tuple[str, ...]
    rule: str
    threshold: float

    def to_json(self) -> str:
        """Return it as JSON that `from_json` reads back."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` returned."""
        values = json.loads(text)
        return cls(**{**values, "positive": tuple(values["positive"])})


def choose_point(rows: Predictions, positive: Sequence[str], rule: str) -> OperatingPoint:
    """Choose a threshold on validation rows.

    Youden's has the most of sensitivity + specificity - 1 (Youden 1950,
    doi:10.1002/1097-0142(1950)3:1<32::AID-CNCR2820030106>3.0.CO;2-3), of equal ones the most
    sensitive. For a wanted sensitivity it is the highest that reaches it, for a wanted
    specificity the lowest. It lies midway between the scores on either side of it, so that no
    image of these stands upon it.

    Args:
        rows: what the network says of validation, after its temperature.
        positive: the classes that are called positive, some of those of the rows.
        rule: as `read_rule` returns it.

    Raises:
        UsageError: the rows lack positive or negative images, where the rule needs both.
    """
    rule = read_rule(rule)
    name, _, number = rule.partition("=")
    if name == "threshold":
        return OperatingPoint(positive=tuple(positive), rule=rule, threshold=float(number))
    sick = _positive(rows, positive)
    if sick.all() or not sick.any():
        raise UsageError(
            f"an operating point by {rule} needs validation images that are {'+'.join(positive)}, "
            "and others; take --operating-point threshold=0.5, or another split."
        )
    thresholds, sensitivity, specificity = _curve(sick, _scores(rows, positive))
    if name == YOUDEN:
        best = np.round(sensitivity + specificity, 12)
        place = int(np.flatnonzero(best == best.max())[-1])
    elif name == "sensitivity":
        place = int(np.flatnonzero(np.round(sensitivity, 12) >= float(number))[0])
    else:
        place = int(np.flatnonzero(np.round(specificity, 12) >= float(number))[-1])
    return OperatingPoint(positive=tuple(positive), rule=rule, threshold=float(thresholds[place]))


def _curve(sick: npt.NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Return thresholds from the highest down, and the sensitivity and specificity at each.

    At the highest nothing is called positive, at the lowest everything is.
    """
    values = np.unique(scores)[::-1]
    above = np.append(max(1.0, values[0] + 1e-6), values)
    false, true = roc_points(sick, scores)
    return (above + np.append(values, 0.0)) / 2, true, 1 - false


def at_point(point: OperatingPoint, rows: Predictions) -> Predictions:
    """Return rows as the answers `negative` and `positive` at an operating point, all certain."""
    called = _scores(rows, point.positive) >= point.threshold
    return replace(
        rows,
        classes=_GROUP,
        labels=_positive(rows, point.positive).astype(np.int64),
        probabilities=np.eye(2)[called.astype(np.int64)],
    )


def judge(
    point: OperatingPoint, rows: Predictions, prevalence: float | None = None
) -> Mapping[str, Interval]:
    """Return what an operating point gives: sensitivity, specificity, PPV and NPV.

    Sensitivity and specificity have the intervals of a class's recall and specificity; with fewer
    than three units they are from 0 to 1. The predictive values follow from both by Bayes, and
    their intervals from both intervals by MOVER-R for the ratio that they rest on (Donner & Zou
    2012, doi:10.1177/0962280210383402).

    Args:
        point: the operating point.
        rows: answers after the temperature.
        prevalence: the share of positives for which predictive values are given, None for that of
            the rows.

    Returns:
        The figures by name; those that are undefined, such as sensitivity without a positive
        image, are left out.
    """
    answers = at_point(point, rows)
    sick, called = answers.labels == 1, answers.probabilities[:, 1] == 1
    found: dict[str, Interval] = {}
    if not sick.size:
        return found
    known = intervals([answers], BY_CLASS)
    for name, own, right in (("sensitivity", sick, called), ("specificity", ~sick, ~called)):
        if own.any():
            slug = {"sensitivity": "recall_positive", "specificity": "specificity_positive"}[name]
            plain = Interval(value=float(right[own].mean()), low=0.0, high=1.0)
            found[name] = known.get(slug, plain)
    if len(found) < 2:
        return found
    share = float(sick.mean()) if prevalence is None else prevalence
    hit, spared = found["sensitivity"], found["specificity"]
    ppv = _predictive(hit, _turned(spared), share)
    npv = _predictive(spared, _turned(hit), 1 - share)
    return found | {name: each for name, each in (("ppv", ppv), ("npv", npv)) if each is not None}


def point_metrics(
    point: OperatingPoint, predictions: Predictions, prevalence: float | None = None
) -> dict[str, float]:
    """Return what an operating point gives on val and test as `<part>_<figure>`, with limits.

    Predictive values at a stated prevalence are `<part>_ppv_at_prevalence` and likewise `npv`.
    """
    found: dict[str, float] = {}
    for part, share, name, each in _judged(point, predictions, prevalence):
        full = name if share is None else f"{name}_at_prevalence"
        found |= {f"{part}_{full}": each.value, **limits(f"{part}_", {full: each})}
    return found


def point_table(
    point: OperatingPoint, predictions: Predictions, prevalence: float | None = None
) -> "pd.DataFrame":
    """Return what an operating point gives on val and test, a row a figure.

    Returns:
        Columns `part`, `positive`, `rule`, `threshold`, `figure`, `prevalence`, `value`, `low` and
        `high`; without a stated prevalence it is that of the part.
    """
    import pandas as pd

    rows = [
        {
            "part": str(part),
            "positive": "+".join(point.positive),
            "rule": point.rule,
            "threshold": point.threshold,
            "figure": name,
            "prevalence": share_of_positives(predictions.part(part), point)
            if share is None
            else share,
            **asdict(each),
        }
        for part, share, name, each in _judged(point, predictions, prevalence)
    ]
    return pd.DataFrame(rows)


def _judged(
    point: OperatingPoint, predictions: Predictions, prevalence: float | None
) -> Iterator[tuple[Part, float | None, str, Interval]]:
    """Yield each figure on val and test, the predictive values at a stated prevalence too."""
    for part in SCORED_PARTS:
        rows = predictions.part(part)
        for name, each in judge(point, rows).items():
            yield part, None, name, each
        if prevalence is not None:
            found = judge(point, rows, prevalence)
            yield from (
                (part, prevalence, each, found[each]) for each in _OF_BAYES if each in found
            )


def share_of_positives(rows: Predictions, point: OperatingPoint) -> float:
    """Return the share of rows that are of a positive class."""
    return float(_positive(rows, point.positive).mean())


def _predictive(hit: Interval, alarm: Interval, share: float) -> Interval | None:
    """Return the share of those called so that are so, from the rates among both sides."""
    weighed = share * hit.value + (1 - share) * alarm.value
    if weighed <= 0:
        return None
    low, high = _ratio_limits(alarm, hit)
    odds = (1 - share) / share if share > 0 else math.inf
    return Interval(
        value=share * hit.value / weighed,
        low=1 / (1 + odds * high) if high < math.inf else 0.0,
        high=1 / (1 + odds * low),
    )


def _ratio_limits(over: Interval, under: Interval) -> tuple[float, float]:
    """Return the limits of the ratio of two independent figures from theirs, by MOVER-R."""
    product = over.value * under.value

    def limit(mine: float, other: float, sign: int) -> float:
        below = other * (2 * under.value - other)
        root = product**2 - mine * (2 * over.value - mine) * below
        if below <= 0:
            return math.inf if sign > 0 else 0.0
        return max(0.0, (product + sign * math.sqrt(max(root, 0.0))) / below)

    return limit(over.low, under.high, -1), limit(over.high, under.low, 1)


def _turned(each: Interval) -> Interval:
    return Interval(value=1 - each.value, low=1 - each.high, high=1 - each.low)


def _positive(rows: Predictions, positive: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return (n,) whether each image is of a positive class."""
    named = np.array([name in positive for name in rows.classes], dtype=bool)
    return named[rows.labels]


def _scores(rows: Predictions, positive: Sequence[str]) -> Floats:
    """Return the (n,) sums of the positive classes' probabilities."""
    named = [place for place, name in enumerate(rows.classes) if name in positive]
    found: Floats = rows.probabilities[:, named].sum(axis=1)
    return found
