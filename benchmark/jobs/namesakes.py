"""Whether what a data set's own name leads to, an experiment and a model, is another data set's.

Two folders may have one name. They are one data set where they share an image: images may have
been added, or the folder moved. Otherwise a person gives names, before any work.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from ..data import DATA_SETS, slug
from ..errors import StoreError, UsageError
from ..records import Index
from ..request import Request
from ..tracking import CHAMPION, Tracker

_LOOKED_AT = 3  # chosen, not sourced: states of one data set; each costs the reading of one file


def check_names(request: Request, index: Index, tracker: Tracker) -> None:
    """Hold the default names of experiment and registered model to this data set.

    Names that a person gives are not looked at, nor those of data sets known by their contents.

    Raises:
        UsageError: one of them belongs to a data set that shares no image with this one.
    """
    if index.name in DATA_SETS:
        return
    is_default = request.experiment is None and tracker.experiment.name == index.name
    is_named_after = request.register.on("") == ""
    taken = {}
    if is_default and _is_of_others(_experiment(tracker), index, tracker):
        taken["experiment"] = "the experiment"
    if is_named_after and (taken or _is_of_others(_model(tracker, index), index, tracker)):
        taken["register"] = "the registered model"
    if taken:
        own = slug(f"{Path(request.data).absolute().parent.name} {index.name}")
        options = " ".join(f"--{each} {own}" for each in taken)
        raise UsageError(
            f"{' and '.join(taken.values())} {index.name!r} would mix data sets: what is there "
            f"came of other images, none of which is in {request.data}. Give this one names of its "
            f"own, such as {options}, or the same names if it is the same data set."
        )


def _is_of_others(benchmarks: Iterable[tuple[str, str]], index: Index, tracker: Tracker) -> bool:
    """Whether benchmarks, by data digest and run id, have images and none of an index's."""
    latest: dict[str, str] = {}
    for digest, run_id in benchmarks:
        latest.setdefault(digest, run_id)
    if index.digest in latest:
        return False
    texts = (tracker.text(run_id, "split.csv") for run_id in islice(latest.values(), _LOOKED_AT))
    known = [text for text in texts if text is not None]
    own = frozenset(index.hashes)
    return bool(known) and all(own.isdisjoint(_hashes(text)) for text in known)


def _hashes(split: str) -> Iterator[str]:
    """Yield the content digests of a split's file."""
    for line in csv.DictReader(io.StringIO(split, newline="")):
        yield line["hash"]


def _experiment(tracker: Tracker) -> Iterator[tuple[str, str]]:
    """Yield the data digests and run ids of an experiment's benchmarks, the latest first."""
    for each in tracker.benchmarks():
        yield each.data_digest, each.run_id


def _model(tracker: Tracker, index: Index) -> Iterator[tuple[str, str]]:
    """Yield the data digest and the benchmark's run id of the champion of the data set's name."""
    present = tracker.registry.find(index.name, CHAMPION)
    if present is None or not present.run_id:
        return
    try:
        record = tracker.record(present.run_id)
    except StoreError:  # a run that is gone says nothing of its images
        return
    yield record.spec.data_digest, tracker.parent_of(record)
