"""A board as a figure."""

from typing import TYPE_CHECKING

from ..evaluation import Interval, Standing, board_figure
from .entries import Board, Figure
from .words import CROWN, TIE, is_synthetic, signs, title

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing

_MOST = 40  # chosen, not sourced: rows that fit a figure one can read


def to_figure(board: Board) -> "Drawing":
    """Draw the first ranked rows: what ranks and test with their intervals, the best on top.

    A figure without an interval is drawn as a point.
    """
    part, _, name = board.metric.partition("_")
    test = f"test_{name}"
    rows = board.ranked[:_MOST]
    standings = [
        Standing(
            name=row.arch,
            val=_interval(row.figures[board.metric]),
            test=_interval(row.figures[test]) if test in row.figures else None,
            signs=signs(row),
        )
        for row in rows
    ]
    metric = title(board.metric).partition(" ")[2]
    synthetic = " (SYNTHETIC images)" if is_synthetic(board) else ""
    more = f", the first {_MOST} rows" if len(board.ranked) > _MOST else ""
    legend = [f"{TIE} may be the best"] * any(row.tie for row in rows)
    legend += [f"{CROWN} the champion by rule"] * (board.champion is not None)
    return board_figure(
        standings,
        f"{board.data}: {metric} with 95 % intervals{synthetic}{more}",
        metric,
        "out-of-fold" if part == "cv" else "validation",
        legend,
    )


def _interval(figure: Figure) -> Interval:
    return figure.interval or Interval(value=figure.value, low=figure.value, high=figure.value)
