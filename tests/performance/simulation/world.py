"""Boards of networks that exist as numbers only, so that their true figures are known.

An image of class y gives each class a score: the network's signal for y, and noise of variance 1.
Most of the noise is the image's own, the same for all networks; the rest is the network's, half of
that its seed's. Images of one patient share a part of both. The most probable class is the one
with the greatest score, and probabilities are the softmax of signal times score: calibrated, but
for a network's `sharpness`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from benchmark.evaluation import Entrant
from benchmark.records import Part, Predictions

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CLASSES = ("a", "b", "c", "d")
SHARES = (0.40, 0.29, 0.20, 0.11)
SHARED = 0.757  # of the noise's variance: equal networks of 0.80 disagree on 16 to 17 % of images
OF_PATIENT = 0.39  # of the variance, where a patient has several images: a deviation of 0.8 to 1
OF_SEED = 0.5  # of a network's own noise


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Images:
    """The images of a part: labels, patients, and how much of the noise patients share."""

    labels: Ints
    patients: Ints
    of_patient: float
    names: tuple[str, ...]

    @classmethod
    def of(cls, groups: Sequence[tuple[int, int]]) -> "Images":
        """Make images from each class's patients and images a patient."""
        labels = [np.full(count * each, place) for place, (count, each) in enumerate(groups)]
        sizes = [each for count, each in groups for _ in range(count)]
        patients = np.repeat(np.arange(len(sizes)), sizes)
        return cls(
            labels=np.concatenate(labels).astype(np.int64),
            patients=patients.astype(np.int64),
            of_patient=OF_PATIENT if max(sizes) > 1 else 0.0,
            names=tuple(f"{number:05}" for number in range(len(patients))),
        )

    @classmethod
    def sized(cls, images: int, a_patient: int = 1) -> "Images":
        """Make about so many images, in the classes' shares."""
        return cls.of([(max(3, round(share * images / a_patient)), a_patient) for share in SHARES])

    @property
    def counts(self) -> Ints:
        """(4,) images of each class."""
        return np.bincount(self.labels, minlength=len(CLASSES)).astype(np.int64)

    def noise(self, shape: tuple[int, ...], source: np.random.Generator) -> Floats:
        """Draw (*shape, n, 4) noise of variance 1, a part of it the patients'."""
        own = source.standard_normal((*shape, len(self.labels), len(CLASSES)))
        if not self.of_patient:
            return own
        count = int(self.patients.max()) + 1
        shared = source.standard_normal((*shape, count, len(CLASSES)))[..., self.patients, :]
        return np.asarray(np.sqrt(1 - self.of_patient) * own + np.sqrt(self.of_patient) * shared)


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A row of a board.

    Attributes:
        accuracy: its true one, at every class.
        seeds: runs; `between` is the deviation of their accuracy in points at 0.80.
        of_seed: how much of its own noise is its seed's.
        twins: whether it shares nearly all noise with the board's other twins.
        sharpness: what its logits are multiplied by, from calibrated ones.
        regime: how it is said to be trained.
        by_class: added to the signal of each class.
    """

    accuracy: float = 0.80
    seeds: int = 1
    between: float = 0.0
    of_seed: float = OF_SEED
    twins: bool = False
    sharpness: float = 1.0
    regime: str = "frozen"
    by_class: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)


@lru_cache
def signal_of(accuracy: float) -> float:
    """Return the signal that the greatest of four scores finds the class with, so often."""
    from scipy.optimize import brentq

    return float(brentq(lambda signal: accuracy_of(signal) - accuracy, 0.0, 8.0))


def accuracy_of(signal: float) -> float:
    """Return how often the true class has the greatest of four scores."""
    from scipy.special import ndtr

    at = np.linspace(-8, 8, 2001)
    return float((np.exp(-(at**2) / 2) * ndtr(at + signal) ** 3).sum() * 0.008 / np.sqrt(2 * np.pi))


@lru_cache
def deviation_of_signal(points: float) -> float:
    """Return the deviation in signal that moves an accuracy of 0.80 by so many points."""
    slope = (accuracy_of(signal_of(0.8) + 0.01) - accuracy_of(signal_of(0.8) - 0.01)) / 0.02
    return points / 100 / slope


def draw(
    images: Images, networks: Sequence[Network], source: np.random.Generator
) -> list[tuple[Predictions, ...]]:
    """Draw what each network's runs say of the images."""
    shared = np.sqrt(SHARED) * images.noise((), source)
    twins = np.sqrt(0.97 - SHARED) * images.noise((), source) if _any_twins(networks) else 0.0
    found = []
    for network in networks:
        fixed = shared + (twins if network.twins else 0.0)
        own = 0.03 if network.twins else 1 - SHARED
        part = network.of_seed if network.seeds > 1 else 0.0
        noise = fixed + np.sqrt(own * (1 - part)) * images.noise((), source)
        runs = noise[None] if part == 0 else noise + _of_seeds(images, network, own * part, source)
        found.append(_runs(images, network, runs, source))
    return found


def entrants(
    images: Images, networks: Sequence[Network], source: np.random.Generator
) -> list[Entrant]:
    """Draw the networks as rows to compare."""
    drawn = draw(images, networks, source)
    return [
        Entrant(runs=runs, regime=network.regime)
        for runs, network in zip(drawn, networks, strict=True)
    ]


def _any_twins(networks: Sequence[Network]) -> bool:
    return any(network.twins for network in networks)


def _of_seeds(
    images: Images, network: Network, variance: float, source: np.random.Generator
) -> Floats:
    return np.asarray(np.sqrt(variance) * images.noise((network.seeds,), source))


def _runs(
    images: Images, network: Network, noise: Floats, source: np.random.Generator
) -> tuple[Predictions, ...]:
    centre = signal_of(network.accuracy) + np.array(network.by_class)
    apart = deviation_of_signal(network.between) * source.standard_normal(network.seeds)
    return tuple(
        said(images, probabilities(images.labels, noise[run % len(noise)], centre + shift, network))
        for run, shift in enumerate(apart)
    )


def probabilities(labels: Ints, noise: Floats, signals: Floats, network: Network) -> Floats:
    """Return (n, 4) probabilities from noise and the (4,) signals of the classes."""
    scores = noise + np.eye(len(CLASSES))[labels] * signals
    raised = np.exp(network.sharpness * signals.mean() * (scores - scores.max(1, keepdims=True)))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def said(images: Images, stated: Floats, part: Part = Part.VAL) -> Predictions:
    """Return (n, 4) probabilities as predictions of the images."""
    return Predictions(
        classes=CLASSES,
        hashes=images.names,
        paths=images.names,
        parts=(part,) * len(images.names),
        labels=images.labels,
        probabilities=stated,
        is_copy=np.zeros(len(images.names), dtype=bool),
        units=images.patients,
    )


def disagreement(accuracy: tuple[float, float] = (0.80, 0.80), images: int = 200_000) -> float:
    """Return on which share of images one of two networks is right and the other wrong."""
    source = np.random.default_rng(7)
    rows = draw(Images.sized(images), [Network(accuracy=each) for each in accuracy], source)
    first, second = (run.probabilities.argmax(axis=1) == run.labels for (run,) in rows)
    return float((first != second).mean())
