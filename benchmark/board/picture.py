"""A board as a figure."""

from typing import TYPE_CHECKING

from ..evaluation import Interval, Standing, board_figure
from .entries import Board, Figure
from .words import title

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def to_figure(board: Board) -> "Drawing":
    """Draw the ranked rows: validation and test with their intervals, the best on top.

    A figure without an interval is drawn as a point.
    """
    test = f"test_{board.metric.removeprefix('val_')}"
    standings = [
        Standing(
            name=row.arch,
            val=_interval(row.figures[board.metric]),
            test=_interval(row.figures[test]) if test in row.figures else None,
            tie=row.tie,
        )
        for row in board.ranked
    ]
    synthetic = board.subject is not None and board.subject.synthetic
    return board_figure(standings, board.data, synthetic, title(board.metric).partition(" ")[2])


def _interval(figure: Figure) -> Interval:
    return figure.interval or Interval(value=figure.value, low=figure.value, high=figure.value)
