"""Whether the board's winner becomes the champion: a decision with its reason, nothing done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from ..records import Record, Regime
from .entries import RANDOM_WEIGHTS, Board, Row

_PROMOTED_METRICS = ("macro_f1", "accuracy", "auroc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """The registered version that is champion now.

    Attributes:
        version: its version in the registry.
        spec_digest: the run it is from; empty where it was registered by something else.
        arch: its architecture; `weights` as the board showed them.
        data_digest: the images it was chosen on; `split_digest` their split.
        score: its value of the board's metric on them, None where not recorded.
    """

    version: str
    spec_digest: str = ""
    arch: str = ""
    weights: str = ""
    data_digest: str = ""
    split_digest: str = ""
    score: float | None = None

    @classmethod
    def from_tags(cls, version: str, tags: Mapping[str, str], metric: str = "val_macro_f1") -> Self:
        """Read the tags that a `Promotion` gave its version; what is missing stays empty."""
        try:
            score = float(tags[metric])
        except (KeyError, ValueError):
            score = None
        names = ("spec_digest", "arch", "weights", "data_digest", "split_digest")
        return cls(version=version, score=score, **{name: tags.get(name, "") for name in names})


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A run that may become champion.

    Attributes:
        record: the run; its `model_id` is what to register.
        description: Markdown for the registered version.
        tags: tags for it; `Champion.from_tags` reads them back.
        notes: what a person should be told, such as a tie.
    """

    record: Record
    description: str
    tags: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The champion stays, and that is right: the winner is it already, or is worse."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The winner may not become champion, and why."""

    reason: str


def promote(
    board: Board,
    champion: Champion | None = None,
    *,
    force: bool = False,
    chosen: Record | None = None,
) -> Promotion | Kept | Refusal:
    """Decide whether the first row's representative becomes champion.

    Args:
        board: a ranked board.
        champion: the present champion of that registered model, None where there is none.
        force: promote also over a better or a pretrained champion.
        chosen: a run that a person chose instead, whatever its rank; it must have finished.
    """
    row = _row(board, chosen)
    if isinstance(row, Refusal):
        return row
    record = chosen or row.representative
    if not record.model_id:
        return Refusal(
            reason=f"the run {record.run_id} of {row.arch} has no model; run the benchmark again"
            " to log it."
        )
    if champion is not None and champion.spec_digest == record.spec.digest:
        return Kept(reason=f"{row.arch} is the champion already, version {champion.version}.")
    objection = None if champion is None or force else _objection(board, row, record, champion)
    return objection or Promotion(
        record=record,
        description=_description(board, row, record),
        tags=_tags(board, row, record),
        notes=_notes(board, row),
    )


def _row(board: Board, chosen: Record | None) -> Row | Refusal:
    """Give the row that a person chose, otherwise the first."""
    if chosen is not None:
        for row in board.ranked:
            if chosen in row.records[: row.scored_runs]:
                return row
        return Refusal(reason=f"the run {chosen.run_id} is not ranked on this board.")
    if not board.ranked:
        return Refusal(reason="nothing on the board has finished; run a benchmark first.")
    first = board.ranked[0]
    if first.regime is Regime.PRIOR:
        return Refusal(
            reason=f"no network beats {first.arch}, which guesses from the class frequencies;"
            " there is nothing worth registering."
        )
    return first


def _objection(board: Board, row: Row, record: Record, champion: Champion) -> Kept | Refusal | None:
    known = champion.weights.split(" + ")
    if (
        RANDOM_WEIGHTS in row.weights.split(" + ")
        and champion.weights
        and RANDOM_WEIGHTS not in known
    ):
        return Refusal(
            reason=f"{row.arch} has random weights and would replace a champion with"
            f" {champion.weights} weights ({champion.arch}, version {champion.version});"
            " get the pretrained weights, or force it."
        )
    on_the_same = (champion.data_digest, champion.split_digest) == (
        record.spec.data_digest,
        record.spec.split_digest,
    )
    score = record.scores[board.metric]
    if on_the_same and champion.score is not None and champion.score >= score:
        return Kept(
            reason=f"the champion {champion.arch}, version {champion.version}, has"
            f" {board.metric} {champion.score:.4f} on the same images and {row.arch} {score:.4f}."
        )
    return None


def _description(board: Board, row: Row, record: Record) -> str:
    scores = ", ".join(
        f"{part}_{name} {record.scores[f'{part}_{name}']:.4f}"
        for part in ("val", "test")
        for name in _PROMOTED_METRICS
        if f"{part}_{name}" in record.scores
    )
    weights = f", {row.weights} weights" if row.weights else ""
    place = f"rank {row.rank} of {len(board.ranked)} on the {board.data} board by {board.metric}"
    digests = f"spec {record.spec.digest[:12]}, data {board.data_digest[:12]}"
    lines = [
        f"**{row.arch}** ({row.regime}{weights}), {place}.",
        f"{scores}. Validation chose it; test was scored for reporting only.",
        f"Run {record.run_id}, {digests}, seed {record.spec.seed}.",
        *_notes(board, row),
    ]
    return "\n\n".join(lines)


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
    }
    if board.subject is not None:
        found["synthetic"] = str(board.subject.synthetic).lower()
    scores = {
        f"{part}_{name}": record.scores.get(f"{part}_{name}")
        for part in ("val", "test")
        for name in _PROMOTED_METRICS
    } | {board.metric: record.scores[board.metric]}
    found |= {name: repr(value) for name, value in scores.items() if value is not None}
    return {name: value for name, value in found.items() if value}


def _notes(board: Board, row: Row) -> tuple[str, ...]:
    notes = list(row.notes)
    if board.subject is not None and board.subject.synthetic:
        notes.append("SYNTHETIC images: drawn by a program, of no clinical meaning.")
    ties = [each.arch for each in board.ranked if each.tie and each is not row]
    if ties and row.tie:
        notes.append(f"On validation it cannot be told from {', '.join(ties)}.")
    if RANDOM_WEIGHTS in row.weights.split(" + "):
        notes.append("Its backbone has random weights: it was never pretrained.")
    return tuple(notes)
