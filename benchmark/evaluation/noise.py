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
import numpy.typing as npt

from ..metrics import Floats, of_counts
from ..records import Labels, Predictions
from ..seeds import generator
from .comparison import Entrant
from .jackknife import Sample, images
from .scores import confusion, predicted

Weights = npt.NDArray[np.float32]

EXCHANGES = 1000
PASSES = 0.01
"""The greatest p at which a network may be promoted."""

_BLOCK = 1 << 22  # units times classes times exchanges held at once in float32: 16 MiB


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
    scored = np.zeros((len(entrants), exchanges))
    by_source = _by_source(entrants)
    for source in sorted(by_source):
        runs = by_source[source]
        sample = Sample.of(runs[0][1])
        counted = [_counted(len(sample), run, trials) for _, run, trials in runs]
        drawn = generator(seed, "floor", source)
        step = max(1, _BLOCK // (len(sample) * len(sample.sizes)))
        for start in range(0, exchanges, step):
            truth = _exchanged(sample, drawn, min(step, exchanges - start))
            for (row, _, _), counts in zip(runs, counted, strict=True):
                found = _figures(truth, counts, sample.present).max(axis=0)
                scored[row, start : start + len(truth)] += found / len(entrants[row].runs)
    values = [fmean(float(_macro_f1(confusion(run))) for run in each.runs) for each in entrants]
    return Floor(greatest=scored.max(axis=0), values=np.array(values))


def _by_source(
    entrants: Sequence[Entrant],
) -> dict[str, list[tuple[int, Predictions, Labels | None]]]:
    found: dict[str, list[tuple[int, Predictions, Labels | None]]] = {}
    for row, entrant in enumerate(entrants):
        for number, run in enumerate(entrant.runs):
            trials = entrant.trials[number] if entrant.trials else None
            found.setdefault(images(run), []).append((row, run, trials))
    return found


def _counted(units: int, run: Predictions, trials: Labels | None) -> Weights:
    """Return (1 + t, U, k): how many images of a unit a run, and each trial, calls each class."""
    answers = predicted(run)[None]
    if trials is not None and len(trials):
        answers = np.concatenate([answers, np.unique(trials, axis=0)])
    found = np.zeros((len(answers), units, len(run.classes)), dtype=np.float32)
    unit = Sample.of(run).unit
    for number, each in enumerate(answers):
        np.add.at(found[number], (unit, each), 1)
    return found


def _exchanged(sample: Sample, source: np.random.Generator, exchanges: int) -> Weights:
    """Return (exchanges, k, U): whether a unit is of a class once they are exchanged among them."""
    labels = source.permuted(np.tile(sample.stratum, (exchanges, 1)), axis=1)
    of_each = [labels == each for each in range(len(sample.sizes))]
    return np.stack(of_each, axis=1).astype(np.float32)


def _figures(truth: Weights, counts: Weights, present: npt.NDArray[np.bool_]) -> Floats:
    """Return (1 + t, exchanges) macro-F1 of a run and of its trials under exchanged labels."""
    exchanges, k, units = truth.shape
    flat = counts.transpose(1, 0, 2).reshape(units, -1)
    cells = (truth.reshape(-1, units) @ flat).reshape(exchanges, k, len(counts), k)
    return _macro_f1(cells.transpose(2, 0, 1, 3), present)


def _macro_f1(
    matrices: npt.NDArray[np.number], present: npt.NDArray[np.bool_] | None = None
) -> Floats:
    return of_counts(matrices, present, ("macro_f1",))["macro_f1"]
