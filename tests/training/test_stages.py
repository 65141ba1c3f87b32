"""Fine-tuning, views and what survives a kill."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.cache import Cache
from benchmark.records import Epoch, Regime, Silent
from benchmark.training import Material, train
from benchmark.training.inputs import AtCut, Views
from tests.close import assert_close

from .conftest import largest_difference, make_material, make_spec
from .test_regimes import Listener, assert_sound

pytestmark = pytest.mark.slow

# Noise seen by a backbone without weights: only what is seen in training is sure to improve.
SURE: dict[str, Any] = {"monitor": "train_loss", "batch": 8, "learning_rate": 0.01, "dropout": 0.0}
TUNED: dict[str, Any] = {**SURE, "finetune_learning_rate": 1e-4, "warmup_epochs": 0}


def test_a_fine_tuned_network_changes_behind_the_cut_and_nowhere_else(material: Material) -> None:
    frozen = train(make_spec("mobilenetv2", Regime.FROZEN, SURE), material, Silent())
    tuned = train(make_spec("mobilenetv2", Regime.FINETUNE, TUNED), material, Silent())
    assert_sound(tuned, material)
    before = {layer.name: layer.get_weights() for layer in frozen.network.layers}
    changed = [
        layer.name
        for layer in tuned.network.layers
        if any(np.any(a != b) for a, b in zip(layer.get_weights(), before[layer.name], strict=True))
    ]
    assert "Conv_1" in changed
    assert "block_1_expand" not in changed
    assert "Conv_1_bn" not in changed


def test_the_history_shows_both_stages_in_one_count(material: Material) -> None:
    fitted = train(make_spec("mobilenetv2", Regime.FINETUNE, TUNED), material, Silent())
    assert [epoch.stage for epoch in fitted.history] == ["head"] * 3 + ["finetune"] * 3
    assert [epoch.number for epoch in fitted.history] == list(range(6))


def test_fine_tuning_that_only_harms_leaves_the_first_stage(material: Material) -> None:
    ruinous = {**TUNED, "finetune_learning_rate": 10.0}
    tuned = train(make_spec("mobilenetv2", Regime.FINETUNE, ruinous, epochs=9), material, Silent())
    frozen = train(make_spec("mobilenetv2", Regime.FROZEN, SURE, epochs=9), material, Silent())
    assert_close(tuned.val, frozen.val)


class Killed(Listener):
    """Ends the training when it is told of an epoch of a stage."""

    def __init__(self, stage: str, number: int) -> None:
        super().__init__()
        self._last = (stage, number)

    def epoch(self, epoch: Epoch) -> None:
        super().epoch(epoch)
        if (epoch.stage, epoch.number) == self._last:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("arch", "regime", "stage", "number"),
    [
        ("mobilenetv2", "finetune", "finetune", 4),
        ("cnn", "scratch", "scratch", 1),
        ("mlp", "scratch", "scratch", 1),
    ],
)
def test_a_killed_training_goes_on_and_ends_as_if_it_had_not_been(
    arch: str, regime: str, stage: str, number: int, tmp_path: Path
) -> None:
    params = {**(TUNED if regime == "finetune" else {"batch": 7}), "dropout": 0.3}
    spec = make_spec(arch, Regime(regime), params)
    whole = train(spec, make_material(tmp_path / "whole"), Silent())
    material = make_material(tmp_path / "cut", scratch=tmp_path / "kept")
    with pytest.raises(KeyboardInterrupt):
        train(spec, material, Killed(stage, number))
    listener = Listener()
    resumed = train(spec, material, listener)
    assert next(each.number for each in listener.epochs if each.stage == stage) == number + 1
    np.testing.assert_array_equal(resumed.test, whole.test)
    assert resumed.history == whole.history
    assert not list((tmp_path / "kept").iterdir())


def test_views_are_computed_once_and_change_what_is_learnt(material: Material) -> None:
    params = {"augmentation": "ct", "views": 2, "batch": 8}
    first, second = Listener(), Listener()
    fitted = train(make_spec("mobilenetv2", Regime.FROZEN, params), material, first)
    again = train(make_spec("mobilenetv2", Regime.FROZEN, params), material, second)
    plain = train(make_spec("mobilenetv2", Regime.FROZEN, {"batch": 8}), material, Silent())
    assert first.units == len(material.pixels.array) + 2 * len(material.split.train)
    assert second.units == 0
    np.testing.assert_array_equal(fitted.test, again.test)
    assert np.abs(fitted.test - plain.test).max() > 1e-6


def test_augmentation_without_a_number_of_views_gets_four_and_says_so(material: Material) -> None:
    spec = make_spec("mobilenetv2", Regime.FROZEN, {"augmentation": "ct", "batch": 8})
    unstated = replace(spec, params=spec.params.having(views=0))
    for each in (spec, unstated):
        listener = Listener()
        fitted = train(
            each, replace(material, cache=Cache(material.cache.folder / "own")), listener
        )
        assert "augmentation gives 4 views" in fitted.warnings[0]
    assert listener.stages.count("views") == 0
    assert spec.params["views"] == 4


def test_views_without_augmentation_are_said_to_change_nothing(material: Material) -> None:
    fitted = train(make_spec("mobilenetv2", Regime.FROZEN, {"views": 2}), material, Silent())
    assert "views=2 changed nothing" in fitted.warnings[0]


@pytest.mark.parametrize("depth", ["end", "multi"])
def test_fine_tuning_learns_from_views_at_the_cut_computed_once(
    depth: str, material: Material
) -> None:
    params = {**TUNED, "augmentation": "ct", "views": 2, "feature_depth": depth}
    first, second = Listener(), Listener()
    fitted = train(make_spec("mobilenetv2", Regime.FINETUNE, params), material, first)
    again = train(make_spec("mobilenetv2", Regime.FINETUNE, params), material, second)
    assert_sound(fitted, material)
    images = len(material.pixels.array) + 2 * len(material.split.train)
    assert first.units == 2 * images
    assert second.units == 0
    np.testing.assert_array_equal(fitted.test, again.test)


def test_the_second_stage_sees_the_views_that_an_epoch_draws() -> None:
    own = np.arange(3, dtype=np.float32)
    matrix = np.stack([own, own], axis=1)
    maps = own[:, None]
    views = Views(matrix=matrix[:2] + 100, count=1, places=np.array([0, 1, -1]), seed=0)
    at_cut = AtCut([(1, 1, 1)], maps, matrix, np.array([1]), views, maps[:2] + 100)
    rows = np.array([1, 0])
    seen = set()
    for epoch in range(20):
        activations, early = at_cut.drawn(rows, epoch)
        np.testing.assert_array_equal(activations[:, 0, 0], early)
        seen |= set(early[:, 0].tolist())
    assert seen == {0.0, 1.0, 100.0, 101.0}
    np.testing.assert_array_equal(at_cut.take(rows)[1], [[1.0], [0.0]])


def test_augmentation_varies_what_a_network_from_scratch_learns_from(material: Material) -> None:
    varied = train(make_spec("cnn", Regime.SCRATCH, {"augmentation": "ct"}), material, Silent())
    plain = train(make_spec("cnn", Regime.SCRATCH), material, Silent())
    assert_sound(varied, material)
    assert np.abs(varied.test - plain.test).max() > 1e-6


def test_a_network_that_is_not_the_one_that_was_scored_is_noticed(material: Material) -> None:
    spec = make_spec("cnn", Regime.SCRATCH)
    fitted = train(spec, material, Silent())
    weights = [each + 0.1 for each in fitted.network.get_weights()]
    fitted.network.set_weights(weights)
    assert largest_difference(fitted, material) > 1e-3
