"""The perceptron over images, trained in NumPy, against Keras's own training."""

from typing import Any

import numpy as np
import pytest

from benchmark.records import Part, Regime, Silent
from benchmark.training import Material, train
from benchmark.training.inputs import Store
from benchmark.training.keras_trainee import KerasTrainee
from benchmark.training.perceptron import Shrunk, split_perceptron
from benchmark.training.trainees import StackTrainee
from benchmark.zoo import ARCHITECTURES, build_network
from tests.close import assert_close, assert_weights_close

from .conftest import make_spec

pytestmark = pytest.mark.slow

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
    monkeypatch.setattr("benchmark.training.scratch.split_perceptron", lambda _: None)
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
    assert split_perceptron(network(material, "cnn")) is None


@pytest.mark.parametrize("in_memory", [0, 2**20])
def test_what_stands_before_the_weights_is_computed_once_where_it_fits(
    in_memory: int, material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.training.inputs._IN_MEMORY_BYTES", in_memory)
    split = split_perceptron(network(material))
    assert split is not None
    front, _ = split
    passed: list[int] = []

    def counted(images: Any, training: bool) -> Any:
        passed.append(len(images))
        return front(images, training=training)

    monkeypatch.setattr(counted, "output_shape", front.output_shape, raising=False)
    pixels = material.pixels.array
    inputs = Shrunk(counted, Store(pixels))
    rows = np.array([5, 3, 5, 0])
    once, twice = inputs.take(rows), inputs.drawn(rows, 1)
    np.testing.assert_array_equal(once, twice)
    np.testing.assert_array_equal(once, np.asarray(front(pixels[rows])))
    assert sum(passed) == (3 if in_memory else 8)


def test_varied_images_are_computed_anew_and_only_for_training(material: Material) -> None:
    split = split_perceptron(network(material))
    assert split is not None
    pixels = Store(material.pixels.array, lambda images, _rows, epoch: images // (epoch + 2))
    inputs = Shrunk(split[0], pixels)
    rows = material.pictures(Part.TRAIN)[:3]
    plain = inputs.take(rows)
    first, second = inputs.drawn(rows, 0), inputs.drawn(rows, 1)
    assert np.all(first < plain)
    assert np.all(second < first)
    np.testing.assert_array_equal(inputs.take(rows), plain)
