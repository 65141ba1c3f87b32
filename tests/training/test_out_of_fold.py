"""Answers out of fold: nobody answers for an image that it learnt from."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.records import Part, Predictions, Regime, Silent, Spec
from benchmark.training import Material, Member, answer_out_of_fold, rows_in_folds, train
from benchmark.training.frozen import OverFeatures
from benchmark.training.regimes import exchanged, folds_of, in_fold, taught

from .conftest import draw_pixels, make_material, make_spec
from .test_regimes import Listener

pytestmark = pytest.mark.slow

QUICK: dict[str, Any] = {"learning_rate": 0.03, "batch": 8, "dropout": 0.0}
CHOSEN: dict[str, Any] = {"head": "logistic", "feature_depth": "end/multi"}
RECIPES = [("mlp", "scratch"), ("mobilenetv2", "frozen"), ("mobilenetv2", "chosen")]


def recipe(arch: str, regime: str, **more: Any) -> Spec:
    values: dict[str, Any] = {"rank_on": "cv:4", **more}
    if regime == "chosen":
        return make_spec(arch, Regime.FROZEN, CHOSEN, **values)
    params = {} if regime in ("prior", "composite") else QUICK
    return make_spec(arch, Regime(regime), params, **values)


def answers(spec: Spec, material: Material) -> Any:
    return answer_out_of_fold(spec, material, Silent())


@pytest.mark.parametrize(("arch", "regime"), [*RECIPES, ("prior", "prior")])
def test_every_image_of_train_and_val_has_an_answer(
    arch: str, regime: str, material: Material
) -> None:
    listener = Listener()
    found = answer_out_of_fold(recipe(arch, regime), material, listener)
    assert found.shape == (32, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)
    assert listener.stages == ["out-of-fold"]
    assert listener.units == 4
    assert not listener.epochs  # the curves are those of the network that is registered


@pytest.mark.parametrize(("arch", "regime"), RECIPES)
def test_an_image_moves_no_answer_for_itself_by_its_label(
    arch: str, regime: str, material: Material
) -> None:
    """Whatever a fold's own labels are, its answers stay to the last bit; the others' move."""
    spec = recipe(arch, regime)
    fold = folds_of(material, 4)[1]
    held = rows_in_folds(material)[fold.val]
    labels = material.labels.copy()
    labels[held] = 1 - labels[held]
    before = answers(spec, material)
    # The folds are made from labels too: here they are to be the same ones.
    after = _with_folds_of(material, spec, replace(material, labels=labels))
    np.testing.assert_array_equal(before[fold.val], after[fold.val])
    assert np.abs(before[fold.train] - after[fold.train]).max() > 1e-4


def _with_folds_of(material: Material, spec: Spec, other: Material) -> Any:
    made = folds_of(material, 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmark.training.regimes.folds_of", lambda *_: made)
        return answers(spec, other)


def test_a_convex_head_learns_from_what_a_fold_sets_aside(material: Material) -> None:
    """Nothing stops it early: a fold's network is to have seen as many images as can be."""
    params = {**CHOSEN, "feature_depth": "end", "penalty": "given", "l2": 0.01}
    spec = make_spec("mobilenetv2", Regime.FROZEN, params, rank_on="cv:4")
    fold = in_fold(material, folds_of(material, 4)[0])
    labels = material.labels.copy()
    labels[fold.split.val] = 1 - labels[fold.split.val]
    other = replace(fold, labels=labels)
    over = OverFeatures(spec, material, Silent())
    aside, held = fold.examples(Part.VAL), fold.pictures(Part.TEST)
    assert set(aside.rows.tolist()).isdisjoint(held.tolist())
    for in_its_fold in (True, False):
        one, two = (over.head(each, in_fold=in_its_fold).predict(held) for each in (fold, other))
        assert (np.abs(one - two).max() > 1e-3) == in_its_fold


