"""Metrics of a run from its predictions: one pass of NumPy, equal to scikit-learn's.

docs/metrics.md has every name with its formula and source. Undefined is absent: a metric that
has no value (AUROC where a class has no image) is not in the dictionary, rather than NaN. Macro
averages are over the classes that have images in the part, so that they are over the same classes
for every network scored on it (scikit-learn's, with `labels=` those classes); 0/0 counts as 0.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ..records import Labels, Part, Predictions, Probabilities

Floats = npt.NDArray[np.float64]
Weights = npt.NDArray[np.float32]

SCORED_PARTS = (Part.VAL, Part.TEST)
_LONGEST_SLUG = 120  # MLflow cuts a metric's name at 250 characters


def score(predictions: Predictions) -> dict[str, float]:
    """Return every metric of val and test as `<part>_<metric>`.

    Where some images of a part are copies of images that the network was trained or chosen on,
    the metrics over the others stand beside it as `<part>_clean_<metric>`, without those by class,
    and `<part>_clean_mix_<metric>` weighs them to the part's own class mix: what is left of a
    difference to the published figure then is not the mix.
    """
    found: dict[str, float] = {}
    for part in SCORED_PARTS:
        rows = predictions.part(part)
        clean = rows.where(~rows.is_copy)
        found |= _prefixed(f"{part}_", {**overall(rows), **by_class(rows)})
        if len(clean.hashes) < len(rows.hashes):
            found |= _prefixed(f"{part}_clean_", overall(clean))
            found |= _prefixed(f"{part}_clean_mix_", _at_mix_of(rows, clean))
    return found


def out_of_fold_metrics(predictions: Predictions) -> dict[str, float]:
    """Return every metric of out-of-fold answers as `cv_<metric>`."""
    return _prefixed("cv_", {**overall(predictions), **by_class(predictions)})


def _at_mix_of(rows: Predictions, some: Predictions) -> dict[str, float]:
    """Return some rows' metrics, each class weighed as in all rows; none if a class has no row."""
    wanted, counts = confusion(rows).sum(axis=1), confusion(some)
    have = counts.sum(axis=1)
    if not have[wanted > 0].all():
        return {}
    weighed = counts * _ratio(wanted, have)[:, None]
    return {name: float(value) for name, value in from_confusion(weighed).items()}


def overall(rows: Predictions) -> dict[str, float]:
    """Return the metrics over all classes of some rows, without a prefix; none for no rows."""
    if not rows.hashes:
        return {}
    found = {name: float(value) for name, value in from_confusion(confusion(rows)).items()}
    found["loss"] = log_loss(rows.labels, rows.probabilities)
    found["brier"] = _brier(rows.labels, rows.probabilities)
    area = auroc(rows.labels, rows.probabilities)
    return found if np.isnan(area) else {**found, "auroc": area}


def confusion(rows: Predictions) -> npt.NDArray[np.int64]:
    """Count the images by (true class, predicted class): (k, k), the most probable class wins."""
    classes = len(rows.classes)
    cells = rows.labels * classes + predicted(rows)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def predicted(rows: Predictions) -> Labels:
    """Return the (n,) most probable classes, the first of equals."""
    return np.asarray(rows.probabilities.argmax(axis=1), dtype=np.int64)


def from_confusion(
    counts: npt.NDArray[np.number], present: npt.NDArray[np.bool_] | None = None
) -> dict[str, Floats]:
    """Return the metrics that a confusion matrix determines, for many matrices at once.

    Args:
        counts: (..., k, k), rows the true class, columns the predicted.
        present: (k,) the classes that macro averages are over; those with images in each matrix
            where it is None.

    Returns:
        Arrays of shape (...) by name. Averages after Sokolova & Lapalme 2009,
        doi:10.1016/j.ipm.2009.03.002; macro-F1 is the mean of the classes' F1 (Opitz & Burst
        2019, arXiv:1911.03347); MCC is R_K of Gorodkin 2004,
        doi:10.1016/j.compbiolchem.2004.09.006.
    """
    matrix = np.asarray(counts, dtype=np.float64)
    true, called = matrix.sum(axis=-1), matrix.sum(axis=-2)
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    total, right = true.sum(axis=-1), hits.sum(axis=-1)
    recall = _ratio(hits, true)
    each = {
        "precision": _ratio(hits, called),
        "recall": recall,
        "f1": _ratio(2 * hits, true + called),
    }
    occurs = np.broadcast_to(true > 0 if present is None else present, true.shape).astype(float)
    accuracy = _ratio(right, total)
    found = {"accuracy": accuracy, "balanced_accuracy": _mean(recall, occurs)}
    for name, values in each.items():
        macro = _mean(values, occurs)
        found |= {name: macro, f"macro_{name}": macro}
        found |= {f"micro_{name}": accuracy, f"weighted_{name}": _mean(values, true)}
    covariance = right * total - (true * called).sum(axis=-1)
    spread = (total**2 - (true**2).sum(axis=-1)) * (total**2 - (called**2).sum(axis=-1))
    found["mcc"] = _ratio(covariance, np.sqrt(spread))
    return found


