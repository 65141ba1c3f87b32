"""The images of a finished run: read, decoded and divided as they were, from what was logged."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..cache import Cache
from ..data import Decoded, OnLeak, SplitOptions, decode, make_splits, named_again, read_index
from ..errors import DataError, StoreError
from ..plan import reading_of
from ..records import Record, Split
from ..tracking import Benchmark, Library, Tracker
from .progress import Display, StageOf
from .shown import recall

_DECODING = "images"
_SPLIT_FILE = "split.csv"


def benchmark_of(tracker: Library, record: Record) -> Benchmark:
    """Return the benchmark that a run stands below.

    Raises:
        StoreError: it is gone.
    """
    run_id = tracker.parent_of(record)
    for each in tracker.benchmarks():
        if each.run_id == run_id:
            return each
    raise StoreError(
        f"the benchmark of the run {record.run_id} is gone, and with it how images were divided."
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DividedImages:
    """A run's images, decoded, and how they were divided."""

    decoded: Decoded
    split: Split


def read_again(
    tracker: Tracker,
    record: Record,
    data: str | None,
    cache: Cache,
    display: Display,
) -> DividedImages:
    """Read and decode the images of a run, divided as they were.

    Args:
        tracker: where the run is.
        record: the run.
        data: where the images lie, None for the place that the cache knows.
        cache: where pixels are kept.
        display: shows how far it is.

    Raises:
        UsageError: where they lie is not known.
        DataError: they are others, or are divided otherwise.
        StoreError: its benchmark is gone, or what it left.
    """
    parent = benchmark_of(tracker, record)
    place = data or recall(parent.params.get("data", ""), parent.data_digest, cache)
    index = read_index(place, reading_of(parent.params), cache)
    display.begin(_DECODING)
    progress = StageOf(display, _DECODING)
    decoded = decode(index, record.final.picture, cache, progress, max_unreadable=1.0)
    display.over(_DECODING)
    if decoded.index.digest != record.spec.data_digest:
        raise DataError(
            f"{place!r} must hold the images that the run {record.run_id} was made on, and holds "
            "others: name the data set with --data."
        )
    return DividedImages(decoded=decoded, split=_split(tracker, parent, record, decoded))


def _split(tracker: Tracker, parent: Benchmark, record: Record, decoded: Decoded) -> Split:
    """Return the split of a run, by the file that its benchmark left.

    Raises:
        StoreError: the benchmark left none.
        DataError: it does not give the run's split again.
    """
    text = tracker.text(parent.run_id, _SPLIT_FILE)
    if text is None:
        raise StoreError(f"the benchmark {parent.run_id} has no {_SPLIT_FILE} any more.")
    with tempfile.TemporaryDirectory(prefix="benchmark-split-") as folder:
        path = Path(folder) / _SPLIT_FILE
        path.write_text(named_again(text, decoded.index), "utf-8", "surrogateescape")
        options = SplitOptions(scheme=str(path), on_leak=OnLeak.REPORT)
        splits = make_splits(decoded.index, decoded.facts, options)
    for split in splits:
        if split.digest == record.spec.split_digest:
            return split
    raise DataError(
        f"the split of the run {record.run_id} is not in its benchmark's {_SPLIT_FILE} any more."
    )
