"""Which rows of a board may be the best, and between which ranks each may stand.

A row is called worse only if a board of equal rows calls any row worse in at most 5 % of cases,
however many rows there are and whichever happens to lead. For that the differences of all pairs
are studentised by the jackknife, and the critical value is the 95 % quantile of the greatest of
them under 20,000 draws of the null (Tukey's range generalised to dependent figures: Hochberg &
Tamhane 1987, doi:10.1002/9780470316672), carried over to Student's t with Satterthwaite's degrees
of freedom. A pair that differs on few units gets a larger standard error. Rows that are called
worse leave, and the rest is judged anew (stepdown over rows: Hansen, Lunde & Nason 2011,
doi:10.3982/ECTA5771). A row of several seeds carries the variance between seeds, pooled over the
rows of its regime; a row that was chosen among trials on these images is drawn as that choice was
made: as the greatest of its trials. Rates by simulation are in docs/metrics.md.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from ..metrics import Floats
from ..records import Labels, Predictions
from ..resolution import TWO_ROWS, resolvable_difference
from ..seeds import generator
from .intervals import Estimate, degrees_of_freedom, estimate
from .jackknife import Sample, by_images, images, without_each
from .scores import predicted

DRAWS = 20_000
LEVEL = 0.05
_BLOCK = 1 << 22  # draws or units times pairs held in float64 at once: 32 MiB
# Two rows that differ on fewer units are never told apart: of five that all speak for one of them
# the exact test has p = 0.0625, of six 0.031 (McNemar 1947, doi:10.1007/BF02295996).
_FEWEST_DIFFERENT = 6
_CAUTION = 0.3  # the variance between seeds counts at its upper 70 % bound
_NONE = 1e-12

Square = npt.NDArray[np.float64]
Ratios = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Entrant:
    """A row that is compared.

    Attributes:
        runs: its runs' predictions of the images that rank.
        regime: how it was trained; the variance between seeds is pooled within a regime.
        trials: for each run the (t, n) classes that the trials it was chosen among gave to the
            rows of that run's table; empty where nothing was chosen on these images.
    """

    runs: tuple[Predictions, ...]
    regime: str
    trials: tuple[Labels, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Comparison:
    """What can be told apart among K rows.

    Attributes:
        critical: standard errors that tell two rows apart.
        is_worse: (K,) whether a row is not among those that may be the best.
        better: (K, K) whether row j is called better than row k.
        errors: (K, K) standard errors of the differences; 0 on the diagonal.
        over_units: (K, K) their parts that more images lessen, squared.
        between: (K,) variance that a row's mean has from seeds.
        lows: (K,) the best rank that a row may have; `highs` the worst.
    """

    critical: float
    is_worse: npt.NDArray[np.bool_]
    better: npt.NDArray[np.bool_]
    errors: Square
    over_units: Square
    between: Floats
    lows: Labels
    highs: Labels

    @property
    def resolvable(self) -> float:
        """The difference found 4 times of 5 between two rows of the median pair; 0 for no pair."""
        pairs = self.errors[np.triu_indices(len(self.errors), 1)]
        known = pairs[pairs > _NONE]
        error = float(np.median(known)) if len(known) else 0.0
        return resolvable_difference(error, self.critical)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Field:
    """K rows on the same units, in arrays.

    Attributes:
        values: (K,) figures; `units` (U, K) influences; `stratum` (U,).
        differ: (K, K) units on which two rows' answers differ.
        seeds: (K,) variance that a row's mean has from seeds; `regime` (K,) numbers; `freedom` by
            regime number.
        trials: for each row and run the (U, t) influences of the trials, as parts of the row's
            mean.
    """

    values: Floats
    units: Floats
    stratum: Labels
    differ: Square
    seeds: Floats
    regime: Labels
    freedom: Labels
    trials: tuple[tuple[Floats, ...], ...] = field(default=())

    @property
    def pairs(self) -> tuple[Labels, Labels]:
        """The pairs of rows, (p,) first and (p,) second."""
        first, second = np.triu_indices(len(self.values), 1)
        return first.astype(np.int64), second.astype(np.int64)


def compare(
    entrants: Sequence[Entrant],
    *,
    seed: int,
    metric: str = "macro_f1",
    draws: int = DRAWS,
    estimates: Sequence[Estimate] = (),
) -> Comparison:
    """Tell rows apart as far as their images allow.

    Args:
        entrants: K rows, all scored on the same images.
        seed: what the draws are derived from.
        metric: the figure compared, one of `ASSESSED`.
        draws: how many draws of the null.
        estimates: the entrants' estimates of the metric where they are known already.

    Raises:
        DataError: rows are on other images.
    """
    rows = _field(entrants, metric, estimates)
    first, second = rows.pairs
    parts = _variances(rows)
    over_units = parts.sum(axis=0)
    differ = rows.differ[first, second]
    seeds = rows.seeds[first] + rows.seeds[second]
    same = (differ == 0) & (seeds <= 0)
    caution = (differ + 1) / np.maximum(differ, 1)
    errors = np.sqrt(over_units * caution + seeds)
    gaps = rows.values[first] - rows.values[second]
    known = ~same & (errors > _NONE)
    enough = known & (differ >= _FEWEST_DIFFERENT)
    ratios = np.divide(gaps, errors, out=np.zeros_like(gaps), where=enough)
    null = _null(rows, known, over_units, draws, seed)
    freedom = degrees_of_freedom(parts.mean(axis=1), rows.stratum) if len(first) else 1.0
    return _claims(len(entrants), ratios, null, freedom, (errors, over_units * caution), rows)


def _variances(rows: _Field) -> Square:
    """Return (strata, p) the strata's parts of the variances of the pairs' differences."""
    first, second = rows.pairs
    strata = [rows.stratum == each for each in np.unique(rows.stratum)]
    found = np.zeros((len(strata), len(first)))
    step = max(1, _BLOCK // (4 * len(rows.units)))  # four arrays of the size at once
    for start in range(0, len(first), step):
        some = slice(start, start + step)
        squares = (rows.units[:, first[some]] - rows.units[:, second[some]]) ** 2
        for place, own in enumerate(strata):
            found[place, some] = squares[own].sum(axis=0)
    return found


def _claims(
    count: int,
    ratios: Floats,
    null: Ratios,
    freedom: float,
    errors: tuple[Floats, Floats],
    rows: _Field,
) -> Comparison:
    first, second = np.triu_indices(count, 1)
    every = _square(count, ratios)
    every -= every.T
    kept = np.ones(count, dtype=bool)
    critical = step = _critical(null, freedom)
    better = every > critical
    while kept.sum() > 1:
        left = kept & ~((every > step) & kept[:, None]).any(axis=0)
        if (left == kept).all():
            break
        kept = left
        step = _critical(null[:, kept[first] & kept[second]], freedom)
    lows = 1 + better.sum(axis=0)
    single, part = (_square(count, each) for each in errors)
    return Comparison(
        critical=critical,
        is_worse=~kept,
        better=better,
        errors=single + single.T,
        over_units=part + part.T,
        between=rows.seeds,
        lows=np.where(kept, lows, np.maximum(lows, 2)).astype(np.int64),
        highs=(count - better.sum(axis=1)).astype(np.int64),
    )


def _square(count: int, values: Floats) -> Square:
    found = np.zeros((count, count))
    found[np.triu_indices(count, 1)] = values
    return found


def _critical(null: Ratios, freedom: float) -> float:
    """Return the critical value: the quantile of the greatest of all pairs, as Student's t."""
    from scipy.special import ndtr, stdtrit

    if not null.size:
        return TWO_ROWS
    quantile = float(np.quantile(null.max(axis=1), 1 - LEVEL))
    return -float(stdtrit(freedom, ndtr(-quantile))) if quantile > 0 else TWO_ROWS


