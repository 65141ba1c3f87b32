"""What the predictions say: metrics, intervals, tables and figures, never a network.

Everything here is computed from `Predictions` alone, so it can be computed again at any time.
Importing it loads NumPy and nothing heavier; pyarrow, pandas and matplotlib load where used.
"""

from .comparison import Comparison, Entrant, compare
from .drawing import (
    Caption,
    board_figure,
    confusion_matrix,
    loss_and_accuracy,
    precision_recall_curves,
    roc_curves,
)
from .intervals import (
    Estimate,
    Interval,
    estimate,
    has_interval,
    interval_metrics,
    intervals,
    score_out_of_fold,
)
from .jackknife import (
    ASSESSED,
    BY_CLASS,
    Sample,
    assessed,
    by_images,
    images,
    in_order,
)
from .noise import PASSES, Floor, floor
from .predictions import read_predictions, write_predictions
from .scores import (
    class_slugs,
    classification_report,
    confusion,
    confusion_table,
    out_of_fold_metrics,
    overall,
    predicted,
    score,
)
from .temperature import fit_temperature, loss_difference, losses_after_temperature

__all__ = [
    "ASSESSED",
    "BY_CLASS",
    "PASSES",
    "Caption",
    "Comparison",
    "Entrant",
    "Estimate",
    "Floor",
    "Interval",
    "Sample",
    "assessed",
    "board_figure",
    "by_images",
    "class_slugs",
    "classification_report",
    "compare",
    "confusion",
    "confusion_matrix",
    "confusion_table",
    "estimate",
    "fit_temperature",
    "floor",
    "has_interval",
    "images",
    "in_order",
    "interval_metrics",
    "intervals",
    "loss_and_accuracy",
    "loss_difference",
    "losses_after_temperature",
    "out_of_fold_metrics",
    "overall",
    "precision_recall_curves",
    "predicted",
    "read_predictions",
    "roc_curves",
    "score",
    "score_out_of_fold",
    "write_predictions",
]
