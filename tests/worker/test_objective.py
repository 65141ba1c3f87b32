"""A search inside a worker: where it starts, what a trial scores, and what is refused."""

import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import benchmark.search
from benchmark.errors import UsageError
from benchmark.jobs.recording import search_scores, trial_run
from benchmark.metrics import BY_EPOCH, measure
from benchmark.records import (
    Epoch,
    Params,
    ParamValue,
    Picture,
    Regime,
    SearchSpec,
    Silent,
    Spec,
    Split,
    digest,
)
from benchmark.request import Request
from benchmark.search import (
    Pruned,
    SearchResult,
    Space,
    Trial,
    TrialRecord,
    TrialState,
    parse_select,
    parse_space,
    read_answers,
    read_space,
    space_names,
)
from benchmark.search.objectives import choose_pruner, read_goals
from benchmark.search.trials import read_search, write_search
from benchmark.training import combinations, defaults, head_having, is_choosing
from benchmark.worker import scoring
from benchmark.worker.objective import Study, settings_for, start_of
from benchmark.zoo import ARCHITECTURES

TRAINED = (Regime.FROZEN, Regime.FINETUNE, Regime.SCRATCH)
REGIMES = {
    "head": (Regime.FROZEN,),
    "linear": (Regime.FROZEN,),
    "augmentation": (Regime.FROZEN,),
    "finetune": (Regime.FINETUNE,),
    "scratch": (Regime.SCRATCH,),
    "smoke": TRAINED,
}
CASES = [
    (space, name, regime)
    for space in space_names()
    for name in ((space,) if space in ARCHITECTURES else ARCHITECTURES)
    for regime in REGIMES.get(space, TRAINED)
    if regime in ARCHITECTURES[name].regimes
]
SPEC = Spec(
    arch="mobilenetv2",
    data="scans",
    data_digest="d" * 64,
    split_digest="5" * 64,
    picture=Picture(side_px=96),
    regime=Regime.FROZEN,
    weights="none",
    params=defaults(ARCHITECTURES["mobilenetv2"], Regime.FROZEN, "layers"),
    epochs=5,
    patience=2,
    seed=0,
    search=SearchSpec(
        engine="optuna:random",
        space="head",
        space_digest="5" * 64,
        trials=3,
        seconds=0.0,
        select="val",
        objective="macro_f1",
        pruner="none",
    ),
)
NO_IMAGES: Any = None  # for a study that trains nothing


@pytest.mark.parametrize(("space_name", "arch", "regime"), CASES)
def test_the_first_trial_takes_an_architectures_own_defaults(
    space_name: str, arch: str, regime: Regime
) -> None:
    space = read_space(space_name)
    moved = [each.name for each in space.parameters]
    head = head_having(moved, ARCHITECTURES[arch], regime)
    own = defaults(ARCHITECTURES[arch], regime, head)
    space = space.including(own)
    if is_choosing(own):  # what a run chooses among stands in the space, and so does its penalty
        own = combinations(own)[-1].having(penalty="given", l2=0.01)
    start = start_of(space, own)
    assert space.outside(own) == ()
    assert space.outside(start) == ()
    assert space.complete(start) == start
    assert {**own, **start} == own


def test_every_built_in_space_is_among_the_cases() -> None:
    assert {space for space, *_ in CASES} == set(space_names())


def test_a_range_that_misses_a_default_is_named() -> None:
    space = _space("learning_rate: {type: float, low: 0.1, high: 0.2}")
    assert space.outside(SPEC.params) == ("learning_rate",)
    assert start_of(space, SPEC.params) == Params()


def test_a_missed_default_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    space = _space("learning_rate: {type: float, low: 0.1, high: 0.2}")
    monkeypatch.setattr(Study, "score", lambda _self, _trial: (0.5,))
    result = Study(SPEC, space, NO_IMAGES, Silent()).run("", lambda _: None)
    (note,) = result.notes
    assert "may end worse than a run without one: learning_rate 0.003 is not in the space" in note


def test_a_study_tries_the_runs_own_choice_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    space = _space("batch: {type: choice, choices: [64, 128]}")
    monkeypatch.setattr(Study, "score", lambda _self, _trial: (0.5,))
    result = Study(SPEC, space, NO_IMAGES, Silent()).run("", lambda _: None)
    assert result.trials[0].params == Params(batch=32)
    write_search(result, tmp_path / "search.json")
    assert read_search(tmp_path / "search.json", space).space["batch"].choices == (64, 128, 32)


@pytest.mark.parametrize("metric", ["brier", "mcc", "parameters", "macro_f1,parameters"])
def test_a_pruner_without_anything_to_prune_by_is_refused(metric: str) -> None:
    with pytest.raises(UsageError, match=r"after every epoch, which are macro_f1, .*, loss"):
        choose_pruner("median", "optuna:tpe", read_goals(metric), by_fold=False)


