"""Who computes a training step: a stack in NumPy, or Keras on whatever backend it has."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..records import Labels, Rows
from ..seeds import generator
from .epochs import Batch, Inputs, Matrix, Step, Trainee
from .optimizers import OPTIMIZERS, clip
from .settings import Settings, build_optimizer
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


class KerasTrainee:
    """Trains a Keras network, on any of Keras's backends.

    Args:
        network: trained in place; it gives probabilities.
        settings: how.
        inference_batch: images in a batch when predicting.
    """

    def __init__(self, network: Any, settings: Settings, inference_batch: int = 32) -> None:
        import keras

        self.network = network
        self._settings = settings
        self._batch = inference_batch
        self._rate = settings.learning_rate
        network.compile(
            optimizer=build_optimizer(settings),
            loss=keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
            # The loss that is shown has no penalty, smoothing or class weights in it.
            metrics=["accuracy", keras.metrics.CategoricalCrossentropy(name="bare_loss")],
            jit_compile=False,  # XLA compiles longer than a small network trains
        )

    def step(self, inputs: Batch, labels: Labels, learning_rate: float) -> Step:
        """Do one training step."""
        if learning_rate != self._rate:
            self.network.optimizer.learning_rate = learning_rate
            self._rate = learning_rate
        targets = np.eye(len(self._settings.class_weights), dtype=np.float32)[labels]
        weights = self._settings.class_weights[labels]
        self.network.reset_metrics()
        seen = self.network.train_on_batch(inputs, targets, sample_weight=weights, return_dict=True)
        return Step(loss=float(seen["bare_loss"]), accuracy=float(seen["accuracy"]))

    def predict(self, inputs: Inputs, rows: Rows) -> Matrix:
        """Give (n, k) probabilities."""
        blocks = [rows[at : at + self._batch] for at in range(0, len(rows), self._batch)]
        return np.concatenate([self._predict_block(inputs.take(block)) for block in blocks])

    def _predict_block(self, batch: Batch) -> Matrix:
        """Predict one batch, filled up to a full one: another shape would be another graph."""
        several = isinstance(batch, list)
        filled = [_filled(each, self._batch) for each in (batch if several else [batch])]
        found: Matrix = np.asarray(
            self.network.predict_on_batch(filled if several else filled[0]), np.float32
        )
        return found[: len(batch[0] if several else batch)]

    def snapshot(self) -> Any:
        """Give a copy of the network's weights."""
        return self.network.get_weights()

    def restore(self, snapshot: Any) -> None:
        """Take back a copy."""
        self.network.set_weights(snapshot)

    def finish(self) -> None:
        """Do nothing: the weights are in the network."""

    def state(self) -> list[npt.NDArray[Any]]:
        """Give all that the next step depends on: weights, dropout's seeds, the optimizer's."""
        return [np.array(each) for each in self._variables()]

    def take_state(self, state: Sequence[npt.NDArray[Any]]) -> None:
        """Take up what `state` gave."""
        for own, kept in zip(self._variables(), state, strict=True):
            own.assign(kept)
        self._rate = math.nan  # whatever the optimizer's is now

    def _variables(self) -> list[Any]:
        optimizer = self.network.optimizer
        if not optimizer.built:
            optimizer.build(self.network.trainable_variables)
        return [*self.network.variables, *optimizer.variables]


def _filled(batch: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    missing = size - len(batch)
    return np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]) if missing else batch
