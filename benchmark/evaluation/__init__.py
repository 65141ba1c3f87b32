"""What the predictions say: metrics, intervals, tables and figures, never a network.

Everything here is computed from `Predictions` alone, so it can be computed again at any time.
Importing it loads NumPy and nothing heavier; pyarrow, pandas and matplotlib load where used.
"""

from .calibration import (
    Bin,
    ece,
    ece_if_calibrated,
    raw_scores,
    reliability,
    reliability_table,
)
from .comparison import Comparison, Entrant, compare
from .curves import precision_recall_curves, roc_curves, roc_points
from .drawing import (
    board_figure,
    confusion_matrix,
    loss_and_accuracy,
    part_figures,
    reliability_diagram,
)
from .explanations import overlay, shown_size, write_overlay
from .figure_style import Caption
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
from .operating import (
    POINT_TITLES,
    OperatingPoint,
    at_point,
    choose_point,
    judge,
    point_metrics,
    point_table,
    share_of_positives,
)
from .patients import by_patient, patient_metrics
from .positives import WantedPoint, check_positive, default_positive, read_rule, wanted_point
from .predictions import read_predictions, write_predictions
from .scores import (
    SCORED_PARTS,
    class_slugs,
    classification_report,
    confusion,
    confusion_table,
    out_of_fold_metrics,
    overall,
    predicted,
    score,
)
from .subgroups import ordered_subgroups, subgroups
from .temperature import (
    at_temperature,
    calibrating_temperature,
    fit_temperature,
    loss_difference,
    losses_after_temperature,
    tempered,
)

__all__ = [
    "ASSESSED",
    "BY_CLASS",
    "PASSES",
    "POINT_TITLES",
    "SCORED_PARTS",
    "Bin",
    "Caption",
    "Comparison",
    "Entrant",
    "Estimate",
    "Floor",
    "Interval",
    "OperatingPoint",
    "Sample",
    "WantedPoint",
    "assessed",
    "at_point",
    "at_temperature",
    "board_figure",
    "by_images",
    "by_patient",
    "calibrating_temperature",
    "check_positive",
    "choose_point",
    "class_slugs",
    "classification_report",
    "compare",
    "confusion",
    "confusion_matrix",
    "confusion_table",
    "default_positive",
    "ece",
    "ece_if_calibrated",
    "estimate",
    "fit_temperature",
    "floor",
    "has_interval",
    "images",
    "in_order",
    "interval_metrics",
    "intervals",
    "judge",
    "loss_and_accuracy",
    "loss_difference",
    "losses_after_temperature",
    "ordered_subgroups",
    "out_of_fold_metrics",
    "overall",
    "overlay",
    "part_figures",
    "patient_metrics",
    "point_metrics",
    "point_table",
    "precision_recall_curves",
    "predicted",
    "raw_scores",
    "read_predictions",
    "read_rule",
    "reliability",
    "reliability_diagram",
    "reliability_table",
    "roc_curves",
    "roc_points",
    "score",
    "score_out_of_fold",
    "share_of_positives",
    "shown_size",
    "subgroups",
    "tempered",
    "wanted_point",
    "write_overlay",
    "write_predictions",
]