def test_what_learns_by_heart_is_right_by_chance_only(tmp_path: Path) -> None:
    """Labels without meaning: a network answers for its training images, and not out of fold."""
    meaningless = np.random.default_rng(3).permutation(40) % 2
    material = make_material(tmp_path, labels=meaningless)
    params = {"head": "logistic", "l2": 0.0}
    spec = make_spec("mobilenetv2", Regime.FROZEN, params, epochs=20, rank_on="cv:4")
    whole = replace(material.split, val=material.split.train)
    learnt = train(spec, replace(material, split=whole), Silent()).val.argmax(axis=1)
    rows = rows_in_folds(material)
    asked = answers(spec, material).argmax(axis=1)
    assert np.mean(learnt == material.labels[whole.train]) > 0.9
    assert np.mean(asked == material.labels[rows]) < 0.75


def test_groups_cross_neither_folds_nor_what_stops_a_training(tmp_path: Path) -> None:
    groups = tuple(f"patient {row // 4}" for row in range(40))
    labels = np.arange(40) // 4 % 2
    material = make_material(tmp_path, groups=groups, labels=labels)
    of = np.array(groups)
    for fold in folds_of(material, 3):
        split = in_fold(material, fold).split
        parts = [set(of[split.rows(part)]) for part in Part]
        assert all(parts)
        assert sum(map(len, parts)) == len(set.union(*parts))
        rows = np.concatenate([split.train, split.val, split.test])
        assert sorted(rows.tolist()) == sorted(rows_in_folds(material).tolist())


def test_all_specs_of_a_split_have_the_same_folds(material: Material) -> None:
    first, second = folds_of(material, 4), folds_of(replace(material, whole=None), 4)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.val, other.val)
    moved = folds_of(replace(material, split=replace(material.split, digest="other")), 4)
    assert any(
        one.val.tolist() != other.val.tolist() for one, other in zip(first, moved, strict=True)
    )


