"""Curves: loss and accuracy over epochs, ROC and precision-recall by class."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from ..metrics import Floats, area_under_roc
from ..records import Epoch, Part, Predictions
from .figures import (
    COLOURS,
    STYLES,
    TITLE,
    Caption,
    canvas,
    canvases,
    entitle,
    plain,
    said,
    short,
    tidy,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 400  # chosen, not sourced: more points than the figure has pixels are thinned


def loss_and_accuracy(history: Sequence[Epoch], caption: Caption) -> "Figure":
    """Draw loss and accuracy of training and validation over the epochs of all stages.

    Args:
        history: epochs in order; a metric that an epoch lacks leaves a gap. An epoch's training
            figures may be named `loss` or `train_loss`, `accuracy` or `train_accuracy`.
        caption: what the title says.
    """
    from matplotlib.ticker import MaxNLocator

    figure, panels = canvases(9.0, 3.8, 2)
    for axes, metric in zip(panels, ("loss", "accuracy"), strict=True):
        names = {"training": (metric, f"train_{metric}"), "validation": (f"val_{metric}",)}
        for position, (label, options) in enumerate(names.items()):
            _over_epochs(axes, history, options, label, position)
        _stages(axes, history)
        axes.set(xlabel="epoch", ylabel=metric)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize=8)
        tidy(axes)
    about = f"{caption.data}, {len(history)} epochs{said(caption.synthetic)}"
    figure.suptitle(plain(f"Loss and accuracy of {caption.arch}\n{about}"), **TITLE)
    return figure


def _over_epochs(
    axes: "Axes", history: Sequence[Epoch], names: tuple[str, ...], label: str, position: int
) -> None:
    values = [
        next((each.metrics[name] for name in names if name in each.metrics), np.nan)
        for each in history
    ]
    places = np.arange(1, len(history) + 1)
    marker = "o" if len(history) <= 40 else ""
    style = STYLES[position]
    axes.plot(
        places, values, style, marker=marker, markersize=3, color=COLOURS[position], label=label
    )


def _stages(axes: "Axes", history: Sequence[Epoch]) -> None:
    """Mark where a further stage of training begins."""
    for place, (before, after) in enumerate(pairwise(history), start=1):
        if before.stage != after.stage:
            axes.axvline(place + 0.5, color="0.5", linewidth=0.8)
            where = axes.get_xaxis_transform()
            axes.text(place + 0.6, 0.98, after.stage, transform=where, va="top", fontsize=8)


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
    entitle(figure, "ROC curves", predictions, part, caption)
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
    entitle(figure, "Precision-recall curves", predictions, part, caption)
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
