"""How good probabilities are once their sharpness is set right: log loss after a temperature.

A single number divides the logits, fitted on the images themselves (Guo et al. 2017,
arXiv:1706.04599): it changes no answer, and takes away what over-confidence alone would cost.
Among networks that cannot be told apart by macro-F1, the one with the lower such loss is truly as
good or better on 98 to 99 % of simulated boards of 72 images (docs/metrics.md).
"""

from collections.abc import Sequence

import numpy as np

from ..records import Labels, Predictions, Probabilities
from .jackknife import Sample, in_order
from .metrics import Floats

_SHARPEST, _BLUNTEST = np.log(0.05), np.log(20.0)  # chosen, not sourced: far beyond any measured
_LEAST = 1e-7  # float32's resolution near 1: a network cannot say less


def fit_temperature(labels: Labels, probabilities: Probabilities) -> float:
    """Return the temperature with the lowest log loss, between 0.05 and 20.

    Args:
        labels: (n,) true classes.
        probabilities: (n, k).
    """
    from scipy.optimize import minimize_scalar

    logits = np.log(np.maximum(probabilities, _LEAST))
    found = minimize_scalar(
        lambda log: _losses(logits / np.exp(log), labels).mean(),
        bounds=(_SHARPEST, _BLUNTEST),
        method="bounded",
    )
    return float(np.exp(found.x))


def losses_after_temperature(rows: Predictions) -> Floats:
    """Return the (n,) log losses of predictions after the temperature that fits them best."""
    temperature = fit_temperature(rows.labels, rows.probabilities)
    logits = np.log(np.maximum(rows.probabilities, _LEAST)) / temperature
    return _losses(logits, rows.labels)


def _losses(logits: Floats, labels: Labels) -> Floats:
    top = logits.max(axis=1)
    total = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    found: Floats = total - logits[np.arange(len(labels)), labels]
    return found


def loss_difference(
    first: Sequence[Predictions], second: Sequence[Predictions]
) -> tuple[float, float]:
    """Return how much greater the first row's loss after temperature is, and its standard error.

    Args:
        first: a row's runs, one table each; their losses are averaged.
        second: another row's runs on the same images.
    """
    sample = Sample.of(in_order(first[0]))
    losses = [
        np.mean([losses_after_temperature(in_order(run)) for run in row], axis=0)
        for row in (first, second)
    ]
    apart = losses[0] - losses[1]
    n = len(apart)
    left = n - sample.by_unit(np.ones(n))
    without = np.divide(
        apart.sum() - sample.by_unit(apart), left, out=np.zeros(len(sample)), where=left > 0
    )
    return float(apart.mean()), float(np.sqrt((sample.influence(without) ** 2).sum()))
