"""How good probabilities are once their sharpness is set right: log loss after a temperature.

A single number divides the logits, fitted on the images themselves (Guo et al. 2017,
arXiv:1706.04599): it changes no answer, and takes away what over-confidence alone would cost.
Among networks that cannot be told apart by macro-F1, the one with the lower such loss is truly as
good or better on 97 to 99 % of simulated boards of 72 images (docs/metrics.md).
"""

from collections.abc import Callable, Sequence

import numpy as np

from ..metrics import Floats
from ..records import Labels, Predictions, Probabilities
from .jackknife import Sample, by_images

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
    first: Sequence[Predictions],
    second: Sequence[Predictions],
    losses: Callable[[Predictions], Floats] = losses_after_temperature,
) -> tuple[float, float]:
    """Return how much greater the first row's loss after temperature is, and its standard error.

    Args:
        first: a row's runs, one table each; the losses of runs on the same images are averaged.
        second: another row's runs, on the same images.
        losses: gives the (n,) losses of a run whose rows are in the order of its images; one that
            remembers them fits a temperature once, however many differences are asked.
    """
    gap = variance = 0.0
    others = by_images(second)
    for source, own in by_images(first).items():
        apart = np.mean([losses(run) for run in own], axis=0)
        apart -= np.mean([losses(run) for run in others[source]], axis=0)
        sample, share = Sample.of(own[0]), len(own) / len(first)
        gap += share * float(apart.mean())
        units = sample.influence(sample.mean_without_each(apart))
        variance += share**2 * float((units**2).sum())
    return gap, float(np.sqrt(variance))
