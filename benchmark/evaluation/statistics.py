"""How sure a figure is: bootstrap intervals over patients or distinct images.

The unit that is drawn is the patient where known, otherwise the distinct image: copies of one
image are drawn together, for they tell nothing new (cluster bootstrap: Field & Welsh 2007,
doi:10.1111/j.1467-9868.2007.00593.x). Units are drawn within their true class, so that every
draw has the class sizes of the part and no class vanishes from a small one (stratified, as pROC
does by default: Robin et al. 2011, doi:10.1186/1471-2105-12-77); these data sets were gathered
class by class, so class sizes are design, not chance. Intervals are percentiles of 2,000 draws
(Efron 1979, doi:10.1214/aos/1176344552). They hold the trained network fixed: they say how far
other images would move the figure, not another seed.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from ..records import Part, Predictions, digest
from ..seeds import generator
from .metrics import SCORED_PARTS, Floats, Weights, from_confusion, overall, predicted

DRAWS = 2000
_LEVEL = 0.95
_CHUNK = 4_000_000  # chosen, not sourced: counts held at once; 16 MiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with its 95 % interval.

    Attributes:
        value: the figure over the images themselves.
        low: 2.5th percentile over the draws; `high` the 97.5th.
    """

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, value: float, draws: Floats) -> "Interval":
        """Make an interval from (draws,) resampled values."""
        tail = (1 - _LEVEL) / 2
        low, high = np.quantile(draws, [tail, 1 - tail])
        return cls(value=value, low=float(low), high=float(high))

    @property
    def holds_zero(self) -> bool:
        """Whether zero lies within: for a difference, that it cannot be told from none."""
        return self.low <= 0 <= self.high