@pytest.mark.parametrize(("arch", "regime"), [("cnn", "scratch"), ("mobilenetv2", "frozen")])
def test_answers_out_of_fold_leave_the_network_as_it_is(
    arch: str, regime: str, material: Material
) -> None:
    spec = recipe(arch, regime, rank_on="cv:2", epochs=1)
    fitted = train(replace(spec, rank_on="val"), material, Silent())
    before = [each.copy() for each in fitted.network.get_weights()]
    answers(spec, material)
    for one, other in zip(before, fitted.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert len(_features(material)) == (regime == "frozen")  # no image is passed again


def _features(material: Material) -> list[Path]:
    return list(material.cache.folder.rglob("features.npy"))


def test_fine_tuning_passes_an_image_once_for_all_folds(material: Material) -> None:
    params = {**QUICK, "cut": "last-block"}
    spec = make_spec("mobilenetv2", Regime.FINETUNE, params, epochs=1, rank_on="cv:2")
    np.testing.assert_allclose(answers(spec, material).sum(axis=1), 1, atol=1e-12)
    assert len(_features(material)) == 1


def test_views_of_images_are_made_once_for_all_folds(material: Material) -> None:
    params = {**QUICK, "augmentation": "ct", "views": 1}
    spec = make_spec("mobilenetv2", Regime.FROZEN, params, rank_on="cv:4")
    answers(spec, material)
    assert len(list(material.cache.folder.rglob("views.npy"))) == 1


def test_the_floor_answers_with_what_the_other_folds_hold(material: Material) -> None:
    fold = folds_of(material, 4)[0]
    found = answers(recipe("prior", "prior"), material)[fold.val]
    others = material.labels[rows_in_folds(material)[fold.train]]
    np.testing.assert_allclose(found[:, 1], np.mean(others == 1))


def test_shuffled_labels_touch_training_images_only(material: Material) -> None:
    spec = recipe("mlp", "scratch", labels="shuffled")
    told = taught(spec, material)
    for part in (Part.VAL, Part.TEST):
        np.testing.assert_array_equal(told.truth(part), material.truth(part))
    shuffled, true = told.truth(Part.TRAIN), material.truth(Part.TRAIN)
    assert sorted(shuffled) == sorted(true)
    assert (shuffled != true).any()
    assert taught(replace(spec, labels="true"), material) is material


def test_a_patients_images_share_their_exchanged_label() -> None:
    units = np.repeat(np.arange(30), 3)
    labels = np.repeat(np.arange(30) % 3, 3)
    found = exchanged(labels, units, 0)
    assert all(len(set(found[units == unit])) == 1 for unit in range(30))
    assert np.bincount(found).tolist() == [30, 30, 30]
    assert (found != labels).any()
    np.testing.assert_array_equal(found, exchanged(labels, units, 0))
    assert (found != exchanged(labels, units, 1)).any()


def test_a_network_of_shuffled_labels_knows_nothing_out_of_fold(material: Material) -> None:
    params = {"learning_rate": 0.01, "batch": 8, "dropout": 0.0, "dense_width": 16}
    true = make_spec("mlp", Regime.SCRATCH, params, epochs=25, patience=25, rank_on="cv:3")
    labels = material.labels[rows_in_folds(material)]
    right, shuffled = (
        np.mean(answers(replace(true, labels=word), material).argmax(axis=1) == labels)
        for word in ("true", "shuffled")
    )
    assert right > 0.9
    assert shuffled < 0.75


def as_out_of_fold(material: Material, probabilities: Any) -> Predictions:
    rows = rows_in_folds(material)
    hashes = tuple(material.hashes[row] for row in rows)
    parts = (Part.TRAIN,) * len(material.split.train) + (Part.VAL,) * len(material.split.val)
    return Predictions(
        classes=material.classes,
        hashes=hashes,
        paths=hashes,
        parts=parts,
        labels=material.labels[rows],
        probabilities=probabilities,
        is_copy=np.zeros(len(rows), bool),
    )


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Two members, one of which knows more than the other."""
    folder = tmp_path_factory.mktemp("composed")
    material = make_material(folder)
    random = np.random.default_rng(0)
    members = []
    for number, knows in enumerate((0.3, 1.5)):
        sign = 2 * material.labels[rows_in_folds(material)] - 1
        odds = np.exp(knows * sign + random.normal(size=32))
        said = np.stack([1 / (1 + odds), odds / (1 + odds)], axis=1)
        table = as_out_of_fold(material, said)
        members.append(
            Member(
                digest=str(number),
                arch=("mlp", "cnn")[number],
                network=folder / "none.keras",
                predictions=table,
                spec=make_spec("mlp", Regime.SCRATCH),
                asked=make_spec("mlp", Regime.SCRATCH),
                out_of_fold=table,
            )
        )
    return replace(material, members=tuple(members))


@pytest.mark.parametrize("arch", ["ensemble", "weighted-ensemble", "stacked", "chained"])
def test_a_composite_answers_from_its_members_answers(arch: str, composed: Material) -> None:
    found = answers(recipe(arch, "composite"), composed)
    assert found.shape == (32, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-9)


def test_an_ensemble_gives_the_mean_of_its_members_answers(composed: Material) -> None:
    tables = [each.out_of_fold for each in composed.members]
    mean = np.mean([each.probabilities for each in tables if each is not None], axis=0)
    np.testing.assert_allclose(answers(recipe("ensemble", "composite"), composed), mean)


@pytest.mark.parametrize("arch", ["weighted-ensemble", "stacked", "chained"])
def test_a_fitted_composite_never_sees_the_labels_it_answers_for(
    arch: str, composed: Material
) -> None:
    spec = recipe(arch, "composite")
    fold = folds_of(composed, 4)[2]
    labels = composed.labels.copy()
    held = rows_in_folds(composed)[fold.val]
    labels[held] = 1 - labels[held]
    before = answers(spec, composed)
    after = _with_folds_of(composed, spec, replace(composed, labels=labels))
    np.testing.assert_array_equal(before[fold.val], after[fold.val])
    assert np.abs(before[fold.train] - after[fold.train]).max() > 1e-6


def test_a_member_without_answers_out_of_fold_is_named(composed: Material) -> None:
    first, *others = composed.members
    broken = replace(composed, members=(replace(first, out_of_fold=None), *others))
    with pytest.raises(UsageError, match="the run of mlp left no answers out of fold"):
        answers(recipe("ensemble", "composite"), broken)


def test_copies_of_an_image_are_answered_for_alike(tmp_path: Path) -> None:
    pixels = draw_pixels(tmp_path / "pixels", 40, 32)
    hashes = list(pixels.hashes)
    hashes[1] = hashes[3]  # both of class 1, one picture
    groups = tuple(hashes)
    material = make_material(tmp_path / "own", hashes=tuple(hashes), groups=groups)
    found = answers(recipe("mobilenetv2", "frozen"), material)
    np.testing.assert_array_equal(found[1], found[3])
