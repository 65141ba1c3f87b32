"""How a board's figures are written for people, the same in Markdown and on the terminal."""

from ..evaluation import resolvable_difference
from ..records import Part
from .entries import Board, Figure, Row

TIE = "≈"
UNKNOWN = "–"


def heading(board: Board) -> str:
    """Name the board, saying where the images are synthetic."""
    return f"Leaderboard: {board.data}{' (SYNTHETIC images)' if is_synthetic(board) else ''}"


def is_synthetic(board: Board) -> bool:
    """Say whether the images were drawn by a program."""
    return board.subject is not None and board.subject.synthetic


def about(board: Board) -> tuple[str, ...]:
    """Say what a board ranks on and what its figures are of: one sentence or two a line."""
    rule = "fewer parameters, then the name, decide between equals"
    metric = title(board.metric).replace("val ", "validation ")
    lines = [f"Ranked on {metric}; {rule}. Test is for reporting only."]
    if is_synthetic(board):
        lines.append("The images were drawn by a program: figures say nothing of patients.")
    if (images := _images(board)) is not None:
        lines.append(images)
    seeds = ", ".join(map(str, board.seeds))
    if seeds:
        lines.append(f"Seed{'s' if len(board.seeds) > 1 else ''}: {seeds}.")
    return (*lines, *_signs(board), *board.notes)


def _images(board: Board) -> str | None:
    subject = board.subject
    if subject is None:
        return None
    counts = [f"{subject.images[part]} {part}" for part in Part if part in subject.images]
    said = f"Split {subject.split}: {', '.join(counts)} images." if counts else subject.split
    if subject.clean_test is not None and subject.clean_test < subject.images.get(Part.TEST, 0):
        said += (
            f" {subject.clean_test} test images are no copies of training or validation images;"
            " “clean” figures are over those, the others as published."
        )
    if (val := subject.images.get(Part.VAL, 0)) > 0:
        least = resolvable_difference(val)
        said += f" Differences in accuracy below {least:.2f} drown in {val} validation images."
    return said


def _signs(board: Board) -> tuple[str, ...]:
    figures = [figure for row in board.ranked for figure in row.figures.values()]
    lines = []
    if any(figure.interval for figure in figures):
        lines.append("[ ] is the 95 % interval over other images, the trained networks held fixed.")
    if any(figure.spread is not None for figure in figures):
        lines.append("± is the standard deviation over seeds and folds; the figure is their mean.")
    if any(row.tie for row in board.ranked):
        lines.append(f"{TIE} cannot be told from the first on validation: it is a tie.")
    return tuple(lines)


def title(metric: str) -> str:
    """Write a metric's name for people: `val_macro_f1` as `val macro-F1`."""
    part, _, name = metric.partition("_")
    known = {"macro_f1": "macro-F1", "auroc": "AUROC", "mcc": "MCC"}
    words = known.get(name, name.replace("_", " "))
    return f"{part} {words}"


def place(row: Row) -> str:
    """Write a row's rank, with the sign of a tie, or how its runs ended."""
    return f"{row.rank}{f' {TIE}' if row.tie else ''}" if row.rank else str(row.state)


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
        return ""
    return f"[{known.interval.low:.2f}, {known.interval.high:.2f}]"


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
    """Write what a person should know of a row: its reason first, then its notes."""
    uneven = len({each.scored_runs for each in board.ranked}) > 1
    runs = f"{row.scored_runs} run{'s' if row.scored_runs > 1 else ''}"
    said = (row.reason, runs if uneven and row.rank else "", *row.notes)
    return "; ".join(each for each in said if each)
