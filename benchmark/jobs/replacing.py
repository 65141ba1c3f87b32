"""Whether a new network replaces the present champion: both judged on the same images.

**Which images.** Validation images of the new network's split that neither network was trained on,
told by their content. The rule's full word would be "neither trained nor chosen on"; but every new
network is chosen on its own validation part, so that no image would be left. What it costs: where
the answers are those of a network that stopped early on these images, the new one is flattered.
Where a run has out-of-fold answers those are taken, which were neither learnt nor stopped on the
image, for the new network and for the present one alike. Images of test are never used: they
choose nothing.

**Whose answers.** Those that the runs have recorded. Images that the present champion's tables do
not hold are given to its registered model, loaded in a process of its own.
"""

import csv
import hashlib
import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ..board import Duel, duel
from ..errors import AwayError, BenchmarkError, DataError, StoreError, one_line
from ..records import Part, Predictions, Probabilities, Reader, Record
from ..tracking import Library, Tracker, Version

Say = Callable[[str], None]


def challenge(tracker: Tracker, present: Version, new: Record, reader: Reader, say: Say) -> Duel:
    """Compare a new network with the present champion on images that neither learnt from.

    Args:
        tracker: where both runs are.
        present: the champion.
        new: the run that would replace it.
        reader: gives the images of the new run's split as they are stored.
        say: told when the champion is loaded.
    """
    try:
        before = tracker.record(present.run_id)
        learnt = learnt_from(tracker, before) | learnt_from(tracker, new)
        asked = _answers(tracker, new).part(Part.VAL)
        asked = asked.where(np.array([each not in learnt for each in asked.hashes], dtype=bool))
        said = _answers_of(tracker, present, before, asked, reader, say)
    except AwayError:
        raise
    except (BenchmarkError, KeyError) as error:
        return Duel(replaces=False, said=f"the two cannot be compared: {one_line(error)}")
    return duel(replace(asked, probabilities=said), asked)


def read_all(images: Predictions, reader: Reader) -> None:
    """Read the images that a model is tried on.

    Raises:
        DataError: one cannot be read, or is another than it was.
    """
    for path, sha256 in zip(images.paths, images.hashes, strict=True):
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


def learnt_from(tracker: Library, record: Record) -> frozenset[str]:
    """Return the content digests of the images that a run was trained on.

    Runs of before they were kept (0.1.0) have them in the split of their benchmark.

    Raises:
        StoreError: nobody knows them any more.
    """
    known = tracker.trained_on(record)
    if known is not None:
        return known
    parent = tracker.parent_of(record)
    text = tracker.text(parent, "split.csv") if parent else None
    if text is None:
        raise StoreError(f"what the run {record.run_id} was trained on is not known any more")
    fold = "" if record.spec.fold is None else str(record.spec.fold)
    return frozenset(
        line["hash"]
        for line in csv.DictReader(io.StringIO(text, newline=""))
        if line["part"] == Part.TRAIN and line.get("fold", "") == fold
    )


def _answers(tracker: Tracker, record: Record) -> Predictions:
    """Return a run's answers for its validation images: out of fold where it has such."""
    return tracker.out_of_fold(record) or tracker.predictions(record)


def _answers_of(
    tracker: Tracker,
    present: Version,
    record: Record,
    asked: Predictions,
    reader: Reader,
    say: Say,
) -> Probabilities:
    """Return (n, k) probabilities that the present champion gives to images."""
    known: dict[str, Probabilities] = {}
    for table in (tracker.predictions(record), tracker.out_of_fold(record)):
        if table is not None:
            _check_classes(table.classes, asked.classes)
            known |= dict(zip(table.hashes, table.probabilities, strict=True))
    missing = np.array([each not in known for each in asked.hashes], dtype=bool)
    if missing.any():
        rows = asked.where(missing)
        read_all(rows, reader)
        say(f"asks the champion, version {present.version}, about {len(rows.hashes)} images")
        own = tracker.registry.ask(present, rows, reader)
        known |= dict(zip(rows.hashes, own, strict=True))
    return np.array([known[each] for each in asked.hashes]).reshape(asked.probabilities.shape)


def _check_classes(own: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    if own != wanted:
        raise DataError(f"one tells {', '.join(own)} apart, the other {', '.join(wanted)}")
