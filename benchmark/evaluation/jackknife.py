"""How other units would move a figure: the stratified delete-one-unit jackknife.

A unit is what can be drawn independently: a patient where known, else a distinct image, all its
copies together. Units are deleted within their true class, since these data sets were gathered
class by class: class sizes are design and not chance. The influence of a unit on a figure is the
figure without it, less the mean of those of its class, times sqrt((m - 1) / m) for m units in the
class; the sum of the squares is the figure's variance, and the products of two figures' influences
sum to their covariance (Efron & Stein 1981, doi:10.1214/aos/1176345462; for AUROC these are the
placements of DeLong et al. 1988, doi:10.2307/2531595).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from ..metrics import METRICS, Counts, Floats, auroc, mean_ranks, of_counts
from ..records import Labels, Predictions, digest
from ..resolution import FEWEST_UNITS
from .scores import class_slugs, confusion, predicted

MACRO = ("macro_f1", "balanced_accuracy", "auroc")
BY_CLASS = ("recall", "specificity")
ASSESSED = ("macro_f1", "accuracy", "balanced_accuracy", "auroc", "brier")
"""What has intervals, with the sensitivity (recall) and specificity of each class."""


def assessed(classes: Sequence[str]) -> tuple[str, ...]:
    """Return every metric that has intervals, those of each class too, without the part."""
    slugs = class_slugs(classes)
    return (*ASSESSED, *(f"{name}_{slug}" for name in BY_CLASS for slug in slugs))


_CHUNK = 1 << 22  # chosen, not sourced: cells of confusion matrices held at once; 32 MiB


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """The units of some predictions, the same for every network scored on the same images.

    Attributes:
        unit: (n,) unit of each row, 0 to U - 1.
        stratum: (U,) true class of each unit, the commonest of its images.
        sizes: (k,) units of each class.
        present: (k,) whether a class has images.
    """

    unit: Labels
    stratum: Labels
    sizes: Labels
    present: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, rows: Predictions) -> "Sample":
        """Find the units of n rows.

        Raises:
            DataError: there are no rows.
        """
        if not rows.hashes:
            raise DataError("a part must have images for its figures to have intervals.")
        keys = np.array(rows.hashes) if rows.units is None else rows.units
        unit = np.unique(keys, return_inverse=True)[1].astype(np.int64)
        k = len(rows.classes)
        counts = np.bincount(unit * k + rows.labels, minlength=(int(unit.max()) + 1) * k)
        stratum = counts.reshape(-1, k).argmax(axis=1).astype(np.int64)
        return cls(
            unit=unit,
            stratum=stratum,
            sizes=np.bincount(stratum, minlength=k).astype(np.int64),
            present=np.bincount(rows.labels, minlength=k) > 0,
        )

    def __len__(self) -> int:
        return len(self.stratum)

    @property
    def is_decidable(self) -> bool:
        """Whether every class that has images has units enough for a macro figure's interval."""
        return bool((self.sizes[self.present] >= FEWEST_UNITS).all())

    def influence(self, without: Floats) -> Floats:
        """Return the (U, ...) influences from a figure's (U, ...) values without each unit."""
        found = np.zeros_like(without)
        for label in np.unique(self.stratum):
            rows = self.stratum == label
            size = int(rows.sum())
            if size > 1:
                own = without[rows]
                found[rows] = (own - own.mean(axis=0)) * np.sqrt((size - 1) / size)
        return found

    def by_unit(self, values: Floats) -> Floats:
        """Return the (U,) sums of (n,) values over each unit's rows."""
        return np.bincount(self.unit, weights=values, minlength=len(self)).astype(np.float64)

    def mean_without_each(self, values: Floats) -> Floats:
        """Return the (U,) means of (n,) values without each unit."""
        left = len(values) - self.by_unit(np.ones(len(values)))
        without = values.sum() - self.by_unit(values)
        found: Floats = np.divide(without, left, out=np.zeros(len(self)), where=left > 0)
        return found

    def holding(self, rows: npt.NDArray[np.bool_]) -> int:
        """Return how many units hold one of the rows where an (n,) mask holds."""
        return int(np.count_nonzero(np.bincount(self.unit[rows])))


