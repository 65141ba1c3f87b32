"""Predictions made of numbers, for the tests of evaluation and of the board."""

from collections.abc import Callable

import numpy as np

from benchmark.records import Part, Predictions

Make = Callable[..., Predictions]


def predictions(
    images: int = 60,
    classes: int = 3,
    seed: int = 0,
    skill: float = 1.0,
    copies: float = 0.0,
    steps: int = 0,
    noise: int = 0,
) -> Predictions:
    """Make predictions of some skill, a third of them validation.

    The seed decides images and classes, `noise` the network's errors; `steps` rounds scores so
    that some are equal.
    """
    source = np.random.default_rng(seed)
    labels = source.integers(0, classes, size=images)
    is_copy = source.random(images) < copies
    errors = np.random.default_rng((seed, noise)).normal(size=(images, classes))
    scores = errors + skill * np.eye(classes)[labels]
    if steps:
        scores = np.round(scores * steps) / steps
    raised = np.exp(scores)
    return Predictions(
        classes=tuple(f"class {number}" for number in range(classes)),
        hashes=tuple(f"{number:064x}" for number in range(images)),
        paths=tuple(f"folder/{number}.png" for number in range(images)),
        parts=tuple(Part.VAL if number % 3 == 0 else Part.TEST for number in range(images)),
        labels=labels,
        probabilities=raised / raised.sum(axis=1, keepdims=True),
        is_copy=is_copy,
    )
