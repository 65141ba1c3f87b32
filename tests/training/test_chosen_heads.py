"""Runs with a convex head: chosen, fitted, deployed, and repeated."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.records import Part, Picture, Regime, Silent, Spec
from benchmark.training import Material, train

from .conftest import draw_pixels, make_material, make_spec
from .test_regimes import Listener, assert_sound

pytestmark = pytest.mark.slow

SIDE = 64
CHOSEN: dict[str, Any] = {
    "head": "logistic",
    "scales": "0.5/1/0.5+1",
    "augmentation": "none/ct",
    "feature_depth": "end",
    "views": 1,
}


@pytest.fixture
def wide(tmp_path: Path) -> Material:
    return make_material(tmp_path, pixels=draw_pixels(tmp_path / "wide", 40, SIDE))


def spec_of(regime: Regime, params: dict[str, Any], **more: Any) -> Spec:
    return make_spec("mobilenetv2", regime, params, picture=Picture(side_px=SIDE), **more)


def test_a_head_is_chosen_over_shares_of_the_side_that_are_passed_once_each(wide: Material) -> None:
    listener, again = Listener(), Listener()
    spec = spec_of(Regime.FROZEN, CHOSEN)
    fitted = train(spec, wide, listener)
    assert_sound(fitted, wide)
    assert listener.stages == ["features", "features", "views", "views", "choose", "head"]
    (epoch,) = fitted.history
    assert {"train_loss", "train_accuracy", "val_loss", "val_macro_f1"} <= set(epoch.metrics)
    assert tuple(listener.epochs) == fitted.history
    assert len(fitted.tried) == 6
    assert fitted.params is not None
    assert np.mean(fitted.test.argmax(axis=1) == wide.truth(Part.TEST)) > 0.7

    repeated = train(replace(spec, params=fitted.params), wide, again)
    assert (repeated.params, repeated.tried) == (None, ())
    assert not {"features", "views", "choose"} & set(again.stages)
    np.testing.assert_array_equal(repeated.test, fitted.test)


@pytest.mark.parametrize("scales", ["0.5+1", "0.5"])
def test_the_network_sees_the_scales_that_its_features_have(scales: str, wide: Material) -> None:
    spec = spec_of(Regime.FROZEN, {**CHOSEN, "scales": scales, "augmentation": "none", "views": 0})
    fitted = train(spec, wide, Silent())
    assert_sound(fitted, wide)
    assert len(fitted.tried) == 1  # its penalty alone


def test_fine_tuning_begins_at_the_head_that_was_chosen_at_a_share_of_the_side(
    wide: Material,
) -> None:
    params = {"head": "logistic", "scales": "0.5", "feature_depth": "end/multi", "batch": 8}
    fitted = train(spec_of(Regime.FINETUNE, params, epochs=1), wide, Silent())
    assert_sound(fitted, wide)
    assert [epoch.stage for epoch in fitted.history] == ["head", "finetune"]
    assert fitted.params is not None
    assert fitted.params["feature_depth"] in ("end", "multi")
    assert len(fitted.tried) == 2
