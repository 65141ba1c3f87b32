"""Metrics on arrays, in one table: the formula, which way is better, and where each is used.

An entry of `METRICS` is scored on every part, can be searched on (`--objective`) and named on a
board. With `by_epoch` it is also measured on validation after every epoch, so that early stopping
can monitor it and a search prune by it; with `on_board` it has a column on every board.

All are equal to scikit-learn's; docs/metrics.md has every name with its formula and source. Macro
averages are over the classes that have images, so that they are over the same classes for every
network scored on a part (scikit-learn's, with `labels=` those classes); 0/0 counts as 0.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .records import Labels

Floats = npt.NDArray[np.float64]
Reals = npt.NDArray[np.floating]

BINS = 15
"""Bins of the expected calibration error, as Guo et al. 2017 have it."""

_EPSILON = float(np.finfo(np.float64).eps)
LEAST_IN_TRAINING = 1e-15
"""Probability below which training's log loss does not look, where `METRICS` has float64's epsilon:
the same in both would move early stopping, and so results."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counts:
    """What metrics of answers are made of, for one confusion matrix or many.

    Attributes:
        true: (..., k) images of each class; `called` those called so; `hits` both.
        occurs: (..., k) 1 for a class that macro averages are over, else 0.
    """

    true: Floats
    called: Floats
    hits: Floats
    occurs: Floats

    @classmethod
    def of(
        cls, matrices: npt.NDArray[np.number], present: npt.NDArray[np.bool_] | None = None
    ) -> "Counts":
        """Sum up (..., k, k) matrices, rows the true class.

        Args:
            matrices: counts, or weights.
            present: (k,) the classes that macro averages are over; those with images in each
                matrix where it is None.
        """
        matrix = np.asarray(matrices, dtype=np.float64)
        true = matrix.sum(axis=-1)
        occurs = np.broadcast_to(true > 0 if present is None else present, true.shape)
        return cls(
            true=true,
            called=matrix.sum(axis=-2),
            hits=np.diagonal(matrix, axis1=-2, axis2=-1),
            occurs=occurs.astype(np.float64),
        )

    @property
    def precision(self) -> Floats:
        """(..., k) share of the images called so that are of the class."""
        return ratio(self.hits, self.called)

    @property
    def recall(self) -> Floats:
        """(..., k) share of a class's images that are called so."""
        return ratio(self.hits, self.true)

    @property
    def f1(self) -> Floats:
        """(..., k) harmonic mean of precision and recall."""
        return ratio(2 * self.hits, self.true + self.called)

    def macro(self, values: Floats) -> Floats:
        """Return the (...) unweighted means of (..., k) values over the classes that occur."""
        return _mean(values, self.occurs)

    def weighted(self, values: Floats) -> Floats:
        """Return the (...) means of (..., k) values, weighted by the classes' images."""
        return _mean(values, self.true)


def ratio(over: npt.ArrayLike, under: npt.ArrayLike) -> Floats:
    """Divide, 0/0 giving 0 as scikit-learn's `zero_division=0`."""
    top, bottom = np.asarray(over, dtype=np.float64), np.asarray(under, dtype=np.float64)
    return np.divide(top, bottom, out=np.zeros(np.broadcast(top, bottom).shape), where=bottom > 0)


def _mean(values: Floats, weights: Floats) -> Floats:
    return ratio((values * weights).sum(axis=-1), weights.sum(axis=-1))


def _accuracy(counts: Counts) -> Floats:
    return ratio(counts.hits.sum(axis=-1), counts.true.sum(axis=-1))


def _macro_precision(counts: Counts) -> Floats:
    return counts.macro(counts.precision)


def _macro_recall(counts: Counts) -> Floats:
    return counts.macro(counts.recall)


def _macro_f1(counts: Counts) -> Floats:
    """Return the mean of the classes' F1 (Opitz & Burst 2019, arXiv:1911.03347)."""
    return counts.macro(counts.f1)


