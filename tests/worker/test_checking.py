"""A finished network against the board that it made, and what is done where they differ."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmark.records import Regime, Seconds, Silent
from benchmark.training import Fitted, Material
from benchmark.worker import checking
from benchmark.worker.checking import train_checked
from tests.training.conftest import make_material, make_spec

SPEC = make_spec("mobilenetv2", Regime.FROZEN)
OWN = 0.5


@pytest.fixture
def material(tmp_path: Path) -> Material:
    return make_material(tmp_path)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a training give probabilities that are `off` from the network's own by OpenVINO."""
    asked: list[str | None] = []
    found = SimpleNamespace(off=0.0, name="openvino-f32", asked=asked, true={"tensorflow"})

    def train(
        _spec: Any, material: Material, _progress: Any, *, trunk: Any, engine: Any = None
    ) -> Fitted:
        asked.append(engine)
        off = 0.0 if engine in found.true else found.off
        val, test = (
            np.full((len(rows), 2), OWN + off) for rows in (material.split.val, material.split.test)
        )
        return Fitted(
            network=None,
            history=(),
            val=val,
            test=test,
            seconds=Seconds(),
            engine=engine or found.name,
            warnings=("it was warm.",),
        )

    def verify(_network: Any, images: Any) -> Any:
        return SimpleNamespace(probabilities=np.full((len(images), 2), OWN), milliseconds=1.0)

    monkeypatch.setattr(checking, "train", train)
    monkeypatch.setattr(checking, "verify", verify)
    return found


def test_a_network_far_from_its_board_is_computed_again_with_the_reference(
    trained: Any, material: Material
) -> None:
    trained.off = 0.01
    fitted, checked = train_checked(SPEC, material, Silent())
    assert trained.asked == [None, "tensorflow"]
    assert fitted.engine == "tensorflow"
    assert checked.difference == 0.0
    kept, note = fitted.warnings
    assert kept == "it was warm."
    assert note == (
        "probabilities from openvino-f32's features were 0.01 from the network's own, above "
        "0.001: everything was computed again with tensorflow."
    )


@pytest.mark.parametrize(
    ("true", "asked"),
    [
        ({"openvino-f32", "tensorflow"}, [None, "openvino-f32"]),
        ({"tensorflow"}, [None, "openvino-f32", "tensorflow"]),
    ],
)
def test_bf16_that_is_too_far_is_computed_again_in_f32_first(
    true: set[str], asked: list[str | None], trained: Any, material: Material
) -> None:
    trained.off, trained.name, trained.true = 0.03, "openvino-bf16", true
    fitted, checked = train_checked(SPEC, material, Silent())
    assert trained.asked == asked
    assert fitted.engine == asked[-1]
    assert checked.difference == 0.0
    assert [note.split()[-1] for note in fitted.warnings[1:]] == [f"{each}." for each in asked[1:]]


@pytest.mark.parametrize(
    ("name", "off"), [("openvino-f32", 1e-4), ("openvino-bf16", 0.01), ("none", 0.3)]
)
def test_a_network_within_its_engines_bound_is_kept(
    name: str, off: float, trained: Any, material: Material
) -> None:
    trained.name, trained.off = name, off
    fitted, checked = train_checked(SPEC, material, Silent())
    assert trained.asked == [None]
    assert fitted.warnings == ("it was warm.",)
    assert checked.difference == pytest.approx(off)


def test_validation_and_test_are_both_asked_of_the_network(
    trained: Any, material: Material
) -> None:
    _, checked = train_checked(SPEC, material, Silent())
    assert set(checked.rows) == {*material.split.val, *material.split.test}
    assert len(trained.asked) == 1
