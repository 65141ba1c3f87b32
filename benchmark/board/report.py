"""A board as CSV for programs; as Markdown, terminal table and figure for people."""

import csv
import io
from typing import TYPE_CHECKING

from ..evaluation import board_figure
from ..texts import markdown_cell
from .columns import CROWN, TIE, UNKNOWN, Write, columns, note, signs, title
from .entries import Board

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing
    from rich.console import RenderableType

MARKDOWN_LIMIT = 20_000  # what an experiment's note in MLflow holds
_NOTE_LIMIT = 160
_GAP = 2  # characters between two columns of the terminal's table
_LEFT = ("architecture", "regime", "weights")
_MOST = 40  # chosen, not sourced: rows that fit a figure one can read


def to_csv(board: Board) -> str:
    """Return the board as CSV with twelve digits: one line a row, an empty cell for unknown.

    Further digits depend on the order in which a processor adds, so that they would not be the same
    twice.

    `score` is the metric named by `ranked_on`. Every figure that has intervals has the columns
    NAME, NAME_low, NAME_high and NAME_spread; those of classes follow the classes of the data set.
    """
    out = io.StringIO()
    cells = {name: cell for column in columns(board) for name, cell in column.cells.items()}
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(cells)
    writer.writerows([_rounded(cell(row)) for cell in cells.values()] for row in board.rows)
    return out.getvalue()


def _rounded(value: object) -> object:
    return float(f"{value:.12g}") if isinstance(value, float) else value


def to_view(board: Board) -> tuple[str, ...]:
    """Return the columns of MLflow's table of runs that show the board, by MLflow's names."""
    return tuple(dict.fromkeys(column.view for column in columns(board) if column.view))


def to_markdown(board: Board, limit: int = MARKDOWN_LIMIT) -> str:
    """Return the board as Markdown of at most `limit` characters; what is cut is said."""
    shown = [column for column in columns(board) if column.heading]
    top = [f"# {heading(board)}", ""]
    said = [*above(board), *([_champion(board)] if _champion(board) else [])]
    top += [*(f"{line}  " for line in said), ""] if said else []
    top += [*(f"{line}  " for line in about(board)), ""]
    top += [_line([each.heading for each in shown]), _line(["---"] * len(shown))]
    lines = [_line([_cell(column.write(row)) for column in shown]) for row in board.rows]
    foot = (
        "Training is the cost from nothing, whatever a cache held; wall is what the run took."
        " Every figure with twelve digits is in leaderboard.csv."
    )
    return _fitted(top, lines, foot, limit)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Make a text fit for a cell, and not too long."""
    plain = markdown_cell(text)
    return plain if len(plain) <= _NOTE_LIMIT else f"{plain[: _NOTE_LIMIT - 1]}…"


def _fitted(top: list[str], lines: list[str], foot: str, limit: int) -> str:
    for kept in range(len(lines), -1, -1):
        cut = len(lines) - kept
        said = [f"… and {cut} more rows, cut here.", ""] if cut else []
        text = "\n".join([*top, *lines[:kept], "", *said, foot, ""])
        if len(text) <= limit:
            return text
    return text[:limit]


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
    shown = _fitting(board, width)
    for name, _ in shown:
        table.add_column(name, justify="left" if name in _LEFT else "right", no_wrap=True)
    for row in board.rows:
        style = "bold" if row.champion else "" if row.rank else "dim"
        table.add_row(*(Text(write(row)) for _, write in shown), style=style)
    notes = [(row.arch, note(board, row)) for row in board.rows]
    said = [f"{arch}: {words.rstrip('.')}." for arch, words in notes if words]
    top = [Text(line, style="yellow") for line in above(board)]
    crowned = [Text(_champion(board))] if _champion(board) else []
    below = [Text(line, style="dim") for line in (*said, *about(board))]
    return Group(Text(heading(board), style="bold"), *top, table, *crowned, *below)


def _fitting(board: Board, width: int) -> list[tuple[str, Write]]:
    """Return the terminal's headings and cells that say anything and fit, by their priority."""
    queue = [
        (column.priority, column.short or column.heading, column.brief or column.write)
        for column in columns(board)
        if column.priority is not None
    ]
    room, kept = width - _GAP, set()
    for _, name, write in sorted(queue, key=lambda each: each[0]):
        cells = [write(row) for row in board.rows]
        if not any(cells):
            continue
        room -= _GAP + max(map(len, (*name.split("\n"), *cells)))
        if room < 0:
            break
        kept.add(name)
    return [(name, write) for _, name, write in queue if name in kept]


def to_figure(board: Board) -> "Drawing":
    """Draw the first ranked rows: what ranks and test with their intervals, the best on top.

    A figure without an interval is drawn as a point.
    """
    part, _, name = board.metric.partition("_")
    rows = board.ranked[:_MOST]
    drawn = [
        (
            f"{row.arch} {signs(row)}".strip(),
            row.figures[board.metric].span,
            row.figures[f"test_{name}"].span if f"test_{name}" in row.figures else None,
        )
        for row in rows
    ]
    metric = title(board.metric).partition(" ")[2]
    synthetic = " (SYNTHETIC images)" if board.is_synthetic else ""
    more = f", the first {_MOST} rows" if len(board.ranked) > _MOST else ""
    legend = [f"{TIE} may be the best"] * any(row.tie for row in rows)
    legend += [f"{CROWN} the champion by rule"] * (board.champion is not None)
    return board_figure(
        drawn,
        f"{board.data}: {metric} with 95 % intervals{synthetic}{more}",
        metric,
        "out-of-fold" if part == "cv" else "validation",
        legend,
    )