@pytest.mark.parametrize(
    ("engine", "objective", "select", "chosen"),
    [
        ("optuna:tpe", "macro_f1", "val", "median"),
        ("keras-tuner:random", "loss", "val", "median"),
        ("keras-tuner:hyperband", "macro_f1", "val", "none"),
        ("optuna:tpe", "brier", "val", "none"),
        ("optuna:tpe", "macro_f1,parameters", "val", "none"),
        ("optuna:tpe", "macro_f1", "cv:5x2", "none"),
    ],
)
def test_what_is_known_after_every_epoch_is_pruned_by_unless_told_otherwise(
    engine: str, objective: str, select: str, chosen: str
) -> None:
    goals, by_fold = read_goals(objective), parse_select(select) is not None
    assert choose_pruner(None, engine, goals, by_fold=by_fold) == chosen
    assert choose_pruner("none", engine, goals, by_fold=by_fold) == "none"


def test_a_pruner_that_is_named_is_taken_or_refused() -> None:
    goals = read_goals("macro_f1")
    assert choose_pruner("hyperband", "optuna:tpe", goals, by_fold=False) == "hyperband"
    with pytest.raises(UsageError, match="no pruner named 'medain'"):
        Request.read({"pruner": "medain"})
    with pytest.raises(UsageError, match="--objective brier is none"):
        choose_pruner("median", "optuna:tpe", read_goals("brier"), by_fold=False)


def test_folds_can_be_pruned_by_any_metric() -> None:
    assert choose_pruner("wilcoxon", "optuna:tpe", read_goals("brier"), by_fold=True) == "wilcoxon"


def test_metrics_that_can_be_pruned_by_are_measured_after_every_epoch() -> None:
    measured = measure("val", np.full((4, 2), 0.5), np.array([0, 1, 0, 1]))
    for name in BY_EPOCH:
        choose_pruner("median", "optuna:tpe", read_goals(name), by_fold=False)
        assert f"val_{name}" in measured


@pytest.mark.parametrize(
    ("goal", "scores", "optimism"),
    [
        ("macro_f1", {"test_macro_f1": 0.7}, 0.2),
        ("loss", {"test_loss": 1.1}, 0.2),
        ("loss", {"test_loss": 0.7}, -0.2),
        ("loss", {"test_loss": 0.7, "cv_loss": 1.1}, 0.2),
    ],
)
def test_optimism_is_how_much_worse_what_it_did_not_choose_on_is(
    goal: str, scores: dict[str, float], optimism: float
) -> None:
    best = TrialRecord(number=0, params=Params(), state=TrialState.COMPLETE, values=(0.9,))
    found = SearchResult(
        study="s",
        space=_space("batch: {type: choice, choices: [16]}"),
        goals=read_goals(goal),
        trials=(best,),
        seconds=1.0,
        notes=(),
    )
    assert search_scores(found, scores)["selection_optimism"] == pytest.approx(optimism)


@pytest.fixture
def material() -> Any:
    labels = np.array([0, 0, 0, 1, 0, 1, 0, 1])
    rows = np.arange(8)
    return SimpleNamespace(
        classes=("a", "b"),
        labels=labels,
        hashes=tuple("abcdefgh"),
        groups=tuple("abcdefgh"),
        split=Split(
            scheme="official",
            train=rows[:4],
            val=rows[4:8],
            test=rows[:0],
            test_is_copy=np.zeros(0, dtype=bool),
            digest="",
        ),
        pixels=SimpleNamespace(rows=lambda hashes: np.arange(len(hashes))),
    )


