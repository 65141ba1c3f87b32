"""The board's columns: one table, which terminal, Markdown, CSV and MLflow's saved view read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..evaluation import assessed
from ..metrics import METRICS, ON_BOARD
from ..records import OPTIMISM, State
from .entries import Board, Figure, Row

TIE = "≈"
CROWN = "★"
UNKNOWN = "–"

# Parts in the order in which a CSV has their figures.
_PREFIXES = ("cv", "val", "val_clean", "val_clean_mix", "test", "test_clean", "test_clean_mix")

Write = Callable[[Row], str]
Cells = Mapping[str, Callable[[Row], object]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """A column of a board, wherever it is shown.

    Attributes:
        heading: its heading in Markdown, empty where it is not there; `write` a row's cell.
        short: its heading on the terminal where that is another; `brief` a row's cell likewise.
        priority: its place in the queue for a terminal's room; None where it is not there.
        cells: what a CSV has instead: values by the names of its columns.
        view: its name in MLflow's table of runs; empty where it is not in the saved view.
        key: what a row is sorted by, where that is not the number that its cell begins with.
    """

    heading: str = ""
    write: Write = str
    short: str = ""
    brief: Write | None = None
    priority: int | None = None
    cells: Cells = field(default_factory=dict)
    view: str = ""
    key: Callable[[Row], float] | None = None


def columns(board: Board) -> tuple[Column, ...]:
    """Return a board's columns, in the order in which they stand everywhere."""
    return (*_leading(board), *_of_figures(board), *_trailing(board))


def _leading(board: Board) -> tuple[Column, ...]:
    return (
        Column(heading="#", write=place, priority=0, cells=_standing(board), view="tags.`rank`"),
        Column(heading="ranks", write=ranks, priority=4, view="tags.`champion`"),
        Column(
            heading="architecture", write=lambda row: row.arch, priority=1, view="params.`arch`"
        ),
        Column(heading="regime", write=lambda row: str(row.regime), priority=11),
        Column(heading="weights", write=lambda row: row.weights or UNKNOWN, priority=6),
        _sides(board),
    )


def _sides(board: Board) -> Column:
    """Return the sides at which networks see the picture; people see them where they differ."""
    differ = len({_sides_seen(row) for row in board.rows} - {""}) > 1
    return Column(
        heading="side (px)" if differ else "",
        write=lambda row: _sides_seen(row) or UNKNOWN,
        priority=12 if differ else None,
        cells={"sides_seen_px": _sides_seen},
    )


def _sides_seen(row: Row) -> str:
    return "+".join(map(str, row.representative.final.sides_px))


def _standing(board: Board) -> Cells:
    """Return what a CSV has of a row's place, and of what it is a row of."""
    chosen = "" if board.verdict is None else board.verdict.chosen
    return {
        "rank": lambda row: row.rank or "",
        "tie": lambda row: str(row.tie).lower(),
        "rank_low": lambda row: row.rank_low or "",
        "rank_high": lambda row: row.rank_high or "",
        "champion": lambda row: str(row.champion).lower(),
        "why_champion": lambda row: chosen if row.champion else "",
        "flags": lambda row: "; ".join(row.flags),
        "architecture": lambda row: row.arch,
        "regime": lambda row: str(row.regime),
        "weights": lambda row: row.weights,
        "state": lambda row: str(row.state),
        "ranked_on": lambda _: board.metric,
        "score": lambda row: row.value(board.metric),
        "log_loss_calibrated": lambda row: row.log_loss,
    }


