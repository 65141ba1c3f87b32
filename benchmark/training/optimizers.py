"""Keras's optimizers over one flat vector, in NumPy: the same updates without a graph.

The formulas and constants are those of keras.optimizers 3.15, which a test holds them to.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]

MOMENTUM = 0.9
WEIGHT_DECAY = 0.004  # of adamw: Keras's default


class Optimizer(Protocol):
    """Moves parameters against their gradient, in place."""

    def step(self, weights: Vector, gradient: Vector, learning_rate: float) -> None:
        """Move the weights one step; the gradient's own memory may be used as scratch."""
        ...


class Adam:
    """Adam (Kingma and Ba 2015), and AdamW (Loshchilov and Hutter 2019) with a decay.

    Args:
        size: how many weights there are.
        decay: the share of a weight, times the learning rate, taken off in a step.
    """

    def __init__(self, size: int, decay: float = 0.0) -> None:
        self._first = np.zeros(size, np.float32)
        self._second = np.zeros(size, np.float32)
        self._scratch = np.empty(size, np.float32)
        self._decay = decay
        self._steps = 0

    def step(self, weights: Vector, gradient: Vector, learning_rate: float) -> None:
        """Move the weights one step."""
        self._steps += 1
        if self._decay:
            weights *= np.float32(1 - self._decay * learning_rate)
        scratch = self._scratch
        np.subtract(gradient, self._first, out=scratch)
        scratch *= np.float32(0.1)
        self._first += scratch
        np.multiply(gradient, gradient, out=scratch)
        scratch -= self._second
        scratch *= np.float32(0.001)
        self._second += scratch
        rate = learning_rate * np.sqrt(1 - 0.999**self._steps) / (1 - 0.9**self._steps)
        np.sqrt(self._second, out=scratch)
        scratch += np.float32(1e-7)
        np.divide(self._first, scratch, out=scratch)
        scratch *= np.float32(rate)
        weights -= scratch


class Sgd:
    """Stochastic gradient descent with momentum 0.9."""

    def __init__(self, size: int) -> None:
        self._velocity = np.zeros(size, np.float32)

    def step(self, weights: Vector, gradient: Vector, learning_rate: float) -> None:
        """Move the weights one step."""
        self._velocity *= np.float32(MOMENTUM)
        gradient *= np.float32(learning_rate)
        self._velocity -= gradient
        weights += self._velocity


class RmsProp:
    """RMSprop (Hinton, Coursera lecture 6e, 2012) with decay 0.9."""

    def __init__(self, size: int) -> None:
        self._velocity = np.zeros(size, np.float32)

    def step(self, weights: Vector, gradient: Vector, learning_rate: float) -> None:
        """Move the weights one step."""
        self._velocity *= np.float32(0.9)
        self._velocity += np.float32(0.1) * gradient * gradient
        weights -= np.float32(learning_rate) * gradient / np.sqrt(self._velocity + np.float32(1e-7))


OPTIMIZERS: dict[str, Callable[[int], Optimizer]] = {
    "adam": Adam,
    "adamw": lambda size: Adam(size, decay=WEIGHT_DECAY),
    "sgd": Sgd,
    "rmsprop": RmsProp,
}


def clip(gradient: Vector, norm: float) -> None:
    """Scale a gradient down, in place, to a Euclidean norm of at most `norm`; 0 for no bound."""
    if norm:
        length = float(np.sqrt(np.dot(gradient, gradient)))
        if length > norm:
            gradient *= np.float32(norm / length)
