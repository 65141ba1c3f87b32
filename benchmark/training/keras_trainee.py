"""A training step by Keras, on whatever backend it has, in the number format that is quickest.

Weights are float32 whatever the format: only what layers compute is shortened, and never the
logits, the softmax and a head's standardising. Once trained, a network computes in float32 again,
so that what is saved, scored and served needs no GPU and is one and the same.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..records import Labels, Rows, Spec
from .declared import AUTO, POLICIES
from .engines import Device, filled, this_device
from .epochs import Batch, Inputs, Matrix, Step
from .halving import halving
from .loop_settings import MOMENTUM, WEIGHT_DECAY, Settings

# A whole head stays float32: its cost is nothing, and the digits of standardised features count.
_EXACT_NAMES = ("head", "logits", "probabilities", "features")


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

        plain = _build_optimizer(self._settings)
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
        found = np.empty((len(rows), len(self._settings.class_weights)), np.float32)

        def compute(some: slice, size: int) -> None:
            found[some] = self._predict_block(inputs.take(rows[some]), size)

        self._batch = halving("predictions", len(rows), self._batch, compute)
        return found

    def _predict_block(self, batch: Batch, size: int) -> Matrix:
        """Predict one batch, filled up to its size: another shape would be another graph."""
        several = isinstance(batch, list)
        whole = [filled(each, size) for each in (batch if several else [batch])]
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


def _build_optimizer(settings: Settings) -> Any:
    """Build the Keras optimizer that NumPy's of the same name equals."""
    import keras

    rate = settings.learning_rate
    norm = {"global_clipnorm": settings.clip_norm} if settings.clip_norm else {}
    if settings.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY, **norm)
    if settings.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=MOMENTUM, **norm)
    if settings.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(rate, **norm)
    return keras.optimizers.Adam(rate, **norm)


def format_of(spec: Spec) -> str:
    """Return the format that a spec's network is trained in on this machine."""
    return number_format(spec.params.text("precision"), this_device())


def number_format(wanted: str, device: Device) -> str:
    """Return the format to train in, a key of `POLICIES`.

    `auto` is float32 on a processor; on a GPU bfloat16 where it has it (Ampere, compute capability
    8.0, and later), float16 where it has units for that (Volta, 7.0) and float32 on older ones,
    which float16 makes no quicker (NVIDIA, Training with Mixed Precision, 2023).
    """
    if wanted != AUTO:
        return wanted
    if device.capability < (7, 0):
        return "float32"
    return "bfloat16" if device.capability >= (8, 0) else "float16"


def compiles_by_xla(backend: str) -> bool:
    """Say whether a Keras backend's training steps go through XLA.

    JAX's do: uncompiled it goes operation by operation. TensorFlow's do not. On a processor a
    step of the convolutional network at 224 px took 457 ms with XLA and 177 ms without (two
    cores, batch 32), after 3.6 s of compiling in place of 1.0 s: its convolutions are not
    oneDNN's. On a GPU a long training might win the compiling back, but Keras refuses XLA where
    operations are made deterministic, as they are here.
    """
    return backend == "jax"


def compute_in(network: Any, number_format: str) -> None:
    """Let a network's layers compute in a format, up to the logits; its weights stay float32.

    Functions of the network that were traced before keep their format: they must be made anew.
    """
    import keras

    exact = (
        keras.layers.InputLayer,
        keras.layers.Normalization,
        keras.layers.GlobalAveragePooling2D,
        keras.layers.GlobalMaxPooling2D,
    )
    for layer in network.layers:
        if layer.name in _EXACT_NAMES or isinstance(layer, exact):
            continue
        if isinstance(layer, keras.Model):
            compute_in(layer, number_format)
        else:
            layer.dtype_policy = POLICIES[number_format]
