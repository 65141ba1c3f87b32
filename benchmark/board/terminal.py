"""A board as a table for the terminal."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from .entries import Board, Row
from .words import (
    UNKNOWN,
    about,
    count,
    duration,
    heading,
    interval,
    note,
    place,
    spread,
    title,
    value,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

# A column: its heading, the terminal's width from which it is shown, and how a cell is written.
Column = tuple[str, int, Callable[[Row], str]]

_LEFT = {"architecture", "weights", "regime", "note"}


def to_table(board: Board, width: int = 160) -> "RenderableType":
    """Give the board as a rich table, with what it ranks on below.

    Args:
        board: the board.
        width: the terminal's width in characters; what matters less is left out of a narrow one.
    """
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    columns = [each for each in _columns(board) if width >= each[1]]
    table = Table(title=heading(board), box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1))
    for name, _, _ in columns:
        left = name in _LEFT
        table.add_column(name, justify="left" if left else "right", no_wrap=name != "note")
    for row in board.rows:
        style = "bold" if row.rank == 1 else "" if row.rank else "dim"
        table.add_row(*(Text(write(row)) for _, _, write in columns), style=style)
    return Group(table, *(Text(line, style="dim") for line in about(board)))


def _columns(board: Board) -> tuple[Column, ...]:
    """Give the columns in order; those that no row has anything for are left out."""
    metric = board.metric
    found: tuple[Column, ...] = (
        ("#", 0, place),
        ("architecture", 0, lambda row: row.arch),
        ("regime", 150, lambda row: str(row.regime)),
        ("weights", 120, lambda row: row.weights or UNKNOWN),
        (title(metric), 0, lambda row: value(row.figures.get(metric))),
        ("±", 130, lambda row: spread(row.figures.get(metric))),
        ("95 %", 80, lambda row: interval(row.figures.get(metric))),
        ("test macro-F1", 0, lambda row: value(row.figures.get("test_macro_f1"))),
        ("clean", 100, lambda row: _value_or_blank(row, "test_clean_macro_f1")),
        ("accuracy", 110, lambda row: value(row.figures.get("test_accuracy"))),
        ("AUROC", 110, lambda row: value(row.figures.get("test_auroc"))),
        ("training", 0, lambda row: duration(row.total_seconds) if row.rank else UNKNOWN),
        ("wall", 160, lambda row: duration(row.wall_seconds)),
        ("parameters", 140, lambda row: count(row.parameters)),
        ("ms/image", 150, lambda row: f"{row.milliseconds_per_image:.1f}" if row.rank else UNKNOWN),
        ("note", 0, lambda row: note(board, row)),
    )
    return tuple(each for each in found if any(each[2](row) for row in board.rows))


def _value_or_blank(row: Row, metric: str) -> str:
    return value(row.figures[metric]) if metric in row.figures else ""