def images(rows: Predictions) -> str:
    """Return the digest of which images, with which true classes, predictions are for."""
    return _images(rows.hashes, tuple(rows.labels.tolist()))


@lru_cache(maxsize=64)  # the rows of a board are asked several times, and mostly share their images
def _images(hashes: tuple[str, ...], labels: tuple[int, ...]) -> str:
    return digest(sorted(zip(hashes, labels, strict=True)))


def in_order(rows: Predictions) -> Predictions:
    """Return the rows in the order of their images, the same whoever predicted them."""
    keys = list(zip(rows.hashes, rows.paths, strict=True))
    order = sorted(range(len(keys)), key=keys.__getitem__)
    if order == list(range(len(order))):
        return rows
    return rows.take(np.array(order, dtype=np.int64))


def by_images(runs: Iterable[Predictions]) -> dict[str, list[Predictions]]:
    """Return runs by the images they are of, in the order of those images' digests.

    Runs on the same images are seeds, runs on other images folds. The rows of each are in the order
    of its images.
    """
    found: dict[str, list[Predictions]] = {}
    for run in runs:
        found.setdefault(images(run), []).append(in_order(run))
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Influence:
    """A figure with what each unit does to it.

    Attributes:
        value: the figure.
        units: (U,) influences.
        errors: units that hold an error.
        size: units that the figure rests on.
        of_probabilities: whether it is of probabilities, not of answers alone.
    """

    value: float
    units: Floats
    errors: int
    size: int
    of_probabilities: bool = False

    @property
    def variance(self) -> float:
        """The variance over other units."""
        return float((self.units**2).sum())


def influences(
    sample: Sample, rows: Predictions, metrics: Sequence[str] = ASSESSED
) -> dict[str, Influence]:
    """Return the influences on metrics by name, those by class as `recall_<class>`.

    Args:
        sample: the units of the rows.
        rows: n predictions.
        metrics: names out of `ASSESSED` and `BY_CLASS`; `recall` and `specificity` stand for those
            of every class. What is undefined on the rows is left out.
    """
    found: dict[str, Influence] = {}
    if set(metrics) - {"auroc", "brier"}:
        found |= _of_confusion(sample, rows, metrics)
    if "auroc" in metrics:
        area = auroc(rows.labels, rows.probabilities)
        if np.isfinite(area):
            found["auroc"] = _of_auroc(sample, rows, area)
    if "brier" in metrics:
        found["brier"] = _of_brier(sample, rows)
    return found


def _of_confusion(
    sample: Sample, rows: Predictions, metrics: Sequence[str]
) -> dict[str, Influence]:
    chosen, k = predicted(rows), len(rows.classes)
    wrong = chosen != rows.labels
    names = [name for name in metrics if name in ("macro_f1", "accuracy", "balanced_accuracy")]
    by_class = [each for each in BY_CLASS if each in metrics]
    names += [f"{each}_{slug}" for each in by_class for slug in class_slugs(rows.classes)]
    whole = _figures(confusion(rows)[None], sample.present, rows.classes, names)
    without = without_each(sample, rows.labels * k + chosen, rows.classes, names)
    rests = _rests_on(sample, rows, wrong) if by_class else {}
    every = (sample.holding(wrong), len(sample))
    return {
        name: Influence(
            value=float(whole[name][0]),
            units=sample.influence(without[name]),
            errors=rests.get(name, every)[0],
            size=rests.get(name, every)[1],
        )
        for name in names
        if np.isfinite(whole[name][0])
    }


def _rests_on(
    sample: Sample, rows: Predictions, wrong: npt.NDArray[np.bool_]
) -> dict[str, tuple[int, int]]:
    """Return for each class's recall and specificity the units in error and those it rests on."""
    found = {}
    chosen = predicted(rows)
    for label, slug in enumerate(class_slugs(rows.classes)):
        own = rows.labels == label
        called = ~own & (chosen == label)
        found[f"recall_{slug}"] = (sample.holding(own & wrong), int(sample.sizes[label]))
        found[f"specificity_{slug}"] = (sample.holding(called), sample.holding(~own))
    return found