def _mcc(counts: Counts) -> Floats:
    """Return R_K of Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006."""
    true, called, total = counts.true, counts.called, counts.true.sum(axis=-1)
    covariance = counts.hits.sum(axis=-1) * total - (true * called).sum(axis=-1)
    spread = (total**2 - (true**2).sum(axis=-1)) * (total**2 - (called**2).sum(axis=-1))
    return ratio(covariance, np.sqrt(spread))


def log_loss(labels: Labels, probabilities: Reals, least: float = _EPSILON) -> float:
    """Return the mean of -ln p(true class) in nats, p held within `least` of 0 and 1."""
    chosen = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(chosen, least, 1 - least)).mean())


def _brier(labels: Labels, probabilities: Reals) -> float:
    """Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2: from 0 to 2."""
    wanted = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - wanted) ** 2).sum(axis=1).mean())


def equal_mass_bins(scores: Reals, bins: int = BINS) -> Labels:
    """Cut scores into bins of equally many, equal scores together; return each one's, from 0.

    With fewer scores than bins each has its own; a bin that equal scores span may be left empty.
    """
    return np.floor((mean_ranks(scores) - 0.5) * bins / max(len(scores), 1)).astype(np.int64)


def _ece(labels: Labels, probabilities: Reals) -> float:
    """Return the expected calibration error: Guo et al. 2017, arXiv:1706.04599.

    Its bins hold equally many images: Nixon et al. 2019, arXiv:1904.01685; Kumar et al. 2019,
    arXiv:1909.10155.
    """
    confidences = probabilities.max(axis=1).astype(np.float64)
    apart = (probabilities.argmax(axis=1) == labels) - confidences
    sums = np.bincount(equal_mass_bins(confidences), weights=apart)
    return float(np.abs(sums).sum() / len(labels))


def auroc(labels: Labels, probabilities: Reals) -> float:
    """Return the area under the ROC curve: of the last of two classes, else the mean over classes.

    NaN where a class has no image or every image. Equal scores count half (Hanley & McNeil 1982,
    doi:10.1148/radiology.143.1.7063747); one class against the rest, unweighted mean (Fawcett
    2006, doi:10.1016/j.patrec.2005.10.010).
    """
    classes = probabilities.shape[1]
    asked = (1,) if classes == 2 else range(classes)
    areas = [area_under_roc(labels == each, probabilities[:, each]) for each in asked]
    return float(np.mean(areas)) if areas else math.nan


