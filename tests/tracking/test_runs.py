import base64
import json
import threading
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import StoreError
from benchmark.records import Epoch, Params, Record, SearchSpec, Spec, State
from benchmark.tracking import BoardFiles, Run, Tracker

from .conftest import OPENING, SPEC, UNIFORM, Bench, evidence_of, outcome_in

pytestmark = pytest.mark.slow

Finish = Callable[..., Record]
SEARCHED = replace(
    SPEC,
    search=SearchSpec(engine="optuna:tpe", space="head", space_digest="e" * 64, trials=5),
    members=("f" * 64,),
)


def run_of(tracker: Tracker, run_id: str) -> Any:
    return tracker._store.client.get_run(run_id)


def artifacts_of(tracker: Tracker, record: Record) -> set[str]:
    root = Path(run_of(tracker, record.run_id).info.artifact_uri.removeprefix("file://"))
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_a_record_comes_back_from_the_store_as_it_was_logged(
    bench: Bench, finished: Finish
) -> None:
    made = finished(bench.open(), SEARCHED)
    (read,) = bench.open().records()
    assert read.spec == SEARCHED
    assert (read.run_id, read.model_id, read.state) == (made.run_id, made.model_id, State.FINISHED)
    assert read.scores["val_macro_f1"] == 0.5
    assert np.isnan(read.scores["val_auroc"])
    assert set(read.scores) == {"val_macro_f1", "test_macro_f1", "val_auroc"}
    assert (read.seconds.total, read.seconds.wall) == (6.0, 0.5)
    assert (read.parameters, read.model_bytes, read.milliseconds_per_image) == (123, 456, 0.25)
    assert read.notes == ("weights fell back to none",)


def test_a_child_carries_its_parameters_under_their_own_names(bench: Bench) -> None:
    tracker = bench.open()
    parent = tracker.begin(OPENING, resume=True)
    data = run_of(tracker, tracker.start(parent, SEARCHED).run_id).data
    assert data.params["arch"] == "tiny"
    assert data.params["learning_rate"] == "0.1"
    assert data.params["side_px"] == "16"
    assert data.params["search.engine"] == "optuna:tpe"
    assert data.tags["mlflow.parentRunId"] == parent.run_id
    assert data.tags["spec_digest"] == SEARCHED.digest


def test_a_parameter_named_like_a_field_of_the_spec_does_not_hide_it(bench: Bench) -> None:
    tracker = bench.open()
    spec = replace(SPEC, params=Params(epochs=99))
    run = tracker.start(tracker.begin(OPENING, resume=True), spec)
    params = run_of(tracker, run.run_id).data.params
    assert (params["epochs"], params["params.epochs"]) == ("2", "99")


def test_a_record_knows_what_auto_stood_for(bench: Bench) -> None:
    tracker = bench.open()
    parent = tracker.begin(OPENING, resume=True)
    with_preset = tracker.start(parent, SPEC, "best").fail("no memory")
    claimed = tracker.claim(parent, replace(SPEC, seed=5), "quick")
    assert isinstance(claimed, Run)
    without = tracker.start(parent, replace(SPEC, seed=6)).fail("no memory")
    records = (with_preset, claimed.fail("no memory"), without)
    assert [record.preset for record in records] == ["best", "quick", ""]


def test_a_spec_too_long_for_a_tag_comes_back_whole(bench: Bench, finished: Finish) -> None:
    spec = replace(SPEC, members=tuple(f"{number:064d}" for number in range(150)))
    finished(bench.open(), spec)
    (read,) = bench.open().records()
    assert read.spec == spec


def test_a_finished_run_holds_its_tables_and_figures(bench: Bench) -> None:
    from matplotlib.figure import Figure

    tracker = bench.open()
    outcome = outcome_in(bench.folder / "outcome")
    evidence = evidence_of(
        outcome,
        figures={"confusion_val": Figure(), "roc/test.svg": b"<svg/>"},
        tables={"report.txt": "precision"},
    )
    run = tracker.start(tracker.begin(OPENING, resume=True), SPEC)
    record = run.finish(evidence)
    assert artifacts_of(tracker, record) == {
        "predictions.parquet",
        "check.parquet",
        "history.json",
        "spec.json",
        "figures/confusion_val.png",
        "figures/roc/test.svg",
        "tables/report.txt",
    }
    np.testing.assert_array_equal(tracker.predictions(record).probabilities, UNIFORM.probabilities)
    assert tracker.check(record).paths == UNIFORM.paths
    assert tracker.network_path(record).read_bytes() == b"no network, but a file to log"