def macro_f1(
    counts: npt.NDArray[np.number], present: npt.NDArray[np.bool_] | None = None
) -> Floats:
    """Return `from_confusion`'s macro-F1 alone, where thousands of matrices are asked."""
    matrix = np.asarray(counts, dtype=np.float64)
    true, called = matrix.sum(axis=-1), matrix.sum(axis=-2)
    occurs = np.broadcast_to(true > 0 if present is None else present, true.shape).astype(float)
    hits = np.diagonal(matrix, axis1=-2, axis2=-1)
    return _mean(_ratio(2 * hits, true + called), occurs)


def log_loss(labels: Labels, probabilities: Probabilities) -> float:
    """Return the mean of -ln p(true class), p held within float64's epsilon of 0 and 1."""
    limit = np.finfo(np.float64).eps
    chosen = np.clip(probabilities[np.arange(len(labels)), labels], limit, 1 - limit)
    return float(-np.log(chosen).mean())


def _brier(labels: Labels, probabilities: Probabilities) -> float:
    """Brier 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2: from 0 to 2."""
    wanted = np.eye(probabilities.shape[1])[labels]
    return float(((probabilities - wanted) ** 2).sum(axis=1).mean())


def auroc(labels: Labels, probabilities: Probabilities) -> float:
    """Return the area under the ROC curve: of the last of two classes, else the mean over classes.

    NaN where a class has no image or every image. Equal scores count half (Hanley & McNeil 1982,
    doi:10.1148/radiology.143.1.7063747); one class against the rest, unweighted mean (Fawcett
    2006, doi:10.1016/j.patrec.2005.10.010).
    """
    classes = probabilities.shape[1]
    asked = (1,) if classes == 2 else range(classes)
    areas = [area_under_roc(labels == each, probabilities[:, each]) for each in asked]
    return float(np.mean(areas)) if areas else float("nan")


def area_under_roc(positive: npt.NDArray[np.bool_], scores: Floats) -> float:
    """Return how often a positive scores above a negative; NaN where either is missing."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return float("nan")
    wins = mean_ranks(scores)[positive].sum() - positives * (positives + 1) / 2
    return float(wins / (positives * negatives))


def mean_ranks(scores: Floats) -> Floats:
    """Return the (n,) ranks from 1 of scores, equal ones sharing their mean rank."""
    _, place, size = np.unique(scores, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(size) - (size - 1) / 2)[place], dtype=np.float64)


def by_class(rows: Predictions) -> dict[str, float]:
    """Return precision, recall, specificity and F1 of each class that occurs."""
    matrix = confusion(rows)
    true, called, hits = matrix.sum(axis=1), matrix.sum(axis=0), np.diagonal(matrix)
    others = matrix.sum() - true
    found: dict[str, float] = {}
    for position, slug in enumerate(class_slugs(rows.classes)):
        if not true[position] + called[position]:
            continue
        hit = hits[position]
        found[f"precision_{slug}"] = float(_ratio(hit, called[position]))
        found[f"recall_{slug}"] = float(_ratio(hit, true[position]))
        found[f"f1_{slug}"] = float(_ratio(2 * hit, true[position] + called[position]))
        if others[position]:
            wrong = called[position] - hit
            found[f"specificity_{slug}"] = float(1 - wrong / others[position])
    return found


def class_slugs(classes: Sequence[str]) -> tuple[str, ...]:
    """Return each class a name that a metric's name may hold: letters, digits, `_`, `-` and `.`.

    Classes that would share a name get a number behind it.
    """
    found: list[str] = []
    for name in classes:
        plain = re.sub(r"[^\w.\-]+", "_", name)[:_LONGEST_SLUG] or "class"
        slug, number = plain, 2
        while slug in found:
            slug, number = f"{plain}-{number}", number + 1
        found.append(slug)
    return tuple(found)


def _ratio(over: npt.ArrayLike, under: npt.ArrayLike) -> Floats:
    """Divide, 0/0 giving 0 as scikit-learn's `zero_division=0`."""
    top, bottom = np.asarray(over, dtype=np.float64), np.asarray(under, dtype=np.float64)
    return np.divide(top, bottom, out=np.zeros(np.broadcast(top, bottom).shape), where=bottom > 0)


def _mean(values: Floats, weights: Floats) -> Floats:
    return _ratio((values * weights).sum(axis=-1), weights.sum(axis=-1))


def _prefixed(prefix: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{prefix}{name}": value for name, value in values.items()}