@pytest.fixture
def weighed(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Replace the training of a head by one that knows nothing; return the settings it gets."""
    seen: list[Any] = []

    def fit_head(*words: Any, **_more: Any) -> Any:
        seen.append(words[4])
        return SimpleNamespace(
            parameters=5000,
            predict=lambda place: np.full((len(place), 2), 0.5),
        )

    monkeypatch.setattr(scoring, "fit_head", fit_head)
    features = SimpleNamespace(seconds=2.0, matrix=np.zeros((8, 3)))
    monkeypatch.setattr(Study, "_features_of", lambda *_: features)
    return seen


@pytest.mark.usefixtures("weighed")
def test_a_heads_cost_counts_its_backbone(material: Any) -> None:
    assert SPEC.search is not None
    wanted = replace(SPEC.search, objective="parameters,milliseconds_per_image")
    study = Study(replace(SPEC, search=wanted), read_space("head"), material, Silent())
    trial = Trial(0, Params(), 5, lambda *_: False)
    costs = study.score(trial)
    assert costs == pytest.approx((2_257_984 + 5000, 250.002), rel=1e-9)
    assert study.score(trial) == costs


def test_balanced_weights_follow_each_fold(material: Any, weighed: list[Any]) -> None:
    assert SPEC.search is not None
    wanted = replace(SPEC.search, objective="parameters", select="cv:3")
    study = Study(replace(SPEC, search=wanted), read_space("head"), material, Silent())
    study.score(Trial(0, Params(class_weight="balanced"), 5, lambda *_: False))
    given = sorted(settings.class_weights.tolist() for settings in weighed)
    # Of five and three images, two folds leave three and two to train on, one four and two.
    assert given == [pytest.approx(each) for each in ([0.75, 1.5], [5 / 6, 1.25], [5 / 6, 1.25])]


def examined(
    material: Any, monkeypatch: pytest.MonkeyPatch, select: str, prune_after: int
) -> Trial:
    """Run a trial of three epochs that says one class more often in each; return it afterwards."""

    def said(epoch: int) -> Any:
        return np.eye(2)[[1 if place <= epoch else 0 for place in range(4)]]

    def fit_head(*words: Any, report: Any, seen: Any, **_more: Any) -> Any:
        for epoch in range(3):
            if seen is not None:
                seen(said(epoch))
            report(Epoch(number=epoch, stage="head", metrics={"val_macro_f1": 0.5}))
        return SimpleNamespace(
            parameters=5000,
            predict=lambda place: np.eye(2)[place % 2],
        )

    monkeypatch.setattr(scoring, "fit_head", fit_head)
    features = SimpleNamespace(seconds=2.0, matrix=np.zeros((8, 3)))
    monkeypatch.setattr(Study, "_features_of", lambda *_: features)
    assert SPEC.search is not None
    wanted = replace(SPEC.search, select=select)
    study = Study(replace(SPEC, search=wanted), read_space("head"), material, Silent())
    trial = Trial(0, Params(), 5, lambda step, _value: step == prune_after)
    with suppress(Pruned):
        study.score(trial)
    return trial


def test_a_trial_keeps_what_its_best_epoch_answers_on_validation(
    material: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = examined(material, monkeypatch, "val", prune_after=9)
    assert read_answers(trial.answers).tolist() == [0, 1, 0, 1]


def test_a_pruned_trial_keeps_what_it_answered_last(
    material: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = examined(material, monkeypatch, "val", prune_after=1)
    assert read_answers(trial.answers).tolist() == [1, 1, 0, 0]


def test_a_trial_scored_on_folds_keeps_no_answers(
    material: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert examined(material, monkeypatch, "cv:2", prune_after=9).answers == ""


def test_answers_are_no_metric_of_a_trial_in_mlflow() -> None:
    record = TrialRecord(
        number=0,
        params=Params(),
        state=TrialState.COMPLETE,
        values=(0.5,),
        answers="u1:AAE=",
    )
    assert trial_run(record, SPEC).metrics == {"objective_macro_f1": 0.5}


def test_the_network_delivered_has_the_epochs_of_the_trial_that_was_best() -> None:
    study = Study(SPEC, read_space("head"), NO_IMAGES, Silent())
    assert study.spec_of(Params(), 2).epochs == 2
    assert study.spec_of(Params(), 100).epochs == SPEC.epochs


def test_trials_that_a_version_before_had_written_are_read(tmp_path: Path) -> None:
    space = _space("batch: {type: choice, choices: [16]}")
    best = TrialRecord(
        number=0,
        params=Params(batch=16),
        state=TrialState.COMPLETE,
        values=(0.9,),
        steps={0: 0.5},
        answers="u1:AAE=",
    )
    found = SearchResult(
        study="s", space=space, goals=read_goals("macro_f1"), trials=(best,), seconds=1.0
    )
    path = tmp_path / "search.json"
    write_search(found, path)
    assert read_search(path, space).trials == found.trials
    told = json.loads(path.read_text())
    (trial,) = told["trials"]
    trial["facts"] = {"answers": trial.pop("answers")}
    del trial["epochs"]
    path.write_text(json.dumps(told))
    assert read_search(path, space).trials == found.trials


def test_features_are_computed_before_the_first_trial_and_once_for_each_scales(
    material: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[ParamValue] = []

    def open_features(spec: Spec, *_: object) -> object:
        opened.append(spec.params["scales"])
        return SimpleNamespace()

    monkeypatch.setattr("benchmark.worker.objective.open_features", open_features)
    monkeypatch.setattr("benchmark.worker.objective.score_head", lambda *_: {"macro_f1": 0.5})
    picture = replace(SPEC.picture, side_px=224)
    study = Study(replace(SPEC, picture=picture), read_space("linear"), material, Silent())
    study.prepare()
    for scales in ("1", "0.5+1", "1", "0.5+1"):
        study.score(Trial(0, Params(scales=scales), 5, lambda *_: False))
    assert opened == ["1", "0.5+1"]


def _space(line: str) -> Space:
    return parse_space(f"about: own\nparameters:\n  {line}\n", name="own", file="own.yaml")


def test_a_study_is_told_in_full_what_it_is_searched_for() -> None:
    settings = settings_for(SPEC, Params())
    assert settings.asked == SPEC.without_budget.to_json()
    assert digest(settings.asked) == settings.material


def test_a_damaged_study_is_moved_aside_only_where_a_person_wants_all_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted: list[bool] = []

    def searched(*_: Any, anew: bool) -> Any:
        wanted.append(anew)
        raise Pruned

    monkeypatch.setattr(benchmark.search, "search", searched)
    study = Study(SPEC, read_space("head"), NO_IMAGES, Silent())
    for anew in (False, True):
        with suppress(Pruned):
            study.run("", lambda _: None, anew=anew)
    assert wanted == [False, True]
