"""The board of an experiment, from the store alone: ranked, written for people, and marked on runs.

`run`, `leaderboard`, `register` and `rescore` make it by the same function, so that the same store
gives the same board whenever and from wherever it is asked, with the images or without them.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..board import (
    DEFAULT_RULE,
    Board,
    BoardEvidence,
    BoardSubject,
    Row,
    Rule,
    compared,
    rank,
    to_csv,
    to_figure,
    to_markdown,
)
from ..data import Audit, board_lines
from ..errors import AwayError, BenchmarkError, LostError, one_line
from ..files import whole_file, write_text
from ..plan import Prepared
from ..records import Index, Part, Record, Split, State
from ..search import trial_answers
from ..tracking import Benchmark, Tracker

Say = Callable[[str], None]
SUBJECT_FILE = "board_subject.json"
_NO_PATIENTS = "patients-unknown"  # the audit's finding
_NEW_SPLIT = "split"  # what a scheme is called where an older benchmark did not say which


def subject_of(prepared: Prepared, found: Audit) -> BoardSubject:
    """Return what a benchmark's board is about, known before anything is trained."""
    split = prepared.splits[0]
    return BoardSubject(
        synthetic=prepared.index.synthetic,
        split=split.scheme,
        split_seed=prepared.request.split_seed,
        images=_counts(prepared.index, split),
        classes=prepared.index.classes,
        patients_known=all(each is not None for each in prepared.index.patients),
        findings=board_lines(found),
        splits=tuple(each.digest for each in prepared.splits),
        rank_on=prepared.plan.rank_on,
    )


def plain_subject(index: Index, splits: Sequence[Split], rank_on: str) -> BoardSubject:
    """Return what is known of a board without an audit: enough to rank a benchmark's own runs."""
    return BoardSubject(
        synthetic=index.synthetic,
        split=splits[0].scheme,
        classes=index.classes,
        splits=tuple(each.digest for each in splits),
        rank_on=rank_on,
    )


def read_subject(tracker: Tracker, benchmark: Benchmark) -> BoardSubject:
    """Return what a benchmark's board is about, as it was kept.

    Benchmarks of before it was kept (0.1.0) have it put together from their tags, audit and split.
    """
    text = tracker.text(benchmark.run_id, SUBJECT_FILE)
    if text is not None:
        return BoardSubject.from_json(json.loads(text))
    audit = tracker.text(benchmark.run_id, "audit.json")
    found = None if audit is None else Audit.from_json(json.loads(audit))
    classes, images = _read_counts(tracker.text(benchmark.run_id, "split.csv") or "")
    asked = benchmark.params.get("split", "auto")
    if asked == "auto":  # the published parts were judged alone where they were the split
        asked = "official" if found is not None and not found.split_digest else _NEW_SPLIT
    return BoardSubject(
        synthetic=benchmark.synthetic,
        split=asked,
        split_seed=int(benchmark.params.get("split_seed", "0")),
        images=images,
        classes=classes,
        patients_known=found is not None
        and all(each.kind.value != _NO_PATIENTS for each in found.findings),
        findings=() if found is None else board_lines(found),
        splits=benchmark.splits,
    )


def _counts(index: Index, split: Split) -> dict[str, tuple[int, ...]]:
    """Return how many images of each class a split's parts hold."""
    return {
        str(part): tuple(
            np.bincount(index.labels[split.rows(part)], minlength=len(index.classes)).tolist()
        )
        for part in Part
    }


def _read_counts(split: str) -> tuple[tuple[str, ...], dict[str, tuple[int, ...]]]:
    """Return the classes, and the images of each by part, of the first split in a split's file."""
    lines = list(csv.DictReader(io.StringIO(split, newline="")))
    classes = tuple(sorted({line["label"] for line in lines}))
    own = [line for line in lines if line.get("fold", "") == lines[0].get("fold", "")]
    images = {
        str(part): tuple(
            sum(line["part"] == part and line["label"] == name for line in own) for name in classes
        )
        for part in Part
    }
    return classes, images if lines else {}


def make_board(
    tracker: Tracker,
    benchmark: Benchmark | None,
    rule: Rule = DEFAULT_RULE,
    say: Say | None = None,
) -> Board:
    """Rank the runs on a benchmark's splits as `judged_board` does, and keep the board alone."""
    return judged_board(tracker, benchmark, rule, say)[0]


def judged_board(
    tracker: Tracker,
    benchmark: Benchmark | None,
    rule: Rule = DEFAULT_RULE,
    say: Say | None = None,
) -> tuple[Board, Mapping[str, BoardEvidence]]:
    """Rank the runs on a benchmark's splits, whichever benchmark made them.

    Args:
        tracker: the experiment.
        benchmark: whose splits, and whose word on the images; None where the experiment has none.
        rule: what to rank on.
        say: told of runs that have lost their files; None refuses a board with such.

    Returns:
        The board, and the tables that it was judged by, by spec digest.

    Raises:
        LostError: runs have lost their files, and there is nobody to be told.
    """
    if benchmark is None:
        records = tracker.records()
        evidence = read_evidence(tracker, compared(records, rule, None), say)
        return rank(records, rule, evidence, None), evidence
    subject = read_subject(tracker, benchmark)
    records = tracker.records(splits=subject.splits)
    wanted = compared(records, rule, subject)
    evidence = read_evidence(tracker, wanted, say)
    subject = replace(subject, test_scored=_times_tested(tracker, wanted, evidence))
    elsewhere = tracker.count() - len(records)
    return rank(records, rule, evidence, _as_in(evidence, subject), elsewhere), evidence