def _of_figures(board: Board) -> tuple[Column, ...]:
    """Return what ranks, macro-F1, the clean figures, and what else of a part has a column."""
    ranking = board.metric
    others = [name for name in ON_BOARD if name != "macro_f1"]
    shown = [
        _figure("val_macro_f1", title("val_macro_f1") if ranking != "val_macro_f1" else ""),
        _figure("test_macro_f1", title("test_macro_f1"), 3),
        _figure("test_clean_macro_f1"),
        *_clean(board),
        *(_figure(f"val_{name}") for name in others),
        *(_figure(f"test_{name}", title(f"test_{name}"), 8) for name in others),
        *(_figure(name) for name in ("val_log_loss", "test_log_loss", "val_ece")),
        _figure("test_ece", title("test_ece")),
    ]
    usual = {name for column in shown for name in column.cells}
    return (
        Column(
            heading=title(ranking),
            write=_writing(figure, ranking),
            short=title(ranking).replace(" ", "\n", 1),
            brief=_writing(value, ranking),
            priority=2,
            view=f"metrics.`{ranking}`",
        ),
        Column(short="±", brief=_writing(spread, ranking), priority=12),
        Column(short="95 %", brief=_writing(interval, ranking), priority=5),
        *shown,
        *(_figure(name) for name in _further(board) if name not in usual),
    )


def _figure(name: str, heading: str = "", priority: int | None = None) -> Column:
    """Return a figure's column: `NAME`, `NAME_low`, `NAME_high` and `NAME_spread` in a CSV."""
    return Column(
        heading=heading,
        write=_writing(figure, name),
        short=heading.replace(" ", "\n", 1),
        brief=_writing(value, name),
        priority=priority,
        cells={
            name: lambda row: row.value(name),
            f"{name}_low": lambda row: _limits(row, name)[0],
            f"{name}_high": lambda row: _limits(row, name)[1],
            f"{name}_spread": lambda row: row.figures[name].spread if name in row.figures else None,
        },
        view=f"metrics.`{name}`" if heading else "",
    )


def _limits(row: Row, name: str) -> tuple[float | None, float | None]:
    known = row.figures.get(name)
    found = None if known is None else known.interval
    return (None, None) if found is None else (found.low, found.high)


def _writing(write: Callable[[Figure | None], str], name: str) -> Write:
    return lambda row: write(row.figures.get(name))


def _clean(board: Board) -> list[Column]:
    """Return the figures without copies, for people; a CSV has them among the further ones."""
    known = {name for row in board.ranked for name in row.figures}
    mixed = "test_clean_mix_macro_f1"
    found = [
        Column(
            short="clean,\nsame mix",
            brief=lambda row: value(row.figures[mixed]) if mixed in row.figures else "",
            priority=7,
        )
    ]
    for part in ("val", "test"):
        name = f"{part}_clean_macro_f1"
        if name in known:
            mix = f"{part}_clean_mix_macro_f1"
            found.append(Column(heading=f"{part} clean", write=_writing(figure, name)))
            found.append(Column(heading=f"{part} clean, same mix", write=_writing(figure, mix)))
    return found


def _further(board: Board) -> list[str]:
    """Return the figures that some ranked row has an interval of, the classes' in their order."""
    known = {
        name
        for row in board.ranked
        for name, each in row.figures.items()
        if each.interval is not None or each.few or name.endswith("_mix_macro_f1")
    }
    classes = board.subject.classes if board.subject is not None else ()
    order = [f"{prefix}_{name}" for prefix in _PREFIXES for name in assessed(classes)]
    at = {name: position for position, name in enumerate(order)}
    return sorted(known, key=lambda name: (at.get(name, len(at)), name))


_COSTS: Cells = {
    "temperature": lambda row: row.representative.temperature,
    "training_seconds": lambda row: row.total_seconds,
    "wall_seconds": lambda row: row.wall_seconds,
    "parameters": lambda row: row.parameters or "",
    "model_bytes": lambda row: row.model_bytes or "",
    "milliseconds_per_image": lambda row: row.milliseconds_per_image,
    OPTIMISM: lambda row: row.value(OPTIMISM),
}


def _trailing(board: Board) -> tuple[Column, ...]:
    return (
        Column(
            heading="training",
            write=lambda row: duration(row.total_seconds) if row.rank else UNKNOWN,
            priority=4,
            cells=_COSTS,
            view="metrics.`total_seconds`",
            key=lambda row: row.total_seconds,
        ),
        Column(
            heading="wall",
            write=lambda row: duration(row.wall_seconds),
            priority=13,
            key=lambda row: row.wall_seconds,
        ),
        Column(
            heading="parameters",
            write=lambda row: count(row.parameters),
            priority=10,
            view="metrics.`parameters`",
            key=lambda row: row.parameters,
        ),
        Column(
            heading="ms/image",
            write=lambda row: f"{row.milliseconds_per_image:.1f}" if row.rank else UNKNOWN,
            priority=14,
        ),
        Column(heading="note", write=lambda row: note(board, row), cells=_origin(board)),
    )


