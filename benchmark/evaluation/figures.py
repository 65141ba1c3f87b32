"""Figures of predictions, of training and of a board, as matplotlib `Figure` objects.

They are drawn on the Agg canvas through the object-oriented interface: no pyplot state, no
window, safe beside other threads. Colours tell apart for colour-blind readers too: Okabe & Ito
2008 for lines, cividis for areas (Nuñez et al. 2018, doi:10.1371/journal.pone.0199239).
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..records import Part, Predictions
from .metrics import confusion
from .statistics import Interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette without black and yellow, which is faint on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
STYLES = ("-", "--", ":", "-.")
_PART_NAMES = {Part.TRAIN: "training", Part.VAL: "validation", Part.TEST: "test"}
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
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = [short(name) for name in predictions.classes]
    side = float(np.clip(2.6 + 0.75 * k, 5.0, 12.0))
    figure, axes = canvas(side + 1.2, side)
    sns.heatmap(
        shares,
        ax=axes,
        vmin=0,
        vmax=1,
        cmap="cividis",
        annot=_cells(counts, shares),
        fmt="",
        square=True,
        linewidths=0.5,
        xticklabels=names,
        yticklabels=[
            f"{name}  (n={total})" for name, total in zip(names, counts.sum(1), strict=True)
        ],
        annot_kws={"fontsize": 10 if k <= 5 else 8 if k <= 12 else 6},
        cbar_kws={"label": "share of the true class", "shrink": 0.8},
    )
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.tick_params(axis="x", rotation=0 if k <= 3 else 40)
    axes.tick_params(axis="y", rotation=0)
    for label in axes.get_xticklabels() if k > 3 else ():
        label.set(ha="right", rotation_mode="anchor")
    entitle(axes, "Confusion matrix", predictions, part, caption)
    return figure


def _cells(counts: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Give the text of each cell, none for 0 where cells are small."""
    full = len(counts) <= _FULL_CELLS
    texts = [
        (f"{count}\n{share:.0%}" if full else str(count)) if count or full else ""
        for count, share in zip(counts.ravel().tolist(), shares.ravel().tolist(), strict=True)
    ]
    return np.array(texts, dtype=object).reshape(counts.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One row of a drawn board; an interval's ends are its value where it is not known."""

    name: str
    val: Interval
    test: Interval | None = None
    tie: bool = False


def board(standings: Sequence[Standing], data: str, synthetic: bool, metric: str) -> "Figure":
    """Draw a board: validation and test with their 95 % intervals, the best on top.

    Args:
        standings: rows, best first; at least one.
        data: the data set's name.
        synthetic: whether the images were drawn by a program.
        metric: what the figures are, for people: `macro-F1`.
    """
    figure, axes = canvas(7.6, 1.6 + 0.38 * len(standings))
    heights = np.arange(len(standings))[::-1]
    for at, row in zip(heights, standings, strict=True):
        _whisker(axes, row.val, at + 0.13, COLOURS[0], "o")
        if row.test is not None:
            _whisker(axes, row.test, at - 0.13, COLOURS[1], "D")
    axes.set_yticks(heights, [f"{row.name}{' ≈' if row.tie else ''}" for row in standings])
    axes.plot([], [], "o", color=COLOURS[0], label="validation (ranked on)")
    axes.plot([], [], "D", color=COLOURS[1], markersize=4, label="test (reporting only)")
    lows = [each.low for row in standings for each in (row.val, row.test) if each is not None]
    axes.set(xlim=(max(0.0, np.floor(min(lows) * 20 - 0.5) / 20), 1.01), xlabel=metric)
    axes.set_ylim(-0.6, len(standings) - 0.4)
    tied = "    ≈ cannot be told from the first" if any(row.tie for row in standings) else ""
    axes.set_title(f"{data}: {metric} with 95 % intervals{said(synthetic)}{tied}", **TITLE)
    axes.legend(loc="upper left", fontsize=8, frameon=True)
    tidy(axes)
    axes.grid(axis="y", visible=False)
    return figure


def _whisker(axes: "Axes", found: Interval, at: float, colour: str, marker: str) -> None:
    axes.plot([found.low, found.high], [at, at], color=colour, linewidth=2, alpha=0.55)
    axes.plot([found.value], [at], marker, color=colour, markersize=6 if marker == "o" else 4)


TITLE: dict[str, Any] = {"fontsize": 10, "loc": "left"}


def canvas(width: float, height: float) -> tuple["Figure", "Axes"]:
    """Give a figure of that size in inches, on the Agg canvas, with one axes."""
    figure, panels = canvases(width, height, 1)
    return figure, panels[0]


def canvases(width: float, height: float, panels: int) -> tuple["Figure", tuple["Axes", ...]]:
    """Give a figure of that size in inches, on the Agg canvas, with axes side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, tuple(figure.subplots(1, panels, squeeze=False)[0])


def entitle(
    axes: "Axes", what: str, predictions: Predictions, part: Part, caption: Caption
) -> None:
    """Title a figure: what it is, the architecture, the part, its images, and SYNTHETIC."""
    number = sum(each is part for each in predictions.parts)
    words = f"{caption.arch} · {caption.data} {_PART_NAMES[part]}, n={number}"
    axes.set_title(f"{what}: {words}{said(caption.synthetic)}", **TITLE)


def said(synthetic: bool) -> str:
    """Give the words that mark synthetic images, nothing for others."""
    return " · SYNTHETIC images" if synthetic else ""


def short(name: str, width: int = 22) -> str:
    """Fold a long class name over at most two lines, cutting what is longer."""
    spaced = name.replace("_", " ").replace(".", " ")
    return "\n".join(textwrap.wrap(spaced, width, max_lines=2, placeholder="…")) or name


def tidy(axes: "Axes") -> None:
    """Give axes a light grid and no box."""
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