def latest_benchmark(tracker: Tracker) -> Benchmark | None:
    """Return the latest benchmark on whose splits any run stands, None where there is none."""
    for benchmark in tracker.benchmarks():
        if any(tracker.holds_run(split) for split in benchmark.splits):
            return benchmark
    return None


def latest_board(tracker: Tracker, rule: Rule = DEFAULT_RULE, say: Say | None = None) -> Board:
    """Rank the runs on the splits of the latest benchmark that any run stands on."""
    return make_board(tracker, latest_benchmark(tracker), rule, say)


def board_with(tracker: Tracker, record: Record, rule: Rule = DEFAULT_RULE) -> Board:
    """Rank the runs on the splits of the latest benchmark that holds a run's split."""
    for benchmark in tracker.benchmarks():
        if record.spec.split_digest in benchmark.splits:
            return make_board(tracker, benchmark, rule)
    return make_board(tracker, None, rule)


def board_of(
    tracker: Tracker,
    records: Sequence[Record],
    rule: Rule,
    subject: BoardSubject | None,
    say: Say | None = None,
) -> Board:
    """Rank records with the evidence of their tables; only those of rows compared are opened."""
    evidence = read_evidence(tracker, compared(records, rule, subject), say)
    return rank(records, rule, evidence, subject and _as_in(evidence, subject))


def _as_in(evidence: Mapping[str, BoardEvidence], subject: BoardSubject) -> BoardSubject:
    """Return a subject that knows patients only where the tables do.

    Those of before there were units (0.1.0) do not say which images are of one patient.
    """
    has_units = all(each.predictions.units is not None for each in evidence.values())
    return replace(subject, patients_known=subject.patients_known and has_units)


def read_evidence(
    tracker: Tracker, records: Sequence[Record], say: Say | None = None
) -> dict[str, BoardEvidence]:
    """Read the tables behind records by spec digest; one that is gone costs its row the verdict.

    Args:
        tracker: the experiment.
        records: the runs whose tables are wanted.
        say: told of those that are gone.

    Raises:
        LostError: some are gone, and there is nobody to be told.
    """
    found, lost = {}, {}
    for record in records:
        try:
            predictions = tracker.predictions(record)
        except AwayError:
            raise
        except BenchmarkError as error:
            lost[record.run_id] = one_line(error)
            continue
        trials = tracker.trials_path(record)
        found[record.spec.digest] = BoardEvidence(
            predictions=predictions,
            out_of_fold=tracker.out_of_fold(record),
            trials=None if trials is None else trial_answers(trials),
        )
    if lost:
        _tell_lost(lost, say)
    return found


def _tell_lost(lost: Mapping[str, str], say: Say | None) -> None:
    """Say which runs cannot be judged, or refuse a board with such."""
    run_id, why = next(iter(lost.items()))
    others = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    text = (
        f"the board cannot judge the run {run_id}{others}: {why}. Was the folder moved? Bring the "
        f"files back, or leave such runs out: mlflow runs delete --run-id {run_id}"
    )
    if say is None:
        raise LostError(text)
    say(text)


def _times_tested(
    tracker: Tracker, records: Sequence[Record], evidence: Mapping[str, BoardEvidence]
) -> int:
    """Count the runs of the store that were scored on the board's test part; of folds the first."""
    known = [each for each in records if each.spec.digest in evidence]
    if not known:
        return 0
    first = min(known, key=lambda each: (each.spec.fold or 0, each.run_id))
    return tracker.count_tested(first, evidence[first.spec.digest].predictions)


def write_board(board: Board, folder: Path) -> Mapping[str, str]:
    """Write the board as CSV, Markdown and PNG into a folder; return the texts by file name."""
    files = {"leaderboard.csv": to_csv(board), "leaderboard.md": to_markdown(board)}
    for name, text in files.items():
        write_text(folder / name, text)
    if board.ranked:
        figure = to_figure(board)
        with whole_file(folder / "leaderboard.png") as part:
            figure.savefig(part, dpi=110, bbox_inches="tight", format="png")
    return files


def mark_runs(tracker: Tracker, board: Board) -> None:
    """Write each ranked run's place into its tags, where MLflow's table of runs shows it."""
    for row in board.ranked:
        tags = _marks(board, row)
        for record in row.records[: row.scored_runs]:
            if record.state is State.FINISHED:
                tracker.mark(record, tags)


def _marks(board: Board, row: Row) -> dict[str, str]:
    chosen = board.verdict.chosen if board.verdict is not None else ""
    between = f"{row.rank_low} to {row.rank_high}" if row.rank_low else "not compared"
    return {
        "rank": str(row.rank),
        "rank_interval": between,
        "rank_on": board.metric,
        "tie": "yes" if row.tie else "no",
        "champion": f"yes: {chosen}" if row.champion else "no",
    }
