"""Who trains a stack: an optimizer, batch by batch."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...records import Labels, Rows
from ...seeds import generator
from ..epochs import Batch, Inputs, Matrix, Step
from ..logistic import soften
from ..loop_settings import MOMENTUM, WEIGHT_DECAY, Settings
from .optimizers import Adam, Optimizer, RmsProp, Sgd, clip
from .stack import Stack, read_stack

_OPTIMIZERS: dict[str, Callable[[int], Optimizer]] = {
    "adam": Adam,
    "adamw": lambda size: Adam(size, decay=WEIGHT_DECAY),
    "sgd": lambda size: Sgd(size, momentum=MOMENTUM),
    "rmsprop": RmsProp,
}


def stack_trainee(layers: Sequence[Any], settings: Settings, seed: int) -> "StackTrainee | None":
    """Return who trains Keras layers in NumPy, None where one of them is not known here."""
    stack = read_stack(layers)
    return None if stack is None else StackTrainee(stack, settings, seed)


def split_perceptron(network: Any, start: Any) -> tuple[Any, Stack] | None:
    """Split a network into a front without weights and a stack of all layers behind it.

    Args:
        network: from raw pixels.
        start: the symbolic tensor that the front is to begin at, its input or a later one.

    Returns None where a layer with weights is not one that NumPy trains, such as a convolution.
    """
    import keras

    first = next(place for place, layer in enumerate(network.layers) if layer.weights)
    stack = read_stack(network.layers[first:])
    if stack is None:
        return None
    return keras.Model(start, network.layers[first - 1].output), stack


class StackTrainee:
    """Trains a `Stack` over standardised features, or over what stands before a perceptron."""

    def __init__(self, stack: Stack, settings: Settings, seed: int) -> None:
        self._stack = stack
        self._settings = settings
        self._random = generator(seed, "dropout")
        self._optimizer = _OPTIMIZERS[settings.optimizer](stack.weights.size)

    def step(self, inputs: Batch, labels: Labels, learning_rate: float) -> Step:
        """Do one training step."""
        stack = self._stack
        probabilities = stack.probabilities(inputs, self._random)
        seen = _seen(probabilities, labels)
        smoothing = self._settings.label_smoothing
        targets = soften(labels, probabilities.shape[1], smoothing, np.float32)
        stack.backward(self._slope(probabilities, targets, labels))
        clip(stack.gradient, self._settings.clip_norm)
        self._optimizer.step(stack.weights, stack.gradient, learning_rate)
        return seen

    def predict(self, inputs: Inputs, rows: Rows) -> Matrix:
        """Return (n, k) probabilities."""
        blocks = np.split(rows, range(4096, len(rows), 4096))
        return np.concatenate([self._stack.probabilities(inputs.take(block)) for block in blocks])

    def snapshot(self) -> Any:
        """Return a copy of the weights and moving statistics."""
        return [each.copy() for each in self._stack.everything()]

    def restore(self, snapshot: Any) -> None:
        """Take back a copy."""
        _copy_into(self._stack.everything(), snapshot)

    def finish(self) -> None:
        """Write the weights back to the Keras network."""
        self._stack.write_back()

    def state(self) -> list[npt.NDArray[Any]]:
        """Return all that the next step depends on: weights, the optimizer's, dropout's."""
        draws = np.array(json.dumps(self._random.bit_generator.state))
        return [*(each.copy() for each in self._arrays()), draws]

    def take_state(self, state: Sequence[npt.NDArray[Any]]) -> None:
        """Take up what `state` gave."""
        *arrays, draws = state
        _copy_into(self._arrays(), arrays)
        self._random.bit_generator.state = json.loads(str(draws))

    def _arrays(self) -> list[npt.NDArray[Any]]:
        return [*self._stack.everything(), *self._optimizer.state()]

    def _slope(self, probabilities: Matrix, targets: Matrix, labels: Labels) -> Matrix:
        """Return the (b, k) slope of the loss over the logits."""
        slope = probabilities - targets
        slope *= self._settings.class_weights[labels][:, None] / np.float32(len(labels))
        return slope


def _copy_into(own: Sequence[npt.NDArray[Any]], kept: Sequence[npt.NDArray[Any]]) -> None:
    for into, values in zip(own, kept, strict=True):
        into[...] = values


def _seen(probabilities: Matrix, labels: Labels) -> Step:
    true = probabilities[np.arange(len(labels)), labels]
    return Step(
        loss=float(-np.log(np.maximum(true, 1e-15)).mean()),
        accuracy=float((probabilities.argmax(axis=1) == labels).mean()),
    )
