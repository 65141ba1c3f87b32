"""Markdown tables."""

from collections.abc import Iterable, Sequence


def draw_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Draw a table: a line of headings, and a line a row with as many cells."""
    return "\n".join([_line(heading), f"|{' --- |' * len(heading)}", *(_line(row) for row in rows)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
