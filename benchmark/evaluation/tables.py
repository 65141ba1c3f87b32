"""Predictions as tables: the confusion matrix and the classification report."""

from typing import TYPE_CHECKING

import numpy as np

from ..records import Part, Predictions
from .metrics import confusion, from_confusion

if TYPE_CHECKING:
    import pandas as pd


def confusion_table(predictions: Predictions, part: Part) -> "pd.DataFrame":
    """Return the confusion matrix of a part, one row a (true, predicted) pair.

    Returns:
        Columns `true_class`, `predicted_class`, `images` and `share_of_true`, which is NaN for a
        class without an image.
    """
    import pandas as pd

    counts = confusion(predictions.part(part))
    sums = counts.sum(axis=1, keepdims=True)
    shares = np.full(counts.shape, np.nan)
    np.divide(counts, sums, out=shares, where=sums > 0)
    classes = np.array(predictions.classes, dtype=object)
    return pd.DataFrame(
        {
            "true_class": np.repeat(classes, len(classes)),
            "predicted_class": np.tile(classes, len(classes)),
            "images": counts.ravel(),
            "share_of_true": shares.ravel(),
        }
    )


def classification_report(predictions: Predictions, part: Part) -> str:
    """Return precision, recall, F1 and images of each class of a part, and their means, as text.

    The figures are those of `score`; the layout is scikit-learn's.
    """
    counts = confusion(predictions.part(part))
    true, called, hits = counts.sum(axis=1), counts.sum(axis=0), np.diagonal(counts)
    width = max(len("weighted mean"), *(len(name) for name in predictions.classes))
    lines = [f"{'':{width}}  precision  recall      F1  images", ""]
    for position, name in enumerate(predictions.classes):
        figures = (
            _share(hits[position], called[position]),
            _share(hits[position], true[position]),
            _share(2 * hits[position], true[position] + called[position]),
        )
        lines.append(_line(name, width, figures, int(true[position])))
    found = from_confusion(counts)
    total = int(true.sum())
    lines += ["", f"{'accuracy':{width}}  {'':>17}  {found['accuracy']:6.4f}  {total:6d}"]
    for mean in ("macro", "weighted"):
        figures = (
            float(found[f"{mean}_precision"]),
            float(found[f"{mean}_recall"]),
            float(found[f"{mean}_f1"]),
        )
        lines.append(_line(f"{mean} mean", width, figures, total))
    return "\n".join(lines) + "\n"


def _share(over: int, under: int) -> float:
    return float(over / under) if under else 0.0


def _line(name: str, width: int, figures: tuple[float, float, float], images: int) -> str:
    precision, recall, f1 = figures
    return f"{name:{width}}  {precision:9.4f}  {recall:6.4f}  {f1:6.4f}  {images:6d}"
