"""Figures of predictions, of training and of a board, as matplotlib `Figure` objects.

They are drawn on the Agg canvas through the object-oriented interface: no pyplot state, no
window, safe beside other threads. Colours tell apart for colour-blind readers too: Okabe & Ito's
palette for lines, one blue from light to dark for areas.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from ..metrics import Floats, area_under_roc
from ..records import Epoch, Labels, Part, Predictions
from .intervals import Interval
from .scores import confusion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette without black and yellow, which is faint on white.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_STYLES = ("-", "--", ":", "-.")
_TITLE: dict[str, Any] = {"fontsize": 10, "x": 0.01, "ha": "left"}
_PART_NAMES = {Part.TRAIN: "training", Part.VAL: "validation", Part.TEST: "test"}
_POINTS = 400  # chosen, not sourced: more points than the figure has pixels are thinned
_FULL_CELLS = 8  # up to so many classes a cell has room for count and share


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What a figure's title says besides the part and its number of images.

    Attributes:
        arch: the architecture.
        data: the data set's name.
        synthetic: whether the images were drawn by a program.
    """

    arch: str
    data: str
    synthetic: bool


def confusion_matrix(predictions: Predictions, part: Part, caption: Caption) -> "Figure":
    """Draw the confusion matrix of a part: cells hold counts, shares of the true class colour."""
    import seaborn as sns

    counts = confusion(predictions.part(part))
    k = len(counts)
    totals = counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    size = float(np.clip(2.4 + 0.7 * k, 4.2, 11.0))
    figure, axes = _canvas(size + 2.2, size + 0.6)
    sns.heatmap(
        shares,
        ax=axes,
        vmin=0,
        vmax=1,
        cmap="Blues",
        linewidths=0.5,
        linecolor="0.85",
        xticklabels=False,  # seaborn would draw the whole figure to see whether labels overlap
        yticklabels=False,
        cbar_kws={"label": "share of the true class", "shrink": 0.8},
    )
    _write_cells(axes, counts, shares)
    centres = np.arange(k) + 0.5
    axes.set_xticks(
        centres,
        [_short(name, 14) if k <= _FULL_CELLS else _short(name) for name in predictions.classes],
        rotation=0 if k <= 4 else 90,
    )
    axes.set_yticks(
        centres,
        [f"{_short(name)}  (n={n})" for name, n in zip(predictions.classes, totals, strict=True)],
    )
    axes.set(xlabel="predicted class", ylabel="true class")
    _entitle(figure, "Confusion matrix", _of_part(predictions, part), caption)
    return figure


def _write_cells(axes: "Axes", counts: Labels, shares: Floats) -> None:
    """Write count and share into the cells; where those are small, counts above 0 alone.

    seaborn's own annotation makes a text for every cell, also the empty: 0.2 s at 20 classes.
    """
    full = len(counts) <= _FULL_CELLS
    for row, column in np.argwhere(counts > (-1 if full else 0)).tolist():
        count, share = int(counts[row, column]), float(shares[row, column])
        axes.text(
            column + 0.5,
            row + 0.5,
            f"{count}\n{share:.0%}" if full else str(count),
            ha="center",
            va="center",
            color="white" if share > 0.55 else "black",
            fontsize=10 if full else 8,
        )


def board_figure(
    rows: Sequence[tuple[str, Interval, Interval | None]],
    heading: str,
    metric: str,
    ranked_on: str = "validation",
    legend: Sequence[str] = (),
) -> "Figure":
    """Draw a board: what ranks and test with their 95 % intervals, the best on top.

    Args:
        rows: their names, what ranks and test, best first; at least one. An interval's ends are
            its value where it is not known.
        heading: what stands above it.
        metric: what the figures are, for people: `macro-F1`.
        ranked_on: the images that rank.
        legend: what the signs mean, a line each.
    """
    figure, axes = _canvas(7.6, 1.7 + 0.36 * len(rows))
    heights = np.arange(len(rows))[::-1]
    for at, (_, val, test) in zip(heights, rows, strict=True):
        _whisker(axes, val, at + 0.13, _COLOURS[0], "o")
        if test is not None:
            _whisker(axes, test, at - 0.13, _COLOURS[1], "D")
    axes.set_yticks(heights, [_plain(name) for name, _, _ in rows])
    lows = [each.low for _, *known in rows for each in known if each is not None]
    axes.set(xlim=(max(0.0, np.floor(min(lows) * 20 - 0.5) / 20), 1.01), xlabel=metric)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.plot([], [], "o", color=_COLOURS[0], label=f"{ranked_on} (ranked on)")
    axes.plot([], [], "D", color=_COLOURS[1], markersize=4, label="test (reporting only)")
    for line in legend:
        axes.plot([], [], " ", label=line)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    figure.suptitle(_plain(heading), **_TITLE)
    _tidy(axes)
    axes.grid(axis="y", visible=False)
    return figure