def _null(
    rows: _Field, known: npt.NDArray[np.bool_], over_units: Floats, draws: int, seed: int
) -> Ratios:
    """Return (draws, p) studentised differences of pairs whose rows are in truth equal."""
    count = len(rows.values)
    source = generator(seed, "comparison", count, len(rows.stratum))
    first, second = rows.pairs
    found = np.zeros((draws, len(first)), dtype=np.float32)
    step = max(1, _BLOCK // max(1, len(first)))
    draw = _drawing(rows, source)
    for start in range(0, draws, step):
        some = min(step, draws - start)
        lows, highs = draw(some)
        noise = source.normal(size=(some, count)) * np.sqrt(rows.seeds)
        lows, highs = lows + noise, highs + noise
        ratio = np.ones((some, len(rows.freedom)))
        for regime, freedom in enumerate(rows.freedom.tolist()):
            if freedom:
                ratio[:, regime] = source.chisquare(freedom, some) / freedom
        spread = rows.seeds * ratio[:, rows.regime]
        errors = np.sqrt(np.where(known, over_units, 1) + spread[:, first] + spread[:, second])
        gaps = np.maximum(highs[:, first] - lows[:, second], highs[:, second] - lows[:, first])
        np.divide(gaps, errors, out=gaps)
        gaps[:, ~known] = 0
        found[start : start + some] = gaps
    return found


def _drawing(rows: _Field, source: np.random.Generator) -> Callable[[int], tuple[Floats, Floats]]:
    """Return what draws (some, K) null figures: as delivered, and as the greatest of the trials."""
    trials = [each for row in rows.trials for each in row]
    columns = np.concatenate([rows.units, *trials], axis=1)
    if columns.shape[1] < len(columns):  # fewer figures than units: draw by the covariance's root
        values, vectors = np.linalg.eigh(columns.T @ columns)
        columns = (vectors * np.sqrt(np.maximum(values, 0))).T
    columns = columns.astype(np.float32)
    count = len(rows.values)

    def draw(some: int) -> tuple[Floats, Floats]:
        drawn = source.standard_normal((some, len(columns)), dtype=np.float32) @ columns
        lows = drawn[:, :count].astype(np.float64)
        highs, place = lows.copy(), count
        for row, own in enumerate(rows.trials):
            if not own:
                continue
            chosen = np.zeros(some)
            for each in own:
                chosen += drawn[:, place : place + each.shape[1]].max(axis=1)
                place += each.shape[1]
            highs[:, row] = np.maximum(highs[:, row], chosen)
        return lows, highs

    return draw


def _field(entrants: Sequence[Entrant], metric: str, estimates: Sequence[Estimate]) -> _Field:
    differ = _disagreement(entrants)
    estimates = estimates or [estimate(each.runs, (metric,))[metric] for each in entrants]
    regimes = sorted({each.regime for each in entrants})
    numbers = np.array([regimes.index(each.regime) for each in entrants], dtype=np.int64)
    pooled, freedom = zip(
        *(
            _pooled([found for found, of in zip(estimates, numbers, strict=True) if of == number])
            for number in range(len(regimes))
        ),
        strict=True,
    )
    repeats = np.array([each.repeats for each in estimates])
    return _Field(
        values=np.array([round(each.value, 12) for each in estimates]),
        units=np.stack([each.units for each in estimates], axis=1),
        stratum=estimates[0].stratum,
        differ=differ,
        seeds=np.array(pooled)[numbers] / repeats,
        regime=numbers,
        freedom=np.array(freedom, dtype=np.int64),
        trials=tuple(_of_trials(each, metric) for each in entrants),
    )


def _pooled(rows: Sequence[Estimate]) -> tuple[float, int]:
    """Return the variance of a run between seeds over and above the images', and its freedom."""
    from scipy.special import chdtri

    known = [each for each in rows if each.freedom]
    freedom = sum(each.freedom for each in known)
    if not freedom:
        return 0.0, 0
    weights = np.array([each.freedom / freedom for each in known])
    between = float(weights @ [each.between for each in known])
    explained = float(weights @ [each.of_images for each in known])
    return max(0.0, between * freedom / float(chdtri(freedom, 1 - _CAUTION)) - explained), freedom


def _disagreement(entrants: Sequence[Entrant]) -> Square:
    """Return on how many units two rows' answers differ: the mean votes of their runs."""
    runs = [by_images(each.runs) for each in entrants]
    if len({tuple(each) for each in runs}) > 1:
        raise DataError("rows can be compared on the same images only; rank these on their own.")
    votes = [_votes(each.values()) for each in runs]
    found = np.zeros((len(votes), len(votes)))
    for row, (own, unit) in enumerate(votes):
        for other in range(row):
            apart = np.abs(own - votes[other][0]).max(axis=1) > _NONE
            found[row, other] = found[other, row] = len(np.unique(unit[apart]))
    return found


def _votes(sources: Iterable[Sequence[Predictions]]) -> tuple[Floats, Labels]:
    """Return the (n, k) share of runs that call each image a class, and each image's unit."""
    shares, units, offset = [], [], 0
    for own in sources:
        k = len(own[0].classes)
        shares.append(np.mean([np.eye(k)[predicted(run)] for run in own], axis=0))
        sample = Sample.of(own[0])
        units.append(sample.unit + offset)
        offset += len(sample)
    return np.concatenate(shares), np.concatenate(units)


def _of_trials(entrant: Entrant, metric: str) -> tuple[Floats, ...]:
    """Return the (U, t) influences of each run's trials as parts of the row's mean."""
    if not entrant.trials:
        return ()
    offsets, total = {}, 0
    for source, own in by_images(entrant.runs).items():
        offsets[source] = total
        total += len(Sample.of(own[0]))
    found = []
    for run, trials in zip(entrant.runs, entrant.trials, strict=True):
        sample = Sample.of(run)
        distinct = np.unique(trials, axis=0)  # equal answers are one candidate
        cells = run.labels * len(run.classes) + distinct
        without = [without_each(sample, each, run.classes, (metric,))[metric] for each in cells]
        whole = np.zeros((total, len(distinct)))
        start = offsets[images(run)]
        influence = sample.influence(np.stack(without, axis=1))
        whole[start : start + len(sample)] = influence / len(entrant.runs)
        found.append(whole)
    return tuple(found)
