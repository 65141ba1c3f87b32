"""How a board's figures are written for people, the same in Markdown and on the terminal."""

from ..records import State
from .entries import Board, Figure, Row

TIE = "≈"
CROWN = "★"
UNKNOWN = "–"


def heading(board: Board) -> str:
    """Name the board, saying where the images are synthetic."""
    return f"Leaderboard: {board.data}{' (SYNTHETIC images)' if is_synthetic(board) else ''}"


def is_synthetic(board: Board) -> bool:
    """Say whether the images were drawn by a program."""
    return board.subject is not None and board.subject.synthetic


def above(board: Board) -> tuple[str, ...]:
    """Return what must be read before the board: warnings, and findings that may change it."""
    findings = board.subject.findings if board.subject is not None else ()
    warnings = [f"WARNING: {each}" for each in board.warnings]
    verdict = board.verdict
    if verdict is not None:
        warnings += [f"WARNING: {each}." for each in (verdict.undecidable, verdict.barred) if each]
    return (*warnings, *(f"Audit: {each}" for each in findings))


def champion(board: Board) -> str:
    """Return the sentence about the champion by rule, nothing where there is no verdict."""
    return board.verdict.chosen if board.verdict is not None else ""


def about(board: Board) -> tuple[str, ...]:
    """Return what a board ranks on and what its figures are of: one sentence or two a line."""
    lines = [f"Ranked on {basis(board)}. Test is for reporting only."]
    if is_synthetic(board):
        lines.append("The images were drawn by a program: figures say nothing of patients.")
    lines += _images(board)
    lines += _certainty(board)
    seeds = ", ".join(map(str, board.seeds))
    if seeds:
        lines.append(f"Seed{'s' if len(board.seeds) > 1 else ''}: {seeds}.")
    return (*lines, *_signs(board), *board.notes)


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
    counts = [
        f"{part} {sum(images)} ({', '.join(_counts(subject.classes, images))})"
        for part, images in subject.images.items()
    ]
    lines = [f"Split {subject.split}: {'; '.join(counts)} images." if counts else subject.split]
    if any(name.startswith(("val_clean_", "test_clean_")) for name in _figure_names(board)):
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


def _counts(classes: tuple[str, ...], images: tuple[int, ...]) -> list[str]:
    return [f"{name} {count}" for name, count in zip(classes, images, strict=False)]


def _figure_names(board: Board) -> set[str]:
    return {name for row in board.ranked for name in row.figures}


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


def _signs(board: Board) -> tuple[str, ...]:
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


def title(metric: str) -> str:
    """Write a metric's name for people: `val_macro_f1` as `val macro-F1`."""
    part, _, name = metric.partition("_")
    known = {"macro_f1": "macro-F1", "auroc": "AUROC", "mcc": "MCC"}
    words = known.get(name, name.replace("_", " "))
    return f"{'out-of-fold' if part == 'cv' else part} {words}"


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
    said = (row.reason, *row.flags, runs if uneven and row.rank else "", *row.notes)
    return "; ".join(each for each in said if each)
