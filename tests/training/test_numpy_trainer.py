"""Heads and perceptrons over images trained in NumPy, against Keras's own training."""

from typing import Any

import numpy as np
import pytest

from benchmark.records import Part, Regime, Silent
from benchmark.training import Examples, Material, train
from benchmark.training.epochs import TrainingStage, run_epochs
from benchmark.training.inputs import Columns, ImageRows, Shrunk
from benchmark.training.keras_trainee import KerasTrainee
from benchmark.training.loop_settings import Settings
from benchmark.training.numpy_trainer import (
    StackTrainee,
    read_stack,
    split_perceptron,
)
from benchmark.zoo import ARCHITECTURES, build_network
from tests.close import assert_close, assert_weights_close

from .conftest import make_spec

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
        TrainingStage(name="head", seed=3, report=lambda _: None),
    )
    return result, matrix


def both(chosen: Settings, activation: str = "relu", *, norm: bool = False) -> tuple[Any, Any]:
    ours, theirs = head(activation, norm=norm), head(activation, norm=norm)
    stack = read_stack(ours.layers)
    assert stack is not None
    trained(StackTrainee(stack, chosen, 0), chosen)
    trained(KerasTrainee(theirs, chosen), chosen)
    return ours.get_weights(), theirs.get_weights()


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_a_numpy_head_ends_with_the_weights_that_keras_ends_with(optimizer: str) -> None:
    ours, theirs = both(settings(optimizer))
    assert_weights_close(ours, theirs, 1e-4)


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu", "elu", "tanh"])
def test_activations_and_their_slopes_are_those_of_keras(activation: str) -> None:
    ours, theirs = both(settings("sgd"), activation)
    assert_weights_close(ours, theirs, 1e-4)


def test_batch_normalisation_learns_and_keeps_the_statistics_of_keras() -> None:
    ours, theirs = both(settings("sgd"), norm=True)
    assert_weights_close(ours, theirs)


def test_smoothing_class_weights_clipping_and_a_schedule_act_as_in_keras() -> None:
    weights = np.array([1.0, 3.0, 0.5], np.float32)
    chosen = settings(label_smoothing=0.1, class_weights=weights, clip_norm=0.5, schedule="cosine")
    ours, theirs = both(chosen)
    assert_weights_close(ours, theirs, 1e-4)


def test_both_report_the_same_losses_without_penalty_smoothing_or_weights() -> None:
    chosen = settings(label_smoothing=0.1, class_weights=np.array([1.0, 3.0, 0.5], np.float32))
    ours, theirs = head(), head()
    stack = read_stack(ours.layers)
    assert stack is not None
    own, _ = trained(StackTrainee(stack, chosen, 0), chosen)
    other, _ = trained(KerasTrainee(theirs, chosen), chosen)
    for one, two in zip(own.history, other.history, strict=True):
        assert one.metrics == pytest.approx(two.metrics, rel=1e-4)


def test_the_written_back_head_predicts_what_the_stack_predicts() -> None:
    network = head(norm=True)
    stack = read_stack(network.layers)
    assert stack is not None
    chosen = settings()
    result, matrix = trained(StackTrainee(stack, chosen, 0), chosen)
    inputs = Columns(matrix, np.arange(WIDTH), np.arange(ROWS))
    rows = np.arange(ROWS)
    assert_close(network.predict_on_batch(inputs.take(rows)), result.predict(inputs, rows), 1e-4)


def test_a_head_with_a_layer_it_does_not_know_is_left_to_keras() -> None:
    import keras

    network = keras.Sequential(
        [keras.Input((4,)), keras.layers.LayerNormalization(), keras.layers.Dense(2, "softmax")]
    )
    assert read_stack(network.layers) is None


PARAMS: dict[str, Any] = {
    "batch": 8,
    "optimizer": "sgd",  # adam would blow up the rounding of slopes that are 0 before a norm
    "dropout": 0.0,
    "dense_width": 16,
    "dense_layers": 2,
    "batch_norm": True,
    "l2": 0.01,
    "input_side_px": 10,
}


def network(material: Material, arch: str = "mlp") -> Any:
    spec = make_spec(arch, Regime.SCRATCH, PARAMS if arch == "mlp" else None)
    classes = len(material.classes)
    return build_network(ARCHITECTURES[arch], spec.picture, classes, spec.params, 0)


def test_a_perceptron_trained_in_numpy_is_the_one_that_keras_trains(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_spec("mlp", Regime.SCRATCH, PARAMS, epochs=4)
    ours = train(spec, material, Silent())
    monkeypatch.setattr("benchmark.training.whole_networks.split_perceptron", lambda *_: None)
    theirs = train(spec, material, Silent())
    for one, two in zip(ours.history, theirs.history, strict=True):
        assert one.metrics == pytest.approx(two.metrics, rel=1e-3)
    assert_close(ours.test, theirs.test)
    assert_weights_close(ours.network.get_weights(), theirs.network.get_weights())


def test_numpy_trains_perceptrons_in_float32_and_nothing_else(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    by: list[type] = []

    def watch(trainee: Any) -> None:
        plain = trainee.step

        def step(self: Any, *given: Any) -> Any:
            by.append(trainee)
            return plain(self, *given)

        monkeypatch.setattr(trainee, "step", step)

    watch(StackTrainee)
    watch(KerasTrainee)
    found = {}
    for arch, precision in (("mlp", "auto"), ("mlp", "bfloat16"), ("cnn", "auto")):
        by.clear()
        train(
            make_spec(arch, Regime.SCRATCH, {"precision": precision}, epochs=1), material, Silent()
        )
        found[arch, precision] = set(by)
    assert found == {
        ("mlp", "auto"): {StackTrainee},
        ("mlp", "bfloat16"): {KerasTrainee},
        ("cnn", "auto"): {KerasTrainee},
    }


def test_a_network_with_convolutions_is_not_split(material: Material) -> None:
    convolutional = network(material, "cnn")
    assert split_perceptron(convolutional, convolutional.inputs[0]) is None


@pytest.mark.parametrize("in_memory", [0, 2**20])
def test_what_stands_before_the_weights_is_computed_once_where_it_fits(
    in_memory: int, material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.training.inputs._IN_MEMORY_BYTES", in_memory)
    perceptron = network(material)
    split = split_perceptron(perceptron, perceptron.inputs[0])
    assert split is not None
    front, _ = split
    passed: list[int] = []

    def counted(images: Any, training: bool) -> Any:
        passed.append(len(images))
        return front(images, training=training)

    monkeypatch.setattr(counted, "output_shape", front.output_shape, raising=False)
    pixels = material.pixels.array
    inputs = Shrunk(counted, ImageRows(pixels))
    rows = np.array([5, 3, 5, 0])
    once, twice = inputs.take(rows), inputs.drawn(rows, 1)
    np.testing.assert_array_equal(once, twice)
    np.testing.assert_array_equal(once, np.asarray(front(pixels[rows])))
    assert sum(passed) == (3 if in_memory else 8)


def test_varied_images_are_computed_anew_and_only_for_training(material: Material) -> None:
    perceptron = network(material)
    split = split_perceptron(perceptron, perceptron.inputs[0])
    assert split is not None
    pixels = ImageRows(material.pixels.array, lambda images, _rows, epoch: images // (epoch + 2))
    inputs = Shrunk(split[0], pixels)
    rows = material.pictures(Part.TRAIN)[:3]
    plain = inputs.take(rows)
    first, second = inputs.drawn(rows, 0), inputs.drawn(rows, 1)
    assert np.all(first < plain)
    assert np.all(second < first)
    np.testing.assert_array_equal(inputs.take(rows), plain)
