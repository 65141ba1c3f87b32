"""A board as CSV for programs and as Markdown for people."""

import csv
import io
from collections.abc import Callable, Sequence

from ..evaluation import assessed
from .entries import Board, Row
from .words import (
    UNKNOWN,
    about,
    above,
    champion,
    count,
    duration,
    figure,
    heading,
    is_synthetic,
    note,
    place,
    ranks,
    title,
)

MARKDOWN_LIMIT = 20_000  # what an experiment's note in MLflow holds
_NOTE_LIMIT = 160
_PREFIXES = ("cv", "val", "val_clean", "val_clean_mix", "test", "test_clean", "test_clean_mix")


def to_csv(board: Board) -> str:
    """Return the board as CSV with twelve digits: one line a row, an empty cell for unknown.

    Further digits depend on the order in which a processor adds, so that they would not be the same
    twice.

    `score` is the metric named by `ranked_on`. Every figure that has intervals has the columns
    NAME, NAME_low, NAME_high and NAME_spread; those of classes follow the classes of the data set.
    """
    out = io.StringIO()
    figures = _figure_names(board)
    columns = (*_LEADING, *(each for name in figures for each in _of_figure(name)), *_TRAILING)
    writer = csv.DictWriter(out, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    for row in board.rows:
        cells = {**_cells(board, row), **_figure_cells(row, figures)}
        writer.writerow({name: _rounded(value) for name, value in cells.items()})
    return out.getvalue()


def _rounded(value: object) -> object:
    return float(f"{value:.12g}") if isinstance(value, float) else value


_LEADING = (
    *("rank", "tie", "rank_low", "rank_high", "champion", "why_champion", "flags"),
    *("architecture", "regime", "weights", "state", "ranked_on", "score", "log_loss_calibrated"),
)
_TRAILING = (
    *("training_seconds", "wall_seconds", "parameters", "model_bytes", "milliseconds_per_image"),
    *("runs", "seeds", "folds", "side_px", "data", "synthetic", "data_digest", "split_digest"),
    *("spec_digest", "run_id", "model_id", "version", "commit", "reason", "notes"),
)


def _of_figure(name: str) -> tuple[str, ...]:
    return (name, f"{name}_low", f"{name}_high", f"{name}_spread")


def _figure_names(board: Board) -> tuple[str, ...]:
    """Return the figures that have columns: those of all boards, then those that some row has."""
    usual = [f"{prefix}_macro_f1" for prefix in ("val", "test", "test_clean")]
    usual += [f"{part}_{name}" for part in ("val", "test") for name in ("accuracy", "auroc")]
    known = {
        name
        for row in board.ranked
        for name, figure in row.figures.items()
        if figure.interval is not None or figure.few or name.endswith("_mix_macro_f1")
    }
    classes = board.subject.classes if board.subject is not None else ()
    order = [f"{prefix}_{name}" for prefix in _PREFIXES for name in assessed(classes)]
    place = {name: position for position, name in enumerate(order)}
    rest = sorted(known - set(usual), key=lambda name: (place.get(name, len(place)), name))
    return (*usual, *rest)


def _cells(board: Board, row: Row) -> dict[str, object]:
    record = row.representative
    return {
        "rank": row.rank or "",
        "tie": str(row.tie).lower(),
        "rank_low": row.rank_low or "",
        "rank_high": row.rank_high or "",
        "champion": str(row.champion).lower(),
        "why_champion": champion(board) if row.champion else "",
        "flags": "; ".join(row.flags),
        "architecture": row.arch,
        "regime": str(row.regime),
        "weights": row.weights,
        "state": str(row.state),
        "ranked_on": board.metric,
        "score": row.value(board.metric),
        "log_loss_calibrated": row.log_loss,
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
        "version": record.version,
        "commit": record.commit,
        "reason": row.reason,
        "notes": "; ".join(row.notes),
    }


def _figure_cells(row: Row, names: Sequence[str]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in names:
        known = row.figures.get(name)
        if known is not None:
            ends: tuple[float | None, float | None] = (None, None)
            if known.interval is not None:
                ends = (known.interval.low, known.interval.high)
            values = (known.value, *ends, known.spread)
            found |= dict(zip(_of_figure(name), values, strict=True))
    return found


Column = tuple[str, Callable[[Row], str]]


def _columns(board: Board) -> tuple[Column, ...]:
    """Return the columns for people: a heading and how a cell is written."""

    def of(metric: str) -> Column:
        return title(metric), lambda row: figure(row.figures.get(metric))

    shown = dict.fromkeys((board.metric, "val_macro_f1", "test_macro_f1"))
    known = {name for row in board.ranked for name in row.figures}
    clean: list[Column] = []
    for part in ("val", "test"):
        if f"{part}_clean_macro_f1" in known:
            mix = f"{part}_clean_mix_macro_f1"
            clean.append((f"{part} clean", of(f"{part}_clean_macro_f1")[1]))
            clean.append((f"{part} clean, same mix", of(mix)[1]))
    return (
        ("#", place),
        ("ranks", ranks),
        ("architecture", lambda row: row.arch),
        ("regime", lambda row: str(row.regime)),
        ("weights", lambda row: row.weights or UNKNOWN),
        *(of(metric) for metric in shown),
        *clean,
        of("test_accuracy"),
        of("test_auroc"),
        ("training", lambda row: duration(row.total_seconds) if row.rank else UNKNOWN),
        ("wall", lambda row: duration(row.wall_seconds)),
        ("parameters", lambda row: count(row.parameters)),
        ("ms/image", lambda row: f"{row.milliseconds_per_image:.1f}" if row.rank else UNKNOWN),
        ("note", lambda row: note(board, row)),
    )


def to_markdown(board: Board, limit: int = MARKDOWN_LIMIT) -> str:
    """Return the board as Markdown of at most `limit` characters; what is cut is said."""
    columns = _columns(board)
    names = [name for name, _ in columns]
    top = [f"# {heading(board)}", ""]
    said = [*above(board), *([champion(board)] if champion(board) else [])]
    top += [*(f"{line}  " for line in said), ""] if said else []
    top += [*(f"{line}  " for line in about(board)), ""]
    top += [_line(names), _line(["---"] * len(names))]
    lines = [_line([_cell(write(row)) for _, write in columns]) for row in board.rows]
    foot = (
        "Training is the cost from nothing, whatever a cache held; wall is what the run took."
        " Every figure with twelve digits is in leaderboard.csv."
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
