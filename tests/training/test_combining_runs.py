"""Composites of finished runs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.records import Part, Predictions, Regime, Silent, Spec
from benchmark.training import Fitted, Material, Member, train
from benchmark.zoo import with_temperature
from tests.close import assert_close

from .conftest import make_material, make_spec
from .test_regimes import Listener, assert_sound

pytestmark = pytest.mark.slow


def member(spec: Spec, fitted: Fitted, material: Material, folder: Path) -> Member:
    path = folder / f"{spec.arch}.keras"
    with_temperature(fitted.network, 2.5).save(path)  # no composite's answers have it in them
    rows = np.concatenate([material.split.val, material.split.test])
    hashes = tuple(material.hashes[row] for row in rows)
    parts = [Part.VAL] * len(material.split.val) + [Part.TEST] * len(material.split.test)
    predictions = Predictions(
        classes=material.classes,
        hashes=hashes,
        paths=hashes,
        parts=tuple(parts),
        labels=material.labels[rows],
        probabilities=np.concatenate([fitted.val, fitted.test]),
        is_copy=np.zeros(len(rows), bool),
    )
    return Member(
        digest=spec.digest,
        arch=spec.arch,
        network=path,
        predictions=predictions,
        spec=spec,
        asked=spec,
    )


@pytest.fixture(scope="module")
def with_members(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("members")
    material = make_material(folder)
    settings: dict[str, Any] = {"learning_rate": 0.01, "batch": 8}
    specs = [
        make_spec("mlp", Regime.SCRATCH, settings),
        make_spec("cnn", Regime.SCRATCH, settings),
        make_spec("mobilenetv2", Regime.FROZEN, settings),
    ]
    members = [member(each, train(each, material, Silent()), material, folder) for each in specs]
    return replace(material, members=tuple(members))


@pytest.mark.parametrize("arch", ["ensemble", "weighted-ensemble", "stacked"])
def test_a_composite_network_says_of_test_what_its_members_predictions_say(
    arch: str, with_members: Material
) -> None:
    fitted = train(make_spec(arch, Regime.COMPOSITE), with_members, Silent())
    assert_sound(fitted, with_members)
    images = with_members.pixels.array[with_members.pictures(Part.TEST)]
    assert_close(fitted.network.predict_on_batch(images), fitted.test)


def test_an_ensemble_gives_the_mean_of_its_members(with_members: Material) -> None:
    fitted = train(make_spec("ensemble", Regime.COMPOSITE), with_members, Silent())
    each = [one.predictions.part(Part.TEST).probabilities for one in with_members.members]
    assert_close(fitted.test, np.mean(each, axis=0), 1e-12)


def test_stacked_is_scored_on_images_that_it_was_not_fitted_on(with_members: Material) -> None:
    fitted = train(make_spec("stacked", Regime.COMPOSITE), with_members, Silent())
    assert fitted.own_val is not None
    assert np.abs(fitted.val - fitted.own_val).max() > 1e-6


def test_chained_passes_no_image_through_a_frozen_member_again(with_members: Material) -> None:
    only = replace(with_members, members=with_members.members[2:])
    listener = Listener()
    fitted = train(make_spec("chained", Regime.COMPOSITE), only, listener)
    assert_sound(fitted, only)
    assert listener.units == 0


def test_chained_reads_the_logits_of_a_network_from_scratch(with_members: Material) -> None:
    only = replace(with_members, members=with_members.members[1:2])
    assert_sound(train(make_spec("chained", Regime.COMPOSITE), only, Silent()), only)


def test_a_composite_of_one_is_refused(with_members: Material) -> None:
    only = replace(with_members, members=with_members.members[:1])
    with pytest.raises(UsageError, match="stacked needs at least 2 finished members, not 1"):
        train(make_spec("stacked", Regime.COMPOSITE), only, Silent())


def test_members_that_did_not_predict_an_image_are_refused(with_members: Material) -> None:
    first, *others = with_members.members
    short = replace(first, predictions=first.predictions.where(np.arange(16) != 3))
    broken = replace(with_members, members=(short, *others))
    with pytest.raises(UsageError, match="predicted all 8 images of val; 1 lack"):
        train(make_spec("ensemble", Regime.COMPOSITE), broken, Silent())
