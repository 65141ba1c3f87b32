"""Whether probabilities are what they say: how often answers of some confidence are right.

Confidence is the probability of the class that is called. The bins are those of the metric `ece`:
fifteen that hold equally many images (Nixon et al. 2019, arXiv:1904.01685), since with bins of
equal width almost all images of a good network lie in the last one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..metrics import defined, equal_mass_bins, metrics_of
from ..records import Part, Predictions
from ..seeds import generator
from .intervals import Interval, modified_wilson
from .jackknife import Sample
from .scores import SCORED_PARTS, predicted

if TYPE_CHECKING:
    import pandas as pd

OF_PROBABILITIES = ("ece", "brier", "log_loss")
"""The metrics that a temperature moves, beside AUROC where there are more than two classes."""
_NORMAL = 1e9  # degrees of freedom at which Student's t is the normal
_DRAWS = 200  # chosen, not sourced: the mean of so many has an error of 1 % of itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Images of about the same confidence.

    Attributes:
        images: how many.
        confidence: their mean confidence.
        accuracy: the share of them that is right; its interval is that of a share of as many
            trials as there are units.
    """

    images: int
    confidence: float
    accuracy: Interval


def ece(rows: Predictions) -> float:
    """Return the expected calibration error of some rows, at least one: the metric `ece`."""
    return metrics_of(rows.labels, rows.probabilities, ("ece",))["ece"]


def reliability(rows: Predictions) -> tuple[Bin, ...]:
    """Return the bins of the expected calibration error that hold images, the least sure first."""
    confidences = rows.probabilities.max(axis=1)
    own = equal_mass_bins(confidences)
    found = []
    for number in np.unique(own):
        some = rows.where(own == number)
        right = float((predicted(some) == some.labels).mean())
        low, high = modified_wilson(right, len(Sample.of(some)), _NORMAL)
        found.append(
            Bin(
                images=len(some.hashes),
                confidence=float(confidences[own == number].mean()),
                accuracy=Interval(value=right, low=low, high=high),
            )
        )
    return tuple(found)


def ece_if_calibrated(rows: Predictions, seed: int = 0) -> float:
    """Return the mean expected calibration error of answers as sure as these, were they calibrated.

    It is above 0: in a bin of few images the share that is right differs by chance from what was
    said. An error of about this size is no sign of wrong probabilities.
    """
    confidences = rows.probabilities.max(axis=1)
    own = equal_mass_bins(confidences)
    said = np.bincount(own, weights=confidences)
    source = generator(seed, "calibrated", len(own))
    found = []
    for _ in range(_DRAWS):  # one after another: all at once would be 200 tables
        right = source.random(len(own)) < confidences
        found.append(np.abs(np.bincount(own, weights=right) - said).sum() / len(own))
    return float(np.mean(found))


def raw_scores(before: Predictions) -> dict[str, float]:
    """Return `<part>_raw_<metric>`: what probabilities score before the temperature.

    Args:
        before: a run's prediction table as it is kept.
    """
    found: dict[str, float] = {}
    for part in SCORED_PARTS:
        rows = before.part(part)
        if rows.hashes:
            own = metrics_of(rows.labels, rows.probabilities, OF_PROBABILITIES)
            found |= {f"{part}_raw_{name}": value for name, value in own.items()}
    return defined(found)


def reliability_table(predictions: Predictions, part: Part) -> "pd.DataFrame":
    """Return the bins of a part: `images`, `confidence`, `accuracy` and its limits."""
    import pandas as pd

    rows: list[Mapping[str, float]] = [
        {
            "images": each.images,
            "confidence": each.confidence,
            "accuracy": each.accuracy.value,
            "accuracy_low": each.accuracy.low,
            "accuracy_high": each.accuracy.high,
        }
        for each in reliability(predictions.part(part))
    ]
    columns = ["images", "confidence", "accuracy", "accuracy_low", "accuracy_high"]
    return pd.DataFrame(rows, columns=columns)