def heading(board: Board) -> str:
    """Name the board, saying where the images are synthetic."""
    return f"Leaderboard: {board.data}{' (SYNTHETIC images)' if board.is_synthetic else ''}"


def above(board: Board) -> tuple[str, ...]:
    """Return what must be read before the board: warnings, and findings that may change it."""
    findings = board.subject.findings if board.subject is not None else ()
    warnings = [f"WARNING: {each}" for each in board.warnings]
    verdict = board.verdict
    if verdict is not None:
        warnings += [f"WARNING: {each}." for each in (verdict.undecidable, verdict.barred) if each]
    return (*warnings, *(f"Audit: {each}" for each in findings))


def _champion(board: Board) -> str:
    """Return the sentence about the champion by rule, nothing where there is no verdict."""
    return board.verdict.chosen if board.verdict is not None else ""


def about(board: Board) -> tuple[str, ...]:
    """Return what a board ranks on and what its figures are of: one sentence or two a line."""
    lines = [f"Ranked on {basis(board)}. Test is for reporting only."]
    if board.is_synthetic:
        lines.append("The images were drawn by a program: figures say nothing of patients.")
    lines += _images(board)
    lines += _certainty(board)
    seeds = ", ".join(map(str, board.seeds))
    if seeds:
        lines.append(f"Seed{'s' if len(board.seeds) > 1 else ''}: {seeds}.")
    lines += _presets(board)
    return (*lines, *legend(board), *board.notes)


def basis(board: Board) -> str:
    """Return what a board ranks on, for people: `validation macro-F1`."""
    name = title(board.metric).partition(" ")[2]
    if not board.metric.startswith("cv_"):
        return f"validation {name}"
    folds = {row.representative.spec.rank_on for row in board.ranked}
    return f"{name} of out-of-fold answers over train and validation ({', '.join(sorted(folds))})"


def _images(board: Board) -> list[str]:
    subject = board.subject
    if subject is None:
        return []
    counts = []
    for part, images in subject.images.items():
        each = [f"{name} {n}" for name, n in zip(subject.classes, images, strict=False)]
        counts.append(f"{part} {sum(images)} ({', '.join(each)})")
    lines = [f"Split {subject.split}: {'; '.join(counts)} images." if counts else subject.split]
    figures = {name for row in board.ranked for name in row.figures}
    if any(name.startswith(("val_clean_", "test_clean_")) for name in figures):
        lines.append(
            "“Clean” leaves out images that also stand in a part learnt or chosen on; “same mix”"
            " weighs the others to the class mix of the whole part."
        )
    if subject.test_scored:
        times = "time" if subject.test_scored == 1 else "times"
        lines.append(
            f"The test part has been scored {subject.test_scored:,} {times} in this store."
        )
    return lines


def _presets(board: Board) -> list[str]:
    """Return what `auto` stood for in the rows, nothing where no run says so."""
    named: dict[str, dict[str, None]] = {}
    for row in board.rows:
        for preset in row.presets:
            named.setdefault(preset, {})[row.arch] = None
    if len(named) < 2:
        return [f"Preset: {preset}." for preset in named if preset]
    told = [f"{preset or 'unknown'} ({', '.join(named[preset])})" for preset in sorted(named)]
    return [f"Presets: {'; '.join(told)}."]


def _certainty(board: Board) -> list[str]:
    verdict, subject = board.verdict, board.subject
    if verdict is None:
        return []
    lines = []
    if not verdict.undecidable and verdict.resolvable > 0:
        told = "no difference between rows is sure to be found"
        if verdict.resolvable < 1:
            told = f"a difference of {100 * verdict.resolvable:.1f} points is found 4 times of 5"
        lines.append(f"On {verdict.units} {verdict.unit} {told}. {verdict.separate}".strip())
    if verdict.noise is not None:
        lines.append(f"Exchanged labels reach the best figure with p = {verdict.noise:.3f}.")
    if subject is not None and not subject.patients_known:
        lines.append("Patients unknown: too narrow if several images are of one patient.")
    return lines


def legend(board: Board) -> tuple[str, ...]:
    """Return what the signs of a board mean, a sentence or two each."""
    figures = [figure for row in board.ranked for figure in row.figures.values()]
    lines = []
    if any(figure.interval for figure in figures):
        over = "images and seeds" if len(board.seeds) > 1 else "images"
        lines.append(f"[ ] is the 95 % interval over other {over}.")
    if any(figure.few for figure in figures):
        lines.append(f"[{UNKNOWN}]: no interval can be given, a class having fewer than 3 units.")
    if any(figure.spread is not None for figure in figures):
        lines.append("± is the standard deviation over seeds and folds; the figure is their mean.")
    if any(row.tie for row in board.ranked):
        lines.append(
            f"{TIE} may be the best. Ranks are those that a row may have; at most one board in"
            " twenty calls a row worse that is not."
        )
    if board.champion is not None:
        decided = board.verdict is None or not board.verdict.undecidable
        lines.append(f"{CROWN} is the {'champion' if decided else 'candidate'} by rule.")
    return tuple(lines)
