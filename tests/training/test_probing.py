"""Who computes the features, and when it is not to be trusted."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.training import probing
from benchmark.training.engines import FeatureEngine, keras_engine
from benchmark.training.probing import choose_engine
from tests.close import assert_close

from .conftest import EXTRACTOR_SIDE as SIDE

pytestmark = pytest.mark.slow


@pytest.fixture
def images() -> Any:
    return np.random.default_rng(0).integers(0, 256, (24, SIDE, SIDE, 3), dtype=np.uint8)


LABELS = np.arange(24) % 2


def test_the_reference_gives_what_keras_predicts(extractor: Any, images: Any) -> None:
    expected = extractor.predict_on_batch(images)
    assert_close(keras_engine(extractor).run(images), expected, 1e-4)


def test_an_engine_that_agrees_and_is_quicker_is_taken(
    extractor: Any, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "precisions", lambda: ("f32",))
    slow = probing.Probe(
        images=images, labels=LABELS, features=keras_engine(extractor).run(images), per_second=1e-3
    )
    monkeypatch.setattr(probing, "_probe", lambda *_: slow)
    chosen = choose_engine(extractor, "auto", images, LABELS, 10_000)
    assert chosen.name == "openvino-f32"
    assert "least cosine 1.0000" in chosen.facts["openvino-f32_agreement"]
    assert_close(chosen.run(images), slow.features, 1e-4)


def test_an_engine_that_disagrees_is_not_taken_however_quick(
    extractor: Any, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = np.random.default_rng(1).random((24, 4)).astype(np.float32)
    slow = probing.Probe(images=images, labels=LABELS, features=other, per_second=1e-3)
    monkeypatch.setattr(probing, "_probe", lambda *_: slow)
    chosen = choose_engine(extractor, "auto", images, LABELS, 10_000)
    assert chosen.name == "tensorflow"
    assert "openvino-f32_agreement" in chosen.facts


def test_a_few_images_are_not_worth_converting_a_network_for(extractor: Any, images: Any) -> None:
    chosen = choose_engine(extractor, "auto", images, LABELS, 24)
    assert chosen.name == "tensorflow"
    assert "openvino_convert_seconds" not in chosen.facts


@pytest.mark.parametrize(("operations", "converts"), [(100, True), (9_000, False)])
def test_a_large_network_is_converted_for_more_images_only(
    operations: int, converts: bool, extractor: Any, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = keras_engine(extractor).run(images)
    probe = probing.Probe(images=images, labels=LABELS, features=features, per_second=10.0)
    monkeypatch.setattr(probing, "_probe", lambda *_: probe)
    graph = SimpleNamespace(get_operations=lambda: [None] * operations)
    function = SimpleNamespace(get_concrete_function=lambda: SimpleNamespace(graph=graph))
    reference = FeatureEngine(name="tensorflow", run=lambda _: features, batch=8, graph=function)
    monkeypatch.setattr(probing, "keras_engine", lambda _: reference)
    monkeypatch.setattr(probing, "convert", lambda _: None)
    monkeypatch.setattr(probing, "precisions", lambda: ())
    chosen = choose_engine(extractor, "auto", images, LABELS, 100)  # 10 s by the reference
    assert ("openvino_convert_seconds" in chosen.facts) == converts


@pytest.mark.parametrize("wanted", ["auto", "openvino"])
@pytest.mark.parametrize("count", [1, 8, 9])
def test_a_handful_of_images_is_enough_to_choose_by(
    extractor: Any, images: Any, wanted: str, count: int
) -> None:
    chosen = choose_engine(extractor, wanted, images[:count], LABELS[:count], count)
    expected = extractor.predict_on_batch(images[:count])
    assert_close(chosen.run(images[:count]), expected, 3e-2)  # bf16 where there is any


def test_an_engine_that_is_not_installed_is_named(
    extractor: Any, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert choose_engine(extractor, "auto", images, LABELS, 10_000).name == "tensorflow"
    with pytest.raises(UsageError, match="the package openvino is not installed"):
        choose_engine(extractor, "openvino", images, LABELS, 10_000)


def test_float32_alone_can_be_asked_for(
    extractor: Any, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "precisions", lambda: pytest.fail("bf16 is not to be tried"))
    features = keras_engine(extractor).run(images)
    slow = probing.Probe(images=images, labels=LABELS, features=features, per_second=1e-3)
    monkeypatch.setattr(probing, "_probe", lambda *_: slow)
    assert choose_engine(extractor, "openvino-f32", images, LABELS, 24).name == "openvino-f32"


def test_an_engine_taken_at_another_side_is_taken_again_without_trying_others(
    extractor: Any, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "precisions", lambda: ("bf16", "f32"))
    monkeypatch.setattr(probing, "_probe", lambda *_: pytest.fail("nothing is to be timed"))
    chosen = choose_engine(extractor, "auto", images, LABELS, 24, known="openvino-f32")
    assert chosen.name == "openvino-f32"
    assert list(chosen.facts) == ["openvino-f32_agreement"]
    assert "16 images" in chosen.facts["openvino-f32_agreement"]


def test_an_engine_taken_at_another_side_is_tried_like_any_where_it_disagrees(
    extractor: Any, images: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = FeatureEngine(
        name="openvino-f32", run=lambda some: np.ones((len(some), 4), np.float32), batch=8
    )
    monkeypatch.setattr(probing, "openvino_engine", lambda *_: wrong)
    monkeypatch.setattr(probing, "precisions", lambda: ("f32",))
    width = extractor.output_shape[-1]
    assert width == 4
    chosen = choose_engine(extractor, "auto", images, LABELS, 10_000, known="openvino-f32")
    assert chosen.name == "tensorflow"
