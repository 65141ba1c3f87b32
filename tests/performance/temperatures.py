"""Do temperatures and predictive values err as little as is said?

    python -m tests.performance.temperatures

Draws answers of networks whose right temperature is known, for validation parts of several sizes,
and reports how often `calibrating_temperature` leaves calibrated answers alone, how far it errs
where they are not, and what its choice costs on fresh images. Then draws answers at an operating
point and counts how often the limits of PPV hold its true value. Nothing is read or trained; with
200 boards a cell it takes some four minutes on one core.
"""

import argparse
import sys
from collections.abc import Sequence
from itertools import product

import numpy as np

from benchmark.evaluation import (
    OperatingPoint,
    calibrating_temperature,
    fit_temperature,
    judge,
    tempered,
)
from benchmark.metrics import log_loss
from benchmark.records import Part, Predictions

from .markdown import draw_table

MIX = np.array([0.40, 0.29, 0.20, 0.11])
SKILLS = {1.2: "0.65", 2.0: "0.84", 3.2: "0.97"}
"""How far classes stand apart, and the accuracy that it gives."""
FRESH = 2000


def drawn(
    images: int, skill: float, temperature: float, source: np.random.Generator
) -> Predictions:
    """Return answers that a temperature would make exactly calibrated.

    A score of unit noise a class; by Bayes its probabilities follow from the true class's shift.
    """
    labels = source.choice(len(MIX), size=images, p=MIX)
    scores = source.normal(size=(images, len(MIX))) + skill * np.eye(len(MIX))[labels]
    logits = skill * scores + np.log(MIX)
    right = np.exp(logits - logits.max(axis=1, keepdims=True))
    right /= right.sum(axis=1, keepdims=True)
    names = tuple(f"{number:06d}" for number in range(images))
    return Predictions(
        classes=("a", "b", "c", "d"),
        hashes=names,
        paths=names,
        parts=(Part.VAL,) * images,
        labels=labels,
        probabilities=tempered(right, 1 / temperature),
        is_copy=np.zeros(images, dtype=bool),
        units=np.arange(images),
    )


def temperatures(images: int, skill: float, right: float, boards: int) -> list[str]:
    """Return a line: how often T is 1, its middle 90 %, and what it costs on fresh images."""
    source = np.random.default_rng([images, int(10 * skill), int(10 * right)])
    found, costs = [], []
    for _ in range(boards):
        rows, fresh = (drawn(count, skill, right, source) for count in (images, FRESH))
        found.append(calibrating_temperature(rows))
        plain = fit_temperature(rows.labels, rows.probabilities, bluntest=5.0, least=1e-38)
        losses = [
            log_loss(fresh.labels, tempered(fresh.probabilities, each))
            for each in (right, 1.0, plain, found[-1])
        ]
        costs.append(np.array(losses[1:]) - losses[0])
    low, middle, high = np.quantile(found, (0.05, 0.5, 0.95))
    return [
        f"{images}",
        SKILLS[skill],
        f"{right:g}",
        f"{100 * np.mean(np.array(found) == 1):.0f} %",
        f"{middle:.2f} ({low:.2f} to {high:.2f})",
        *(f"{each:.3f}" for each in np.mean(costs, axis=0)),
        f"{np.max(costs, axis=0)[-1]:.2f}",
    ]


def coverage(images: int, rates: tuple[float, float], share: float, boards: int) -> list[str]:
    """Return a line: how often the limits of PPV and NPV hold the true values, in percent."""
    hit, spared = rates
    source = np.random.default_rng([images, int(1000 * hit), int(1000 * share)])
    labels = np.repeat([0, 1], [images - images // 3, images // 3])
    called = share * hit + (1 - share) * (1 - spared)
    true = {"ppv": share * hit / called, "npv": (1 - share) * spared / (1 - called)}
    names = tuple(f"{number:06d}" for number in range(images))
    point = OperatingPoint(positive=("sick",), rule="threshold=0.5", threshold=0.5)
    held: dict[str, list[bool]] = {"ppv": [], "npv": []}
    for _ in range(boards):
        sick = source.random(images) < np.where(labels == 1, hit, 1 - spared)
        rows = Predictions(
            classes=("well", "sick"),
            hashes=names,
            paths=names,
            parts=(Part.TEST,) * images,
            labels=labels,
            probabilities=np.eye(2)[sick.astype(int)],
            is_copy=np.zeros(images, dtype=bool),
            units=np.arange(images),
        )
        found = judge(point, rows, share)
        for name, each in held.items():
            if name in found:
                each.append(found[name].low <= true[name] <= found[name].high)
    shares = [f"{100 * np.mean(each):.1f}" for each in held.values()]
    return [f"{images}", f"{hit:g}", f"{spared:g}", f"{share:g}", *shares]


def main(words: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--boards", type=int, default=200, help="boards a cell")
    boards = parser.parse_args(words).boards
    heading = ["images", "accuracy", "right T", "T is 1", "T: median (5 to 95 %)"]
    heading += ["left at 1", "plain fit", "with the T found", "worst"]
    cells = product((24, 72, 315), SKILLS, (1.0, 0.5, 2.0))
    print(draw_table(heading, [temperatures(*cell, boards) for cell in cells]))
    heading = ["images", "sensitivity", "specificity", "prevalence", "PPV held, %", "NPV held, %"]
    points = product((72, 315), ((0.95, 0.80), (0.90, 0.97)), (0.01, 0.1, 0.33))
    print("\n" + draw_table(heading, [coverage(*each, 5 * boards) for each in points]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
