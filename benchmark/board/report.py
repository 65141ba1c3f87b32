"""A board as CSV for programs and as Markdown for people."""

import csv
import io
from collections.abc import Callable

from .entries import Board, Row
from .words import (
    UNKNOWN,
    about,
    count,
    duration,
    figure,
    heading,
    is_synthetic,
    note,
    place,
    value,
)

MARKDOWN_LIMIT = 20_000  # what an experiment's note in MLflow holds
_NOTE_LIMIT = 160
_FIGURES = ("val_macro_f1", "test_macro_f1", "test_clean_macro_f1")
_VALUES = ("val_accuracy", "val_auroc", "test_accuracy", "test_clean_accuracy", "test_auroc")


def to_csv(board: Board) -> str:
    """Give the board as CSV with full precision: one line a row, an empty cell for unknown.

    The columns are the same for every board; `score` is the metric named by `ranked_on`.
    """
    out = io.StringIO()
    cells = [_cells(board, row) for row in board.rows]
    writer = csv.DictWriter(out, fieldnames=CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(cells)
    return out.getvalue()


def _interval_columns(name: str) -> tuple[str, ...]:
    return (name, f"{name}_low", f"{name}_high", f"{name}_spread")


CSV_COLUMNS = (
    *("rank", "tie", "architecture", "regime", "weights", "state", "ranked_on", "score"),
    *(column for name in _FIGURES for column in _interval_columns(name)),
    *_VALUES,
    *("training_seconds", "wall_seconds", "parameters", "model_bytes", "milliseconds_per_image"),
    *("runs", "seeds", "folds", "side_px", "data", "synthetic", "data_digest", "split_digest"),
    *("spec_digest", "run_id", "model_id", "reason", "notes"),
)


def _cells(board: Board, row: Row) -> dict[str, object]:
    record = row.representative
    found: dict[str, object] = {
        "rank": row.rank or "",
        "tie": str(row.tie).lower(),
        "architecture": row.arch,
        "regime": str(row.regime),
        "weights": row.weights,
        "state": str(row.state),
        "ranked_on": board.metric,
        "score": row.value(board.metric),
        "training_seconds": row.total_seconds,
        "wall_seconds": row.wall_seconds,
        "parameters": row.parameters or "",
        "model_bytes": row.model_bytes or "",
        "milliseconds_per_image": row.milliseconds_per_image,
        "runs": len(row.records),
        "seeds": " ".join(map(str, row.seeds)),
        "folds": " ".join(map(str, row.folds)),
        "side_px": row.picture.side_px,
        "data": board.data,
        "synthetic": "" if board.subject is None else str(is_synthetic(board)).lower(),
        "data_digest": record.spec.data_digest,
        "split_digest": record.spec.split_digest,
        "spec_digest": record.spec.digest,
        "run_id": record.run_id,
        "model_id": record.model_id,
        "reason": row.reason,
        "notes": "; ".join(row.notes),
    }
    for name in _FIGURES:
        found |= _figure_cells(row, name)
    return found | {name: row.value(name) for name in _VALUES}


def _figure_cells(row: Row, name: str) -> dict[str, object]:
    known = row.figures.get(name)
    if known is None:
        return {}
    low, high = (
        (None, None) if known.interval is None else (known.interval.low, known.interval.high)
    )
    values = (known.value, low, high, known.spread)
    return dict(zip(_interval_columns(name), values, strict=True))


Column = tuple[str, Callable[[Row], str]]


def _columns(board: Board) -> tuple[Column, ...]:
    """Give the columns for people: a heading and how a cell is written."""
    ranked_on: tuple[Column, ...] = ()
    if board.metric != "val_macro_f1":
        ranked_on = ((board.metric, lambda row: figure(row.figures.get(board.metric))),)
    clean: tuple[Column, ...] = ()
    if any("test_clean_macro_f1" in row.figures for row in board.ranked):
        clean = (("clean", lambda row: figure(row.figures.get("test_clean_macro_f1"))),)
    return (
        ("#", place),
        ("architecture", lambda row: row.arch),
        ("regime", lambda row: str(row.regime)),
        ("weights", lambda row: row.weights or UNKNOWN),
        *ranked_on,
        ("val macro-F1", lambda row: figure(row.figures.get("val_macro_f1"))),
        ("test macro-F1", lambda row: figure(row.figures.get("test_macro_f1"))),
        *clean,
        ("test accuracy", lambda row: value(row.figures.get("test_accuracy"))),
        ("test AUROC", lambda row: value(row.figures.get("test_auroc"))),
        ("training", lambda row: duration(row.total_seconds) if row.rank else UNKNOWN),
        ("wall", lambda row: duration(row.wall_seconds)),
        ("parameters", lambda row: count(row.parameters)),
        ("ms/image", lambda row: f"{row.milliseconds_per_image:.1f}" if row.rank else UNKNOWN),
        ("note", lambda row: note(board, row)),
    )


def to_markdown(board: Board, limit: int = MARKDOWN_LIMIT) -> str:
    """Give the board as Markdown of at most `limit` characters; what is cut is said."""
    columns = _columns(board)
    names = [name for name, _ in columns]
    top = [f"# {heading(board)}", "", *(f"{line}  " for line in about(board)), ""]
    top += [_line(names), _line(["---"] * len(names))]
    lines = [_line([_cell(write(row)) for _, write in columns]) for row in board.rows]
    foot = (
        "Training is the cost from nothing, whatever a cache held; wall is what the run took."
        " Every figure with full precision is in leaderboard.csv."
    )
    return _fitted(top, lines, foot, limit)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    """Make a text fit for a cell: one line, no column sign, not too long."""
    plain = " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
    return plain if len(plain) <= _NOTE_LIMIT else f"{plain[: _NOTE_LIMIT - 1]}…"


def _fitted(top: list[str], lines: list[str], foot: str, limit: int) -> str:
    for kept in range(len(lines), -1, -1):
        cut = len(lines) - kept
        said = [f"… and {cut} more rows, cut here.", ""] if cut else []
        text = "\n".join([*top, *lines[:kept], "", *said, foot, ""])
        if len(text) <= limit:
            return text
    return text[:limit]
