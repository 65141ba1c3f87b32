"""A board from the store alone: the same whenever and from wherever, and scored anew."""

import csv
import io
import json
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.board import BoardSubject
from benchmark.cli import run_command
from benchmark.errors import LostError
from benchmark.evaluation import (
    OperatingPoint,
    at_temperature,
    read_predictions,
    score,
    write_predictions,
)
from benchmark.jobs.boards import SUBJECT_FILE, latest_board, mark_runs, read_subject
from benchmark.numerics import NUMERICS
from benchmark.records import Predictions, Record, Spec
from benchmark.tracking import Tracker
from tests.board.made import erring, spread

from .conftest import OPENING, SPEC, Bench, evidence_of, outcome_in

pytestmark = pytest.mark.slow

SUBJECT = BoardSubject(
    synthetic=True,
    split="official",
    images={"train": (9, 9), "val": (36, 36), "test": (36, 36)},
    classes=("a", "b"),
    patients_known=True,
    findings=("4 images of test are in train too; they are left out.",),
    splits=(SPEC.split_digest,),
)


@dataclass
class Store:
    """A store with a benchmark of two networks on two images each of 36 patients a class."""

    bench: Bench
    tracker: Tracker
    parent: str
    records: list[Record]

    def files(self, record: Record) -> Path:
        """Return the folder of a run's artifacts."""
        run = self.tracker._store.client.get_run(record.run_id)
        return Path(run.info.artifact_uri.removeprefix("file://"))

    def tags(self, record: Record) -> dict[str, str]:
        """Return a run's tags."""
        return dict(self.tracker._store.client.get_run(record.run_id).data.tags)


