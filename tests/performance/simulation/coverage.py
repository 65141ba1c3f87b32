"""How often the 95 % intervals hold the true figure."""

from collections.abc import Iterator, Mapping
from functools import lru_cache, partial

import numpy as np

from benchmark.evaluation import class_slugs, intervals
from benchmark.metrics import area_under_roc, of_counts

from .outcome import Cell, Seen
from .world import (
    CLASSES,
    Floats,
    Images,
    Network,
    deviation_of_signal,
    draw,
    probabilities,
    signal_of,
)

ACCURACIES = (0.60, 0.70, 0.80, 0.90, 0.95, 0.97, 0.99)
SIZES = (72, 101, 315)
UNEVEN = (0.5, 0.0, 0.0, -0.5)  # signal of each class, added: the rarest is the hardest
FEW = ((3, 20), (4, 15), (5, 12), (10, 6))
LEAST, MOST = 0.92, 0.98
LARGE = 100_000  # images of each class that truths are of
_NODES = 5


def cells() -> Iterator[Cell]:
    """Return every cell: sizes, accuracies, patients, seeds, and classes of few patients."""
    for accuracy in ACCURACIES:
        for size in SIZES:
            for a_patient, seeds in ((1, 1), (3, 1), (1, 3)):
                yield _cell(f"n={size}", Images.sized(size, a_patient), accuracy, seeds)
        for size, a_patient, seeds in ((72, 1, 5), (315, 1, 5), (101, 3, 3)):
            yield _cell(f"n={size}", Images.sized(size, a_patient), accuracy, seeds)
        yield _cell("n=72 uneven", Images.sized(72), accuracy, 1, UNEVEN)
    for patients, a_patient in FEW:
        groups = [(20, 3)] * 3 + [(patients, a_patient)]
        yield _cell(f"a class of {patients} patients", Images.of(groups), 0.80, 1)


def _cell(
    name: str,
    images: Images,
    accuracy: float,
    seeds: int,
    by_class: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0),
) -> Cell:
    network = Network(
        accuracy=accuracy, seeds=seeds, between=2.0 if seeds > 1 else 0.0, by_class=by_class
    )
    kind = "patients" if images.of_patient else "images"
    return Cell(
        kind="intervals",
        name=f"{name} accuracy={accuracy:.2f} {kind} seeds={seeds}",
        judge=partial(judge, images, network),
        least=dict.fromkeys(_metrics(), LEAST),
        most=_most(accuracy, seeds),
        weight=1.0 + seeds,
    )


def _most(accuracy: float, seeds: int) -> dict[str, float]:
    """Return the bounds from above: none for means over seeds, near-perfect ones, and classes."""
    found = {"macro_f1": MOST, "accuracy": MOST, "balanced_accuracy": MOST}
    found |= {"auroc": MOST} if accuracy < 0.95 else {}  # beyond it is above 0.99
    found |= {"brier": MOST} if accuracy < 0.97 else {}  # beyond it is below 0.05
    return found if seeds == 1 else {}


def _metrics() -> list[str]:
    by_class = [
        f"{name}_{slug}" for name in ("recall", "specificity") for slug in class_slugs(CLASSES)
    ]
    return ["macro_f1", "accuracy", "balanced_accuracy", "auroc", "brier", *by_class]


def judge(images: Images, network: Network, source: np.random.Generator) -> Seen:
    """Return which of the intervals of one row hold the truth, and how wide they are."""
    (runs,) = draw(images, (network,), source)
    true = truth(network, tuple(images.counts.tolist()))
    found = intervals(runs)
    held = {name: float(each.low <= true[name] <= each.high) for name, each in found.items()}
    above = {f"{name} above": float(each.low > true[name]) for name, each in found.items()}
    width = {f"{name} width": each.high - each.low for name, each in found.items()}
    return {**held, **above, **width, "true AUROC": true["auroc"], "true Brier": true["brier"]}


@lru_cache
def truth(network: Network, counts: tuple[int, ...]) -> Mapping[str, float]:
    """Return the true figures of a network on images of such classes, the mean over seeds."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES if network.between else 1)
    found: dict[str, float] = {}
    for node, weight in zip(nodes, weights / weights.sum(), strict=True):
        shift = float(node) * deviation_of_signal(network.between)
        own = _figures(*_large(network.accuracy, network.by_class, shift), np.array(counts))
        for name, value in own.items():
            found[name] = found.get(name, 0.0) + weight * value
    return found


@lru_cache(maxsize=256)
def _large(
    accuracy: float, by_class: tuple[float, ...], shift: float
) -> tuple[Floats, Floats, Floats]:
    """Return confusion rates (4, 4), AUROC of class against class (4, 4) and Brier (4,)."""
    network = Network(accuracy=accuracy)
    labels = np.repeat(np.arange(len(CLASSES)), LARGE).astype(np.int64)
    noise = np.random.default_rng(11).standard_normal((len(labels), len(CLASSES)))
    stated = probabilities(labels, noise, signal_of(accuracy) + np.array(by_class) + shift, network)
    of = stated.reshape(len(CLASSES), LARGE, len(CLASSES))
    rates = np.stack([np.bincount(each.argmax(axis=1), minlength=4) / LARGE for each in of])
    areas = np.ones((len(CLASSES), len(CLASSES)))
    some = of[:, :20_000]
    for own in range(len(CLASSES)):
        for other in set(range(len(CLASSES))) - {own}:
            scores = np.concatenate([some[own, :, own], some[other, :, own]])
            areas[own, other] = area_under_roc(np.arange(len(scores)) < len(scores) // 2, scores)
    wanted = np.eye(len(CLASSES))[:, None, :]
    return rates, areas, ((of - wanted) ** 2).sum(axis=2).mean(axis=1)


def _figures(rates: Floats, areas: Floats, brier: Floats, counts: Floats) -> dict[str, float]:
    matrix = rates * counts[:, None]
    whole = of_counts(matrix)
    found = {name: float(whole[name]) for name in ("macro_f1", "accuracy", "balanced_accuracy")}
    shares = counts / counts.sum()
    against = [
        float((areas[own] * np.delete(shares, own).sum() ** -1 * shares)[np.arange(4) != own].sum())
        for own in range(len(CLASSES))
    ]
    found |= {"auroc": float(np.mean(against)), "brier": float(brier @ shares)}
    for own, slug in enumerate(class_slugs(CLASSES)):
        called = matrix[:, own].sum() - matrix[own, own]
        found[f"recall_{slug}"] = float(rates[own, own])
        found[f"specificity_{slug}"] = float(1 - called / (counts.sum() - counts[own]))
    return found
