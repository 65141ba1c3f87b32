"""Whether the board's champion may be registered: a decision with its reason, nothing done.

Whether it then replaces the present one is for the two networks' answers on the same images:
see `duel`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from ..evaluation import PASSES
from ..metrics import ON_BOARD
from ..records import Record
from .entries import RANDOM_WEIGHTS, Board, Figure, Row
from .papers import notes_on

_CLASSES = "classes"  # the tag with the class names, as JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The registered version that is champion now.

    Attributes:
        version: its version in the registry.
        spec_digest: the run it is from; empty where it was registered by something else.
        arch: its architecture; `weights` as the board showed them.
        classes: its class names, empty where not recorded.
    """

    version: str
    spec_digest: str = ""
    arch: str = ""
    weights: str = ""
    classes: tuple[str, ...] = ()

    @classmethod
    def from_tags(cls, version: str, tags: Mapping[str, str]) -> Self:
        """Read the tags that a `Promotion` gave its version; what is missing stays empty."""
        known = {name: tags.get(name, "") for name in ("spec_digest", "arch", "weights")}
        return cls(version=version, classes=tuple(json.loads(tags.get(_CLASSES, "[]"))), **known)

    def tells_others_than(self, board: Board) -> str | None:
        """Return `A, B apart, not C, D` where its classes are not a board's, otherwise None."""
        own = board.subject.classes if board.subject is not None else ()
        if not self.classes or not own or own == self.classes:
            return None
        return f"{', '.join(self.classes)} apart, not {', '.join(own)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A run that may be registered.

    Attributes:
        record: the run; its `model_id` is what to register.
        doubt: why it may only be a candidate, empty where it may become champion.
        row: its row on the board.
        tags: tags for the registered version; `Champion.from_tags` reads them back.
        notes: remarks on the row, such as a tie.
    """

    record: Record
    row: Row
    tags: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubt: str = ""

    @property
    def certain(self) -> bool:
        """Whether it may become champion."""
        return not self.doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Nothing is registered, and why: also where the winner is the champion already."""

    reason: str


def promote(
    board: Board,
    champion: Champion | None = None,
    *,
    force: bool = False,
    chosen: Record | None = None,
) -> Promotion | Refusal:
    """Decide whether the champion by rule, or a run that a person chose, may be registered.

    Args:
        board: a ranked board.
        champion: the present champion of that registered model, None where there is none.
        force: let it become champion whatever speaks against it but other classes.
        chosen: a run that a person chose instead, whatever its rank; it must have finished.
    """
    row = _row(board, chosen, force=force)
    if isinstance(row, Refusal):
        return row
    record = chosen or row.representative
    if not record.model_id:
        return Refusal(
            reason=f"the run {record.run_id} of {row.arch} has no model; run the benchmark again"
            " to log it."
        )
    if champion is not None and champion.spec_digest == record.spec.digest:
        return Refusal(reason=f"{row.arch} is the champion already, version {champion.version}.")
    if champion is not None and (told := champion.tells_others_than(board)):
        said = "register these under a name of their own with --register NAME."
        return Refusal(reason=f"the registered model's champion tells {told}: {said}")
    return Promotion(
        record=record,
        row=row,
        tags=_tags(board, row, record),
        notes=notes_on(board, row),
        doubt="" if force else _doubt(board, row, champion),
    )


def _row(board: Board, chosen: Record | None, *, force: bool) -> Row | Refusal:
    """Return the row that a person chose, otherwise the champion's by rule."""
    if chosen is not None:
        for row in board.ranked:
            if chosen.run_id in {each.run_id for each in row.records[: row.scored_runs]}:
                return _allowed(row, force=force)
        return Refusal(reason=f"the run {chosen.run_id} is not ranked on this board.")
    if not board.ranked:
        return Refusal(reason="nothing on the board has finished; run a benchmark first.")
    verdict = board.verdict
    if verdict is None:
        return Refusal(reason="no prediction table can be read, so that nothing is promoted.")
    if verdict.barred and not force:
        return Refusal(reason=f"nothing is promoted: {verdict.barred}.")
    is_noise = verdict.noise is not None and verdict.noise > PASSES
    if is_noise and not verdict.undecidable and not force:
        return Refusal(
            reason=f"nothing is promoted: exchanged labels reach the best figure with p ="
            f" {verdict.noise:.3f}, above {PASSES:g}."
        )
    found = board.champion
    return Refusal(reason=f"nothing is promoted. {verdict.chosen}") if found is None else found


def _allowed(row: Row, *, force: bool) -> Row | Refusal:
    """Return a row that a person chose, unless it must not be registered even so."""
    if row.is_check or (row.is_refused and not force):
        said = "; ".join(row.flags) or "it is the floor that others must pass"
        return Refusal(reason=f"{row.arch} is not registered: {said}.")
    return row


def _doubt(board: Board, row: Row, champion: Champion | None) -> str:
    """Return why a network may only be a candidate, nothing where it may be champion."""
    verdict = board.verdict
    if verdict is None:
        return "no prediction table can be read, so that noise is not ruled out"
    if verdict.undecidable or verdict.barred:
        return verdict.undecidable or verdict.barred
    if verdict.noise is not None and verdict.noise > PASSES:
        return f"exchanged labels reach the board's best figure with p = {verdict.noise:.3f}"
    if champion is None or not row.has_random_weights:
        return ""
    if not champion.weights or RANDOM_WEIGHTS in champion.weights.split(" + "):
        return ""
    return (
        f"it has random weights, and the champion {champion.arch}, version {champion.version}, has"
        f" {champion.weights} weights"
    )


def _tags(board: Board, row: Row, record: Record) -> dict[str, str]:
    found = {
        "spec_digest": record.spec.digest,
        "run_id": record.run_id,
        "arch": row.arch,
        "regime": str(row.regime),
        "weights": row.weights,
        "data": board.data,
        "data_digest": record.spec.data_digest,
        "split_digest": record.spec.split_digest,
        "seed": str(record.spec.seed),
        "code": record.made_by,
        "ranked_on": board.metric,
    }
    if board.subject is not None:
        found["synthetic"] = str(board.subject.synthetic).lower()
        found[_CLASSES] = json.dumps(board.subject.classes, ensure_ascii=False)
    names = (
        board.metric,
        *(f"{part}_{name}" for part in ("val", "test") for name in ON_BOARD),
    )
    for name in dict.fromkeys(names):
        found |= _figure_tags(name, row.figures.get(name))
    return {name: value for name, value in found.items() if value}


def _figure_tags(name: str, known: Figure | None) -> dict[str, str]:
    """Return a row's figure as tags, with its interval's ends."""
    if known is None:
        return {}
    found = {name: repr(known.value)}
    if known.interval is not None:
        found[f"{name}_low"] = repr(known.interval.low)
        found[f"{name}_high"] = repr(known.interval.high)
    return found