def test_an_artifact_that_was_removed_is_an_error_of_the_store(
    bench: Bench, finished: Finish
) -> None:
    tracker = bench.open()
    record = finished(tracker)
    root = Path(run_of(tracker, record.run_id).info.artifact_uri.removeprefix("file://"))
    (root / "predictions.parquet").unlink()
    with pytest.raises(StoreError, match=r"predictions\.parquet cannot be read"):
        tracker.predictions(record)


def test_metrics_stand_on_the_model_by_data_set(bench: Bench, finished: Finish) -> None:
    tracker = bench.open()
    record = finished(tracker)
    model = tracker._store.client.get_logged_model(record.model_id)
    by_name = {metric.key: metric for metric in model.metrics}
    assert by_name["val_macro_f1"].dataset_name == "phantom-val"
    assert by_name["test_macro_f1"].dataset_name == "phantom-test"
    assert by_name["parameters"].value == 123
    assert (str(model.status), model.name) == ("READY", "tiny")
    assert model.params["arch"] == "tiny"


def test_the_data_sets_are_inputs_of_the_run(bench: Bench, finished: Finish) -> None:
    tracker = bench.open()
    inputs = run_of(tracker, finished(tracker).run_id).inputs.dataset_inputs
    names = {each.dataset.name: each.tags[0].value for each in inputs}
    assert names == {
        "phantom-train": "training",
        "phantom-val": "validation",
        "phantom-test": "testing",
    }
    assert len({each.dataset.digest for each in inputs}) == 3


def test_finished_runs_are_found_by_digest_and_failed_ones_are_not(
    bench: Bench, finished: Finish
) -> None:
    tracker = bench.open()
    made = finished(tracker)
    other = replace(SPEC, seed=2)
    failed = tracker.start(tracker.begin(OPENING, resume=True), other).fail("no memory")
    found = bench.open().finished([SPEC.digest, other.digest, "0" * 64])
    assert {digest: record.run_id for digest, record in found.items()} == {SPEC.digest: made.run_id}
    assert (failed.state, failed.reason) == (State.FAILED, "no memory")


def test_finished_runs_are_looked_up_by_a_filter_on_the_digest_and_none_other_is_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = bench.open()
    client, text = tracker._store.client, json.dumps(SPEC.to_json())
    digests = [f"{number:064d}" for number in range(100)]
    for digest in (each for each in digests[:40] for _ in range(2)):
        tags = {"benchmark": "run", "spec": text, "spec_digest": digest}
        run = client.create_run(tracker.experiment.id, tags=tags)
        client.set_terminated(run.info.run_id)
    asked, read = list[str](), list[str]()
    search_runs = client.search_runs

    def counted(experiments: list[str], filter_: str, **more: Any) -> Any:
        asked.append(filter_)
        page = search_runs(experiments, filter_, **more)
        read.extend(run.data.tags["spec_digest"] for run in page)
        return page

    monkeypatch.setattr(client, "search_runs", counted)
    monkeypatch.setattr(tracker._store, "has_files", lambda _: True)
    wanted = [*digests[35:], *digests[35:]]
    assert list(tracker.finished(wanted)) == read == digests[35:40]
    assert len(asked) == len(set(asked)) == len(digests[35:])
    assert all("tags.spec_digest = '" in each for each in asked)


def test_records_are_those_of_the_splits_asked_for(bench: Bench, finished: Finish) -> None:
    tracker = bench.open()
    finished(tracker)
    assert len(tracker.records([SPEC.split_digest])) == 1
    assert tracker.records(["0" * 64]) == ()


def test_epochs_are_logged_once_whether_streamed_or_found_at_the_end(bench: Bench) -> None:
    tracker = bench.open()
    run = tracker.start(tracker.begin(OPENING, resume=True), SPEC)
    epochs = [
        Epoch(number=number, stage="head", metrics={"val_loss": 1.0 / (number + 1)})
        for number in range(30)
    ]
    for epoch in epochs[:20]:
        run.epoch(epoch)
    outcome = outcome_in(bench.folder / "outcome")
    record = run.finish(evidence_of(outcome, history=epochs))
    history = tracker._store.client.get_metric_history(record.run_id, "epoch_val_loss")
    assert [(each.step, each.value) for each in history] == [
        (epoch.number, epoch.metrics["val_loss"]) for epoch in epochs
    ]


