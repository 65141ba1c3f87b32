"""The small parts of training that need no network."""

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.records import Epoch, Params, Regime, Silent
from benchmark.training import (
    check,
    class_weights,
    defaults,
    noting,
    probing,
    settings_of,
    tunables,
)
from benchmark.training.engines import FeatureEngine
from benchmark.training.epochs import (
    Checkpoint,
    Schedule,
    Step,
    Trained,
    TrainingStage,
    Watch,
    run_epochs,
)
from benchmark.training.inputs import Columns, Views
from benchmark.training.keras_trainee import KerasTrainee
from benchmark.training.loop_settings import read_settings
from benchmark.training.material import Examples
from benchmark.training.numpy_trainer.optimizers import clip
from benchmark.training.numpy_trainer.stack import _Dropout
from benchmark.training.passed_images import Stored
from benchmark.training.passes import pass_images
from benchmark.training.probing import agree, choose_engine, standardised_error
from benchmark.zoo import ARCHITECTURES

from .conftest import make_material, make_spec


def test_a_watch_takes_an_absent_metric_for_no_improvement() -> None:
    watch = Watch("val_auroc", patience=2)
    assert [watch.better({"val_loss": 1.0}) for _ in range(2)] == [False, False]
    assert watch.is_over


def test_a_watch_stops_when_patience_is_spent_and_ignores_undefined_values() -> None:
    watch = Watch("val_loss", patience=2)
    losses = [1.0, 0.5, float("nan"), 0.6]
    assert [watch.better({"val_loss": loss}) for loss in losses] == [True, True, False, False]
    assert watch.is_over
    assert watch.best_value == 0.5


def test_a_watch_prefers_greater_scores_where_greater_is_better() -> None:
    watch = Watch("val_macro_f1", patience=5)
    assert [watch.better({"val_macro_f1": score}) for score in (0.2, 0.1, 0.3)] == [
        True,
        False,
        True,
    ]


def test_a_cosine_schedule_warms_up_and_falls_to_nothing() -> None:
    rates = [Schedule("cosine", 1.0, steps=100, warmup=10).rate(step) for step in range(101)]
    assert rates[:11] == sorted(rates[:11])
    assert rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0, abs=1e-9)


def test_a_plateau_halves_the_learning_rate() -> None:
    watch, schedule = Watch("val_loss", patience=4), Schedule("plateau", 0.1, steps=10)
    for loss in (1.0, 2.0, 2.0):
        watch.better({"val_loss": loss})
        schedule.after(watch)
    assert schedule.rate(3) == pytest.approx(0.05)


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.array([0, 0, 0, 1, 2, 2])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(class_weights("balanced", ("a", "b", "c"), labels), expected)


