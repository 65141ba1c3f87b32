"""What a board is about: kept with the benchmark's own run, and read back from the store alone."""

import csv
import io
import json
from collections.abc import Sequence

import numpy as np

from ..board import BoardSubject
from ..data import Audit, board_lines
from ..records import Index, Part, Split
from ..tracking import Benchmark, Tracker
from .prepare import Prepared

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
