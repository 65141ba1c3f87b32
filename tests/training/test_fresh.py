"""Fine-tuning on images that are varied afresh every epoch."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.records import Part, Regime, Silent
from benchmark.training import Fitted, Material, Trunk, check, train
from benchmark.training.inputs import Fresh
from benchmark.training.passed_images import variation
from benchmark.training.passes import Passes
from benchmark.zoo import ARCHITECTURES, split_backbone
from tests.close import assert_close

from .conftest import make_material, make_spec
from .test_regimes import Listener
from .test_stages import TUNED, Killed

FRESH: dict[str, Any] = {**TUNED, "augmentation": "rotation=10", "fresh_augmentation": True}


def test_fresh_augmentation_without_a_policy_is_refused_before_any_work() -> None:
    with pytest.raises(UsageError, match=r"needs a policy .* augmentation is 'none'"):
        check({"fresh_augmentation": True}, ARCHITECTURES["mobilenetv2"], Regime.FINETUNE)


@pytest.mark.parametrize(("arch", "regime"), [("mobilenetv2", "frozen"), ("cnn", "scratch")])
def test_fresh_augmentation_is_refused_where_there_is_no_second_stage(
    arch: str, regime: str
) -> None:
    values: dict[str, Any] = {"fresh_augmentation": True, "augmentation": "ct"}
    with pytest.raises(UsageError, match="has no parameter 'fresh_augmentation'"):
        check(values, ARCHITECTURES[arch], Regime(regime))


@pytest.mark.slow
@pytest.mark.parametrize("depth", ["end", "multi"])
def test_an_epoch_sees_what_the_trunk_gives_of_its_own_variation(
    depth: str, material: Material
) -> None:
    spec = make_spec("mobilenetv2", Regime.FINETUNE, {**FRESH, "feature_depth": depth})
    trunk = Trunk(spec, material)
    halves = split_backbone(trunk.backbone, "last-block", spec.params)
    passes = Passes(spec, material, Silent())
    inputs, _ = passes.at_cut(halves, passes.features(trunk.at), None)
    rows = np.array([4, 1, 7])
    first, again, second = (flat(inputs.drawn(rows, epoch)) for epoch in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - second).max(axis=1).min() > 1e-3 * np.abs(first).max()
    vary = variation(spec, material)
    assert vary is not None
    varied = vary(material.pixels.array[rows], rows, 0)
    direct = halves.trunk.predict_on_batch(varied)
    assert_close(flat(direct), first)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["tensorflow", "openvino-f32"])
def test_images_that_are_not_varied_give_the_activations_that_are_kept(
    engine: str, material: Material
) -> None:
    spec = make_spec("mobilenetv2", Regime.FINETUNE, {**FRESH, "feature_depth": "multi"})
    trunk = Trunk(spec, material)
    halves = split_backbone(trunk.backbone, "last-block", spec.params)
    passes = Passes(spec, material, Silent())
    inputs, _ = passes.at_cut(halves, passes.features(trunk.at), None)
    unvaried = Fresh(halves, engine, material.pixels.array, lambda *each: each[0], 8)
    rows = np.arange(5)
    kept, seen = flat(inputs.take(rows)), flat(unvaried.drawn(rows, 0))
    assert_close(seen, kept)


@pytest.mark.slow
def test_fine_tuning_on_fresh_variations_changes_behind_the_cut_and_nowhere_else(
    material: Material,
) -> None:
    listener = Listener()
    quick = {**FRESH, "finetune_learning_rate": 1e-3}
    fitted = train(make_spec("mobilenetv2", Regime.FINETUNE, quick), material, listener)
    drawn = {**quick, "fresh_augmentation": False}
    views = train(make_spec("mobilenetv2", Regime.FINETUNE, drawn), material, Silent())
    assert_scored(fitted, material)
    assert "varied" not in listener.stages
    assert "varied afresh every epoch" in fitted.warnings[0]
    assert np.abs(fitted.test - views.test).max() > 1e-6
    before = Trunk(make_spec("mobilenetv2", Regime.FROZEN), material).backbone.network
    changed = {
        layer.name
        for layer in before.layers
        for own, other in zip(
            layer.get_weights(), fitted.network.get_layer(layer.name).get_weights(), strict=True
        )
        if np.any(own != other)
    }
    assert "Conv_1" in changed
    assert not changed & {"Conv1", "block_1_expand", "block_12_expand", "Conv_1_bn"}


@pytest.mark.slow
def test_a_killed_fine_tuning_on_fresh_variations_ends_as_if_it_had_not_been(
    tmp_path: Path,
) -> None:
    spec = make_spec("mobilenetv2", Regime.FINETUNE, {**FRESH, "dropout": 0.3})
    whole = train(spec, make_material(tmp_path / "whole"), Silent())
    material = make_material(tmp_path / "cut", scratch=tmp_path / "kept")
    with pytest.raises(KeyboardInterrupt):
        train(spec, material, Killed("finetune", 4))
    resumed = train(spec, material, Silent())
    np.testing.assert_array_equal(resumed.test, whole.test)
    assert resumed.history == whole.history


def assert_scored(fitted: Fitted, material: Material) -> None:
    """Hold the network to what is said of it."""
    pictures = material.pixels.array[material.pictures(Part.VAL)]
    assert_close(fitted.network.predict_on_batch(pictures), fitted.val)


def flat(batch: Any) -> Any:
    """Return a row an image of whatever a tail reads."""
    parts = batch if isinstance(batch, list) else [batch]
    return np.concatenate([np.asarray(each).reshape(len(each), -1) for each in parts], axis=1)