def test_an_epoch_does_not_wait_for_the_store(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = bench.open()
    run = tracker.start(tracker.begin(OPENING, resume=True), SPEC)
    gate = threading.Event()
    log_batch = tracker._store.client.log_batch

    def slow(*args: Any, **more: Any) -> None:
        assert gate.wait(60)
        log_batch(*args, **more)

    monkeypatch.setattr(tracker._store.client, "log_batch", slow)
    for number in range(5):
        run.epoch(Epoch(number=number, stage="head", metrics={"loss": 1.0}))
    assert not gate.is_set()
    gate.set()
    run.flush()
    assert len(tracker._store.client.get_metric_history(run.run_id, "epoch_loss")) == 5


def test_a_class_may_have_signs_that_mlflow_refuses(bench: Bench) -> None:
    tracker = bench.open()
    run = tracker.start(tracker.begin(OPENING, resume=True), SPEC)
    outcome = outcome_in(bench.folder / "outcome")
    record = run.finish(evidence_of(outcome, scores={"test_f1_covid (19)": 0.5}))
    assert record.scores == {"test_f1_covid _19_": 0.5}


def test_notes_longer_than_a_tag_are_cut_and_say_so(bench: Bench) -> None:
    tracker = bench.open()
    run = tracker.start(tracker.begin(OPENING, resume=True), SPEC)
    outcome = replace(outcome_in(bench.folder / "outcome"), warnings=("w" * 300,) * 100)
    notes = run.finish(evidence_of(outcome)).notes
    assert notes[0] == "w" * 300
    assert notes[-1] == "further notes did not fit"


def test_a_finished_benchmark_leaves_its_board_and_a_link(bench: Bench) -> None:
    tracker = bench.open()
    parent = tracker.begin(OPENING, resume=True)
    files = {"leaderboard.csv": "rank,arch\n"}
    board = BoardFiles(files=files, note="# Board", tags={"w": "cnn"}, ranked_on="cv_macro_f1")
    link = tracker.finish_benchmark(parent, board)
    run = run_of(tracker, parent.run_id)
    assert (run.info.status, run.data.tags["w"]) == ("FINISHED", "cnn")
    root = Path(run.info.artifact_uri.removeprefix("file://"))
    assert (root / "leaderboard.csv").read_text() == "rank,arch\n"
    tags = tracker._store.client.get_experiment(tracker.experiment.id).tags
    assert tags["mlflow.note.content"] == "# Board"
    view = json.loads(tags["mlflow.sharedViewState.leaderboard"])
    state = zlib.decompress(base64.b64decode(view["state"].removeprefix("deflate;")))
    assert view["name"] == "Leaderboard"
    assert json.loads(state)["orderByKey"] == "metrics.`cv_macro_f1`"
    assert link.path.endswith(f"{tracker.experiment.id}/runs?viewStateShareKey=leaderboard")
    assert link.warning == ""


def test_an_artifact_store_that_is_full_is_told_in_one_line(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    tracker = bench.open()
    parent = tracker.begin(OPENING, resume=True)
    monkeypatch.setattr(tracker._store.client, "log_text", full)
    board = BoardFiles(files={"leaderboard.csv": "rank,arch\n"})
    for keep in (
        lambda: tracker.keep_text(parent, "audit.json", "{}"),
        lambda: tracker.finish_benchmark(parent, board),
    ):
        with pytest.raises(StoreError, match="No space left on device"):
            keep()


def test_another_version_of_mlflow_is_said_openly(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlflow.__version__", "4.0.1")
    tracker = bench.open()
    link = tracker.finish_benchmark(tracker.begin(OPENING, resume=True), BoardFiles())
    assert "4.0.1 the link may open the plain table" in link.warning


def test_a_long_board_is_cut_at_a_line_in_the_note(bench: Bench) -> None:
    tracker = bench.open()
    note = "| row of the board |\n" * 2000
    tracker.finish_benchmark(tracker.begin(OPENING, resume=True), BoardFiles(note=note))
    tags = tracker._store.client.get_experiment(tracker.experiment.id).tags
    shown = tags["mlflow.note.content"]
    assert len(shown) < 20_000
    assert shown.endswith("| row of the board |\n\n(cut; see leaderboard.md)")


def test_a_spec_survives_json(bench: Bench) -> None:
    assert Spec.from_json(json.loads(json.dumps(SEARCHED.to_json()))) == SEARCHED
