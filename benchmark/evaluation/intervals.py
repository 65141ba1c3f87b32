"""How sure a figure is: Wilson's interval at the figure's effective size.

One form for all figures in [0, 1] (Brier's is halved first): Wilson 1927,
doi:10.1080/01621459.1927.10502953, with n = p (1 - p) / V for the number of trials, V being the
jackknife's variance over units, and Student's t for the normal's quantile. Where hardly any unit
is in error V says too little, so that n is at most the number of units, and the upper limit is that
of a Poisson's mean. Simulated coverage of 95 % intervals, at n = 72 to 315, accuracy 0.6 to 0.99
and down to three patients in a class, is in docs/metrics.md; a percentile bootstrap's falls to 28 %
near a perfect score.

Over several seeds the interval is that of the mean, with the variance between seeds in it. Over
folds, whose images are others, the parts' variances add.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

import numpy as np

from ..metrics import Floats
from ..records import Labels, Part, Predictions
from ..resolution import FEWEST_UNITS
from .jackknife import (
    ASSESSED,
    BY_CLASS,
    MACRO,
    Influence,
    Sample,
    by_images,
    influences,
)
from .scores import SCORED_PARTS, class_slugs, out_of_fold_metrics

_LEVEL = 0.05
_FEW_ERRORS = 5  # with errors in fewer units than this, the jackknife's variance is not trusted
# AUROC and Brier use ranks and sizes too: a unit is worth two trials where few are in error, else
# five at most. With two throughout, coverage at an accuracy of 0.60 is 98 to 100 %; without any
# limit, that of Brier is 90 % for 25 patients of three images.
_OF_PROBABILITIES = (2.0, 5.0)
_FEW_OF_POISSON = 3.0
_FEW_UNITS = 5
_NONE = 1e-18


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with its 95 % interval.

    Attributes:
        value: the figure over the images themselves.
        low: the lower limit; `high` the upper.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return it as people read it: `0.728 [0.68, 0.77]`."""
        return f"{self.value:.3f} {self.limits}"

    @property
    def limits(self) -> str:
        """Its limits as people read them: `[0.68, 0.77]`."""
        return f"[{self.low:.2f}, {self.high:.2f}]"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Estimate:
    """A figure of one row: one run's, or the mean over its seeds and folds.

    Attributes:
        value: the figure, or the mean.
        units: (U,) influences on it, those of the folds' parts after another.
        stratum: (U,) which units are exchangeable: of one class, and of one fold's part.
        repeats: runs it is the mean of; `freedom` degrees of freedom of `between`.
        between: variance of one run's figure between seeds, 0 for a single seed.
        of_images: how much of `between` the images alone explain.
        single: mean variance over units of a single run.
        errors: units in error in the run with the fewest.
        size: units it rests on.
        of_probabilities: whether it is of probabilities, not of answers alone.
        is_brier: whether its range is [0, 2].
    """

    value: float
    units: Floats
    stratum: Labels
    repeats: int
    freedom: int
    between: float
    of_images: float
    single: float
    errors: int
    size: int
    of_probabilities: bool = False
    is_brier: bool = False

    def interval(self, level: float = _LEVEL) -> Interval:
        """Return the interval that holds the figure in all but `level` of samples."""
        scale = 2.0 if self.is_brier else 1.0
        over_units = float((self.units**2).sum())
        over_seeds = self.between / self.repeats
        total = over_units + over_seeds
        freedom = satterthwaite(self.units, self.stratum)
        if over_units <= _NONE:  # a class's own figure rests on fewer units than there are
            freedom = min(freedom, float(self.size - 1))
        if over_seeds > 0:
            parts = over_seeds**2 / max(self.freedom, 1) + over_units**2 / freedom
            freedom = total**2 / parts
        trusts = self.errors >= _FEW_ERRORS and total > _NONE
        cap = self.size * self._gain(over_units)
        if self.of_probabilities:
            cap *= _OF_PROBABILITIES[trusts]
        elif trusts:
            cap = math.inf
        share, var = self.value / scale, total / scale**2
        worth = min(cap, share * (1 - share) / var) if total > _NONE else cap
        low, high = modified_wilson(share, worth, freedom, level)
        return Interval(value=self.value, low=scale * low, high=scale * high)

    def _gain(self, over_units: float) -> float:
        """Return how many times the units of one run the mean over seeds is worth at most."""
        if self.repeats == 1 or over_units <= _NONE:
            return 1.0
        seeds = self.repeats / (self.repeats - self.freedom)  # runs on the same images
        return min(seeds, max(1.0, self.single / over_units))


