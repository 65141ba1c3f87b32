"""Figures of predictions, of training and of a board, as matplotlib `Figure` objects."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ..metrics import Floats
from ..records import Epoch, Labels, Part, Predictions
from .calibration import ece, ece_if_calibrated, reliability
from .curves import precision_recall_curves, roc_curves
from .figure_style import (
    COLOURS,
    STYLES,
    TITLE,
    Caption,
    canvas,
    canvases,
    entitle,
    of_part,
    plain,
    short,
    tidy,
)
from .intervals import Interval
from .scores import confusion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_FULL_CELLS = 8  # up to so many classes a cell has room for count and share


def confusion_matrix(predictions: Predictions, part: Part, caption: Caption) -> "Figure":
    """Draw the confusion matrix of a part: cells hold counts, shares of the true class colour."""
    import seaborn as sns

    counts = confusion(predictions.part(part))
    k = len(counts)
    totals = counts.sum(axis=1)
    shares = counts / np.maximum(totals, 1)[:, None]
    size = float(np.clip(2.4 + 0.7 * k, 4.2, 11.0))
    figure, axes = canvas(size + 2.2, size + 0.6)
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
        [short(name, 14) if k <= _FULL_CELLS else short(name) for name in predictions.classes],
        rotation=0 if k <= 4 else 90,
    )
    axes.set_yticks(
        centres,
        [f"{short(name)}  (n={n})" for name, n in zip(predictions.classes, totals, strict=True)],
    )
    axes.set(xlabel="predicted class", ylabel="true class")
    entitle(figure, "Confusion matrix", of_part(predictions, part), caption)
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


def reliability_diagram(predictions: Predictions, part: Part, caption: Caption) -> "Figure":
    """Draw how often answers are right over how sure they are, and how many are how sure.

    Each point is a bin of the expected calibration error, with the 95 % interval of its accuracy.
    """
    rows = predictions.part(part)
    bins = reliability(rows)
    figure, axes = canvas(6.0, 5.6)
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, label="as sure as right")
    for each in bins:
        low, high = each.accuracy.low, each.accuracy.high
        axes.plot([each.confidence] * 2, [low, high], color=COLOURS[0], alpha=0.4)
        axes.plot([each.confidence], [each.accuracy.value], "o", color=COLOURS[0], markersize=5)
    said = f"ECE {ece(rows):.3f}; by chance alone {ece_if_calibrated(rows):.3f}" if bins else ""
    axes.plot([], [], "o", color=COLOURS[0], label=said or "no image")
    axes.plot(rows.probabilities.max(axis=1), np.zeros(len(rows.hashes)), "|", color="0.4")
    axes.set(xlabel="confidence: probability of the class that is called", ylabel="share right")
    axes.set(xlim=(0, 1.01), ylim=(-0.02, 1.02))
    axes.legend(loc="upper left", fontsize=8)
    tidy(axes)
    entitle(figure, "Reliability", of_part(predictions, part), caption)
    return figure


def part_figures(predictions: Predictions, part: Part, caption: Caption) -> dict[str, "Figure"]:
    """Draw all that is drawn of a part's answers, by what the files are called."""
    drawing = {
        "confusion": confusion_matrix,
        "roc": roc_curves,
        "precision_recall": precision_recall_curves,
        "reliability": reliability_diagram,
    }
    return {name: draw(predictions, part, caption) for name, draw in drawing.items()}


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
    figure, axes = canvas(7.6, 1.7 + 0.36 * len(rows))
    heights = np.arange(len(rows))[::-1]
    for at, (_, val, test) in zip(heights, rows, strict=True):
        _whisker(axes, val, at + 0.13, COLOURS[0], "o")
        if test is not None:
            _whisker(axes, test, at - 0.13, COLOURS[1], "D")
    axes.set_yticks(heights, [plain(name) for name, _, _ in rows])
    lows = [each.low for _, *known in rows for each in known if each is not None]
    axes.set(xlim=(max(0.0, np.floor(min(lows) * 20 - 0.5) / 20), 1.01), xlabel=metric)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.plot([], [], "o", color=COLOURS[0], label=f"{ranked_on} (ranked on)")
    axes.plot([], [], "D", color=COLOURS[1], markersize=4, label="test (reporting only)")
    for line in legend:
        axes.plot([], [], " ", label=line)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    figure.suptitle(plain(heading), **TITLE)
    tidy(axes)
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
    entitle(figure, "Loss and accuracy", f"{len(history)} epochs", caption)
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
