"""The texts that travel with a registered model: its card, and a draft of CLAIM 2024.

Both are filled from what was logged, and say what was not. The card is read by whoever is about to
use the model, so it says first what to expect, what for and how far; the draft (Tejani et al. 2024,
doi:10.1148/ryai.240300) by whoever writes about it, so that its blanks are to be seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..evaluation import POINT_TITLES, Interval, OperatingPoint, class_slugs
from ..metrics import ON_BOARD
from ..records import Record
from ..texts import markdown_cell
from .columns import figure, title
from .entries import Board, Row
from .report import above, basis

CLAIM_FILE = "claim.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperFacts:
    """What is known of a run that neither its record nor its row holds.

    Attributes:
        temperature: of its probabilities.
        point: its operating point, None where none was chosen; `judged` what it gives on test.
        made_on: words on the machine and the packages that made it, by name.
        decided: what was decided when it was registered, in sentences.
    """

    temperature: float = 1.0
    point: OperatingPoint | None = None
    judged: Mapping[str, Interval] = field(default_factory=dict)
    made_on: Mapping[str, str] = field(default_factory=dict)
    decided: tuple[str, ...] = ()


NOTHING_MORE = PaperFacts()


def model_card(board: Board, row: Row, record: Record, facts: PaperFacts = NOTHING_MORE) -> str:
    """Return the card of a run's model, in Markdown.

    Figures are the row's, with their intervals, never one seed's own; calibration is the run's.

    Args:
        board: where it was ranked; `row` its row.
        row: as above.
        record: the run.
        facts: what else is known.
    """
    return _rendered("card.md.jinja", _words(board, row, record, facts))


def claim_draft(board: Board, row: Row, record: Record, facts: PaperFacts = NOTHING_MORE) -> str:
    """Return a draft of the CLAIM 2024 checklist, in Markdown; the arguments are as above."""
    return _rendered("claim.md.jinja", _words(board, row, record, facts))


def notes_on(board: Board, row: Row) -> tuple[str, ...]:
    """Return what is to be said of a row: flags, notes, synthetic images, ties, random weights."""
    notes = [*row.flags, *row.notes]
    if board.is_synthetic:
        notes.append("SYNTHETIC images: drawn by a program, of no clinical meaning.")
    ties = [each.arch for each in board.ranked if each.tie and each is not row]
    if ties and row.tie:
        notes.append(f"On validation it cannot be told from {', '.join(ties)}.")
    if row.has_random_weights:
        notes.append("Its backbone has random weights: it was never pretrained.")
    return tuple(notes)


def _rendered(template: str, words: Mapping[str, Any]) -> str:
    from jinja2 import Environment, StrictUndefined

    # Markdown, not HTML: what stands in a cell is made harmless by `cell`.
    environment = Environment(  # noqa: S701
        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.filters["cell"] = markdown_cell
    source = Path(__file__).with_name(template).read_text(encoding="utf-8")
    return environment.from_string(source).render(words)


def _words(board: Board, row: Row, record: Record, facts: PaperFacts) -> dict[str, Any]:
    """Return what the templates read."""
    classes = board.subject.classes if board.subject is not None else ()
    images = board.subject.images if board.subject is not None else {}
    shown = (board.metric, *(f"test_{name}" for name in ON_BOARD))
    chosen = (board.verdict.chosen,) if row.champion and board.verdict is not None else ()
    return {
        "board": board,
        "row": row,
        "record": record,
        "spec": record.final,
        "facts": facts,
        "classes": classes,
        "counts": tuple(images),
        "rows_of": list(zip(*images.values(), strict=False)),
        "expected": _figures(row, dict.fromkeys(shown)),
        "basis": basis(board),
        "lines": (*chosen, *above(board), *notes_on(board, row), *facts.decided),
        "side": "+".join(map(str, record.final.sides_px)) or record.final.picture.side_px,
        "by_class": _by_class(row, classes),
        "calibration": _calibration(record),
        "judged": _judged(facts.judged),
        "findings": above(board),
        "figures": _figures(row, dict.fromkeys(_every(board.metric))),
        "limits": (*above(board), *notes_on(board, row)),
        "params": ", ".join(f"{name}={value}" for name, value in record.final.params.items())
        or "none",
    }


def _every(ranked_on: str) -> tuple[str, ...]:
    """Return what has a column on a board, of every part, what ranks first."""
    return (ranked_on, *(f"{part}_{name}" for part in ("val", "test") for name in ON_BOARD))


def _figures(row: Row, names: Mapping[str, None]) -> str:
    return ", ".join(
        f"{title(name)} {figure(row.figures[name])}" for name in names if name in row.figures
    )


def _by_class(row: Row, classes: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return each class's sensitivity and specificity on test, where known."""
    found = []
    for name, slug in zip(classes, class_slugs(classes), strict=True):
        known = [row.figures.get(f"test_{each}_{slug}") for each in ("recall", "specificity")]
        if any(known):
            sensitivity, specificity = map(figure, known)
            found.append((name, sensitivity, specificity))
    return found


def _calibration(record: Record) -> list[tuple[str, str]]:
    """Return by part how true a run's probabilities are, before and after the temperature."""
    found = []
    for part, called in (("val", "validation"), ("test", "test")):
        told = []
        for name, words in (("ece", "ECE"), ("brier", "Brier"), ("log_loss", "log loss")):
            after = record.scores.get(f"{part}_{name}")
            before = record.scores.get(f"{part}_raw_{name}")
            if after is not None:
                raw = "" if before is None or before == after else f" ({before:.3f} before)"
                told.append(f"{words} {after:.3f}{raw}")
        if told:
            found.append((called, ", ".join(told)))
    return found


def _judged(judged: Mapping[str, Interval]) -> str:
    return ", ".join(
        f"{words} {judged[name]}" for name, words in POINT_TITLES.items() if name in judged
    )
