"""What the predictions say: metrics, intervals, tables and figures, never a network.

Everything here is computed from `Predictions` alone, so it can be computed again at any time.
Importing it loads NumPy and nothing heavier; pyarrow, pandas and matplotlib load where used.
"""

from .curves import loss_and_accuracy, precision_recall_curves, roc_curves
from .figures import Caption, Standing, confusion_matrix
from .figures import board as board_figure
from .metrics import Floats, class_slugs, confusion, overall, score
from .predictions import read_predictions, write_predictions
from .statistics import (
    Interval,
    Resampling,
    images,
    intervals,
    paired_difference,
    resolvable_difference,
)
from .tables import classification_report, confusion_table

__all__ = [
    "Caption",
    "Floats",
    "Interval",
    "Resampling",
    "Standing",
    "board_figure",
    "class_slugs",
    "classification_report",
    "confusion",
    "confusion_matrix",
    "confusion_table",
    "images",
    "intervals",
    "loss_and_accuracy",
    "overall",
    "paired_difference",
    "precision_recall_curves",
    "read_predictions",
    "resolvable_difference",
    "roc_curves",
    "score",
    "write_predictions",
]
