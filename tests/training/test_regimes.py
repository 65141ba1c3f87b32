"""Every regime from material to a network and its predictions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.data.augmentation import augment
from benchmark.records import Epoch, Part, Picture, Regime, Silent
from benchmark.training import Fitted, Material, difference_bound, train

from .conftest import draw_pixels, largest_difference, make_material, make_spec

pytestmark = pytest.mark.slow


class Listener(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.epochs: list[Epoch] = []
        self.stages: list[str] = []
        self.units = 0

    def stage(self, name: str, total: int | None = None, unit: str = "") -> None:
        self.stages.append(name)

    def advance(self, count: int = 1) -> None:
        self.units += count

    def epoch(self, epoch: Epoch) -> None:
        self.epochs.append(epoch)


def assert_sound(fitted: Fitted, material: Material) -> None:
    for part, probabilities in ((Part.VAL, fitted.val), (Part.TEST, fitted.test)):
        assert probabilities.shape == (len(material.split.rows(part)), len(material.classes))
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    assert largest_difference(fitted, material) < difference_bound(fitted.engine)


def test_the_floor_gives_every_image_the_class_frequencies_of_train(material: Material) -> None:
    fitted = train(make_spec("prior", Regime.PRIOR), material, Silent())
    assert_sound(fitted, material)
    np.testing.assert_allclose(fitted.test, 0.5)


@pytest.mark.parametrize("arch", ["cnn", "mlp"])
def test_a_network_from_scratch_tells_dark_from_bright(arch: str, material: Material) -> None:
    listener = Listener()
    params = {"learning_rate": 0.01, "batch": 8, "dropout": 0.0, "dense_width": 16}
    spec = make_spec(arch, Regime.SCRATCH, params, epochs=25, patience=25)
    fitted = train(spec, material, listener)
    assert_sound(fitted, material)
    assert tuple(listener.epochs) == fitted.history
    assert np.mean(fitted.test.argmax(axis=1) == material.truth(Part.TEST)) == 1.0


@pytest.mark.parametrize(("arch", "side"), [("cnn", 32), ("mlp", 8)])
def test_a_network_that_shrinks_its_pictures_learns_from_small_ones_kept_once(
    arch: str, side: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    varied: list[tuple[int, ...]] = []

    def watched(images: Any, *given: Any) -> Any:
        varied.append(images.shape[1:])
        return augment(images, *given)

    monkeypatch.setattr("benchmark.training.passed_images.augment", watched)
    pixels = draw_pixels(tmp_path / "large", 40, 64)
    material = make_material(tmp_path, pixels=pixels, hashes=pixels.hashes)
    params = {"scales": "0.5", "augmentation": "ct", "batch": 8}
    for seed in (0, 1):
        spec = make_spec(
            arch, Regime.SCRATCH, params, seed=seed, picture=Picture(side_px=64), epochs=1
        )
        fitted = train(spec, material, Silent())
        assert_sound(fitted, material)
        assert fitted.seconds.decode > pixels.seconds
    assert set(varied) == {(side, side, 3)}
    assert [(each.kind, each.entries) for each in material.cache.usage()] == [("shrunk", 1)]


def test_a_frozen_backbone_sees_every_image_once(material: Material) -> None:
    first, second = Listener(), Listener()
    spec = make_spec("mobilenetv2", Regime.FROZEN)
    cold = train(spec, material, first)
    warm = train(make_spec("mobilenetv2", Regime.FROZEN, {"dropout": 0.5}), material, second)
    assert_sound(cold, material)
    assert first.units == len(material.pixels.array)
    assert second.units == 0
    assert cold.seconds.features == warm.seconds.features > 0
    assert warm.seconds.decode == 1.5


def test_the_best_epoch_is_what_is_predicted_with(material: Material) -> None:
    fitted = train(make_spec("mobilenetv2", Regime.FROZEN, epochs=6), material, Silent())
    best = min(epoch.metrics["val_loss"] for epoch in fitted.history)
    true = fitted.val[np.arange(8), material.truth(Part.VAL)]
    assert -np.log(true).mean() == pytest.approx(best, rel=1e-4)


@pytest.mark.parametrize(("arch", "regime"), [("cnn", "scratch"), ("mobilenetv2", "frozen")])
def test_the_same_spec_gives_the_same_bits(arch: str, regime: str, tmp_path: Path) -> None:
    params: dict[str, Any] = {"dropout": 0.4, "batch": 7}
    spec = make_spec(arch, Regime(regime), params)
    runs = [train(spec, make_material(tmp_path / each), Silent()) for each in ("a", "b")]
    np.testing.assert_array_equal(runs[0].val, runs[1].val)
    np.testing.assert_array_equal(runs[0].test, runs[1].test)
    assert runs[0].history == runs[1].history


def test_another_seed_gives_another_network(material: Material) -> None:
    runs = [
        train(make_spec("cnn", Regime.SCRATCH, seed=seed), material, Silent()) for seed in (0, 1)
    ]
    assert np.abs(runs[0].val - runs[1].val).max() > 1e-4


def test_what_the_listener_raises_ends_the_training(material: Material) -> None:
    class Pruner(Listener):
        def epoch(self, epoch: Epoch) -> None:
            raise StopIteration(f"enough after epoch {epoch.number}")

    with pytest.raises(StopIteration, match="enough after epoch 0"):
        train(make_spec("mobilenetv2", Regime.FROZEN), material, Pruner())
