"""The best frozen network trained further, with its head, its scales and its features."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.metrics import log_loss
from benchmark.records import Part, Picture, Regime, Silent, Spec
from benchmark.training import Fitted, Material, Member, answer_out_of_fold, check, train
from benchmark.training.finetuning import further
from benchmark.zoo import ARCHITECTURES, FINETUNED

from .conftest import draw_pixels, largest_difference, make_material, make_spec

FURTHER: dict[str, Any] = {"finetune_learning_rate": 1e-3}


def frozen(**params: Any) -> Spec:
    return make_spec("mobilenetv2", Regime.FROZEN, params)


def composite(**more: Any) -> Spec:
    return make_spec(FINETUNED, Regime.COMPOSITE, FURTHER, **more)


def beginning(spec: Spec, folder: Path) -> Member:
    nothing: Any = None  # its network and predictions are not read
    return Member(
        digest=spec.digest,
        arch=spec.arch,
        network=folder,
        predictions=nothing,
        spec=spec,
        asked=spec,
    )


def test_it_has_the_parameters_of_what_it_begins_from_and_those_of_what_is_trained_further() -> (
    None
):
    begun = replace(frozen(pooling="max"), rank_on="cv:4")
    found = further(composite(epochs=7, patience=2), begun)
    assert (found.regime, found.epochs, found.patience) == (Regime.FINETUNE, 7, 2)
    assert (found.params["pooling"], found.params["finetune_learning_rate"]) == ("max", 1e-3)
    check(
        {
            **found.params,
        },
        ARCHITECTURES["mobilenetv2"],
        Regime.FINETUNE,
    )


def test_without_a_network_to_begin_from_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="finetuned needs a finished frozen network"):
        train(composite(), make_material(tmp_path), Silent())


@pytest.mark.slow
def test_it_ends_no_worse_than_the_frozen_network_and_is_another(tmp_path: Path) -> None:
    begun = replace(frozen(scales="0.5+1"), picture=Picture(side_px=64))
    material = make_material(tmp_path, pixels=draw_pixels(tmp_path / "wide", 40, 64))
    before = train(begun, material, Silent())
    after = train(composite(), _from(begun, material), Silent())
    assert _loss(after, material) <= _loss(before, material) + 1e-6
    assert np.abs(after.test - before.test).max() > 1e-6
    assert largest_difference(after, material) < 1e-3
    assert after.facts["members"] == "mobilenetv2"
    assert after.facts["cut"] == "last-block"


@pytest.mark.slow
def test_out_of_fold_it_begins_anew_in_every_fold_from_what_is_chosen_there(
    material: Material,
) -> None:
    seen: list[tuple[int, ...]] = []

    def choose(fold: Material) -> Spec:
        seen.append(tuple(fold.split.test.tolist()))
        return frozen(pooling="max")

    given = _from(frozen(), material)
    spec = composite(rank_on="cv:2", epochs=1)
    found = answer_out_of_fold(spec, given, Silent(), choose=choose)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert sorted(row for held in seen for row in held) == list(range(32))
    plain = answer_out_of_fold(spec, _from(frozen(pooling="max"), material), Silent())
    np.testing.assert_array_equal(found, plain)


def _from(spec: Spec, material: Material) -> Material:
    return replace(material, members=(beginning(spec, material.cache.folder),))


def _loss(fitted: Fitted, material: Material) -> float:
    return log_loss(material.truth(Part.VAL), fitted.val)