def _whisker(axes: "Axes", found: Interval, at: float, colour: str, marker: str) -> None:
    axes.plot([found.low, found.high], [at, at], color=colour, linewidth=2, alpha=0.55)
    axes.plot([found.value], [at], marker, color=colour, markersize=6 if marker == "o" else 4)


def loss_and_accuracy(history: Sequence[Epoch], caption: Caption) -> "Figure":
    """Draw loss and accuracy of training and validation over the epochs of all stages.

    Args:
        history: epochs in order; a metric that an epoch lacks leaves a gap. An epoch's training
            figures may be named `loss` or `train_loss`, `accuracy` or `train_accuracy`.
        caption: what the title says.
    """
    from matplotlib.ticker import MaxNLocator

    figure, panels = _canvases(9.0, 3.8, 2)
    for axes, metric in zip(panels, ("loss", "accuracy"), strict=True):
        names = {"training": (metric, f"train_{metric}"), "validation": (f"val_{metric}",)}
        for position, (label, options) in enumerate(names.items()):
            _over_epochs(axes, history, options, label, position)
        _stages(axes, history)
        axes.set(xlabel="epoch", ylabel=metric)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(fontsize=8)
        _tidy(axes)
    _entitle(figure, "Loss and accuracy", f"{len(history)} epochs", caption)
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
    style = _STYLES[position]
    axes.plot(
        places, values, style, marker=marker, markersize=3, color=_COLOURS[position], label=label
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
    figure, axes = _canvas(6.4, 5.4)
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
    for number, name, positive, scores in _sides(predictions.part(part)):
        false, true = roc_points(positive, scores)
        area = area_under_roc(positive, scores)
        _curve(axes, false, true, number, f"{_short(name, 40)} (AUROC {area:.3f})")
    axes.set(xlabel="1 - specificity", ylabel="sensitivity", xlim=(-0.01, 1), ylim=(0, 1.01))
    _finish(axes, "lower right")
    _entitle(figure, "ROC curves", _of_part(predictions, part), caption)
    return figure


def precision_recall_curves(predictions: Predictions, part: Part, caption: Caption) -> "Figure":
    """Draw precision over recall of each class; of two classes, of the last.

    The legend gives average precision, sum of (R_i - R_(i-1)) P_i, without interpolation.
    """
    figure, axes = _canvas(6.4, 5.4)
    for number, name, positive, scores in _sides(predictions.part(part)):
        recall, precision = precision_recall_points(positive, scores)
        mean = float((np.diff(recall, prepend=0) * precision).sum())
        _curve(axes, recall, precision, number, f"{_short(name, 40)} (AP {mean:.3f})", steps=True)
    axes.set(xlabel="recall (sensitivity)", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.02))
    _finish(axes, "lower left")
    _entitle(figure, "Precision-recall curves", _of_part(predictions, part), caption)
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
    colour = _COLOURS[number % len(_COLOURS)]
    style = _STYLES[number // len(_COLOURS) % len(_STYLES)]
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
    _tidy(axes)


def _canvas(width: float, height: float) -> tuple["Figure", "Axes"]:
    """Return a figure of that size in inches, on the Agg canvas, with one axes."""
    figure, panels = _canvases(width, height, 1)
    return figure, panels[0]


def _canvases(width: float, height: float, panels: int) -> tuple["Figure", tuple["Axes", ...]]:
    """Return a figure of that size in inches, on the Agg canvas, with axes side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, tuple(figure.subplots(1, panels, squeeze=False)[0])


def _entitle(figure: "Figure", what: str, about: str, caption: Caption) -> None:
    """Title a figure: what it is, the architecture, the data set, what of it, and SYNTHETIC."""
    marked = " · SYNTHETIC images" if caption.synthetic else ""
    text = f"{what} of {caption.arch}\n{caption.data}, {about}{marked}"
    figure.suptitle(_plain(text), **_TITLE)


def _of_part(predictions: Predictions, part: Part) -> str:
    return f"{_PART_NAMES[part]}, n={sum(each is part for each in predictions.parts)}"


def _short(name: str, width: int = 22) -> str:
    """Fold a long class name over at most two lines, cutting what is longer."""
    spaced = name.replace("_", " ").replace(".", " ")
    return _plain("\n".join(textwrap.wrap(spaced, width, max_lines=2, placeholder="…")) or name)


def _plain(text: str) -> str:
    """Keep matplotlib from reading what stands between two dollar signs as a formula."""
    return text.replace("$", r"\$")


def _tidy(axes: "Axes") -> None:
    """Draw a light grid and no box."""
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