def test_weights_by_class_leave_the_others_at_one() -> None:
    found = class_weights("b=3, c=0.5", ("a", "b", "c"), np.zeros(1, np.int64))
    np.testing.assert_array_equal(found, np.array([1, 3, 0.5], np.float32))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("d=1", r"with a class of a, b, .*; got 'd=1'"),
        ("a=-1", "must be a positive number .*; got 'a=-1'"),
        ("a=many", "must be a positive number .*; got 'a=many'"),
        ("a=nan", "must be a positive number .*; got 'a=nan'"),
        ("heavy", "with a class of a, b, .*; got 'heavy'"),
    ],
)
def test_a_wrong_class_weight_is_named(words: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        class_weights(words, ("a", "b"), np.zeros(1, np.int64))


def test_a_gradient_is_clipped_to_its_norm_and_left_alone_below() -> None:
    gradient = np.array([3.0, 4.0], np.float32)
    clip(gradient, 10.0)
    np.testing.assert_array_equal(gradient, [3, 4])
    clip(gradient, 1.0)
    np.testing.assert_allclose(gradient, [0.6, 0.8])


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_defaults_pass_their_own_check_in_every_regime(name: str) -> None:
    architecture = ARCHITECTURES[name]
    for regime in architecture.regimes:
        own = defaults(architecture, regime)
        assert check(own, architecture, regime) == own
        names = [each.name for each in tunables(architecture, regime)]
        assert len(names) == len(set(names))


def test_a_parameter_that_an_architecture_lacks_is_refused_with_those_it_has() -> None:
    with pytest.raises(UsageError, match=r"cnn, trained scratch, has no parameter 'views'; it has"):
        check({"views": 2}, ARCHITECTURES["cnn"], Regime.SCRATCH)


def test_an_architecture_s_own_recipe_stands_before_what_is_given() -> None:
    cnn = replace(ARCHITECTURES["cnn"], recipe=Params(learning_rate=0.25, batch=7))
    found = check({"batch": 9}, cnn, Regime.SCRATCH)
    assert (found["learning_rate"], found["batch"]) == (0.25, 9)


@pytest.mark.parametrize(("schedule", "patience"), [("cosine", 0), ("constant", 2)])
def test_patience_does_not_cut_a_cosine_from_scratch_short(schedule: str, patience: int) -> None:
    spec = make_spec("mlp", Regime.SCRATCH, {"schedule": schedule}, patience=2)
    assert read_settings(spec, ("dark", "bright"), np.array([0, 1])).patience == patience


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_a_whole_network_sees_its_picture_at_one_size(name: str) -> None:
    assert check({"scales": "0.5"}, ARCHITECTURES[name], Regime.SCRATCH)["scales"] == "0.5"
    with pytest.raises(UsageError, match=r"scales must be one of 0\.5, .* 1, not '0\.5\+1'"):
        check({"scales": "0.5+1"}, ARCHITECTURES[name], Regime.SCRATCH)


def test_given_parameters_stand_and_the_rest_are_defaults() -> None:
    found = check({"learning_rate": 1}, ARCHITECTURES["cnn"], Regime.SCRATCH)
    assert found == defaults(ARCHITECTURES["cnn"], Regime.SCRATCH).having(learning_rate=1.0)
    assert isinstance(found, Params)


def test_augmentation_over_a_frozen_backbone_brings_views_into_the_parameters() -> None:
    mobilenet = ARCHITECTURES["mobilenetv2"]
    found = [
        check({"augmentation": policy, "views": views}, mobilenet, Regime.FROZEN)["views"]
        for policy, views in (("ct", 0), ("ct", 2), ("none", 0))
    ]
    assert found == [4, 2, 0]


def test_balanced_weights_of_a_fold_are_those_of_its_own_images(tmp_path: Path) -> None:
    material = make_material(tmp_path)
    spec = make_spec("cnn", Regime.SCRATCH, {"class_weight": "balanced"})
    fold = np.array([0, 0, 0, 1])
    np.testing.assert_allclose(settings_of(spec, material).class_weights, [1, 1])
    np.testing.assert_allclose(settings_of(spec, material, fold).class_weights, [2 / 3, 2])


def test_two_processes_keep_the_same_training_without_touching_each_others_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    savez = np.savez

    def recorded(file: Path, **arrays: Any) -> None:
        written.append(file.name)
        savez(file, **arrays)

    monkeypatch.setattr(np, "savez", recorded)
    trainee = SimpleNamespace(state=lambda: [np.zeros(2)])
    watch = Watch("val_loss", patience=2)
    watch.best_weights = [np.ones(2)]
    for pid in (11, 12):
        monkeypatch.setattr("os.getpid", lambda pid=pid: pid)
        kept = Checkpoint(tmp_path, "spec-finetune")
        kept.save(cast("KerasTrainee", trainee), watch, Schedule("constant", 1.0, 1), [])
    assert len(set(written)) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["spec-finetune.npz"]


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.9, "text", "flipped"])
def test_a_damaged_checkpoint_is_noted_and_its_training_begins_anew(
    share: float | str, tmp_path: Path
) -> None:
    taken: list[Any] = []
    trainee = cast(
        "KerasTrainee",
        SimpleNamespace(state=lambda: [np.arange(50.0)], take_state=taken.append),
    )
    watch, schedule = Watch("val_loss", patience=2), Schedule("constant", 1.0, 1)
    watch.best_weights = [np.ones(50)]
    kept = Checkpoint(tmp_path, "spec")
    kept.save(trainee, watch, schedule, [])
    content = (tmp_path / "spec.npz").read_bytes()
    harmed = {"text": b"no archive", "flipped": content.replace(b"best0.npy", b"best1.npy")}
    cut = content[: int(len(content) * share)] if isinstance(share, float) else harmed[share]
    (tmp_path / "spec.npz").write_bytes(cut)
    with noting() as notes:
        kept.load(trainee, watch, schedule, [])
    assert taken == []
    (said,) = notes
    assert said.startswith("a checkpoint was damaged (")
    (tmp_path / "spec.npz").write_bytes(content)
    kept.load(trainee, watch, schedule, [])
    assert len(taken) == 1


