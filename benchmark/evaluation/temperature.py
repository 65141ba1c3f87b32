"""The temperature: a single number that divides the logits (Guo et al. 2017, arXiv:1706.04599).

It changes no answer, only how sure they are. One is fitted on validation and becomes part of the
network that is saved (`calibrating_temperature`). Another is for comparing networks alone, fitted
on the images themselves (`losses_after_temperature`): it takes away what over-confidence alone
would cost. Among networks that cannot be told apart by macro-F1, the one with the lower such loss
is truly as good or better on 97 to 99 % of simulated boards of 72 images (docs/metrics.md).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ..grouped_folds import grouped_folds
from ..metrics import Floats, log_loss
from ..records import Labels, Predictions, Probabilities
from ..seeds import derive
from .jackknife import Sample, by_images, in_order

_SHARPEST, _BLUNTEST = 0.05, 20.0  # chosen, not sourced: far beyond any measured
_LEAST = 1e-7  # float32's resolution near 1: a network cannot say less
_BLUNTEST_KEPT = 5.0  # beyond, a probability that float32 rounds to 0 would show: 1e-38^(1/5)
_LEAST_KEPT = float(np.finfo(np.float32).tiny)
# Chosen by simulation (docs/metrics.md): where hardly an image is wrong, sharper always looks
# better. Without a prior the log loss of 72 such images fits the least temperature there is.
_SPREAD = 0.5
_FOLDS = 10  # chosen, not sourced: each temperature is fitted on nine tenths of the units


def tempered(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Return (n, k) probabilities after a temperature: p^(1/T), made to sum to 1; 0 stays 0."""
    if temperature == 1:
        return probabilities
    with np.errstate(divide="ignore"):
        logs = np.log(probabilities)
    raised = np.exp((logs - logs.max(axis=1, keepdims=True)) / temperature)
    found: Probabilities = raised / raised.sum(axis=1, keepdims=True)
    return found


def at_temperature(rows: Predictions, temperature: float) -> Predictions:
    """Return rows with their probabilities after a temperature."""
    if temperature == 1:
        return rows
    return replace(rows, probabilities=tempered(rows.probabilities, temperature))


def calibrating_temperature(rows: Predictions) -> float:
    """Return the temperature that a network is saved with, 1 where none is better.

    It has the lowest log loss on the rows with a prior that draws it towards 1, and is kept where,
    fitted without each tenth of the units, it lowers the log loss of those left out.

    Args:
        rows: what the network says of images that it did not learn from, in any order.

    Returns:
        1, or a number between 0.05 and 5.
    """
    if not rows.hashes:
        return 1.0
    rows = in_order(rows)
    labels, said, unit = rows.labels, rows.probabilities, Sample.of(rows).unit
    count = min(_FOLDS, int(unit.max()) + 1, int(np.bincount(labels).max()))
    if count < 2:
        return 1.0
    seed = derive(0, "temperature")
    crossed = np.empty_like(said)
    for rest, held in grouped_folds(labels, unit, count, seed, plain_if_alone=True):
        crossed[held] = tempered(said[held], _kept(labels[rest], said[rest]))
    # Losses that differ in the last bits only are equal: processors add in other orders.
    if round(log_loss(labels, crossed), 9) >= round(log_loss(labels, said), 9):
        return 1.0
    return _kept(labels, said)


def _kept(labels: Labels, probabilities: Probabilities) -> float:
    """Fit a temperature within what float32 can hold, and no further from 1 than data ask for."""
    return fit_temperature(
        labels, probabilities, bluntest=_BLUNTEST_KEPT, least=_LEAST_KEPT, spread=_SPREAD
    )


def fit_temperature(
    labels: Labels,
    probabilities: Probabilities,
    *,
    bluntest: float = _BLUNTEST,
    least: float = _LEAST,
    spread: float = math.inf,
) -> float:
    """Return the temperature with the lowest log loss, from 0.05 to the bluntest.

    Args:
        labels: (n,) true classes.
        probabilities: (n, k).
        bluntest: the greatest temperature.
        least: the probability below which none is taken.
        spread: standard deviation of a normal prior of its logarithm about 0; infinite for none.
    """
    from scipy.optimize import minimize_scalar

    logits = np.log(np.maximum(probabilities, least))
    weight = math.sqrt(0.5 / len(labels)) / spread
    found = minimize_scalar(
        lambda log: _losses(logits / np.exp(log), labels).mean() + (log * weight) ** 2,
        bounds=(np.log(_SHARPEST), np.log(bluntest)),
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