def table(wrong: int) -> Predictions:
    found = erring("any", spread(wrong))[1].predictions
    return replace(found, units=np.arange(len(found.hashes)) // 2)


def finish(
    bench: Bench,
    tracker: Tracker,
    spec: Spec,
    predictions: Predictions,
    temperature: float = 1.0,
) -> Record:
    opening = replace(OPENING, splits=(spec.split_digest,))
    parent = tracker.begin(opening, resume=False)
    outcome = outcome_in(bench.folder / "outcomes" / spec.digest, spec)
    outcome = replace(outcome, temperature=temperature)
    write_predictions(predictions, outcome.folder / "predictions.parquet")
    evidence = evidence_of(outcome, predictions=predictions, scores=score(predictions))
    return tracker.start(parent, spec).finish(evidence)


@pytest.fixture
def store(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", bench.uri)
    tracker = bench.open()
    made = [
        finish(bench, tracker, replace(SPEC, arch=arch), table(wrong))
        for arch, wrong in (("good", 6), ("poor", 30))
    ]
    parent = tracker.begin(OPENING, resume=False)
    tracker.keep_text(parent, SUBJECT_FILE, json.dumps(SUBJECT.to_json()))
    return Store(bench=bench, tracker=tracker, parent=parent.run_id, records=made)


def shown(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> dict[str, bytes]:
    """Run a command in a folder; return the board's files that it writes there."""
    folder.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(folder)
    assert run_command([*words]) == 0
    results = folder / "results" / "phantom"
    return {name: (results / name).read_bytes() for name in ("leaderboard.md", "leaderboard.csv")}


def test_a_board_is_the_same_to_the_byte_from_another_folder(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = shown(tmp_path / "here", monkeypatch, "leaderboard")
    assert shown(tmp_path / "there" / "deeper", monkeypatch, "leaderboard") == first
    text = first["leaderboard.md"].decode()
    assert "SYNTHETIC" in text
    assert "4 images of test are in train too; they are left out." in text
    assert "The test part has been scored 2 times in this store." in text
    assert str(tmp_path) not in text


def test_a_board_knows_patients_and_intervals_without_the_images(store: Store) -> None:
    board = latest_board(store.tracker)
    assert board.verdict is not None
    assert (board.verdict.units, board.verdict.unit) == (36, "patients")
    assert all(row.figures["val_macro_f1"].interval is not None for row in board.ranked)


def test_a_board_is_of_the_split_of_the_latest_benchmark(store: Store) -> None:
    other = replace(SPEC, arch="elsewhere", split_digest="6" * 64)
    finish(store.bench, store.tracker, other, table(3))
    board = latest_board(store.tracker)
    assert [row.arch for row in board.rows] == ["elsewhere"]
    assert board.notes[0] == "Not shown, being on other data or another split: 2 of the runs."


def test_a_benchmark_that_no_run_stands_on_yet_makes_no_board(store: Store) -> None:
    opening = replace(OPENING, splits=("7" * 64,))
    store.tracker.begin(opening, resume=False)
    assert {row.arch for row in latest_board(store.tracker).rows} == {"good", "poor"}


def test_the_test_part_is_counted_over_all_experiments_and_older_runs(store: Store) -> None:
    elsewhere = store.bench.open("another")
    finish(store.bench, elsewhere, replace(SPEC, arch="third"), table(9))
    run = store.records[1].run_id
    store.tracker._store.client.delete_tag(run, "test_digest")
    subject = latest_board(store.tracker).subject
    assert subject is not None
    assert subject.test_scored == 3


@pytest.mark.parametrize("count", [0, 1, 2, 9, 30])
def test_runs_are_counted_without_being_read(bench: Bench, count: int) -> None:
    tracker = bench.open()
    for _ in range(count):
        tracker._store.client.create_run(tracker.experiment.id, tags={"benchmark": "run"})
    assert tracker.count() == count
    assert tracker.holds_run() == (count > 0)


def test_a_ranked_run_carries_its_place(store: Store) -> None:
    board = latest_board(store.tracker)
    mark_runs(store.tracker, board)
    good, poor = (store.tags(record) for record in store.records)
    assert (good["rank"], good["rank_interval"], poor["rank"]) == ("1", "1 to 1", "2")
    assert good["champion"].startswith("yes: good is the champion")
    assert poor["champion"] == "no"


def test_a_run_says_which_code_made_it(store: Store) -> None:
    (record,) = (each for each in store.tracker.records() if each.spec.arch == "good")
    tags = store.tags(record)
    assert record.version == tags["version"] != ""
    assert record.commit == tags["code_commit"] != ""


def test_a_table_that_is_gone_costs_its_row_the_comparison_only(store: Store) -> None:
    (store.files(store.records[1]) / "predictions.parquet").unlink()
    said: list[str] = []
    board = latest_board(store.tracker, say=said.append)
    (line,) = said
    assert f"cannot judge the run {store.records[1].run_id}: " in line
    assert [row.arch for row in board.ranked] == ["good", "poor"]
    assert board.champion is not None
    assert board.ranked[1].figures["val_macro_f1"].interval is None


def test_a_board_without_a_table_is_refused_where_nobody_is_told(store: Store) -> None:
    (store.files(store.records[1]) / "predictions.parquet").unlink()
    with pytest.raises(LostError, match="leave such runs out: mlflow runs delete --run-id"):
        latest_board(store.tracker)


def older(store: Store) -> None:
    """Make of a store what 0.1.0 left: no subject, no units, no intervals, another macro-F1."""
    folder = Path(store.tracker._store.client.get_run(store.parent).info.artifact_uri[7:])
    (folder / SUBJECT_FILE).unlink()
    with sqlite3.connect(store.bench.folder / "mlflow.db") as database:
        keys = "('split_digests', 'test_digest', 'version')"
        database.execute(f"delete from tags where key in {keys}")
        for name in ("metrics", "latest_metrics"):
            database.execute(f"update {name} set value = 0.9 where key = 'val_macro_f1'")
    for record in store.records:
        path = store.files(record) / "predictions.parquet"
        write_predictions(replace(read_predictions(path), units=None), path)
    text = io.StringIO()
    lines = csv.DictWriter(text, ["path", "hash", "label", "part"])
    lines.writeheader()
    for part, count in (("train", 4), ("val", 2), ("test", 2)):
        for number in range(count):
            line = {"path": f"{part}{number}.png", "hash": "0", "label": "ab"[number % 2]}
            lines.writerow({**line, "part": part})
    store.tracker._store.client.log_text(store.parent, text.getvalue(), "split.csv")


def test_what_an_older_board_was_about_is_put_together_from_what_it_left(store: Store) -> None:
    older(store)
    (own,) = (each for each in store.tracker.benchmarks() if each.run_id == store.parent)
    subject = read_subject(store.tracker, own)
    assert subject.synthetic
    assert subject.classes == ("a", "b")
    assert subject.images == {"train": (2, 2), "val": (1, 1), "test": (1, 1)}
    assert subject.splits == (SPEC.split_digest,)
    assert not subject.patients_known


def test_runs_of_an_older_store_are_scored_anew_and_say_so(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older(store)
    before = shown(tmp_path / "before", monkeypatch, "leaderboard")
    after = shown(tmp_path / "after", monkeypatch, "rescore")
    assert b"recorded val_macro_f1 0.9000" in before["leaderboard.md"]
    assert b"recorded val_macro_f1" not in after["leaderboard.md"]
    for record in store.tracker.records():
        wanted = score(table({"good": 6, "poor": 30}[record.spec.arch]))
        assert record.scores["val_macro_f1"] == wanted["val_macro_f1"]
        assert record.scores["val_macro_f1_low"] < record.scores["val_macro_f1"]
        tags = store.tags(record)
        assert tags["rescored"].startswith(f"evaluation {NUMERICS['evaluation']}, version ")
        assert "test_digest" in tags


def test_a_figure_that_is_as_it_was_is_not_logged_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older(store)
    shown(tmp_path, monkeypatch, "rescore")
    client, run = store.tracker._store.client, store.records[0].run_id
    changed = client.get_metric_history(run, "val_macro_f1")
    same = client.get_metric_history(run, "test_accuracy")
    assert [each.step for each in changed] == [0, 0]
    assert len(same) == 1
    shown(tmp_path, monkeypatch, "rescore")
    assert len(client.get_metric_history(run, "val_macro_f1")) == 2


def test_tables_are_kept_before_the_temperature_and_read_at_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = scans(tmp_path / "scans", 144)
    paths, hashes = zip(*drawn, strict=True)
    kept = replace(table(9), paths=paths, hashes=hashes)
    spec = replace(SPEC, arch="hot", rank_on="cv:5")
    folder = store.bench.folder / "outcomes" / spec.digest
    monkeypatch.setattr(
        "tests.tracking.test_boards.outcome_in", with_folds(outcome_in, folder, kept)
    )
    record = finish(store.bench, store.tracker, spec, kept, temperature=2.5)
    assert record.temperature == 2.5
    wanted = at_temperature(kept, 2.5).probabilities
    for name in ("predictions", "out_of_fold"):
        raw, read = (
            getattr(store.tracker, each)(record).probabilities for each in (f"raw_{name}", name)
        )
        np.testing.assert_array_equal(raw, kept.probabilities)
        np.testing.assert_array_equal(read, wanted)
    for other in store.records:
        store.tracker._store.client.delete_run(other.run_id)
    shown(tmp_path / "after", monkeypatch, "rescore", "--data", str(tmp_path / "scans"))
    raw = store.tracker.raw_predictions(record)
    np.testing.assert_array_equal(raw.probabilities, kept.probabilities)
    scores = store.tracker.record(record.run_id).scores
    found = score(at_temperature(raw, 2.5))
    assert scores["test_log_loss"] == found["test_log_loss"]
    assert scores["test_raw_log_loss"] == score(raw)["test_log_loss"] != found["test_log_loss"]


def with_folds(make: Any, folder: Path, rows: Predictions) -> Any:
    """Return what leaves an outcome with answers out of fold."""

    def leave(*arguments: Any) -> Any:
        outcome = make(*arguments)
        write_predictions(rows, folder / "out_of_fold.parquet")
        return outcome

    return leave


def test_an_operating_point_is_chosen_on_validation_and_kept_when_scored_anew(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("--positive", "a", "--operating-point", "sensitivity=0.9", "--prevalence", "0.05")
    shown(tmp_path, monkeypatch, "rescore", *words)
    (good,) = (each for each in store.tracker.records() if each.spec.arch == "good")
    point = OperatingPoint.from_json(good.operating_point)
    assert (point.positive, point.rule, good.prevalence) == (("a",), "sensitivity=0.9", 0.05)
    assert good.scores["val_sensitivity"] >= 0.9
    assert good.scores["test_ppv_at_prevalence"] < good.scores["test_ppv"]
    assert good.scores["test_ppv_low"] < good.scores["test_ppv"] < good.scores["test_ppv_high"]
    text = (store.files(good) / "tables" / "operating_point.csv").read_text()
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [(each["part"], each["figure"]) for each in lines[:4]] == [
        ("val", name) for name in ("sensitivity", "specificity", "ppv", "npv")
    ]
    assert {each["prevalence"] for each in lines} == {"0.5", "0.05"}
    shown(tmp_path, monkeypatch, "rescore")
    assert store.tracker.record(good.run_id).operating_point == good.operating_point
    assert run_command(["rescore", "--positive", "sick"]) == 2
    assert "--positive: there is no class 'sick'" in capsys.readouterr().err


def test_a_run_without_a_table_is_named_and_the_others_are_scored(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    older(store)
    (store.files(store.records[0]) / "predictions.parquet").write_text("no table")
    shown(tmp_path, monkeypatch, "rescore")
    said = capsys.readouterr().out
    assert f"good ({store.records[0].run_id}) is left as it is: " in said
    assert "1 runs are scored anew, 1 are left as they were; no alias has moved." in said
    assert "rescored" in store.tags(store.records[1])
    assert "rescored" not in store.tags(store.records[0])


def scans(folder: Path, count: int) -> list[tuple[str, str]]:
    """Draw images of two a patient; return their paths and digests."""
    import hashlib

    from PIL import Image

    random, found = np.random.default_rng(0), []
    for number in range(count):
        name = f"{'ab'[number % 2]}/patient-{number // 4}-{number}.png"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (16, 16), dtype=np.uint8)).save(path)
        found.append((name, hashlib.sha256(path.read_bytes()).hexdigest()))
    return found


def test_with_the_images_at_hand_tables_get_the_numbers_of_their_units(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older(store)
    drawn = scans(tmp_path / "scans", 144)
    for record in store.records:
        path = store.files(record) / "predictions.parquet"
        own = read_predictions(path)
        paths, hashes = zip(*drawn, strict=True)
        write_predictions(replace(own, paths=paths, hashes=hashes), path)
    words = ("rescore", "--data", str(tmp_path / "scans"))
    shown(tmp_path / "after", monkeypatch, *words)
    units = [store.tracker.predictions(record).units for record in store.records]
    assert units[0] is not None
    assert units[1] is not None
    np.testing.assert_array_equal(units[0], units[1])


def test_images_that_are_not_those_of_the_table_leave_it_as_it_is(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    older(store)
    scans(tmp_path / "scans", 8)
    shown(tmp_path, monkeypatch, "rescore", "--data", str(tmp_path / "scans"))
    assert "scans must hold every image of its table, told by content" in capsys.readouterr().out
    assert store.tracker.predictions(store.records[0]).units is None


def test_rescoring_moves_no_alias(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown(tmp_path, monkeypatch, "rescore")
    assert store.tracker.registry.find("phantom", "champion") is None
    assert store.tracker.registry.find("phantom", "candidate") is None


def test_a_name_of_other_classes_is_a_persons_mistake(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    scans(tmp_path / "scans", 8)
    client, record = store.tracker._store.client, store.records[0]
    client.create_registered_model("taken")
    made = client.create_model_version(
        "taken",
        source=f"models:/{record.model_id}",
        run_id=record.run_id,
        tags={"classes": '["covid", "normal"]'},
    )
    client.set_registered_model_alias("taken", "champion", made.version)
    assert run_command(["register", "--register", "taken", "--data", "scans"]) == 2
    said = capsys.readouterr().err
    assert "the registered model taken tells covid, normal apart, not a, b" in said
    assert len(client.search_model_versions("name = 'taken'")) == 1


def test_a_run_that_is_not_there_cannot_be_registered(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["register", "--run", "nobody"]) == 2
    assert "--run must be the id of a run, not 'nobody'" in capsys.readouterr().err


def test_rows_are_not_ranked_on_answers_that_no_run_has(
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command(["leaderboard", "--rank-on", "cv"]) == 2
    assert "no run on this board has out-of-fold answers" in capsys.readouterr().err