def test_a_pass_keeps_the_order_of_images_and_drops_what_fills_its_last_batch(
    tmp_path: Path,
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (70, 8, 8, 3), dtype=np.uint8)
    sizes: list[int] = []

    def run(batch: Any) -> Any:
        sizes.append(len(batch))
        return batch.mean(axis=(1, 2), dtype=np.float32)

    engine = FeatureEngine(name="mean", run=run, batch=32)
    file = tmp_path / "f.npy"
    pass_images(engine, Stored(images), 3, file, Silent())
    assert sizes == [32, 32, 32]
    np.testing.assert_array_equal(np.load(file), images.mean(axis=(1, 2), dtype=np.float32))


@pytest.mark.parametrize("order", [("quick", "slow"), ("slow", "quick")])
@pytest.mark.parametrize(("wrong", "taken"), [("none", "quick"), ("quick", "slow")])
def test_of_the_engines_that_agree_the_quicker_is_taken(
    order: tuple[str, ...], wrong: str, taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix, labels = features(64), np.arange(64) % 2
    clock = [0.0]
    images = np.arange(64).reshape(64, 1, 1, 1).astype(np.uint8)

    def engine(_model: Any, precision: str) -> FeatureEngine:
        def run(some: Any) -> Any:
            clock[0] += {"quick": 0.001, "slow": 0.01}[precision]
            return matrix[some[:, 0, 0, 0]] * (-1 if precision == wrong else 1)

        return FeatureEngine(name=precision, run=run, batch=8)

    probe = probing.Probe(images=images, labels=labels, features=matrix, per_second=1.0)
    for name, value in {
        "keras_engine": lambda _: FeatureEngine(name="reference", run=lambda _: matrix, batch=8),
        "_is_possible": lambda **_: True,
        "_probe": lambda *_: probe,
        "convert": lambda _: None,
        "_least_worth_converting": lambda _: 0.0,
        "precisions": lambda: order,
        "seconds": lambda: clock[0],
        "openvino_engine": engine,
    }.items():
        monkeypatch.setattr(probing, name, value)
    chosen = choose_engine(None, "auto", images, labels, 10_000)
    assert chosen.name == taken
    assert {f"{name}_images_per_second" for name in order} <= set(chosen.facts)


def features(rows: int = 20, width: int = 6) -> Any:
    return np.random.default_rng(2).normal(3, 2, (rows, width)).astype(np.float32)


@pytest.mark.parametrize("columns", [[1, 2, 3], [0, 2, 5]])
@pytest.mark.parametrize("in_memory", [0, 10**9])
def test_columns_are_standardised_by_train_alone(
    columns: list[int], in_memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.training.inputs._IN_MEMORY_BYTES", in_memory)
    matrix, train = features(), np.arange(12)
    found = Columns(matrix, np.array(columns), train)
    np.testing.assert_allclose(found.take(train).mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(found.take(train).std(axis=0), 1, atol=1e-4)
    raw = matrix[:, columns]
    expected = (raw - raw[:12].mean(axis=0)) / raw[:12].std(axis=0)
    np.testing.assert_allclose(found.take(np.array([17, 3])), expected[[17, 3]], rtol=1e-3)


def test_a_column_that_is_constant_in_train_stays_small_elsewhere() -> None:
    matrix = features()
    matrix[:12, 0] = 1.0
    found = Columns(matrix, np.arange(6), np.arange(12))
    assert np.abs(found.take(np.arange(20))).max() < 1e5


def test_training_draws_the_image_and_each_of_its_views() -> None:
    matrix = features(4)
    views = Views(
        matrix=np.concatenate([matrix[:2] + 100, matrix[:2] + 200]),
        count=2,
        places=np.array([0, 1, -1, -1]),
        seed=0,
    )
    found = Columns(matrix, np.arange(6), None, views)
    rows = np.array([1, 0])
    drawn = [found.drawn(rows, epoch) - matrix[rows] for epoch in range(30)]
    assert {round(float(value), 2) for each in drawn for value in each[:, 0]} == {0.0, 100.0, 200.0}
    np.testing.assert_array_equal(found.drawn(rows, 3), found.drawn(rows, 3))
    np.testing.assert_array_equal(found.take(rows), matrix[rows])


def test_equal_features_agree_and_a_turned_image_does_not() -> None:
    matrix, labels = features(), np.arange(20) % 2
    assert agree(matrix, matrix * 1.0001, labels)[0]
    turned = matrix.copy()
    turned[7] = matrix[7, ::-1]
    passed, figures = agree(matrix, turned, labels)
    assert not passed
    assert "20 images" in figures


def test_an_error_that_large_features_hide_from_the_cosine_is_seen() -> None:
    random = np.random.default_rng(0)
    labels = np.arange(20) % 2
    matrix = (1000 + 3 * labels[:, None] + random.normal(size=(20, 50))).astype(np.float32)
    noise = matrix.std(axis=0) * random.normal(size=matrix.shape).astype(np.float32)
    assert standardised_error(matrix, matrix + 0.05 * noise) == pytest.approx(0.05, rel=0.1)
    assert agree(matrix, matrix + 0.01 * noise, labels)[0]
    passed, figures = agree(matrix, matrix + 0.05 * noise, labels)
    assert not passed
    assert "least cosine 1.000000" in figures


def test_constant_features_have_an_error_and_not_an_infinite_one() -> None:
    matrix = np.full((4, 3), 7.0, np.float32)
    assert standardised_error(matrix, matrix) == 0.0
    assert standardised_error(matrix, matrix + 1) == pytest.approx(1.0)


def test_features_that_move_an_image_to_another_class_do_not_agree() -> None:
    matrix = np.array([[100, 0.0], [100, 1.0], [100, 0.49], [100, 0.51]], np.float32)
    labels = np.array([0, 1, 0, 1])
    moved = matrix.copy()
    moved[2, 1], moved[3, 1] = 0.9, 0.1
    assert not agree(matrix, moved, labels)[0]


def test_dropout_drops_its_share_and_keeps_the_mean() -> None:
    layer = _Dropout(0.3)
    found = layer.forward(np.ones((500, 101), np.float32), np.random.default_rng(0))
    assert np.mean(found == 0) == pytest.approx(0.3, abs=0.01)
    assert found.mean() == pytest.approx(1, abs=0.01)
    np.testing.assert_array_equal(layer.backward(np.ones_like(found)), found)
    assert layer.forward(found, None) is found


class Diverging:
    """A trainee whose answers are NaN from an epoch on; before that it is right."""

    def __init__(self, first: int) -> None:
        self.first, self.steps, self.weights = first, 0, -1

    def step(self, *_: Any) -> Step:
        self.steps += 1
        self.weights = self.steps - 1
        return Step(loss=math.inf if self.weights >= self.first else 0.5, accuracy=0.5)

    def predict(self, _inputs: Any, rows: Any) -> Any:
        one = math.nan if self.weights >= self.first else 0.6
        return np.tile(np.array([one, 1 - one], np.float32), (len(rows), 1))

    def snapshot(self) -> int:
        return self.weights

    def restore(self, snapshot: int) -> None:
        self.weights = snapshot

    def finish(self) -> None:
        """Do nothing."""


def trained_until_nan(first: int, monitor: str) -> tuple[Trained, list[Any], list[Epoch]]:
    settings: Any = SimpleNamespace(
        monitor=monitor,
        patience=0,
        epochs=4,
        batch=8,
        optimizer="adam",
        schedule="constant",
        learning_rate=0.1,
        warmup_epochs=0,
    )
    some = Examples(rows=np.arange(6), labels=np.array([1, 1, 1, 1, 0, 0]))
    seen, epochs = list[Any](), list[Epoch]()
    stage = TrainingStage(name="x", seed=0, report=epochs.append, seen=seen.append)
    inputs = cast("Any", SimpleNamespace(drawn=lambda rows, _: rows))
    trainee = cast("Any", Diverging(first))
    return run_epochs(trainee, inputs, some, some, settings, stage), seen, epochs


@pytest.mark.parametrize("monitor", ["val_loss", "val_macro_f1", "val_accuracy"])
def test_an_epoch_of_nan_is_never_the_best(monitor: str) -> None:
    trained, seen, epochs = trained_until_nan(2, monitor)
    assert cast("Any", trained.trainee).snapshot() == 0
    assert (len(seen), len(epochs)) == (2, 4)
    assert [monitor in epoch.metrics for epoch in epochs] == [True, True, False, False]
    assert np.isfinite(trained.predict(cast("Any", None), np.arange(3))).all()


def test_a_network_that_only_answers_nan_fails_with_what_may_hold_it() -> None:
    trained, seen, _ = trained_until_nan(0, "val_macro_f1")
    assert seen == []
    with pytest.raises(ValueError, match=r"diverged: .*NaN; a lower learning_rate"):
        trained.predict(cast("Any", None), np.arange(3))
