"""The job that classifies image files with a registered model, and shows where it looked."""

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..records import Probabilities
from ..texts import printable, shown
from ..tracking import Pulled, in_calls, only_champion
from .predicting_inputs import Candidate, Candidates, Survey, find_inputs
from .predicting_overlays import Overlays, check_folder
from .predicting_tables import Answers, Heading, Writer, beside, out_file, table_for
from .progress import StageOf, show
from .results import writable_file

_SAID_EVERY = 1000  # images, where no terminal shows a bar
_MOST_NAMED = 5  # files without an answer, in the last line
_SYNTHETIC = "SYNTHETIC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicting:
    """What is asked of `predict`.

    Attributes:
        words: files, folders, globs and manifests.
        model: its address, None for the only champion there is to mean.
        out: the file for the answers, None to show them.
        csv: the old name of `out`.
        patient_pattern: finds the patient in a path, None for those that manifests tell.
        columns: a manifest's columns by what they mean.
        explain: the folder for overlays, None for none.
        unverified: whether to load a model that is not what was registered.
        quiet: whether to show no progress.
    """

    words: Sequence[str]
    model: str | None = None
    out: Path | None = None
    csv: Path | None = None
    patient_pattern: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    explain: Path | None = None
    unverified: bool = False
    quiet: bool = False


def predict_files(asked: Predicting) -> int:
    """Classify images with a registered model; a file that cannot be read costs its own row.

    Returns:
        0, or 1 where a file could not be classified.

    Raises:
        UsageError: nothing is named, no model can be meant, or options do not go together.
        DataError: a file, a folder or a manifest is not there or cannot be used.
        StoreError: the model is not what was registered, or a file cannot be written.
    """
    target = out_file(asked.out, asked.csv)
    inputs = find_inputs(asked.words, asked.patient_pattern, asked.columns)
    survey = inputs.survey()
    if target is not None:
        writable_file(target)
    if asked.explain is not None:
        check_folder(asked.explain)
    address = asked.model or only_champion()
    pulled = Pulled(address, unverified=asked.unverified)
    if pulled.card.synthetic:
        print(
            f"{_SYNTHETIC}: {address} learned from images that a program drew; what it says of a "
            "person's means nothing.",
            file=sys.stderr,
        )
    job = _Job(pulled, survey)
    if asked.explain is not None:
        job.overlays = Overlays(pulled, asked.explain, survey.count)
    if target is None:
        print(f"model: {address}{f' ({_SYNTHETIC})' if pulled.card.synthetic else ''}")
    with _progress(survey.count, quiet=asked.quiet, is_shown=target is None) as advance:
        job.run(inputs, target, advance)
    job.conclude(target)
    return 1 if job.bad or not job.good else 0


