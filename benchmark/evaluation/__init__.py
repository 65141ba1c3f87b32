"""What the predictions say: metrics, intervals, tables and figures, never a network.

Everything here is computed from `Predictions` alone, so it can be computed again at any time.
Importing it loads NumPy and nothing heavier; pyarrow, pandas and matplotlib load where used.
"""

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

__all__ = [
    "Floats",
    "Interval",
    "Resampling",
    "class_slugs",
    "confusion",
    "images",
    "intervals",
    "overall",
    "paired_difference",
    "read_predictions",
    "resolvable_difference",
    "score",
    "write_predictions",
]
