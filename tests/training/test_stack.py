"""The NumPy head against Keras's own training."""

from typing import Any

import numpy as np
import pytest

from benchmark.training.epochs import Examples, Stage, run_epochs
from benchmark.training.inputs import Columns
from benchmark.training.keras_trainee import KerasTrainee
from benchmark.training.settings import Settings
from benchmark.training.stack import read_stack
from benchmark.training.trainees import StackTrainee

pytestmark = pytest.mark.slow

ROWS, WIDTH, CLASSES = 60, 7, 3


def settings(optimizer: str = "adam", **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "optimizer": optimizer,
        "learning_rate": 0.01,
        "schedule": "constant",
        "batch": 16,
        "label_smoothing": 0.0,
        "class_weights": np.ones(CLASSES, np.float32),
        "clip_norm": 0.0,
        "monitor": "val_loss",
        "epochs": 4,
        "patience": 0,
    }
    return Settings(**(values | changes))


def head(activation: str = "relu", *, norm: bool = False) -> Any:
    import keras

    keras.utils.set_random_seed(5)
    layers = [
        keras.Input((WIDTH,)),
        keras.layers.Dense(6, kernel_regularizer=keras.regularizers.L2(0.01)),
        *([keras.layers.BatchNormalization(momentum=0.9)] if norm else []),
        keras.layers.Activation(activation),
        keras.layers.Dense(CLASSES),
        keras.layers.Activation("softmax"),
    ]
    return keras.Sequential(layers)


def trained(trainee: Any, chosen: Settings) -> tuple[Any, Any]:
    random = np.random.default_rng(1)
    matrix = random.normal(size=(ROWS, WIDTH)).astype(np.float32)
    labels = random.integers(0, CLASSES, ROWS)
    rows = np.arange(ROWS)
    result = run_epochs(
        trainee,
        Columns(matrix, np.arange(WIDTH), rows),
        Examples(rows=rows[:48], labels=labels[:48]),
        Examples(rows=rows[48:], labels=labels[48:]),
        chosen,
        Stage(name="head", seed=3, report=lambda _: None),
    )
    return result, matrix


def both(chosen: Settings, activation: str = "relu", *, norm: bool = False) -> tuple[Any, Any]:
    ours, theirs = head(activation, norm=norm), head(activation, norm=norm)
    stack = read_stack(ours)
    assert stack is not None
    trained(StackTrainee(stack, chosen, 0), chosen)
    trained(KerasTrainee(theirs, chosen), chosen)
    return ours.get_weights(), theirs.get_weights()


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_a_numpy_head_ends_with_the_weights_that_keras_ends_with(optimizer: str) -> None:
    ours, theirs = both(settings(optimizer))
    for own, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own, other, atol=2e-5)


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "elu", "selu", "tanh"])
def test_activations_and_their_slopes_are_those_of_keras(activation: str) -> None:
    ours, theirs = both(settings("sgd"), activation)
    for own, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own, other, atol=2e-5)


def test_batch_normalisation_learns_and_keeps_the_statistics_of_keras() -> None:
    ours, theirs = both(settings("sgd"), norm=True)
    for own, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own, other, atol=1e-4)


def test_smoothing_class_weights_clipping_and_a_schedule_act_as_in_keras() -> None:
    weights = np.array([1.0, 3.0, 0.5], np.float32)
    chosen = settings(label_smoothing=0.1, class_weights=weights, clip_norm=0.5, schedule="cosine")
    ours, theirs = both(chosen)
    for own, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own, other, atol=2e-5)


def test_both_report_the_same_losses_without_penalty_smoothing_or_weights() -> None:
    chosen = settings(label_smoothing=0.1, class_weights=np.array([1.0, 3.0, 0.5], np.float32))
    ours, theirs = head(), head()
    stack = read_stack(ours)
    assert stack is not None
    own, _ = trained(StackTrainee(stack, chosen, 0), chosen)
    other, _ = trained(KerasTrainee(theirs, chosen), chosen)
    for one, two in zip(own.history, other.history, strict=True):
        assert one.metrics == pytest.approx(two.metrics, abs=1e-5)


def test_the_written_back_head_predicts_what_the_stack_predicts() -> None:
    network = head(norm=True)
    stack = read_stack(network)
    assert stack is not None
    chosen = settings()
    result, matrix = trained(StackTrainee(stack, chosen, 0), chosen)
    inputs = Columns(matrix, np.arange(WIDTH), np.arange(ROWS))
    rows = np.arange(ROWS)
    np.testing.assert_allclose(
        network.predict_on_batch(inputs.take(rows)), result.predict(inputs, rows), atol=1e-6
    )


def test_a_head_with_a_layer_it_does_not_know_is_left_to_keras() -> None:
    import keras

    network = keras.Sequential(
        [keras.Input((4,)), keras.layers.LayerNormalization(), keras.layers.Dense(2, "softmax")]
    )
    assert read_stack(network) is None
