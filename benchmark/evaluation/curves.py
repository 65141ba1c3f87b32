"""Curves of every threshold: ROC and precision over recall, and the points that they go through."""

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from ..metrics import Floats, area_under_roc
from ..records import Part, Predictions
from .figure_style import COLOURS, STYLES, Caption, canvas, entitle, of_part, short, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 400  # chosen, not sourced: more points than the figure has pixels are thinned


def roc_curves(predictions: Predictions, part: Part, caption: Caption) -> "Figure":
    """Draw the ROC curve of each class against the rest; of two classes, of the last."""
    figure, axes = canvas(6.4, 5.4)
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
    for number, name, positive, scores in _sides(predictions.part(part)):
        false, true = roc_points(positive, scores)
        area = area_under_roc(positive, scores)
        _curve(axes, false, true, number, f"{short(name, 40)} (AUROC {area:.3f})")
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.01, 1), ylim=(0, 1.01))
    _finish(axes, "lower right")
    entitle(figure, "ROC curves", of_part(predictions, part), caption)
    return figure


def precision_recall_curves(predictions: Predictions, part: Part, caption: Caption) -> "Figure":
    """Draw precision over recall of each class; of two classes, of the last.

    The legend gives average precision, sum of (R_i - R_(i-1)) P_i, without interpolation.
    """
    figure, axes = canvas(6.4, 5.4)
    for number, name, positive, scores in _sides(predictions.part(part)):
        recall, precision = precision_recall_points(positive, scores)
        mean = float((np.diff(recall, prepend=0) * precision).sum())
        _curve(axes, recall, precision, number, f"{short(name, 40)} (AP {mean:.3f})", steps=True)
    axes.set(xlabel="recall (sensitivity)", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.02))
    _finish(axes, "lower left")
    entitle(figure, "Precision-recall curves", of_part(predictions, part), caption)
    return figure


Side = tuple[int, str, npt.NDArray[np.bool_], Floats]


def _sides(rows: Predictions) -> list[Side]:
    """Return the classes that have both positives and negatives, and their scores."""
    asked = [1] if len(rows.classes) == 2 else range(len(rows.classes))
    sides = [
        (each, rows.classes[each], rows.labels == each, rows.probabilities[:, each])
        for each in asked
    ]
    return [side for side in sides if 0 < side[2].sum() < len(side[2])]


def roc_points(positive: npt.NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """Return the false and the true positive rate at every threshold, from (0, 0) to (1, 1)."""
    true, false = _called(positive, scores)
    return np.append(0.0, false / false[-1]), np.append(0.0, true / true[-1])


def precision_recall_points(
    positive: npt.NDArray[np.bool_], scores: Floats
) -> tuple[Floats, Floats]:
    """Return recall and precision at every threshold, by growing recall."""
    true, false = _called(positive, scores)
    return true / true[-1], true / (true + false)


def _called(positive: npt.NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """Count positives and negatives at or above each distinct score, from the highest."""
    order = np.argsort(-scores, kind="stable")
    last = np.flatnonzero(np.diff(scores[order], append=-np.inf))
    true = np.cumsum(positive[order], dtype=np.float64)[last]
    return true, last + 1.0 - true


def _curve(
    axes: "Axes", x: Floats, y: Floats, number: int, label: str, *, steps: bool = False
) -> None:
    thin = np.unique(np.linspace(0, len(x) - 1, _POINTS).round().astype(int))
    colour = COLOURS[number % len(COLOURS)]
    style = STYLES[number // len(COLOURS) % len(STYLES)]
    drawn = "steps-pre" if steps else "default"
    axes.plot(x[thin], y[thin], style, color=colour, label=label, drawstyle=drawn, linewidth=1.6)


def _finish(axes: "Axes", corner: Literal["lower right", "lower left"]) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        axes.text(0.5, 0.5, "one class only: no curve", ha="center", transform=axes.transAxes)
    elif len(handles) <= 8:
        axes.legend(handles, labels, loc=corner, fontsize=8)
    else:
        axes.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=7)
    tidy(axes)
