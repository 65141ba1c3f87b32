"""Whether noise could be the best of a board: figures under exchanged labels.

Labels are exchanged between units, so that a patient's images keep sharing theirs, and the same
exchange is scored for every row: the distribution is that of the *greatest* figure over all rows
and trials (Westfall & Young 1993, ISBN 978-0-471-55761-6), since the greatest of eight random rows
passes its own test at 5 % on 28 to 30 of 100 boards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from ..records import Labels, Predictions
from ..seeds import generator
from .comparison import Entrant
from .jackknife import Sample, images
from .metrics import Floats, confusion, macro_f1, predicted

EXCHANGES = 1000
PASSES = 0.01
"""The greatest p at which a network may be promoted."""

_BLOCK = 1 << 22  # cells of confusion matrices held at once; 32 MiB


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Floor:
    """How the rows stand against noise.

    Attributes:
        greatest: (exchanges,) the greatest figure over rows and trials under each exchange.
        values: (K,) the rows' figures.
    """

    greatest: Floats
    values: Floats

    @property
    def p(self) -> float:
        """How often noise reaches the board's greatest figure; at least 1 / (exchanges + 1)."""
        return float(self.of_rows.min())

    @property
    def of_rows(self) -> Floats:
        """(K,) how often noise's greatest figure reaches each row's."""
        reached = (self.greatest[:, None] >= self.values - 1e-12).sum(axis=0)
        return np.asarray((1 + reached) / (1 + len(self.greatest)), dtype=np.float64)


def floor(entrants: Sequence[Entrant], *, seed: int, exchanges: int = EXCHANGES) -> Floor:
    """Score rows by macro-F1 under exchanged labels.

    Args:
        entrants: K rows, scored on the same images.
        seed: what the exchanges are derived from.
        exchanges: how many.
    """
    scored = [np.zeros(exchanges) for _ in entrants]
    by_source = _by_source(entrants)
    for source in sorted(by_source):
        runs = by_source[source]
        sample = Sample.of(runs[0][1])
        labels = _exchanged(sample, generator(seed, "floor", source), exchanges)
        for row, run, trials in runs:
            found = _figures(sample, run, trials, labels).max(axis=0)
            scored[row] += found / len(entrants[row].runs)
    values = [fmean(_macro_f1(run) for run in each.runs) for each in entrants]
    return Floor(greatest=np.max(scored, axis=0), values=np.array(values))


def _by_source(
    entrants: Sequence[Entrant],
) -> dict[str, list[tuple[int, Predictions, Labels | None]]]:
    found: dict[str, list[tuple[int, Predictions, Labels | None]]] = {}
    for row, entrant in enumerate(entrants):
        for number, run in enumerate(entrant.runs):
            trials = entrant.trials[number] if entrant.trials else None
            found.setdefault(images(run), []).append((row, run, trials))
    return found


def _exchanged(sample: Sample, source: np.random.Generator, exchanges: int) -> Labels:
    """Return (exchanges, U) classes of units, exchanged among them."""
    return source.permuted(np.tile(sample.stratum, (exchanges, 1)), axis=1)


def _figures(sample: Sample, run: Predictions, trials: Labels | None, labels: Labels) -> Floats:
    """Return (1 + t, exchanges) macro-F1 of a run and of its trials under exchanged labels."""
    k = len(run.classes)
    answers = predicted(run)[None]
    if trials is not None and len(trials):
        answers = np.concatenate([answers, np.unique(trials, axis=0)])
    unit = Sample.of(run).unit
    called = np.zeros((len(answers), len(sample), k))
    for number, each in enumerate(answers):
        np.add.at(called[number], (unit, each), 1)
    flat = called.transpose(1, 0, 2).reshape(len(sample), -1)
    found = np.empty((len(answers), len(labels)))
    step = max(1, _BLOCK // max(len(sample) * k, k * flat.shape[1]))
    for start in range(0, len(labels), step):
        some = labels[start : start + step]
        truth = (some[:, None, :] == np.arange(k)[None, :, None]).astype(np.float64)
        counts = (truth @ flat).reshape(len(some), k, len(answers), k).swapaxes(1, 2)
        found[:, start : start + step] = macro_f1(counts, sample.present).T
    return found


def _macro_f1(run: Predictions) -> float:
    return float(macro_f1(confusion(run)))