def wilson(share: float, size: float, freedom: float, level: float = _LEVEL) -> tuple[float, float]:
    """Return Wilson's limits for a share at its effective size.

    Args:
        share: the figure, in [0, 1].
        size: the trials it is worth.
        freedom: degrees of freedom of the variance that says so.
        level: how often the interval may miss.
    """
    from scipy.special import stdtrit

    if size <= 0:  # a share of 0 or 1 with some variance: nothing is known of it
        return 0.0, 1.0
    z = float(stdtrit(max(freedom, 1.0), 1 - level / 2))
    centre = (share + z * z / (2 * size)) / (1 + z * z / size)
    half = (
        z * math.sqrt(share * (1 - share) / size + z * z / (4 * size * size)) / (1 + z * z / size)
    )
    # Rounding must not leave the share itself outside.
    return min(max(centre - half, 0.0), share), max(min(centre + half, 1.0), share)


def modified_wilson(
    share: float, size: float, freedom: float, level: float = _LEVEL
) -> tuple[float, float]:
    """Return Wilson's limits, with the outer one a Poisson's where errors, or hits, are few.

    One error in fourteen gives an upper limit of 0.987, so that a class that is right on 99 of 100
    images is missed on 13 of 100 samples: 85 to 89 % coverage. After Brown, Cai & DasGupta 2001,
    doi:10.1214/ss/1009213286, who do so up to three. Takes what `wilson` takes.
    """
    from scipy.special import gammaincinv

    low, high = wilson(share, size, freedom, level)
    hits, errors = share * size, (1 - share) * size
    if 0 < errors <= _FEW_OF_POISSON:
        high = max(high, 1 - float(gammaincinv(errors, level)) / size)
    if 0 < hits <= _FEW_OF_POISSON:
        low = min(low, float(gammaincinv(hits, level)) / size)
    return low, high


def satterthwaite(influences: Floats, stratum: Labels) -> float:
    """Return the degrees of freedom of a figure's variance, from its (U,) influences.

    A class of three or four units that happens to vary little would also hide how unsure that is:
    coverage is 88 to 94 %. With so small a class the degrees are at most those of classes whose
    parts of the variance are as one over their units: 94 to 98 %.
    """
    squares = influences**2
    labels, sizes = np.unique(stratum, return_counts=True)
    parts = np.array([float(squares[stratum == each].sum()) for each in labels])
    found = degrees_of_freedom(parts, stratum)
    if sizes.min() >= _FEW_UNITS or parts.sum() <= _NONE:
        return found
    alike = np.where(parts > _NONE, 1 / sizes, 0.0)
    return min(found, degrees_of_freedom(alike, stratum))


def degrees_of_freedom(parts: Floats, stratum: Labels) -> float:
    """Return the degrees of freedom of a variance that strata sum to.

    Satterthwaite 1946, doi:10.2307/3002019.

    Args:
        parts: the strata's parts of the variance, in the strata's order.
        stratum: (U,) stratum of each unit.
    """
    sizes = np.unique(stratum, return_counts=True)[1]
    if parts.sum() <= _NONE:
        return float(max(len(stratum) - len(sizes), 1))
    return float(parts.sum() ** 2 / (parts**2 / np.maximum(sizes - 1, 1)).sum())


