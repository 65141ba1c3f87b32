"""Which format a network is trained in, and that it is saved in float32."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.records import Part, Regime, Silent
from benchmark.training import Material, check, this_device, train
from benchmark.training.engines import Device
from benchmark.training.keras_trainee import (
    KerasTrainee,
    compiles_by_xla,
    compute_in,
    number_format,
)
from benchmark.training.loop_settings import read_settings
from benchmark.zoo import ARCHITECTURES
from tests.close import assert_close

from .conftest import CLASSES, make_material, make_spec
from .test_stages import Killed


@pytest.mark.parametrize(
    ("name", "capability", "expected"),
    [
        ("cpu", (0, 0), "float32"),
        ("gpu:0", (0, 0), "float32"),
        ("gpu:0", (6, 1), "float32"),
        ("gpu:0", (7, 0), "float16"),
        ("gpu:0", (7, 5), "float16"),
        ("gpu:0", (8, 0), "bfloat16"),
        ("gpu:0", (9, 0), "bfloat16"),
        ("gpu:0", (12, 0), "bfloat16"),
    ],
)
def test_auto_takes_the_shortest_format_that_a_device_is_quick_at(
    name: str, capability: tuple[int, int], expected: str
) -> None:
    assert number_format("auto", Device(name=name, capability=capability)) == expected


@pytest.mark.parametrize("asked", ["float32", "bfloat16", "float16"])
def test_a_format_that_is_asked_for_is_taken_on_any_device(asked: str) -> None:
    assert number_format(asked, Device()) == asked
    assert number_format(asked, Device(name="gpu:0", capability=(9, 0))) == asked


def test_a_format_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match="precision must be one of auto, float32, bfloat16"):
        check({"precision": "int8"}, ARCHITECTURES["cnn"], Regime.SCRATCH)


def test_xla_is_left_out_where_it_was_measured_slower() -> None:
    assert [compiles_by_xla(backend) for backend in ("tensorflow", "jax")] == [False, True]


@pytest.mark.slow
def test_a_processor_trains_in_float32_unless_told_otherwise() -> None:
    assert number_format("auto", this_device()) == "float32"


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["bfloat16", "float16"])
@pytest.mark.parametrize(
    ("arch", "regime"), [("cnn", "scratch"), ("mlp", "scratch"), ("mobilenetv2", "finetune")]
)
def test_a_network_trained_in_a_short_format_learns_and_scores_in_float32(
    arch: str, regime: str, asked: str, material: Material, tmp_path: Path
) -> None:
    import keras

    params = {"batch": 8, "precision": asked, "learning_rate": 0.01, "dropout": 0.0}
    spec = make_spec(arch, Regime(regime), params, epochs=6, patience=6)
    fitted = train(spec, material, Silent())
    assert fitted.facts["precision"] == asked
    fitted.network.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert {layer.dtype_policy.name for layer in loaded.layers} == {"float32"}
    assert {str(each.dtype) for each in loaded.weights} <= {"float32", "uint32", "int64"}
    pictures = material.pixels.array[material.pictures(Part.VAL)]
    assert_close(loaded.predict_on_batch(pictures), fitted.val)


@pytest.mark.slow
def test_a_training_killed_in_one_format_begins_anew_in_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_spec("cnn", Regime.SCRATCH, {"batch": 8})
    material = make_material(tmp_path, scratch=tmp_path / "kept")
    place = "benchmark.training.keras_trainee.this_device"
    monkeypatch.setattr(place, lambda: Device(name="gpu:0", capability=(7, 5)))
    with pytest.raises(KeyboardInterrupt):
        train(spec, material, Killed("scratch", 1))
    assert [each.name for each in (tmp_path / "kept").iterdir()] == [
        f"{spec.digest[:16]}-scratch-float16.npz"
    ]
    monkeypatch.setattr(place, Device)
    resumed = train(spec, material, Silent())
    assert [each.number for each in resumed.history] == [0, 1, 2]
    assert resumed.facts["precision"] == "float32"


@pytest.mark.slow
def test_a_short_format_ends_near_float32_and_not_on_it(material: Material) -> None:
    found = {}
    for each in ("float32", "bfloat16"):
        spec = make_spec("cnn", Regime.SCRATCH, {"batch": 8, "precision": each})
        found[each] = train(spec, material, Silent()).val
    difference = np.abs(found["float32"] - found["bfloat16"]).max()
    assert 1e-7 < difference < 0.05


@pytest.mark.slow
def test_logits_softmax_and_a_head_stay_float32() -> None:
    network = small_network()
    compute_in(network, "bfloat16")
    formats = {layer.name: layer.compute_dtype for layer in network.layers}
    assert formats["conv"] == formats["flatten"] == "bfloat16"
    assert formats["logits"] == formats["probabilities"] == formats["input"] == "float32"
    assert {layer.variable_dtype for layer in network.layers} == {"float32"}
    compute_in(network, "float32")
    assert {layer.dtype_policy.name for layer in network.layers} == {"float32"}


@pytest.mark.slow
def test_float16_scales_the_loss_and_follows_the_schedule() -> None:
    import keras

    labels = np.arange(4) % 2
    settings = read_settings(make_spec("cnn", Regime.SCRATCH), CLASSES, labels)
    trainee = KerasTrainee(small_network(), settings, number_format="float16")
    images = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    assert isinstance(trainee.network.optimizer, keras.optimizers.LossScaleOptimizer)
    before = trainee.state()
    step = trainee.step(images, labels, learning_rate=0.5)
    assert np.isfinite(step.loss)
    assert float(trainee.network.optimizer.inner_optimizer.learning_rate) == 0.5
    after = trainee.state()
    trainee.take_state(before)
    for kept, own in zip(before, trainee.state(), strict=True):
        np.testing.assert_array_equal(kept, own)
    assert len(before) == len(after)


def small_network() -> Any:
    import keras

    pixels = keras.Input((8, 8, 3), name="input")
    signal = keras.layers.Conv2D(4, 3, name="conv")(pixels)
    signal = keras.layers.Flatten(name="flatten")(signal)
    signal = keras.layers.Dense(2, name="logits")(signal)
    signal = keras.layers.Activation("softmax", name="probabilities", dtype="float32")(signal)
    return keras.Model(pixels, signal)
