"""A training step by Keras, on whatever backend it has."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..records import Labels, Rows
from .epochs import Batch, Inputs, Matrix, Step
from .inputs import filled
from .precision import compiles_by_xla, compute_in
from .settings import Settings, build_optimizer


class KerasTrainee:
    """Trains a Keras network, on any of Keras's backends.

    Args:
        network: trained in place; it gives probabilities.
        settings: how.
        inference_batch: images in a batch when predicting.
        number_format: what its layers compute in until it is finished, a key of `POLICIES`.
    """

    def __init__(
        self,
        network: Any,
        settings: Settings,
        inference_batch: int = 32,
        number_format: str = "float32",
    ) -> None:
        import keras

        self.network = network
        self._format = number_format
        self._settings = settings
        self._batch = inference_batch
        self._rate = settings.learning_rate
        if number_format != "float32":
            compute_in(network, number_format)
        network.compile(
            optimizer=self._optimizer(),
            loss=keras.losses.CategoricalCrossentropy(label_smoothing=settings.label_smoothing),
            # The loss that is shown has no penalty, smoothing or class weights in it.
            metrics=["accuracy", keras.metrics.CategoricalCrossentropy(name="bare_loss")],
            jit_compile=compiles_by_xla(keras.config.backend()),
        )
        self._create_variables()

    def _create_variables(self) -> None:
        """Create what Keras would create in the first step: TensorFlow traces such a step twice."""
        self.network.optimizer.build(self.network.trainable_variables)
        classes = len(self._settings.class_weights)
        one = np.full((1, classes), 1 / classes, np.float32)
        self.network.compute_metrics(None, one, one, np.ones(1, np.float32))

    def _optimizer(self) -> Any:
        """Build the optimizer; in float16 with a scaled loss, or small gradients would be 0."""
        import keras

        plain = build_optimizer(self._settings)
        return keras.optimizers.LossScaleOptimizer(plain) if self._format == "float16" else plain

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
        """Return (n, k) probabilities."""
        blocks = [rows[at : at + self._batch] for at in range(0, len(rows), self._batch)]
        return np.concatenate([self._predict_block(inputs.take(block)) for block in blocks])

    def _predict_block(self, batch: Batch) -> Matrix:
        """Predict one batch, filled up to a full one: another shape would be another graph."""
        several = isinstance(batch, list)
        whole = [filled(each, self._batch) for each in (batch if several else [batch])]
        found: Matrix = np.asarray(
            self.network.predict_on_batch(whole if several else whole[0]), np.float32
        )
        return found[: len(batch[0] if several else batch)]

    def snapshot(self) -> Any:
        """Return a copy of the network's weights."""
        return self.network.get_weights()

    def restore(self, snapshot: Any) -> None:
        """Take back a copy."""
        self.network.set_weights(snapshot)

    def finish(self) -> None:
        """Let the network compute in float32, as it is saved and as it is scored."""
        if self._format != "float32":
            compute_in(self.network, "float32")
            self.network.make_predict_function(force=True)

    def state(self) -> list[npt.NDArray[Any]]:
        """Return all that the next step depends on: weights, dropout's seeds, the optimizer's."""
        return [np.array(each) for each in self._variables()]

    def take_state(self, state: Sequence[npt.NDArray[Any]]) -> None:
        """Take up what `state` gave."""
        for own, kept in zip(self._variables(), state, strict=True):
            own.assign(kept)
        self._rate = math.nan  # whatever the optimizer's is now

    def _variables(self) -> list[Any]:
        return [*self.network.variables, *self.network.optimizer.variables]
