"""What is kept of passes over images: found again, also where an older version wrote it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from benchmark.records import Regime, Silent
from benchmark.training import Material, kept_features, passes, pretrained_features
from benchmark.training.engines import FeatureEngine
from benchmark.zoo import Block

from .conftest import SIDE, draw_pixels, make_spec


def keep(material: Material, matrix: npt.NDArray[np.float32]) -> None:
    def build(folder: Path) -> None:
        np.save(folder / "features.npy", matrix)
        facts = {"blocks": [], "seconds": 1.0, "engine": "tensorflow", "probe": {}}
        (folder / "facts.json").write_text(json.dumps(facts))

    material.cache.entry("features", "some-key", build)
    kept_features.remember(material, "some-key")


def test_features_of_a_pretrained_network_are_found_by_their_pixels(material: Material) -> None:
    assert pretrained_features(material.cache, material.pixels) is None
    matrix = np.arange(6, dtype=np.float32).reshape(3, 2)
    keep(material, matrix)
    found = pretrained_features(material.cache, material.pixels)
    assert found is not None
    np.testing.assert_array_equal(found, matrix)


def test_features_that_were_cleared_are_not_found(material: Material) -> None:
    keep(material, np.zeros((3, 2), np.float32))
    material.cache.clear("features")
    assert pretrained_features(material.cache, material.pixels) is None


def test_features_of_other_pixels_are_not_found(material: Material, tmp_path: Path) -> None:
    keep(material, np.zeros((3, 2), np.float32))
    others = draw_pixels(tmp_path / "others", 4, SIDE)
    assert pretrained_features(material.cache, others) is None


def test_views_that_an_older_version_kept_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "views.npy", np.ones((3, 2), np.float32))
    np.save(tmp_path / "seconds.npy", np.array(2.5))
    found = kept_features.read_kept(tmp_path, "views")
    assert (found.matrix.shape, found.seconds) == ((3, 2), 2.5)


def test_activations_that_an_older_version_kept_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "activations.npy", np.ones((3, 8), np.float32))
    (tmp_path / "story.json").write_text('{"seconds": 2.5, "engine": "openvino-f32"}')
    found = kept_features.read_kept(tmp_path, "activations")
    assert (found.matrix.shape, found.seconds, found.engine) == ((3, 8), 2.5, "openvino-f32")


def test_what_one_side_took_is_known_at_the_next(
    material: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[str] = []
    engine = FeatureEngine(
        name="openvino-f32", run=lambda images: np.ones((len(images), 2), np.float32), batch=8
    )

    def choose(*_: Any, **how: Any) -> FeatureEngine:
        known.append(how["known"])
        return engine

    network = SimpleNamespace(output_shape=(None, 2))
    seen = SimpleNamespace(layout=(Block(tap="end", pooling="avg", start=0, stop=2),))
    monkeypatch.setattr(passes, "choose_engine", choose)
    monkeypatch.setattr(passes, "build_extractor", lambda _: network)
    spec = make_spec("mobilenetv2", Regime.FROZEN, {"head": "logistic", "scales": "0.5/1"})
    for _ in range(2):  # the second time both sides are found
        passes.Passes(spec, material, Silent()).features(lambda _: cast("Any", seen))
    assert known == ["", "openvino-f32"]
