"""Figures of predictions, of training and of a board, as matplotlib `Figure` objects.

They are drawn on the Agg canvas through the object-oriented interface: no pyplot state, no
window, safe beside other threads. Colours tell apart for colour-blind readers too: Okabe & Ito's
palette for lines, one blue from light to dark for areas.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..records import Part, Predictions
from .intervals import Interval
from .scores import confusion

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
    entitle(figure, "Confusion matrix", predictions, part, caption)
    return figure


def _write_cells(
    axes: "Axes", counts: npt.NDArray[np.int64], shares: npt.NDArray[np.float64]
) -> None:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One row of a drawn board; an interval's ends are its value where it is not known.

    `val` is what ranks; `signs` stand behind the name, such as those of a tie and of the champion.
    """

    name: str
    val: Interval
    test: Interval | None = None
    signs: str = ""


def board(
    standings: Sequence[Standing],
    heading: str,
    metric: str,
    ranked_on: str = "validation",
    legend: Sequence[str] = (),
) -> "Figure":
    """Draw a board: what ranks and test with their 95 % intervals, the best on top.

    Args:
        standings: rows, best first; at least one.
        heading: what stands above it.
        metric: what the figures are, for people: `macro-F1`.
        ranked_on: the images that rank.
        legend: what the signs mean, a line each.
    """
    figure, axes = canvas(7.6, 1.7 + 0.36 * len(standings))
    heights = np.arange(len(standings))[::-1]
    for at, row in zip(heights, standings, strict=True):
        _whisker(axes, row.val, at + 0.13, COLOURS[0], "o")
        if row.test is not None:
            _whisker(axes, row.test, at - 0.13, COLOURS[1], "D")
    axes.set_yticks(heights, [f"{plain(row.name)} {row.signs}".strip() for row in standings])
    lows = [each.low for row in standings for each in (row.val, row.test) if each is not None]
    axes.set(xlim=(max(0.0, np.floor(min(lows) * 20 - 0.5) / 20), 1.01), xlabel=metric)
    axes.set_ylim(-0.6, len(standings) - 0.4)
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


TITLE: dict[str, Any] = {"fontsize": 10, "x": 0.01, "ha": "left"}


def canvas(width: float, height: float) -> tuple["Figure", "Axes"]:
    """Return a figure of that size in inches, on the Agg canvas, with one axes."""
    figure, panels = canvases(width, height, 1)
    return figure, panels[0]


def canvases(width: float, height: float, panels: int) -> tuple["Figure", tuple["Axes", ...]]:
    """Return a figure of that size in inches, on the Agg canvas, with axes side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, tuple(figure.subplots(1, panels, squeeze=False)[0])


def entitle(
    figure: "Figure", what: str, predictions: Predictions, part: Part, caption: Caption
) -> None:
    """Title a figure: what it is, the architecture, the part, its images, and SYNTHETIC."""
    number = sum(each is part for each in predictions.parts)
    about = f"{caption.data}, {_PART_NAMES[part]}, n={number}{said(caption.synthetic)}"
    figure.suptitle(plain(f"{what} of {caption.arch}\n{about}"), **TITLE)


def said(synthetic: bool) -> str:
    """Return the words that mark synthetic images, nothing for others."""
    return " · SYNTHETIC images" if synthetic else ""


def short(name: str, width: int = 22) -> str:
    """Fold a long class name over at most two lines, cutting what is longer."""
    spaced = name.replace("_", " ").replace(".", " ")
    return plain("\n".join(textwrap.wrap(spaced, width, max_lines=2, placeholder="…")) or name)


def plain(text: str) -> str:
    """Keep matplotlib from reading what stands between two dollar signs as a formula."""
    return text.replace("$", r"\$")


def tidy(axes: "Axes") -> None:
    """Return axes a light grid and no box."""
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
