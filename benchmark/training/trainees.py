"""Who trains a head over features: a stack in NumPy where it knows all layers, else Keras."""

from typing import Any

import numpy as np

from ..records import Labels, Rows
from ..seeds import generator
from .epochs import Batch, Inputs, Matrix, Step, Trainee
from .keras_trainee import KerasTrainee
from .optimizers import OPTIMIZERS, clip
from .settings import Settings
from .stack import Stack, read_stack


def make_trainee(head: Any, settings: Settings, seed: int) -> Trainee:
    """Choose who trains a head over features: NumPy if it knows all its layers, else Keras."""
    stack = read_stack(head)
    if stack is None:
        return KerasTrainee(head, settings)
    return StackTrainee(stack, settings, seed)


class StackTrainee:
    """Trains a `Stack` over standardised features."""

    def __init__(self, stack: Stack, settings: Settings, seed: int) -> None:
        self._stack = stack
        self._settings = settings
        self._random = generator(seed, "dropout")
        self._optimizer = OPTIMIZERS[settings.optimizer](stack.weights.size)

    def step(self, inputs: Batch, labels: Labels, learning_rate: float) -> Step:
        """Do one training step."""
        settings, stack = self._settings, self._stack
        probabilities = stack.probabilities(inputs, self._random)
        places = np.arange(len(labels))
        seen = Step(
            loss=float(-np.log(np.maximum(probabilities[places, labels], 1e-15)).mean()),
            accuracy=float((probabilities.argmax(axis=1) == labels).mean()),
        )
        slope = probabilities - np.float32(settings.label_smoothing / probabilities.shape[1])
        slope[places, labels] -= np.float32(1 - settings.label_smoothing)
        slope *= settings.class_weights[labels][:, None] / np.float32(len(labels))
        stack.backward(slope)
        clip(stack.gradient, settings.clip_norm)
        self._optimizer.step(stack.weights, stack.gradient, learning_rate)
        return seen

    def predict(self, inputs: Inputs, rows: Rows) -> Matrix:
        """Give (n, k) probabilities."""
        blocks = [rows[start : start + 4096] for start in range(0, len(rows), 4096)]
        return np.concatenate([self._stack.probabilities(inputs.take(block)) for block in blocks])

    def snapshot(self) -> Any:
        """Give a copy of the weights and moving statistics."""
        return self._stack.snapshot()

    def restore(self, snapshot: Any) -> None:
        """Take back a copy."""
        self._stack.restore(snapshot)

    def finish(self) -> None:
        """Write the weights back to the Keras head."""
        self._stack.write_back()
