"""Predictions made of numbers, for the tests of evaluation and of the board."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

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
    per_unit: int = 0,
) -> Predictions:
    """Make predictions of some skill, a third of them validation.

    The seed decides images and classes, `noise` the network's errors; `steps` rounds scores so
    that some are equal. `per_unit` images of a class and part are one unit; 0 leaves units unknown.
    """
    source = np.random.default_rng(seed)
    labels = source.integers(0, classes, size=images)
    is_copy = source.random(images) < copies
    errors = np.random.default_rng((seed, noise)).normal(size=(images, classes))
    scores = errors + skill * np.eye(classes)[labels]
    if steps:
        scores = np.round(scores * steps) / steps
    raised = np.exp(scores)
    parts = tuple(Part.VAL if number % 3 == 0 else Part.TEST for number in range(images))
    return Predictions(
        classes=tuple(f"class {number}" for number in range(classes)),
        hashes=tuple(f"{number:064x}" for number in range(images)),
        paths=tuple(f"folder/{number}.png" for number in range(images)),
        parts=parts,
        labels=labels,
        probabilities=raised / raised.sum(axis=1, keepdims=True),
        is_copy=is_copy,
        units=_units(labels, parts, per_unit) if per_unit else None,
    )


def _units(labels: npt.NDArray[np.int64], parts: Sequence[Part], size: int) -> np.ndarray:
    """Number units of `size` images each that share class and part."""
    kinds = [(label, str(part)) for label, part in zip(labels.tolist(), parts, strict=True)]
    counts: dict[tuple[int, str], int] = {}
    numbers: dict[tuple[int, str, int], int] = {}
    found = []
    for kind in kinds:
        counts[kind] = counts.get(kind, -1) + 1
        found.append(numbers.setdefault((*kind, counts[kind] // size), len(numbers)))
    return np.array(found, dtype=np.int64)


def answered(
    labels: Sequence[int],
    called: Sequence[int],
    *,
    classes: int = 2,
    sure: float | Sequence[float] = 0.9,
    part: Part = Part.VAL,
    units: Sequence[int] | None = None,
) -> Predictions:
    """Make the predictions of a network that calls each image a class, as sure of it as is said."""
    n = len(labels)
    chosen = np.broadcast_to(np.array(sure), n)
    probabilities = np.repeat((1 - chosen)[:, None] / (classes - 1), classes, axis=1)
    probabilities[np.arange(n), list(called)] = chosen
    return Predictions(
        classes=tuple("abcdefgh"[:classes]),
        hashes=tuple(f"{part}-{number:04d}" for number in range(n)),
        paths=tuple(f"{part}/{number}.png" for number in range(n)),
        parts=(part,) * n,
        labels=np.array(labels, dtype=np.int64),
        probabilities=probabilities,
        is_copy=np.zeros(n, dtype=bool),
        units=None if units is None else np.array(units, dtype=np.int64),
    )


def truth(*sizes: int) -> list[int]:
    """Return the true classes of a part that has so many images of each class."""
    return [label for label, size in enumerate(sizes) for _ in range(size)]


def missing(labels: Sequence[int], wrong: Sequence[int], classes: int = 2) -> list[int]:
    """Return the classes that a network calls which errs on the images at some places."""
    off = set(wrong)
    return [(each + (place in off)) % classes for place, each in enumerate(labels)]


def turned(rows: Predictions, seed: int) -> Predictions:
    """Return the rows in another order."""
    return rows.take(np.random.default_rng(seed).permutation(len(rows.hashes)))


def merged(*tables: Predictions) -> Predictions:
    """Return one table of several tables' rows, their units kept apart."""
    units, above = [], 0
    for each in tables:
        if each.units is not None:
            units.append(each.units + above)
            above += int(each.units.max()) + 1
    return replace(
        tables[0],
        hashes=tuple(one for each in tables for one in each.hashes),
        paths=tuple(one for each in tables for one in each.paths),
        parts=tuple(one for each in tables for one in each.parts),
        labels=np.concatenate([each.labels for each in tables]),
        probabilities=np.concatenate([each.probabilities for each in tables]),
        is_copy=np.concatenate([each.is_copy for each in tables]),
        units=np.concatenate(units) if len(units) == len(tables) else None,
    )
