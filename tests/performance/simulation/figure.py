"""Draws the rates: rows called worse, intervals that hold, and differences that are found."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import coverage, ties
from .outcome import Rate
from .tables import METRICS

_COLOURS = ("#1f5fa8", "#d9730d", "#2e8b57", "#8a4f9e", "#3a3f45")
_MARKS = ("o", "s", "^", "D", "v")


def draw(rates: Sequence[Rate], path: Path) -> None:
    """Draw the main rates to a PNG file."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    figure = Figure(figsize=(11, 3.7), layout="constrained", dpi=90)
    for axes, panel in zip(figure.subplots(1, 3), (_worse, _covered, _found), strict=True):
        panel(axes, rates)
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.grid(axis="y", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def _worse(axes: Any, rates: Sequence[Rate]) -> None:
    """Draw the 36 cells of equal rows: rows against how often any is called worse."""
    for place, size in enumerate((72, 101, 315)):
        for count in (2, 8, 16):
            found = _means(rates, "ties", f"K={count} n={size} ", "any called worse")
            at = [(2, 8, 16).index(count) + 0.22 * (place - 1)] * len(found)
            label = f"{size} images" if count == 2 else None
            axes.plot(at, found, _MARKS[place], color=_COLOURS[place], label=label, alpha=0.7)
    axes.axhline(0.05, color="#3a3f45", linewidth=1, linestyle="--")
    axes.axhline(ties.MOST, color="#b3261e", linewidth=1)
    axes.set(
        title="Equal networks: any called worse", xlabel="networks on the board", ylim=(0, 0.1)
    )
    axes.set_xticks((0, 1, 2), ("2", "8", "16"))
    axes.legend(fontsize=8, frameon=False, loc="upper center", ncols=3, columnspacing=1)


def _covered(axes: Any, rates: Sequence[Rate]) -> None:
    """Draw the mean and the range of coverage over cells, by accuracy and metric."""
    places = range(len(coverage.ACCURACIES))
    for number, (metric, colour) in enumerate(zip(METRICS, _COLOURS, strict=True)):
        cells = [
            _means(rates, "intervals", f"accuracy={accuracy:.2f} ", metric, few=False)
            for accuracy in coverage.ACCURACIES
        ]
        at = [place + 0.14 * (number - 2) for place in places]
        means = [sum(each) / max(1, len(each)) for each in cells]
        axes.vlines(at, [min(each) for each in cells], [max(each) for each in cells], color=colour)
        axes.plot(at, means, _MARKS[number], color=colour, markersize=4, label=METRICS[metric])
    for bound in (0.92, 0.98):
        axes.axhline(bound, color="#b3261e", linewidth=1)
    axes.axhline(0.95, color="#3a3f45", linewidth=1, linestyle="--")
    axes.set(title="95 % intervals that hold the truth", xlabel="true accuracy", ylim=(0.85, 1.005))
    axes.set_xticks(places, [f"{accuracy:g}" for accuracy in coverage.ACCURACIES])
    axes.legend(fontsize=8, frameon=False, loc="lower left", ncols=2)


def _found(axes: Any, rates: Sequence[Rate]) -> None:
    """Draw how often a worse row leaves those that may be the best, by how much worse it is."""
    for place, size in enumerate((72, 101, 315)):
        points = []
        for true in sorted(ties.SPREAD, reverse=True)[1:]:
            found = _means(rates, "power", f"0.85 to 0.50 n={size}", f"out {true:.2f}")
            points += [(100 * (ties.SPREAD[0] - true), each) for each in found]
        if points:
            axes.plot(
                *zip(*points, strict=True),
                marker=_MARKS[place],
                color=_COLOURS[place],
                label=f"{size} images",
            )
    axes.set(
        title="Worse rows of eight that are found",
        xlabel="points of accuracy behind the best",
        ylim=(0, 1.02),
    )
    axes.legend(fontsize=8, frameon=False, loc="lower right")


def _means(
    rates: Sequence[Rate], kind: str, cell: str, name: str, *, few: bool = True
) -> list[float]:
    return [
        rate.mean
        for rate in rates
        if rate.kind == kind
        and cell in f"{rate.cell} "
        and rate.name == name
        and (few or rate.cell.startswith("n="))
    ]
