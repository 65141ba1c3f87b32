"""A board as a table for the terminal: as many columns as it has room for, notes below."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from .entries import Board, Row
from .words import (
    UNKNOWN,
    about,
    above,
    champion,
    count,
    duration,
    heading,
    interval,
    note,
    place,
    ranks,
    spread,
    title,
    value,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

# A column: its heading, its place in the queue for room, and how a cell is written.
Column = tuple[str, int, Callable[[Row], str]]

_GAP = 2
_LEFT = ("architecture", "regime", "weights")


def to_table(board: Board, width: int = 160) -> "RenderableType":
    """Return the board as a rich table, with notes and what it ranks on below.

    Args:
        board: the board.
        width: the terminal's width in characters; what matters less is left out of a narrow one.
    """
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    columns = _fitting(_columns(board), board, width)
    for name, _, _ in columns:
        table.add_column(name, justify="left" if name in _LEFT else "right", no_wrap=True)
    for row in board.rows:
        style = "bold" if row.champion else "" if row.rank else "dim"
        table.add_row(*(Text(write(row)) for _, _, write in columns), style=style)
    notes = [(row.arch, note(board, row)) for row in board.rows]
    said = [f"{arch}: {words.rstrip('.')}." for arch, words in notes if words]
    top = [Text(line, style="yellow") for line in above(board)]
    crowned = [Text(champion(board))] if champion(board) else []
    below = [Text(line, style="dim") for line in (*said, *about(board))]
    return Group(Text(heading(board), style="bold"), *top, table, *crowned, *below)


def _fitting(columns: tuple[Column, ...], board: Board, width: int) -> tuple[Column, ...]:
    """Return the columns that fit, those with the lowest place in the queue first."""
    widths = {
        name: max(len(line) for line in (*name.split("\n"), *map(write, board.rows)))
        for name, _, write in columns
    }
    room = width - _GAP
    kept = set()
    for name, _, _ in sorted(columns, key=lambda each: each[1]):
        room -= widths[name] + _GAP
        if room < 0:
            break
        kept.add(name)
    return tuple(each for each in columns if each[0] in kept)


def _columns(board: Board) -> tuple[Column, ...]:
    """Return the columns in order; those that no row has anything for are left out."""
    metric = board.metric
    found: tuple[Column, ...] = (
        ("#", 0, place),
        ("ranks", 4, ranks),
        ("architecture", 1, lambda row: row.arch),
        ("regime", 11, lambda row: str(row.regime)),
        ("weights", 6, lambda row: row.weights or UNKNOWN),
        (title(metric).replace(" ", "\n", 1), 2, lambda row: value(row.figures.get(metric))),
        ("±", 12, lambda row: spread(row.figures.get(metric))),
        ("95 %", 5, lambda row: interval(row.figures.get(metric))),
        ("test\nmacro-F1", 3, lambda row: value(row.figures.get("test_macro_f1"))),
        ("clean,\nsame mix", 7, lambda row: _value_or_blank(row, "test_clean_mix_macro_f1")),
        ("test\naccuracy", 8, lambda row: value(row.figures.get("test_accuracy"))),
        ("test\nAUROC", 9, lambda row: value(row.figures.get("test_auroc"))),
        ("training", 4, lambda row: duration(row.total_seconds) if row.rank else UNKNOWN),
        ("wall", 13, lambda row: duration(row.wall_seconds)),
        ("parameters", 10, lambda row: count(row.parameters)),
        ("ms/image", 14, lambda row: f"{row.milliseconds_per_image:.1f}" if row.rank else UNKNOWN),
    )
    return tuple(each for each in found if any(each[2](row) for row in board.rows))


def _value_or_blank(row: Row, metric: str) -> str:
    return value(row.figures[metric]) if metric in row.figures else ""