def without_each(
    sample: Sample, cells: Labels, classes: Sequence[str], names: Sequence[str]
) -> dict[str, Floats]:
    """Return metrics of a confusion matrix without each unit: (U,) by name.

    Units of one image share the few values that leaving out one cell can give.

    Args:
        sample: the units.
        cells: (n,) cell of the flattened (k, k) confusion matrix that each row fills.
        classes: k class names.
        names: which metrics.
    """
    k = len(classes)
    whole = np.bincount(cells, minlength=k * k).astype(np.float64)
    images_of = np.bincount(sample.unit, minlength=len(sample))
    found = {name: np.zeros(len(sample)) for name in names}

    def fill(units: Labels, counts: Floats, place: Labels | slice) -> None:
        values = _figures(counts.reshape(-1, k, k), sample.present, classes, names)
        for name in names:
            found[name][units] = values[name][place]

    alone = images_of[sample.unit] == 1
    used, place = np.unique(cells[alone], return_inverse=True)
    if len(used):
        fill(sample.unit[alone], whole - np.eye(k * k)[used], place)
    many = np.flatnonzero(images_of > 1)
    step = max(1, _CHUNK // (k * k))
    for start in range(0, len(many), step):
        some = many[start : start + step]
        position = np.full(len(sample), -1)
        position[some] = np.arange(len(some))
        mine = position[sample.unit] >= 0
        filled = np.bincount(
            position[sample.unit[mine]] * k * k + cells[mine], minlength=len(some) * k * k
        )
        fill(some, whole - filled.reshape(-1, k * k), slice(None))
    return found


def _figures(
    counts: npt.NDArray[np.number],
    present: npt.NDArray[np.bool_],
    classes: Sequence[str],
    names: Sequence[str],
) -> Mapping[str, Floats]:
    """Return at least the named figures of (..., k, k) counts, those of each class too."""
    found = of_counts(counts, present, [name for name in names if name in METRICS])
    if len(found) == len(names):
        return found
    sums = Counts.of(counts)
    others = sums.true.sum(axis=-1, keepdims=True) - sums.true
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, specificity = sums.hits / sums.true, 1 - (sums.called - sums.hits) / others
    for label, slug in enumerate(class_slugs(classes)):
        found[f"recall_{slug}"] = recall[..., label]
        found[f"specificity_{slug}"] = specificity[..., label]
    return found


def _of_auroc(sample: Sample, rows: Predictions, area: float) -> Influence:
    k = len(rows.classes)
    asked = (1,) if k == 2 else range(k)
    shares = [_placements(rows.labels == each, rows.probabilities[:, each]) for each in asked]
    own = sample.by_unit(np.mean(shares, axis=0))
    size = sample.sizes[sample.stratum]
    without = own * size / np.maximum(size - 1, 1)  # of a mean of m, leaving one out moves by that
    return _of_probabilities(sample, rows, area, sample.influence(without))


def _placements(positive: npt.NDArray[np.bool_], scores: Floats) -> Floats:
    """Return each row's part in the area under the ROC curve, less the mean of its side."""
    ranks, found = mean_ranks(scores), np.zeros(len(scores))
    positives, negatives = int(positive.sum()), int((~positive).sum())
    above = (ranks[positive] - mean_ranks(scores[positive])) / negatives
    below = 1 - (ranks[~positive] - mean_ranks(scores[~positive])) / positives
    found[positive] = (above - above.mean()) / positives
    found[~positive] = (below - below.mean()) / negatives
    return found


def _of_brier(sample: Sample, rows: Predictions) -> Influence:
    wanted = np.eye(rows.probabilities.shape[1])[rows.labels]
    squares = ((rows.probabilities - wanted) ** 2).sum(axis=1)
    units = sample.influence(sample.mean_without_each(squares))
    return _of_probabilities(sample, rows, float(squares.mean()), units)


def _of_probabilities(sample: Sample, rows: Predictions, value: float, units: Floats) -> Influence:
    errors = sample.holding(predicted(rows) != rows.labels)
    return Influence(
        value=value, units=units, errors=errors, size=len(sample), of_probabilities=True
    )
