"""What ranks the rows of a board: settled in the plan, for all rows, the same on every machine."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.numerics import NUMERICS
from benchmark.plan import costs
from benchmark.plan.further import composite_spec
from benchmark.plan.ranking import Sampling
from benchmark.plan.specs import Plan, draft_plan, make_plan
from benchmark.records import Index, Picture, Record, Regime, Seconds, Spec, Split, State
from benchmark.request import Request

PICTURE = Picture(side_px=96)
LIGHT, HEAVY = "prior,mobilenetv2,densenet121", "prior,cnn"


def request(**more: str) -> Request:
    return Request.read({"arch": LIGHT, "weights": "none", **more})


def index_of(count: int, patients: int = 0) -> Index:
    labels = np.arange(count) % 2
    of = [f"p{row % patients}" if patients else None for row in range(count)]
    return Index(
        name="scans",
        modality="ct",
        synthetic=False,
        classes=("a", "b"),
        paths=tuple(f"{row:05}.png" for row in range(count)),
        labels=labels,
        parts=(None,) * count,
        patients=tuple(of),
        hashes=tuple(f"{row:064x}" for row in range(count)),
        reader=None,  # type: ignore[arg-type]
    )


def split_of(train: int, val: int, fold: int | None = None) -> Split:
    rows = np.arange(train + val + 50)
    return Split(
        scheme="official" if fold is None else "kfold:4",
        fold=fold,
        train=rows[:train],
        val=rows[train : train + val],
        test=rows[train + val :],
        test_is_copy=np.zeros(50, dtype=bool),
        digest="split",
    )


def record_of(spec: Spec) -> Record:
    return Record(
        spec=spec,
        run_id="r",
        model_id="m",
        state=State.FINISHED,
        reason="",
        scores={},
        seconds=Seconds(),
        parameters=1,
        model_bytes=1,
        milliseconds_per_image=1.0,
        started=0.0,
    )


def plan_of(
    asked: Request, index: Index, splits: list[Split], sampling: Sampling | None = None
) -> Plan:
    return make_plan(draft_plan(asked, index, PICTURE), index, splits, sampling)


def plan(train: int = 600, val: int = 70, **more: str) -> Plan:
    return plan_of(request(**more), index_of(train + val + 50), [split_of(train, val)])


def ranked_on(made: Plan) -> set[str]:
    return {made.rank_on, *(job.spec.rank_on for job in made.jobs)}


def test_a_small_validation_is_left_to_answers_out_of_fold_where_they_cost_little() -> None:
    made = plan()
    assert ranked_on(made) == {"cv:5"}
    (note,) = [note for note in made.notes if "ranked" in note]
    assert "out-of-fold answers for the 670 images of train and validation (5 folds)" in note
    assert "validation has only 70 separate patients or images" in note


def test_fewer_folds_are_taken_where_five_would_more_than_triple_the_cost() -> None:
    assert ranked_on(plan(arch=HEAVY, epochs="60")) == {"cv:4"}
    made = plan(arch=HEAVY, epochs="60", val=190)
    assert ranked_on(made) == {"cv:3"}
    assert "(3 folds)" in made.notes[-1]


def test_two_hundred_separate_images_are_enough() -> None:
    assert ranked_on(plan(val=199)) == {"cv:5"}
    made = plan(val=200)
    assert ranked_on(made) == {"val"}
    assert "it has 200 separate patients or images, 200 or more" in made.notes[-1]


def test_patients_are_counted_where_they_are_known() -> None:
    made = plan_of(request(), index_of(1250, patients=41), [split_of(600, 600)])
    assert ranked_on(made) == {"cv:5"}
    assert "only 41 separate patients or images" in made.notes[-1]


def test_what_would_more_than_triple_the_cost_is_said_and_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(costs, "_gflops_per_second", lambda: 50.0)
    made = plan(arch=HEAVY, val=190, epochs="3450")
    assert ranked_on(made) == {"val"}
    assert "would take about" in made.notes[-1]
    assert made.notes[-1].endswith("minutes more: --rank-on cv:5.")


@pytest.mark.parametrize("arch", [LIGHT, HEAVY])
def test_a_machines_pace_changes_no_spec(arch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    digests = set()
    for rate in (1.0, 10_000.0):
        monkeypatch.setattr(costs, "_gflops_per_second", lambda rate=rate: rate)
        digests.add(plan(arch=arch).digest)
    assert len(digests) == 1


def test_a_search_is_repeated_in_every_fold_where_that_costs_little() -> None:
    made = plan(search="optuna:random", space="smoke", trials="3")
    assert ranked_on(made) == {"cv:5"}
    assert ranked_on(plan(search="optuna:random", space="smoke", rank_on="cv:5")) == {"cv:5"}


def test_a_search_of_whole_networks_that_would_more_than_triple_is_ranked_on_validation() -> None:
    made = plan(arch=HEAVY, val=190, epochs="300", search="optuna:random", space="smoke")
    assert ranked_on(made) == {"val"}
    assert "would take about" in made.notes[-1]


@pytest.mark.parametrize(
    ("more", "select"),
    [
        ({"arch": "mobilenetv2", "trials": "5"}, "cv:5x2"),
        ({"arch": "mobilenetv2", "trials": "20"}, "cv:5"),
        ({"arch": "mobilenetv2", "trials": "100"}, "val"),
        ({"arch": "mobilenetv2", "val": 200}, "val"),
        ({"arch": "mobilenetv2", "select": "val"}, "val"),
        ({"arch": "mobilenetv2", "val": 200, "select": "cv:3"}, "cv:3"),
        ({"arch": "mobilenetv2", "augmentation": "ct"}, "val"),
        ({"arch": "mobilenetv2", "regime": "finetune"}, "val"),
        ({"arch": "cnn"}, "val"),
    ],
)
def test_heads_over_kept_features_are_chosen_on_folds_where_validation_is_small(
    more: dict[str, Any], select: str
) -> None:
    made = plan(search="optuna", space="smoke", **more)
    assert {job.spec.search.select for job in made.jobs if job.spec.search} == {select}


def test_what_is_ranked_on_validation_is_chosen_there_unless_a_person_says_otherwise() -> None:
    for select, found in (("auto", "val"), ("cv:5x2", "cv:5x2")):
        made = plan(
            arch="mobilenetv2", search="optuna", space="smoke", rank_on="val", select=select
        )
        assert {job.spec.search.select for job in made.jobs if job.spec.search} == {found}


def test_nothing_is_pruned_by_epochs_where_trials_are_scored_on_folds() -> None:
    pruners = {}
    for select in ("auto", "val"):
        (job,) = plan(arch="mobilenetv2", search="optuna", space="smoke", select=select).jobs
        assert job.spec.search is not None
        pruners[select] = job.spec.search.pruner
    assert pruners == {"auto": "none", "val": "median"}


def test_a_class_of_fewer_patients_than_folds_leaves_a_search_to_validation() -> None:
    index = index_of(720, patients=8)
    asked = request(arch="mobilenetv2", search="optuna", space="smoke")
    (job,) = plan_of(asked, index, [split_of(600, 70)]).jobs
    assert job.spec.search is not None
    assert job.spec.search.select == "val"


def test_folds_of_folds_are_not_taken() -> None:
    splits = [split_of(400, 100, fold) for fold in range(4)]
    made = plan_of(request(), index_of(550), splits)
    assert ranked_on(made) == {"val"}
    with pytest.raises(UsageError, match="--rank-on cv:5 and --split kfold:4 exclude each other"):
        plan_of(request(rank_on="cv:5"), index_of(550), splits)


def test_a_class_of_too_few_patients_is_no_matter_for_folds() -> None:
    index, split = index_of(720), split_of(600, 70)
    groups = ["one" if label else str(row) for row, label in enumerate(index.labels)]
    sampling = Sampling(units=np.arange(720), groups=tuple(groups))
    made = plan_of(request(), index, [split], sampling)
    assert ranked_on(made) == {"val"}
    assert "a class has too few separate patients or images for folds" in made.notes[-1]
    with pytest.raises(UsageError, match="--rank-on cv:5: class number 1 has 1 separate patients"):
        plan_of(request(rank_on="cv:5"), index, [split], sampling)


@pytest.mark.parametrize("asked", ["val", "cv:3"])
def test_what_is_asked_for_holds_for_every_row(asked: str) -> None:
    made = plan(rank_on=asked, arch=LIGHT, val=400)
    assert ranked_on(made) == {asked}
    assert "as asked for" in made.notes[-1]


@pytest.mark.parametrize("words", ["cv", "cv:1", "cv:21", "folds"])
def test_other_words_are_refused_in_a_line(words: str) -> None:
    with pytest.raises(UsageError, match=r"--rank-on must be auto, val or cv:K with K from 2"):
        request(rank_on=words)


def test_every_spec_holds_the_rooms_numbers() -> None:
    assert {job.spec.numerics for job in plan().jobs} == {NUMERICS}


def test_the_check_of_labels_is_the_cheapest_network_that_learns() -> None:
    made = plan(sanity="yes", arch="prior,densenet121,mobilenetv2", seed="0,1")
    shuffled = [job.spec for job in made.jobs if job.spec.labels == "shuffled"]
    assert [(each.arch, each.seed) for each in shuffled] == [("mobilenetv2", 0), ("mobilenetv2", 1)]
    true = {each.spec.digest for each in made.jobs if each.spec.labels == "true"}
    assert len(true) == 6
    assert not true & {each.digest for each in shuffled}
    assert {each.rank_on for each in shuffled} == {made.rank_on}


def test_the_check_of_labels_is_never_searched() -> None:
    made = plan(sanity="yes", arch="mobilenetv2", search="optuna:random", space="smoke")
    (job,) = [each for each in made.jobs if each.spec.labels == "shuffled"]
    assert job.spec.search is None
    assert job.space is None


def test_the_check_of_labels_needs_a_network_that_learns() -> None:
    with pytest.raises(UsageError, match="--sanity yes needs a network that learns"):
        plan(sanity="yes", arch="prior")


@pytest.mark.parametrize(
    ("ranked", "found"), [(("cv:5", "cv:5"), "cv:5"), (("cv:5", "val"), "val"), (("val",), "val")]
)
def test_a_composite_is_ranked_as_all_its_members_are(ranked: tuple[str, ...], found: str) -> None:
    specs = [plan(arch="mobilenetv2", rank_on=each).jobs[0].spec for each in ranked]
    records = [record_of(each) for each in specs]
    spec = composite_spec(request(), "ensemble", index_of(720), split_of(600, 70), records)
    assert spec.rank_on == found
    assert spec.numerics == NUMERICS
    assert spec.regime is Regime.COMPOSITE


def test_folds_cost_heads_little_and_networks_from_scratch_a_training_each() -> None:
    index, split = index_of(720), split_of(600, 70)
    head, prior, cnn = (
        plan(arch=arch, rank_on="cv:5", epochs="345").jobs[0].spec
        for arch in ("mobilenetv2", "prior", "cnn")
    )

    def seconds(spec: Spec) -> float:
        return sum(costs.nominal_seconds([(spec, split)], index))

    ratio = {
        spec.arch: seconds(spec) / seconds(replace(spec, rank_on="val"))
        for spec in (head, prior, cnn)
    }
    assert ratio["prior"] == 1.0
    assert 1.0 < ratio["mobilenetv2"] < 2.2  # what a head reads is chosen anew in each fold
    assert 3.0 < ratio["cnn"] < 5.5
