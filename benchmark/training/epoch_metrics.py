"""What is measured after every epoch, in NumPy: cheap enough to cost less than the epoch."""

import math

import numpy as np
import numpy.typing as npt

from ..records import Labels


def measure(part: str, probabilities: npt.NDArray[np.floating], labels: Labels) -> dict[str, float]:
    """Return a part's metrics by name; what is undefined is absent, never NaN.

    Args:
        part: what the names begin with, such as `val`.
        probabilities: (n, k), rows sum to 1.
        labels: (n,) true classes.

    Returns:
        `<part>_loss` (mean negative log-likelihood in nats), `_accuracy`, `_precision`, `_recall`
        and `_f1` (means over the classes that have images, a ratio of 0 to 0 counting as 0, as in
        the final metrics), `_macro_f1` (`_f1` by its full name) and `_auroc` (one-vs-rest, macro;
        absent where a class has no image or all of them).
    """
    table = confusion(probabilities.argmax(axis=1), labels, probabilities.shape[1])
    hits, true, called = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    there = true > 0
    f1 = _mean_ratio(2 * hits, true + called, there)
    found = {
        "loss": log_loss(probabilities, labels),
        "accuracy": float(hits.sum() / len(labels)),
        "precision": _mean_ratio(hits, called, there),
        "recall": _mean_ratio(hits, true, there),
        "f1": f1,
        "macro_f1": f1,
        "auroc": auroc(probabilities, labels),
    }
    return defined({f"{part}_{name}": value for name, value in found.items()})


def defined(metrics: dict[str, float]) -> dict[str, float]:
    """Leave out what is NaN or infinite: no tracker, table or curve has a use for it."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def confusion(chosen: Labels, labels: Labels, classes: int) -> Labels:
    """Count (k, k) images, rows the true class, columns the chosen one."""
    counts = np.bincount(labels * classes + chosen, minlength=classes * classes)
    return counts.reshape(classes, classes)


def _mean_ratio(hits: Labels, total: Labels, there: npt.NDArray[np.bool_]) -> float:
    return float(np.mean(hits[there] / np.maximum(total[there], 1)))


def log_loss(probabilities: npt.NDArray[np.floating], labels: Labels) -> float:
    """Return the mean negative log-likelihood of the true classes, in nats."""
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.mean(np.log(np.maximum(true, 1e-15))))


def auroc(probabilities: npt.NDArray[np.floating], labels: Labels) -> float:
    """Return the macro one-vs-rest AUROC by ranks (Mann and Whitney 1947), plain for 2 classes."""
    from scipy.stats import rankdata

    scores = probabilities[:, 1:] if probabilities.shape[1] == 2 else probabilities
    first = probabilities.shape[1] - scores.shape[1]
    ranks = rankdata(scores, axis=0)
    positive = labels[:, None] == np.arange(first, probabilities.shape[1])
    n_positive = positive.sum(axis=0)
    pairs = n_positive * (len(labels) - n_positive)
    if np.any(pairs == 0):
        return float("nan")
    areas = ((ranks * positive).sum(axis=0) - n_positive * (n_positive + 1) / 2) / pairs
    return float(areas.mean())
