"""What is measured after every epoch, in NumPy: cheap enough to cost less than the epoch."""

import numpy as np
import numpy.typing as npt

from ..records import Labels


def measure(part: str, probabilities: npt.NDArray[np.floating], labels: Labels) -> dict[str, float]:
    """Give a part's metrics by name.

    Args:
        part: what the names begin with, such as `val`.
        probabilities: (n, k), rows sum to 1.
        labels: (n,) true classes.

    Returns:
        `<part>_loss` (mean negative log-likelihood in nats), `_accuracy`, `_macro_f1` (a class
        without images or predictions counts as 0) and `_auroc` (one-vs-rest, macro; NaN where a
        class has no image or all of them).
    """
    chosen = probabilities.argmax(axis=1)
    return {
        f"{part}_loss": log_loss(probabilities, labels),
        f"{part}_accuracy": float(np.mean(chosen == labels)),
        f"{part}_macro_f1": macro_f1(chosen, labels, probabilities.shape[1]),
        f"{part}_auroc": auroc(probabilities, labels),
    }


def log_loss(probabilities: npt.NDArray[np.floating], labels: Labels) -> float:
    """Give the mean negative log-likelihood of the true classes, in nats."""
    true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.mean(np.log(np.maximum(true, 1e-15))))


def macro_f1(chosen: Labels, labels: Labels, classes: int) -> float:
    """Give the mean over k classes of 2 TP / (2 TP + FP + FN), 0 where that is 0 / 0."""
    counts = np.bincount(labels * classes + chosen, minlength=classes * classes)
    table = counts.reshape(classes, classes)
    hits = np.diag(table)
    return float(np.mean(2 * hits / np.maximum(table.sum(axis=0) + table.sum(axis=1), 1)))


def auroc(probabilities: npt.NDArray[np.floating], labels: Labels) -> float:
    """Give the macro one-vs-rest AUROC by ranks (Mann and Whitney 1947), plain for 2 classes."""
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