class Resampling:
    """The same random draws of a part's units for every network scored on its images.

    Draws follow from the seed, the images, their units and classes alone, whatever the rows'
    order: networks scored on the same images get the same draws, so differences are paired.

    Args:
        rows: predictions for one part.
        seed: what the draws are derived from.
        draws: how many.
        groups: n patient keys, None where unknown; None to draw distinct images.

    Raises:
        DataError: there are no rows.
    """

    def __init__(
        self,
        rows: Predictions,
        *,
        seed: int,
        draws: int = DRAWS,
        groups: Sequence[str | None] | None = None,
    ) -> None:
        if not rows.hashes:
            raise DataError("a part must have images for its figures to have intervals.")
        self.draws = draws
        self.images = images(rows)
        self._seed = seed
        patients = groups if groups is not None else [None] * len(rows.hashes)
        unit_of: dict[str, str] = {}
        for content, patient in zip(rows.hashes, patients, strict=True):
            unit_of.setdefault(content, f"patient {patient}" if patient else f"image {content}")
        number = {unit: position for position, unit in enumerate(sorted(set(unit_of.values())))}
        self._unit = {content: number[unit] for content, unit in unit_of.items()}
        self._classes = self._class_of_units(rows)

    @property
    def units(self) -> int:
        """How many patients or distinct images there are to draw."""
        return len(self._classes)

    def values(self, tables: Sequence[Predictions], metric: str) -> Floats:
        """Give a metric of m networks over the draws: (m, draws).

        Args:
            tables: m predictions for the images this was made from, rows in any order.
            metric: `auroc` or any that a confusion matrix gives, without the part.

        Raises:
            DataError: a table is for other images.
        """
        if metric == "auroc":
            return np.stack([self.aurocs(table) for table in tables])
        # All tables at once would be quickest; a few at a time bounds the memory at 20 classes.
        step = max(1, _CHUNK // (self.draws * len(tables[0].classes) ** 2))
        batches = [tables[start : start + step] for start in range(0, len(tables), step)]
        return np.concatenate([from_confusion(self.confusions(some))[metric] for some in batches])

    def confusions(self, tables: Sequence[Predictions]) -> Floats:
        """Give the (m, draws, k, k) confusion matrices of m networks over the draws.

        Args:
            tables: m predictions for the images this was made from, rows in any order.

        Raises:
            DataError: a table is for other images.
        """
        k = len(tables[0].classes)
        cells = np.concatenate([self._cells(table) for table in tables], axis=1)
        drawn = np.concatenate([counts @ cells for counts in self._counts()])
        return drawn.reshape(self.draws, len(tables), k, k).swapaxes(0, 1).astype(np.float64)

    def aurocs(self, table: Predictions) -> Floats:
        """Give the (draws,) areas under the ROC curve, as `metrics.auroc` defines them.

        Raises:
            DataError: the table is for other images.
        """
        unit = self._units_of(table)
        k = len(table.classes)
        asked = (1,) if k == 2 else range(k)
        sides = [(table.labels == each, table.probabilities[:, each]) for each in asked]
        drawn = [
            np.mean([_weighted_area(counts[:, unit], *side) for side in sides], axis=0)
            for counts in self._counts()
        ]
        return np.concatenate(drawn)

    def _cells(self, table: Predictions) -> Weights:
        """Give how each unit fills the flattened confusion matrix: (units, k * k)."""
        k = len(table.classes)
        cell = (self._units_of(table) * k + table.labels) * k + predicted(table)
        counts = np.bincount(cell, minlength=self.units * k * k)
        return counts.reshape(self.units, k * k).astype(np.float32)

    def _units_of(self, table: Predictions) -> npt.NDArray[np.int64]:
        if images(table) != self.images:
            raise DataError("networks are compared on the same images only; these are others.")
        return np.array([self._unit[content] for content in table.hashes], dtype=np.int64)

    def _class_of_units(self, rows: Predictions) -> npt.NDArray[np.int64]:
        """Give each unit's commonest true class, the first of equals."""
        unit = np.array([self._unit[content] for content in rows.hashes], dtype=np.int64)
        k = len(rows.classes)
        counts = np.bincount(unit * k + rows.labels, minlength=(int(unit.max()) + 1) * k)
        return np.asarray(counts.reshape(-1, k).argmax(axis=1), dtype=np.int64)

    def _counts(self) -> Iterator[Weights]:
        """Give how often each unit is drawn, some draws at a time: (some, units)."""
        source = generator(self._seed, "bootstrap", self.images, digest(self._unit))
        strata = [np.flatnonzero(self._classes == each) for each in np.unique(self._classes)]
        step = max(1, _CHUNK // self.units)
        for start in range(0, self.draws, step):
            some = min(step, self.draws - start)
            counts = np.empty((some, self.units), dtype=np.float32)
            for rows in strata:
                counts[:, rows] = _drawn(source, some, len(rows))
            yield counts


def images(rows: Predictions) -> str:
    """Give the digest of which images, with which true classes, predictions are for."""
    return digest(sorted(zip(rows.hashes, rows.labels.tolist(), strict=True)))


def _drawn(source: np.random.Generator, draws: int, size: int) -> npt.NDArray[np.int64]:
    """Count how often each of `size` units comes up in `size` draws with replacement."""
    picks = source.integers(0, size, size=(draws, size))
    picks += np.arange(draws)[:, None] * size
    return np.bincount(picks.ravel(), minlength=draws * size).reshape(draws, size)


def _weighted_area(weights: Weights, positive: npt.NDArray[np.bool_], scores: Floats) -> Floats:
    """Give the (draws,) areas under the ROC curve of (n,) scores under (draws, n) weights."""
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    ordered, wanted = weights[:, order], positive[order]
    ours = np.add.reduceat(np.where(wanted, ordered, 0), starts, axis=1, dtype=np.float64)
    others = np.add.reduceat(np.where(wanted, 0, ordered), starts, axis=1, dtype=np.float64)
    below = np.cumsum(others, axis=1) - others / 2
    pairs = ours.sum(axis=1) * others.sum(axis=1)
    return np.asarray((ours * below).sum(axis=1) / pairs, dtype=np.float64)


def intervals(
    predictions: Predictions,
    metrics: Sequence[str] = ("macro_f1", "accuracy", "balanced_accuracy"),
    *,
    seed: int,
    draws: int = DRAWS,
    groups: Sequence[str | None] | None = None,
) -> dict[str, Interval]:
    """Give `<part>_<metric>` with its 95 % interval, for val and test.

    Args:
        predictions: a run's predictions, n rows.
        metrics: `auroc` and any that a confusion matrix gives, without the part.
        seed: what the draws are derived from.
        draws: how many resamples.
        groups: n patient keys, None where unknown; None to draw distinct images.

    Returns:
        An interval for each metric that the part's predictions have a value for.
    """
    found: dict[str, Interval] = {}
    for part in SCORED_PARTS:
        mask = np.array([each is part for each in predictions.parts], dtype=bool)
        if not mask.any():
            continue
        rows = predictions.where(mask)
        own = None if groups is None else [groups[row] for row in np.flatnonzero(mask).tolist()]
        resampling = Resampling(rows, seed=seed, draws=draws, groups=own)
        found |= {
            f"{part}_{name}": Interval.of(value, drawn)
            for name, (value, drawn) in _resampled(resampling, rows, metrics).items()
        }
    return found


def _resampled(
    resampling: Resampling, rows: Predictions, metrics: Sequence[str]
) -> Mapping[str, tuple[float, Floats]]:
    values = overall(rows)
    drawn = dict(from_confusion(resampling.confusions([rows])[0]))
    if "auroc" in metrics and "auroc" in values:
        drawn["auroc"] = resampling.aurocs(rows)
    defined = [name for name in metrics if name != "auroc" or name in drawn]
    return {name: (values[name], drawn[name]) for name in defined}


def paired_difference(
    first: Predictions,
    second: Predictions,
    part: Part,
    *,
    seed: int,
    metric: str = "macro_f1",
    draws: int = DRAWS,
    groups: Sequence[str | None] | None = None,
) -> Interval:
    """Give first minus second on one part, both scored on the same draws of its images.

    Args:
        first: a run's predictions; `groups` are the patients of its rows.
        second: another run's predictions for the same images.
        part: the part to compare on.
        seed: what the draws are derived from.
        metric: `auroc` or any that a confusion matrix gives, without the part.
        draws: how many resamples.
        groups: n patient keys, None where unknown; None to draw distinct images.

    Raises:
        DataError: the two are not for the same images, or the part has none.
    """
    mask = np.array([each is part for each in first.parts], dtype=bool)
    pair = [first.where(mask), second.part(part)]
    own = None if groups is None else [groups[row] for row in np.flatnonzero(mask).tolist()]
    resampling = Resampling(pair[0], seed=seed, draws=draws, groups=own)
    drawn = resampling.values(pair, metric)
    one, other = (overall(rows)[metric] for rows in pair)
    return Interval.of(one - other, drawn[0] - drawn[1])


def resolvable_difference(images: int, disagreement: float = 0.1) -> float:
    """Give the least difference in accuracy that so many images can tell from none, at 95 %.

    From the paired comparison of two proportions (McNemar 1947, doi:10.1007/BF02295996): only
    images on which the two networks disagree count, and their difference has the standard error
    sqrt(disagreement / images) where there is none.

    Args:
        images: distinct images of the part.
        disagreement: share of images that one network has right and the other wrong.
    """
    # chosen, not sourced: networks near the top of a board disagree on about one image in ten
    return min(1.0, 1.96 * math.sqrt(disagreement / images)) if images else 1.0
