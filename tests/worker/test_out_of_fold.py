"""What a worker leaves of a spec that is ranked on answers out of fold."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from benchmark.evaluation import read_predictions, tempered
from benchmark.records import Outcome, Part, Regime, SearchSpec, Silent, Spec
from benchmark.search import parse_space
from benchmark.training import Material, answer_out_of_fold
from benchmark.training.regimes import folds_of, in_fold
from benchmark.worker import process as worker
from benchmark.worker.messages import Task
from benchmark.worker.objective import Study, search_in_fold
from benchmark.worker.outcomes import read_outcome, run_task
from tests.close import assert_close
from tests.training.conftest import make_material, make_spec

pytestmark = pytest.mark.slow

SPACE = parse_space(
    "about: drawn\n"
    "parameters:\n"
    "  dense_width: {type: choice, choices: [8, 16, 24], source: drawn}\n"
    "  learning_rate: {type: float, low: 1.0e-3, high: 0.1, log: true, source: drawn}\n",
    name="drawn",
    file="drawn.yaml",
)
WANTED = SearchSpec(
    engine="optuna:random", space="drawn", space_digest="", trials=3, objective="loss"
)


class Listener(Silent):
    """Remembers the stages; hears nothing of trials."""

    def __init__(self) -> None:
        self.stages: list[tuple[str, int | None]] = []

    def stage(self, name: str, total: int | None = None, unit: str = "") -> None:
        self.stages.append((name, total))

    def trial(self, trial: Any) -> None:
        raise AssertionError(trial)

    def searching(self, *, is_under_way: bool) -> None:
        raise AssertionError(is_under_way)


def task_of(spec: Spec, material: Material, folder: Path) -> Task:
    count = len(material.labels)
    copies = np.arange(8) == 2
    return Task(
        spec=spec,
        folder=folder / spec.digest,
        classes=material.classes,
        labels=material.labels,
        hashes=material.hashes,
        paths=tuple(f"{row}.png" for row in range(count)),
        groups=material.hashes,
        units=np.arange(count)[::-1] // 2,
        split=replace(material.split, val_is_copy=copies),
        pixels=material.pixels.folder,
        weights=material.weights,
        cache=folder / "cache",
        cache_bytes=None,
        scratch=folder / "scratch",
    )


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> tuple[Task, Outcome, Listener]:
    folder = tmp_path_factory.mktemp("left")
    spec = make_spec("mlp", Regime.SCRATCH, {"batch": 8}, rank_on="cv:3")
    task, listener = task_of(spec, make_material(folder), folder), Listener()
    return task, run_task(task, listener), listener


def test_answers_for_every_image_of_train_and_val_are_left(
    left: tuple[Task, Outcome, Listener],
) -> None:
    task, outcome, listener = left
    found = read_predictions(outcome.folder / "out_of_fold.parquet")
    assert found.parts == (Part.TRAIN,) * 24 + (Part.VAL,) * 8
    assert found.hashes == tuple(task.hashes[:32])
    assert found.units is not None
    assert found.units.tolist() == task.units[:32].tolist()
    assert not found.is_copy.any()  # a copy shares its fold
    assert ("out-of-fold", 3) in listener.stages


def test_what_folds_cost_is_told_and_no_part_of_training(
    left: tuple[Task, Outcome, Listener],
) -> None:
    _, outcome, _ = left
    spent = float(outcome.facts["out_of_fold_seconds"])
    assert spent > 0
    assert outcome.seconds.head + spent <= outcome.seconds.wall + 0.001
    assert read_outcome(outcome.folder).facts["out_of_fold_seconds"]


def test_the_table_of_predictions_knows_units_and_copies_of_both_parts(
    left: tuple[Task, Outcome, Listener],
) -> None:
    task, outcome, _ = left
    found = read_predictions(outcome.folder / "predictions.parquet")
    assert found.units is not None
    assert found.units.tolist() == task.units[24:].tolist()
    assert np.flatnonzero(found.is_copy).tolist() == [2]


def test_what_a_network_learnt_from_is_left(left: tuple[Task, Outcome, Listener]) -> None:
    task, outcome, _ = left
    table = pq.read_table(outcome.folder / "trained_on.parquet")
    assert table.column_names == ["hash"]
    assert table["hash"].to_pylist() == [task.hashes[row] for row in task.split.train]


def test_a_run_ranked_on_validation_leaves_no_answers_out_of_fold(tmp_path: Path) -> None:
    spec = make_spec("prior", Regime.PRIOR)
    outcome = run_task(task_of(spec, make_material(tmp_path), tmp_path), Listener())
    assert not (outcome.folder / "out_of_fold.parquet").exists()
    assert "out_of_fold_seconds" not in outcome.facts


def test_the_saved_network_has_a_temperature_and_the_tables_are_of_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    monkeypatch.setattr("benchmark.worker.checking.calibrating_temperature", lambda _: 2.5)
    material = make_material(tmp_path)
    spec = make_spec("mlp", Regime.SCRATCH, {"batch": 8})
    outcome = run_task(task_of(spec, material, tmp_path), Listener())
    assert read_outcome(outcome.folder).temperature == outcome.temperature == 2.5
    network = keras.saving.load_model(outcome.folder / "model.keras")
    kept = read_predictions(outcome.folder / "predictions.parquet")
    images = material.pixels.array[material.pixels.rows(list(kept.hashes))]
    said = network.predict_on_batch(images)
    assert_close(said, tempered(kept.probabilities, 2.5), 1e-4)
    assert np.abs(said - kept.probabilities).max() > 0.01
    check = read_predictions(outcome.folder / "check.parquet")
    places = [kept.hashes.index(each) for each in check.hashes]
    assert_close(check.probabilities, said[places], 1e-4)
    assert outcome.largest_difference < 1e-4


def test_an_outcome_of_before_temperatures_has_none(
    left: tuple[Task, Outcome, Listener], tmp_path: Path
) -> None:
    values = json.loads((left[1].folder / "outcome.json").read_text())
    del values["temperature"]
    (tmp_path / "outcome.json").write_text(json.dumps(values))
    assert read_outcome(tmp_path).temperature == 1.0


def test_a_failing_fold_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_material: Material) -> None:
        raise RuntimeError("no memory left")

    monkeypatch.setattr("benchmark.training.regimes._frequencies", fail)
    spec = make_spec("prior", Regime.PRIOR, rank_on="cv:2")
    task = task_of(spec, make_material(tmp_path), tmp_path)
    with pytest.raises(RuntimeError, match="no memory left") as raised:
        run_task(task, Listener())
    wanted = "RuntimeError: no memory left (in fold 1 of 2, for answers out of fold)"
    assert worker._reason(raised.value) == wanted
    assert not task.folder.exists()


def test_what_a_head_was_chosen_among_is_left_and_what_it_is_stands_as_trained(
    tmp_path: Path,
) -> None:
    material = make_material(tmp_path)
    params = {"head": "logistic", "feature_depth": "end/multi"}
    spec = make_spec("mobilenetv2", Regime.FROZEN, params)
    outcome = run_task(task_of(spec, material, tmp_path), Listener())
    header, *rows = (outcome.folder / "choices.csv").read_text().splitlines()
    assert header == "alternative,l2,log_loss,standard_error,chosen"
    assert [row.split(",")[0] for row in rows] == ["feature_depth=end", "feature_depth=multi"]
    (chosen,) = (row for row in rows if row.endswith(",yes"))
    assert outcome.trained is not None
    final = read_outcome(outcome.folder).final.params
    assert f"feature_depth={final['feature_depth']},{final['l2']:.6g}," in chosen
    assert (final["penalty"], outcome.spec.params["penalty"]) == ("given", "path")


def test_a_search_is_repeated_in_a_fold_and_sees_nothing_that_is_held_out_there(
    tmp_path: Path,
) -> None:
    """Whatever a fold's own labels are, what is found in it and answered for it stays."""
    spec = make_spec("mlp", Regime.SCRATCH, {"batch": 8}, rank_on="cv:4", search=WANTED)
    material = make_material(tmp_path)
    fold = in_fold(material, folds_of(material, 4)[1])
    labels = material.labels.copy()
    labels[fold.split.test] = 1 - labels[fold.split.test]
    found, again = (
        search_in_fold(spec, SPACE, each) for each in (fold, replace(fold, labels=labels))
    )
    assert found == again
    assert found.search is None
    labels = material.labels.copy()
    labels[fold.split.val] = 1 - labels[fold.split.val]
    losses = []
    for each in (fold, replace(fold, labels=labels)):
        study = Study(spec, SPACE, each, Silent())
        losses.append(study.run("", lambda _: None).best.values)
    assert losses[0] != losses[1]


class Searching(Listener):
    """A listener that hears of trials too."""

    def trial(self, trial: Any) -> None:
        pass

    def searching(self, *, is_under_way: bool) -> None:
        pass


def test_a_searched_network_is_searched_anew_for_the_answers_it_leaves(tmp_path: Path) -> None:
    spec = make_spec("mlp", Regime.SCRATCH, {"batch": 8}, rank_on="cv:2", search=WANTED)
    material = make_material(tmp_path)
    task = replace(task_of(spec, material, tmp_path), space=SPACE)
    left = read_predictions(run_task(task, Searching()).folder / "out_of_fold.parquet")
    anew = answer_out_of_fold(
        spec, material, Silent(), choose=lambda fold: search_in_fold(spec, SPACE, fold)
    )
    np.testing.assert_allclose(left.probabilities, anew, atol=1e-6)
    kept = answer_out_of_fold(spec, material, Silent())
    assert np.abs(anew - kept).max() > 1e-3