def area_under_roc(positive: npt.NDArray[np.bool_], scores: Reals) -> float:
    """Return how often a positive scores above a negative; NaN where either is missing, or NaN."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives or np.isnan(scores).any():
        return math.nan
    wins = mean_ranks(scores)[positive].sum() - positives * (positives + 1) / 2
    return float(wins / (positives * negatives))


def mean_ranks(scores: Reals) -> Floats:
    """Return the (n,) ranks from 1 of scores, equal ones sharing their mean rank."""
    # scipy.stats.rankdata says the same; importing scipy.stats takes most of a second.
    _, place, size = np.unique(scores, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(size) - (size - 1) / 2)[place], dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Metric:
    """A metric; it has one of two formulas.

    Attributes:
        of_answers: what `Counts` give: (...) values.
        of_probabilities: what (n,) labels and (n, k) probabilities give; NaN where undefined.
        more_is_better: which way is better.
        by_epoch: whether it is measured on validation after every epoch.
        on_board: whether every board has a column of it.
        title: its name for people, where that is not its name with spaces.
    """

    of_answers: Callable[[Counts], Floats] | None = None
    of_probabilities: Callable[[Labels, Reals], float] | None = None
    more_is_better: bool = True
    by_epoch: bool = False
    on_board: bool = False
    title: str = ""


# Averages after Sokolova & Lapalme 2009, doi:10.1016/j.ipm.2009.03.002.
METRICS: Mapping[str, Metric] = {
    "macro_f1": Metric(of_answers=_macro_f1, by_epoch=True, on_board=True, title="macro-F1"),
    "micro_f1": Metric(of_answers=_accuracy),
    "weighted_f1": Metric(of_answers=lambda each: each.weighted(each.f1)),
    "f1": Metric(of_answers=_macro_f1, by_epoch=True),
    "accuracy": Metric(of_answers=_accuracy, by_epoch=True, on_board=True),
    "balanced_accuracy": Metric(of_answers=_macro_recall),
    "auroc": Metric(of_probabilities=auroc, by_epoch=True, on_board=True, title="AUROC"),
    "mcc": Metric(of_answers=_mcc, title="MCC"),
    "precision": Metric(of_answers=_macro_precision, by_epoch=True),
    "macro_precision": Metric(of_answers=_macro_precision),
    "micro_precision": Metric(of_answers=_accuracy),
    "weighted_precision": Metric(of_answers=lambda each: each.weighted(each.precision)),
    "recall": Metric(of_answers=_macro_recall, by_epoch=True),
    "macro_recall": Metric(of_answers=_macro_recall),
    "micro_recall": Metric(of_answers=_accuracy),
    "weighted_recall": Metric(of_answers=lambda each: each.weighted(each.recall)),
    "loss": Metric(of_probabilities=log_loss, more_is_better=False, by_epoch=True),
    "log_loss": Metric(of_probabilities=log_loss, more_is_better=False, title="log loss"),
    "brier": Metric(of_probabilities=_brier, more_is_better=False),
    "ece": Metric(of_probabilities=_ece, more_is_better=False, title="ECE"),
}

OF_ANSWERS = tuple(name for name, each in METRICS.items() if each.of_answers)
BY_EPOCH = tuple(name for name, each in METRICS.items() if each.by_epoch)
ON_BOARD = tuple(name for name, each in METRICS.items() if each.on_board)
MONITORS = {f"val_{name}": METRICS[name].more_is_better for name in BY_EPOCH} | {
    "train_loss": METRICS["loss"].more_is_better
}
"""What early stopping can watch, and whether more of it is better."""


def confusion(labels: Labels, called: Labels, classes: int) -> Labels:
    """Count n images by (true class, predicted class): (k, k)."""
    cells = np.bincount(labels * classes + called, minlength=classes * classes)
    return cells.reshape(classes, classes)


def of_counts(
    matrices: npt.NDArray[np.number],
    present: npt.NDArray[np.bool_] | None = None,
    names: Iterable[str] = OF_ANSWERS,
) -> dict[str, Floats]:
    """Return metrics of answers from (..., k, k) confusion matrices: (...) values by name.

    Args:
        matrices: as `Counts.of` takes them, and so `present`.
        present: as above.
        names: some of `OF_ANSWERS`.
    """
    counts = Counts.of(matrices, present)
    formulas = {name: METRICS[name].of_answers for name in names}
    return {name: formula(counts) for name, formula in formulas.items() if formula}


def metrics_of(
    labels: Labels, probabilities: Reals, names: Iterable[str] = tuple(METRICS)
) -> dict[str, float]:
    """Return metrics by name; what is undefined is absent, never NaN.

    Args:
        labels: (n,) true classes, at least one.
        probabilities: (n, k), rows sum to 1.
        names: some of `METRICS`.
    """
    counts = Counts.of(confusion(labels, probabilities.argmax(axis=1), probabilities.shape[1]))
    found = {}
    for name in names:
        metric = METRICS[name]
        if metric.of_answers:
            found[name] = float(metric.of_answers(counts))
        elif metric.of_probabilities:
            found[name] = metric.of_probabilities(labels, probabilities)
    return defined(found)


def measure(part: str, probabilities: Reals, labels: Labels) -> dict[str, float]:
    """Return what is known by epoch as `<part>_<metric>`: cheap enough to cost less than the epoch.

    Args:
        part: what the names begin with, such as `val`.
        probabilities: as `metrics_of` takes them, and so `labels`.
        labels: as above.
    """
    found = metrics_of(labels, probabilities, BY_EPOCH)
    found |= defined({"loss": log_loss(labels, probabilities, LEAST_IN_TRAINING)})
    return {f"{part}_{name}": value for name, value in found.items()}


def defined(metrics: Mapping[str, float]) -> dict[str, float]:
    """Leave out what is NaN or infinite: no tracker, table or curve has a use for it."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}