class _Job:
    """Answers for all images, some at a time, so that memory does not grow with their number.

    Attributes:
        overlays: draws where the network looked, None where that is not asked for.
        good: how many images were classified; `bad` how many could not be.
    """

    def __init__(self, pulled: Pulled, survey: Survey) -> None:
        self._pulled = pulled
        self._patients = _Patients() if survey.has_patients else None
        marked = ("synthetic",) if pulled.card.synthetic else ()
        self._mark = (_SYNTHETIC,) * len(marked)
        own = ("path", "patient") if survey.has_patients else ("path",)
        self._heading = Heading(
            before=own,
            classes=pulled.card.classes,
            after=("error", *marked),
            width=survey.longest,
        )
        self.overlays: Overlays | None = None
        self.good = self.bad = 0
        self._first: list[str] = []

    def run(self, inputs: Candidates, target: Path | None, advance: Callable[[int], None]) -> None:
        """Write every answer, and then those by patient where patients are known."""
        with table_for(target, self._heading) as writer:
            for chunk, stored in in_calls(each.read() for each in inputs):
                self._answer(chunk, stored, writer)
                advance(len(chunk))
                stored.clear()  # or two chunks would be held while the next is read
            if self._patients is not None:
                self._by_patient(self._patients, target)

    def _answer(self, chunk: Sequence[Candidate], stored: Sequence[bytes], writer: Writer) -> None:
        table = self._pulled.classify(stored)
        probabilities = table.iloc[:, 1:-1].to_numpy(dtype=np.float64)  # a class may be named label
        told = [str(error or "") for error in table.iloc[:, -1]]
        errors = [each.fault or error for each, error in zip(chunk, told, strict=True)]
        names = [each.name for each in chunk]
        own = [(each.name, each.patient)[: len(self._heading.before)] for each in chunk]
        writer.write(
            Answers(
                before=own,
                probabilities=probabilities,
                after=[(error, *self._mark) for error in errors],
            )
        )
        if self.overlays is not None:
            self.overlays.draw(self.good + self.bad, names, stored, probabilities)
        failed = [name for name, error in zip(names, errors, strict=True) if error]
        self._first += failed[: _MOST_NAMED - len(self._first)]
        self.bad += len(failed)
        self.good += len(chunk) - len(failed)
        if self._patients is not None:
            for each, content, row in zip(chunk, stored, probabilities, strict=True):
                self._patients.add(each.patient, content, row)

    def _by_patient(self, patients: "_Patients", target: Path | None) -> None:
        heading = Heading(
            before=("patient", "images"),
            classes=self._heading.classes,
            after=self._heading.after[1:],
            width=patients.longest,
        )
        if target is None:
            print()
        with table_for(None if target is None else beside(target), heading) as writer:
            for answers in patients.answers(self._mark):
                writer.write(answers)

    def conclude(self, target: Path | None) -> None:
        """Say how many images were classified, and name the first of those that were not."""
        said = f"{self.good:,} image{'s' * (self.good != 1)} classified"
        said += f" into {target}" if target else ""
        if self.bad:
            more = f" and {self.bad - len(self._first):,} more" * (self.bad > len(self._first))
            said += f", {self.bad:,} could not be: {shown(self._first, _MOST_NAMED)}{more}"
        print(printable(said), file=sys.stdout if target else sys.stderr)


class _Patients:
    """The mean of each patient's probabilities; copies of an image count once."""

    def __init__(self) -> None:
        self._sums: dict[str, Probabilities] = {}
        self._counts: dict[str, int] = {}
        self._seen: set[tuple[str, bytes]] = set()

    @property
    def longest(self) -> int:
        """How many characters the longest name has."""
        return max(map(len, self._sums), default=0)

    def add(self, patient: str, content: bytes, probabilities: Probabilities) -> None:
        """Count an image in, where it has an answer and shows a known patient."""
        key = (patient, hashlib.sha256(content).digest())
        if not patient or np.isnan(probabilities).any() or key in self._seen:
            return
        self._seen.add(key)
        self._sums[patient] = self._sums.get(patient, 0) + probabilities
        self._counts[patient] = self._counts.get(patient, 0) + 1

    def answers(self, mark: tuple[str, ...]) -> Iterator[Answers]:
        """Yield the patients in the order in which they were met."""
        names = list(self._sums)
        for start in range(0, len(names), _SAID_EVERY):
            some = names[start : start + _SAID_EVERY]
            yield Answers(
                before=[(name, self._counts[name]) for name in some],
                probabilities=np.stack([self._sums[name] / self._counts[name] for name in some]),
                after=[mark] * len(some),
            )


@contextmanager
def _progress(total: int, *, quiet: bool, is_shown: bool) -> Iterator[Callable[[int], None]]:
    """Yield what is told how many images are done: a bar on a terminal, else a line at times.

    A table that is shown on the terminal is progress enough.
    """
    from rich.console import Console

    console = Console(stderr=True)
    done = 0

    def count(more: int) -> None:
        nonlocal done
        before, done = done, done + more
        if not quiet and done // _SAID_EVERY > before // _SAID_EVERY:
            print(f"{done:,} of {total:,} images", file=sys.stderr, flush=True)

    if quiet or (is_shown and sys.stdout.isatty()):
        yield lambda _: None
    elif console.is_terminal:
        with show(console, quiet=False) as display:
            display.begin("predict")
            stage = StageOf(display, "predict")
            stage.stage("classifies", total, "images")
            yield stage.advance
            display.over("predict")
    else:
        yield count
