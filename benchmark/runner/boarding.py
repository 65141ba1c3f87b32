"""The board of an experiment: ranked, written for people, shown, and its winner registered."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..board import (
    Board,
    BoardEvidence,
    BoardSubject,
    Champion,
    Promotion,
    Refusal,
    promote,
    rank,
    to_csv,
    to_figure,
    to_markdown,
)
from ..errors import DataError, PromotionError, StoreError
from ..records import Predictions, Reader, Record, State
from ..tracking import Promotion as Registration
from ..tracking import Tracker
from .results import whole_file, write_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What came of registering the winner: a line for a person, and whether it went well.

    Attributes:
        name: the registered model's name; `uri` what loads it, empty where there is none.
        said: what happened, in a line.
        refused: whether the winner may not become champion; `failed` whether it was tried and
            did not give the recorded probabilities.
    """

    name: str
    uri: str
    said: str
    refused: bool = False
    failed: bool = False


def make_board(
    tracker: Tracker,
    records: Sequence[Record],
    subject: BoardSubject | None,
    patients: Mapping[str, str | None] | None = None,
) -> Board:
    """Rank records with the evidence of their prediction tables.

    Args:
        tracker: where the tables are.
        records: of the whole experiment.
        subject: what the records do not say.
        patients: a patient key by relative path, for intervals over patients.
    """
    done = [record for record in records if record.state is State.FINISHED]
    evidence = {}
    for record in done:
        try:
            predictions = tracker.predictions(record)
        except StoreError:  # an artifact somebody removed costs its row the interval only
            continue
        groups = tuple(patients.get(path) for path in predictions.paths) if patients else None
        evidence[record.spec.digest] = BoardEvidence(predictions=predictions, groups=groups)
    return rank(records, evidence=evidence, subject=subject)


def write_board(board: Board, folder: Path) -> Mapping[str, str]:
    """Write the board as CSV, Markdown and PNG into a folder; give the texts by file name."""
    files = {"leaderboard.csv": to_csv(board), "leaderboard.md": to_markdown(board)}
    for name, text in files.items():
        write_text(folder / name, text)
    if board.ranked:
        figure = to_figure(board)
        with whole_file(folder / "leaderboard.png") as part:
            figure.savefig(part, dpi=110, bbox_inches="tight", format="png")
    return files


def register_record(
    tracker: Tracker, board: Board, record: Record, name: str, reader: Reader
) -> Registered:
    """Register a run of the board that a person chose, whatever its rank."""
    decision = promote(board, None, force=True, chosen=record)
    if not isinstance(decision, Promotion):
        return Registered(name=name, uri="", said=decision.reason, refused=True)
    return _register(tracker, decision, name, reader)


def register_winner(
    tracker: Tracker, board: Board, name: str, reader: Reader, say: Callable[[str], None]
) -> Registered:
    """Register the board's winner, unless a gate keeps it from being champion."""
    present = tracker.champion(name)
    known = None if present is None else Champion.from_tags(present.version, present.tags)
    decision = promote(board, known)
    if not isinstance(decision, Promotion):
        uri = "" if present is None else present.uri
        refused = isinstance(decision, Refusal)
        return Registered(name=name, uri=uri, said=decision.reason, refused=refused)
    say(f"registers {decision.record.spec.arch} as {name} and tries it in a fresh process")
    return _register(tracker, decision, name, reader)


def _register(tracker: Tracker, decision: Promotion, name: str, reader: Reader) -> Registered:
    check = tracker.check(decision.record)
    try:
        _read_all(check, reader)  # before a version is made: without them it cannot be tried
        champion = tracker.register(
            decision.record,
            Registration(
                name=name,
                description=decision.description,
                tags=decision.tags,
                check=check,
                reader=reader,
            ),
        )
    except (PromotionError, DataError) as error:
        return Registered(name=name, uri="", said=str(error), refused=True, failed=True)
    said = (
        f"{champion.name} version {champion.version} is champion: {decision.record.spec.arch}; "
        f"reloaded, its probabilities differ from the recorded ones by {champion.difference:.1g}"
    )
    return Registered(name=name, uri=champion.uri, said=said)


def _read_all(check: Predictions, reader: Reader) -> None:
    """Read the images that a model is tried on.

    Raises:
        DataError: one cannot be read, or is another than it was.
    """
    for path, sha256 in zip(check.paths, check.hashes, strict=True):
        try:
            stored = reader.read(path)
        except (KeyError, DataError) as error:
            raise DataError(
                f"the model cannot be tried: its image {path!r} is not in this data set: {error}"
            ) from error
        if isinstance(stored, bytes) and hashlib.sha256(stored).hexdigest() != sha256:
            raise DataError(
                f"the model cannot be tried: {path!r} is not the image it was; give the data set "
                "of the run with --data."
            )