def _origin(board: Board) -> Cells:
    """Return what a CSV has of where a row comes from, and its notes."""
    synthetic = "" if board.subject is None else str(board.is_synthetic).lower()
    return {
        "runs": lambda row: len(row.records),
        "seeds": lambda row: " ".join(map(str, row.seeds)),
        "folds": lambda row: " ".join(map(str, row.folds)),
        "side_px": lambda row: row.representative.spec.picture.side_px,
        "data": lambda _: board.data,
        "synthetic": lambda _: synthetic,
        "data_digest": lambda row: row.representative.spec.data_digest,
        "split_digest": lambda row: row.representative.spec.split_digest,
        "spec_digest": lambda row: row.representative.spec.digest,
        "run_id": lambda row: row.representative.run_id,
        "model_id": lambda row: row.representative.model_id,
        "version": lambda row: row.representative.version,
        "commit": lambda row: row.representative.commit,
        "preset": lambda row: " ".join(filter(None, row.presets)),
        "reason": lambda row: row.reason,
        "notes": lambda row: "; ".join(row.notes),
    }


def title(metric: str) -> str:
    """Write a metric's name for people: `val_macro_f1` as `val macro-F1`."""
    part, _, name = metric.partition("_")
    known = METRICS[name].title if name in METRICS else ""
    return f"{'out-of-fold' if part == 'cv' else part} {known or name.replace('_', ' ')}"


def place(row: Row) -> str:
    """Write a row's rank with the signs of a tie and of the champion, or how its runs ended."""
    if not row.rank:
        return str(row.state) if row.state is not State.FINISHED else "not ranked"
    return f"{row.rank} {signs(row)}".rstrip()


def signs(row: Row) -> str:
    """Return the signs of the champion and of a row that may be the best: `★ ≈`."""
    return " ".join([CROWN] * row.champion + [TIE] * row.tie)


def ranks(row: Row) -> str:
    """Write the ranks that a row may have: `1–4`; nothing where it was not compared."""
    if not row.rank_low:
        return ""
    if row.rank_low == row.rank_high:
        return str(row.rank_low)
    return f"{row.rank_low}–{row.rank_high}"


def value(known: Figure | None, digits: int = 3) -> str:
    """Write a figure alone."""
    return UNKNOWN if known is None else f"{known.value:.{digits}f}"


def figure(known: Figure | None) -> str:
    """Write a figure with its spread and interval, where known."""
    return " ".join(each for each in (value(known), spread(known), interval(known)) if each)


def spread(known: Figure | None) -> str:
    """Write the spread over seeds and folds, nothing where unknown."""
    return "" if known is None or known.spread is None else f"±{known.spread:.3f}"


def interval(known: Figure | None) -> str:
    """Write the 95 % interval, nothing where unknown."""
    if known is None or known.interval is None:
        return f"[{UNKNOWN}]" if known is not None and known.few else ""
    return known.interval.limits


def duration(seconds: float) -> str:
    """Write seconds as a person would: `0.8 s`, `42 s`, `3 min 05 s`, `2 h 10 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def count(number: int) -> str:
    """Write a count of parameters: `812`, `3.5 k`, `2.3 M`."""
    for size, sign in ((1_000_000, " M"), (1_000, " k")):
        if number >= size:
            return f"{number / size:.1f}{sign}"
    return str(number) if number else UNKNOWN


def note(board: Board, row: Row) -> str:
    """Return what is to be said of a row: its reason first, then its notes."""
    uneven = len({each.scored_runs for each in board.ranked}) > 1
    runs = f"{row.scored_runs} run{'s' if row.scored_runs > 1 else ''}"
    said = (row.reason, *row.flags, runs if uneven and row.rank else "", *row.notes)
    return "; ".join(each for each in said if each)