def estimate(runs: Sequence[Predictions], metrics: Sequence[str] = ASSESSED) -> dict[str, Estimate]:
    """Return the estimates of one row from its runs' rows of one part, by metric.

    Runs on the same images are seeds, runs on other images folds. A metric that is undefined in
    one of the runs is left out.

    Args:
        runs: predictions of one part, one table a run.
        metrics: names as `influences` takes them.
    """
    blocks = [
        (sample, [influences(sample, run, metrics) for run in own])
        for own in by_images(runs).values()
        for sample in [Sample.of(own[0])]
    ]
    every = [found for _, own in blocks for found in own]
    names = [name for name in every[0] if all(name in found for found in every)] if every else []
    return {name: _joined(name, blocks, len(runs)) for name in names}


Block = tuple[Sample, list[dict[str, Influence]]]


def _joined(name: str, blocks: Sequence[Block], repeats: int) -> Estimate:
    units, strata, between, explained, offset = [], [], [], [], 0
    runs = [found[name] for _, own in blocks for found in own]
    for sample, own in blocks:
        each = np.stack([found[name].units for found in own])
        units.append(each.mean(axis=0) * len(own) / repeats)
        strata.append(sample.stratum + offset)
        offset += len(sample.sizes)
        if len(own) > 1:
            between.append(variance([found[name].value for found in own]))
            apart = each - each.mean(axis=0)
            explained.append(float((apart**2).sum()) / (len(own) - 1))
    return Estimate(
        value=fmean(run.value for run in runs),
        units=np.concatenate(units),
        stratum=np.concatenate(strata),
        repeats=repeats,
        freedom=sum(len(own) - 1 for _, own in blocks),
        between=fmean(between) if between else 0.0,
        of_images=fmean(explained) if explained else 0.0,
        single=fmean(run.variance for run in runs) / len(blocks),
        errors=min(run.errors for run in runs),
        size=sum(own[0][name].size for _, own in blocks),
        of_probabilities=runs[0].of_probabilities,
        is_brier=name == "brier",
    )


def has_interval(name: str, sample: Sample, classes: Sequence[str]) -> bool:
    """Return whether classes have units enough for a metric's interval.

    A macro figure rests on its smallest class, a class's own on its units or on all others.

    Args:
        name: a metric, without the part.
        sample: the units.
        classes: k class names.
    """
    if name in MACRO:
        return sample.is_decidable
    for label, slug in enumerate(class_slugs(classes)):
        own = int(sample.sizes[label])
        if name == f"recall_{slug}":
            return own >= FEWEST_UNITS
        if name == f"specificity_{slug}":
            return len(sample) - own >= FEWEST_UNITS
    return len(sample) >= FEWEST_UNITS


def intervals(
    runs: Sequence[Predictions], metrics: Sequence[str] = (*ASSESSED, *BY_CLASS)
) -> dict[str, Interval]:
    """Return the 95 % intervals of one row's metrics on one part, as far as units allow any.

    Args:
        runs: predictions of one part, one table a run.
        metrics: names as `influences` takes them.
    """
    runs = [run for run in runs if run.hashes]
    if not runs:
        return {}
    samples = [Sample.of(run) for run in runs]
    return {
        name: found.interval()
        for name, found in estimate(runs, metrics).items()
        if all(has_interval(name, sample, runs[0].classes) for sample in samples)
    }


def interval_metrics(predictions: Predictions) -> dict[str, float]:
    """Return `<part>_<metric>_low` and `_high` of a run for val, test and their clean rows."""
    found: dict[str, float] = {}
    for part in SCORED_PARTS:
        rows = predictions.part(part)
        found |= limits(f"{part}_", intervals([rows]))
        if rows.is_copy.any():
            found |= limits(f"{part}_clean_", intervals([rows.where(~rows.is_copy)], ASSESSED))
    return found


def limits(prefix: str, found: dict[str, Interval]) -> dict[str, float]:
    """Return intervals as metrics: their limits by name."""
    return {
        f"{prefix}{name}_{end}": getattr(each, end)
        for name, each in found.items()
        for end in ("low", "high")
    }


def score_out_of_fold(predictions: Predictions) -> dict[str, float]:
    """Return the metrics of out-of-fold answers as `cv_<metric>`, with their intervals' limits."""
    rows = predictions.where(np.array([each is not Part.TEST for each in predictions.parts]))
    return out_of_fold_metrics(rows) | limits("cv_", intervals([rows]))
