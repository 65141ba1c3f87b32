"""Light versions: registered beside the full one, without TensorFlow and Keras."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.errors import PromotionError
from benchmark.evaluation import tempered
from benchmark.records import Predictions, Record
from benchmark.serving import check_maker
from benchmark.tracking import Registration, Tracker, Version
from benchmark.tracking import registry as room
from benchmark.tracking.pulling import kept_version
from benchmark.training import write_openvino
from benchmark.zoo import with_temperature

from .conftest import SPEC, UNIFORM, Bench, promotion_of

pytestmark = pytest.mark.slow


def light_of(recorded: Predictions, alias: str = "champion-light") -> Registration:
    return replace(promotion_of(recorded), alias=alias)


def test_a_light_version_says_the_same_without_tensorflow_and_keras(
    bench: Bench,
    finished: Callable[..., Record],
    network: Path,
    check: Predictions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import keras

    with_temperature(keras.saving.load_model(network), 2.0).save(bench.folder / "network.keras")
    check = replace(check, probabilities=tempered(check.probabilities, 2.0))
    tracker = bench.open()
    record = finished(tracker, SPEC, bench.folder / "network.keras")
    with monkeypatch.context() as patch:
        patch.setattr(room, "reload_and_predict", lambda *_: check.probabilities)
        full = tracker.registry.register(record, promotion_of(check))
    light = tracker.register_light(record, light_of(check), write_openvino)
    assert (light.uri, light.version) == ("models:/phantom@champion-light", "2")
    assert (light.run_id, light.tags["flavour"]) == (full.run_id, "openvino")
    assert light.difference < 1e-5
    folder = kept_version(tracker._store, "phantom", light.version).fetch(tracker._store)
    assert check_maker(folder).startswith("scan_model_")
    files = sorted(path.name for path in (folder / "data/model").iterdir())
    assert files == ["model.bin", "model.json", "model.xml"]
    assert tracker.registry.find("phantom", "champion") == full


def convert(network: Path, into: Path) -> None:
    """Leave what stands for a light network."""
    (into / "model.xml").write_text("<net/>")
    (into / "model.bin").write_bytes(network.read_bytes())


class Crowned:
    """A store with a champion and its light version, nothing being loaded."""

    def __init__(self, tracker: Tracker, first: Record, second: Record) -> None:
        self.tracker, self.first, self.second = tracker, first, second
        tracker.registry.register(first, promotion_of(UNIFORM))
        self.light = tracker.register_light(first, light_of(UNIFORM), convert)

    def find(self, alias: str) -> Version | None:
        """Return the version that has an alias."""
        return self.tracker.registry.find("phantom", alias)


@pytest.fixture
def crowned(
    bench: Bench, finished: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> Crowned:
    tracker = bench.open()
    monkeypatch.setattr(room, "reload_and_predict", lambda *_: UNIFORM.probabilities)
    return Crowned(tracker, finished(tracker), finished(tracker, replace(SPEC, seed=2)))


def test_a_light_version_is_made_once(crowned: Crowned) -> None:
    again = crowned.tracker.register_light(crowned.first, light_of(UNIFORM), convert)
    assert again == crowned.light


def test_no_light_version_outlives_its_champion(crowned: Crowned) -> None:
    crowned.tracker.registry.register(crowned.second, promotion_of(UNIFORM))
    assert crowned.find("champion-light") is None
    new = crowned.tracker.register_light(crowned.second, light_of(UNIFORM), convert)
    assert crowned.find("champion-light") == new


def test_a_champion_that_is_removed_takes_its_light_alias_along(crowned: Crowned) -> None:
    registry = crowned.tracker.registry
    full = crowned.find("champion")
    assert full is not None
    registry.remove(full)
    assert crowned.find("champion-light") is None
    assert [each.version for each in registry.versions("phantom")] == [crowned.light.version]


def test_a_candidate_leaves_the_champion_its_light_version(crowned: Crowned) -> None:
    candidate = replace(promotion_of(UNIFORM), alias="candidate")
    crowned.tracker.registry.register(crowned.second, candidate)
    assert crowned.find("champion-light") == crowned.light


def test_a_light_network_that_says_something_else_gets_no_alias(
    crowned: Crowned, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "reload_and_predict", lambda *_: UNIFORM.probabilities + 1e-3)
    with pytest.raises(PromotionError, match="is not made candidate-light: its probabilities may"):
        crowned.tracker.register_light(
            crowned.second, light_of(UNIFORM, "candidate-light"), convert
        )
    assert crowned.find("candidate-light") is None
