"""Keras's optimizers over one flat vector, in NumPy: the same updates without a graph.

The formulas and constants are those of keras.optimizers 3.15, which a test holds them to. A wide
hidden layer has a million weights, and their update costs more than the matrix products of a
batch. So it is written with as few passes over memory as NumPy allows, and long vectors are
shared between two threads, for NumPy lets go of the interpreter while it computes.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ...environment import threads

Vector = npt.NDArray[np.float32]

# Measured on two cores: below it a thread costs more than it gains, at 400,000 weights 1.2 times
# less, at 1.6 million 2.4 times.
_WORTH_A_THREAD = 300_000


class Optimizer(Protocol):
    """Moves parameters against their gradient, in place."""

    def step(self, weights: Vector, gradient: Vector, learning_rate: float) -> None:
        """Move the weights one step; the gradient's own memory may be used as scratch."""
        ...

    def state(self) -> list[npt.NDArray[Any]]:
        """Return what the next step depends on; changed in place it is taken up."""
        ...


class Adam:
    """Adam (Kingma and Ba 2015), and AdamW (Loshchilov and Hutter 2019) with a decay.

    Moments are kept as sums of 0.9^i g and 0.999^i g^2, without the factors 0.1 and 0.001 that
    would cost a pass each; the step size and epsilon take them up.

    Args:
        size: how many weights there are.
        decay: the share of a weight, times the learning rate, taken off in a step.
    """

    def __init__(self, size: int, decay: float = 0.0) -> None:
        self._first = np.zeros(size, np.float32)
        self._second = np.zeros(size, np.float32)
        self._decay = decay
        self._steps = np.zeros(1, np.int64)

    def state(self) -> list[npt.NDArray[Any]]:
        """Return both moments and the number of steps."""
        return [self._first, self._second, self._steps]

    def step(self, weights: Vector, gradient: Vector, learning_rate: float) -> None:
        """Move the weights one step."""
        self._steps += 1
        steps = int(self._steps[0])
        rate = learning_rate * np.sqrt(1 - 0.999**steps) / (1 - 0.9**steps)
        rate = np.float32(rate * 0.1 / np.sqrt(0.001))
        epsilon = np.float32(1e-7 / np.sqrt(0.001))
        kept = np.float32(1 - self._decay * learning_rate)

        def update(part: slice) -> None:
            own, slope = weights[part], gradient[part]
            first, second = self._first[part], self._second[part]
            if self._decay:
                own *= kept
            first *= np.float32(0.9)
            first += slope
            second *= np.float32(0.999)
            slope *= slope
            second += slope
            np.sqrt(second, out=slope)
            slope += epsilon
            np.divide(first, slope, out=slope)
            slope *= rate
            own -= slope

        by_parts(len(weights), update)


class Sgd:
    """Stochastic gradient descent with momentum."""

    def __init__(self, size: int, momentum: float) -> None:
        self._velocity = np.zeros(size, np.float32)
        self._momentum = np.float32(momentum)

    def state(self) -> list[npt.NDArray[Any]]:
        """Return the velocity."""
        return [self._velocity]

    def step(self, weights: Vector, gradient: Vector, learning_rate: float) -> None:
        """Move the weights one step."""
        rate = np.float32(learning_rate)

        def update(part: slice) -> None:
            velocity, slope = self._velocity[part], gradient[part]
            velocity *= self._momentum
            slope *= rate
            velocity -= slope
            weights[part] += velocity

        by_parts(len(weights), update)


class RmsProp:
    """RMSprop (Hinton, Coursera lecture 6e, 2012) with decay 0.9."""

    def __init__(self, size: int) -> None:
        self._velocity = np.zeros(size, np.float32)  # without the factor 0.1, as in Adam
        self._scratch = np.empty(size, np.float32)

    def state(self) -> list[npt.NDArray[Any]]:
        """Return the mean of squares."""
        return [self._velocity]

    def step(self, weights: Vector, gradient: Vector, learning_rate: float) -> None:
        """Move the weights one step."""
        rate = np.float32(learning_rate / np.sqrt(0.1))
        epsilon = np.float32(1e-7 / 0.1)

        def update(part: slice) -> None:
            velocity, slope, scratch = self._velocity[part], gradient[part], self._scratch[part]
            velocity *= np.float32(0.9)
            np.multiply(slope, slope, out=scratch)
            velocity += scratch
            np.add(velocity, epsilon, out=scratch)
            np.sqrt(scratch, out=scratch)
            slope *= rate
            slope /= scratch
            weights[part] -= slope

        by_parts(len(weights), update)


def clip(gradient: Vector, norm: float) -> None:
    """Scale a gradient down, in place, to a Euclidean norm of at most `norm`; 0 for no bound."""
    if norm:
        length = float(np.sqrt(np.dot(gradient, gradient)))
        if length > norm:
            gradient *= np.float32(norm / length)


def by_parts(size: int, work: Callable[[slice], None]) -> None:
    """Do element-wise work on a vector of some size: on its two halves at once if it is long.

    The result is the same bits either way.
    """
    if size < _WORTH_A_THREAD or threads() < 2:
        work(slice(0, size))
        return
    middle = size // 2
    other = _pool().submit(work, slice(middle, size))
    work(slice(0, middle))
    other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="weights")
