"""The main job from command to board, on a small folder of images, in processes of its own."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmark.cli import run_command
from benchmark.evaluation import read_predictions
from tests.jobs.conftest import COUNTS, Done, command_in, draw, environment

pytestmark = pytest.mark.slow

RUN = ("run", "--side", "32", "--epochs", "12", "--batch", "4", "--rank-on", "val")
ARCHITECTURES = "prior,mlp,cnn,ensemble,chained"


def query(folder: Path, text: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(folder / "mlflow.db") as database:
        return database.execute(text).fetchall()


def tagged(folder: Path, tag: str, value: str) -> list[tuple[str, str]]:
    """Return id and status of the runs with a tag."""
    return query(
        folder,
        "select runs.run_uuid, runs.status from runs join tags on runs.run_uuid = tags.run_uuid "
        f"where tags.key = '{tag}' and tags.value = '{value}'",
    )


def runs(folder: Path) -> list[tuple[str, str]]:
    return tagged(folder, "benchmark", "run")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("main-job")


@pytest.fixture(scope="module")
def first(folder: Path, scans: Path) -> Done:
    return command_in(folder)(*RUN, "--data", str(scans), "--arch", ARCHITECTURES)


@pytest.fixture(scope="module")
def again(folder: Path, scans: Path, first: Done) -> Done:
    return command_in(folder)(*RUN, "--data", str(scans), "--arch", ARCHITECTURES)


def test_it_ends_well_and_says_how_to_go_on(first: Done) -> None:
    assert first.returncode == 0, first.stdout + first.stderr
    assert first.stderr == ""
    assert "mlflow ui --backend-store-uri sqlite:///" in first.stdout
    assert "mlflow.pyfunc.load_model('models:/small-scans@champion')" in first.stdout


def test_every_run_is_finished_below_the_benchmark(first: Done, folder: Path) -> None:
    parents = tagged(folder, "benchmark", "parent")
    assert [status for _, status in parents] == ["FINISHED"]
    assert [status for _, status in runs(folder)] == ["FINISHED"] * 5
    below = tagged(folder, "mlflow.parentRunId", parents[0][0])
    assert sorted(below) == sorted(runs(folder))


def test_runs_carry_the_names_that_stay(first: Done, folder: Path) -> None:
    for run, _ in runs(folder):
        params = {key for (key,) in query(folder, f"select key from params where run_uuid='{run}'")}
        tags = {key for (key,) in query(folder, f"select key from tags where run_uuid='{run}'")}
        metrics = {
            key
            for (key,) in query(folder, f"select key from latest_metrics where run_uuid='{run}'")
        }
        assert {"arch", "seed", "epochs", "side_px", "regime", "weights"} <= params
        assert {"spec_digest", "data_digest", "split_digest", "code_commit", "preset"} <= tags
        names = ("macro_f1", "accuracy", "precision", "recall", "f1", "auroc", "loss", "mcc")
        assert {f"{part}_{name}" for part in ("val", "test") for name in names} <= metrics
        assert {"decode_seconds", "head_seconds", "total_seconds", "wall_seconds"} <= metrics
        assert {"parameters", "model_bytes", "milliseconds_per_image"} <= metrics


def test_the_board_stands_in_the_results(first: Done, folder: Path) -> None:
    board = pd.read_csv(folder / "results" / "small-scans" / "leaderboard.csv")
    assert sorted(board["architecture"]) == sorted(ARCHITECTURES.split(","))
    assert list(board["rank"]) == [1, 2, 3, 4, 5]
    assert board["val_macro_f1"].is_monotonic_decreasing
    assert set(board["preset"]) == {"good"}
    assert first.stdout.startswith("preset good: ")
    markdown = (folder / "results" / "small-scans" / "leaderboard.md").read_text()
    assert "Preset: good." in markdown
    assert "Test is for reporting only" in markdown


def test_the_board_is_the_same_from_another_folder_and_without_the_images(
    first: Done, folder: Path, tmp_path: Path
) -> None:
    environ = environment(folder)
    words = [sys.executable, "-m", "benchmark", "leaderboard", "--output", "boards"]
    done = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("leaderboard.md", "leaderboard.csv"):
        here = (folder / "results" / "small-scans" / name).read_bytes()
        assert (tmp_path / "boards" / "small-scans" / name).read_bytes() == here


def test_each_run_has_a_temperature_and_an_operating_point(first: Done, folder: Path) -> None:
    for run, _ in runs(folder):
        known = dict(query(folder, f"select key, value from latest_metrics where run_uuid='{run}'"))
        assert 0.05 <= known["temperature"] <= 5
        if known["temperature"] == 1:
            assert known["test_log_loss"] == known["test_raw_log_loss"]
        assert known["val_log_loss"] <= known["val_raw_log_loss"]
        assert {"test_ece", "test_raw_ece", "test_brier", "test_raw_brier"} <= set(known)
        assert known["test_sensitivity_low"] <= known["test_sensitivity"] <= 1
        tags = dict(query(folder, f"select key, value from tags where run_uuid='{run}'"))
        point = json.loads(tags["operating_point"])
        assert (point["positive"], point["rule"]) == (["dark"], "youden")
    assert len(list(folder.glob("mlruns/*/*/artifacts/figures/reliability_test.png"))) == 5
    assert len(list(folder.glob("mlruns/*/*/artifacts/tables/operating_point.csv"))) == 5
    (version,) = query(folder, "select value from model_version_tags where key='operating_point'")
    assert json.loads(version[0])["positive"] == ["dark"]


def test_each_run_keeps_what_it_learnt_from(first: Done, folder: Path) -> None:
    tables = sorted(folder.glob("mlruns/*/*/artifacts/trained_on.parquet"))
    assert [len(pd.read_parquet(table)) for table in tables] == [24] * 5


def test_the_champion_is_judged_again_as_its_run_was(
    first: Done,
    folder: Path,
    scans: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    champion = ["evaluate", "--model", "models:/small-scans@champion", "--quiet"]
    assert run_command([*champion, "--data", str(scans)]) == 0
    kept = "select key, value from latest_metrics where run_uuid = '{}' and key like 'test%'"
    ((judged, its_run),) = query(
        folder, "select run_uuid, value from tags where key = 'model_run_id'"
    )
    before, after = (dict(query(folder, kept.format(run))) for run in (its_run, judged))
    assert after.keys() >= {"test_macro_f1", "test_auroc", "test_loss", "test_accuracy_low"}
    assert after == pytest.approx({name: before[name] for name in after}, abs=1e-6)
    assert run_command([*champion, "--data", str(scans), "--part", "train"]) == 2
    assert run_command([*champion, "--data", str(scans), "--part", "val"]) == 2
    assert capsys.readouterr().err.count("every image of small-scans") == 2
    assert run_command([*champion, "--data", str(draw(tmp_path / "other", COUNTS, seed=1))]) == 0
    table = read_predictions(next(tmp_path.glob("results/evaluate-other/*/predictions.parquet")))
    assert len(table.hashes) == COUNTS["test"]
    assert not table.is_copy.any()


@pytest.mark.parametrize(("members", "lacking"), [("mlp,cnn", ""), ("mlp,vgg16", "vgg16")])
def test_members_that_are_not_asked_for_must_have_finished(
    members: str, lacking: str, first: Done, folder: Path, scans: Path
) -> None:
    words = ("--data", str(scans), "--arch", "stacked", "--members", members)
    done = command_in(folder)("plan", *RUN[1:], *words)
    assert done.returncode == (2 if lacking else 0)
    assert done.stderr.startswith(f"benchmark: --members {lacking}: neither" if lacking else "")


def test_a_recipe_is_trained_again_on_all_that_is_not_test_and_never_scored(
    first: Done, folder: Path, scans: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    shutil.copytree(folder, own)
    scored = "select run_uuid from tags where key = 'mlflow.runName' and value like 'mlp%'"
    ((run_id,),) = query(own, scored)
    ranked = runs(own)
    champion = query(own, "select alias, version from registered_model_aliases")
    done = command_in(own)("finalize", "--run", run_id, "--data", str(scans))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is final: mlp, trained on 40 images of train and validation" in done.stdout
    ((final, status),) = tagged(own, "benchmark", "final")
    assert status == "FINISHED"
    figures = query(own, f"select key from latest_metrics where run_uuid = '{final}'")
    assert {name for (name,) in figures if name.startswith(("val_", "test_", "epoch_val"))} == set()
    scored_tags = dict(query(own, f"select key, value from tags where run_uuid = '{run_id}'"))
    final_tags = dict(query(own, f"select key, value from tags where run_uuid = '{final}'"))
    assert final_tags["spec_digest"] != scored_tags["spec_digest"]
    assert final_tags.get("operating_point") == scored_tags.get("operating_point")
    same = "select distinct value from latest_metrics where key = 'temperature' and run_uuid in "
    assert len(query(own, f"{same} ('{run_id}', '{final}')")) == 1
    (learnt,) = own.glob(f"mlruns/*/{final}/artifacts/trained_on.parquet")
    assert len(pd.read_parquet(learnt)) == 40
    aliases = query(own, "select alias, version from registered_model_aliases")
    assert [each for each in aliases if each[0] != "final"] == champion
    assert runs(own) == ranked  # what boards are made of


def test_a_composite_is_charged_for_its_members(first: Done, folder: Path) -> None:
    board = pd.read_csv(folder / "results" / "small-scans" / "leaderboard.csv")
    seconds = board.set_index("architecture")["training_seconds"]
    assert seconds["ensemble"] > max(seconds["mlp"], seconds["cnn"])


def test_predictions_audit_and_split_stand_beside_the_board(first: Done, folder: Path) -> None:
    results = folder / "results" / "small-scans"
    tables = list((results / "predictions").glob("*.parquet"))
    assert len(tables) == 5
    assert all(len(pd.read_parquet(table)) == 32 for table in tables)
    assert json.loads((results / "audit.json").read_text())["images"] == 56
    assert len(pd.read_csv(results / "split.csv")) == 56
    assert not (results / ".unlogged").exists()
    assert not (results / "checkpoints").exists()


def test_it_says_how_unequal_the_classes_are_and_where_the_rest_of_the_audit_is(
    first: Done, folder: Path
) -> None:
    assert "train: bright 12, dark 12 (1.0 : 1)" in first.stdout
    assert "further notes: results/small-scans/audit.json" in first.stdout


def test_the_same_command_again_trains_nothing_and_shows_the_same_board(
    first: Done, again: Done, folder: Path
) -> None:
    assert again.returncode == 0, again.stdout
    assert len(runs(folder)) == 5
    assert "begins" not in again.stdout.replace("images: begins", "").replace("audit: begins", "")
    assert "is the champion already" in again.stdout


def test_the_plan_knows_what_is_done(first: Done, folder: Path, scans: Path) -> None:
    words = ("plan", *RUN[1:], "--data", str(scans), "--arch", "mlp,cnn,mobilenetv2")
    done = command_in(folder)(*words)
    assert done.returncode == 0, done.stderr
    assert "1 to run, 2 done" in done.stdout
    assert done.stdout.startswith("preset good: ")
    assert "; given by hand: --side 32.\n" in done.stdout


def test_the_plan_knows_which_composites_are_made(
    first: Done, again: Done, folder: Path, scans: Path
) -> None:
    words = ("plan", *RUN[1:], "--data", str(scans), "--arch", ARCHITECTURES)
    done = command_in(folder)(*words)
    assert "0 to run, 5 done" in done.stdout, done.stdout + done.stderr


def test_the_plan_decodes_nothing_into_a_cache_that_is_there(tmp_path: Path, scans: Path) -> None:
    (tmp_path / ".benchmark-cache").mkdir()
    done = command_in(tmp_path)("plan", *RUN[1:], "--data", str(scans), "--arch", "mlp")
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.glob(".benchmark-cache/entries/pixels/*"))


def test_the_plan_touches_nothing(tmp_path: Path, scans: Path) -> None:
    done = command_in(tmp_path)("plan", *RUN[1:], "--data", str(scans), "--arch", "mlp")
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_board_can_be_shown_again(first: Done, folder: Path) -> None:
    done = command_in(folder)("leaderboard")
    assert done.returncode == 0, done.stderr
    assert "Leaderboard: small-scans" in done.stdout


def test_the_champion_classifies_files_and_says_which_it_cannot_read(
    first: Done, folder: Path, scans: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("no image")
    words = ("--csv", str(tmp_path / "out.csv"))  # the only champion of real images is meant
    done = command_in(folder)("predict", *words, str(scans / "test"), str(bad))
    assert done.returncode == 1, done.stderr
    assert done.stderr == ""
    assert f"16 images classified into {tmp_path / 'out.csv'}, 1 could not be" in done.stdout
    table = pd.read_csv(tmp_path / "out.csv")
    assert len(table) == 17
    assert set(table["label"].dropna()) <= {"bright", "dark"}
    assert table["error"].notna().tolist() == [False] * 16 + [True]


def test_a_second_architecture_joins_the_board_of_its_experiment(
    first: Done, again: Done, folder: Path, scans: Path
) -> None:
    words = (*RUN, "--data", str(scans), "--arch", "mlp", "--seed", "1", "--register", "none")
    done = command_in(folder)(*words)
    assert done.returncode == 0, done.stdout
    board = pd.read_csv(folder / "results" / "small-scans" / "leaderboard.csv")
    assert board.set_index("architecture")["runs"]["mlp"] == 2


def test_the_winner_can_be_registered_later_and_under_another_name(
    first: Done, folder: Path, scans: Path
) -> None:
    done = command_in(folder)("register", "--register", "other name")  # on the run's own images
    assert done.returncode == 0, done.stdout + done.stderr
    assert "other name version 1 is champion" in done.stdout


def alias(folder: Path, name: str) -> list[tuple[Any, ...]]:
    """Return the version that an alias of `small-scans` stands at."""
    return query(
        folder,
        "select version from registered_model_aliases "
        f"where name = 'small-scans' and alias = '{name}'",
    )


def test_on_another_split_a_network_is_a_candidate_until_a_person_forces_it(
    first: Done, again: Done, folder: Path, scans: Path
) -> None:
    words = (*RUN, "--data", str(scans), "--arch", "prior,cnn", "--experiment", "other split")
    done = command_in(folder)(*words, "--split", "50/30/20", "--split-seed", "3")
    assert done.returncode == 0, done.stdout
    assert "small-scans version 2 is candidate: cnn; not champion: only" in done.stdout
    assert (alias(folder, "champion"), alias(folder, "candidate")) == ([(1,)], [(2,)])
    run = done.stdout.partition("--run ")[2].split()[0]
    which = ("--experiment", "other split", "--register", "small-scans", "--run", run)
    forced = command_in(folder)("register", *which, "--promote", "yes")
    assert forced.returncode == 0, forced.stdout + forced.stderr
    assert "small-scans version 2 is champion: cnn" in forced.stdout
    assert (alias(folder, "champion"), alias(folder, "candidate")) == ([(2,)], [])
    where = "where name = 'small-scans' and version = 2 and key = 'forced'"
    assert query(folder, f"select value from model_version_tags {where}") == [("yes",)]


def test_two_benchmarks_at_once_make_each_run_once(tmp_path: Path, scans: Path) -> None:
    words = ("--arch", "prior,mlp", "--register", "none")
    both = [begin(tmp_path, scans, *words) for _ in range(2)]
    said = [process.communicate()[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert all("[2/2]" in each for each in said), said
    made = Counter(status for _, status in runs(tmp_path))
    assert made["FINISHED"] == 2
    assert set(made) <= {"FINISHED", "KILLED"}  # who began one for nothing has deleted it
    assert [status for _, status in tagged(tmp_path, "benchmark", "parent")] == ["FINISHED"] * 2


def test_a_search_delivers_the_network_that_it_scored(tmp_path: Path, scans: Path) -> None:
    (tmp_path / "space.yaml").write_text(
        "about: mine\nparameters:\n"
        "  learning_rate: {type: float, low: 1.0e-4, high: 3.0e-2, log: true}\n"
    )
    words = ("--data", str(scans), "--arch", "mlp", "--epochs", "9", "--space", "space.yaml")
    engine = ("--search", "keras-tuner:hyperband", "--trials", "5")
    done = command_in(tmp_path)(*RUN, *words, *engine)
    assert done.returncode == 0, done.stdout
    ((run, _),) = runs(tmp_path)
    metrics = dict(query(tmp_path, f"select key, value from latest_metrics where run_uuid='{run}'"))
    assert metrics["search_score"] == pytest.approx(metrics["val_macro_f1"], abs=1e-6)
    (table,) = tmp_path.glob("mlruns/*/*/artifacts/trials.parquet")
    trials = pd.read_parquet(table)
    best = trials.sort_values("macro_f1").iloc[-1]
    tags = dict(query(tmp_path, f"select key, value from tags where run_uuid='{run}'"))
    assert tags["best.epochs"] == str(best["epochs"])
    assert best["epochs"] < 9


def test_a_failing_architecture_costs_itself_only(tmp_path: Path, scans: Path) -> None:
    endless = ("--epochs", "10000000", "--patience", "10000000")  # for whom they are: not for prior
    words = (*RUN, *endless, "--data", str(scans), "--arch", "cnn,prior")
    done = command_in(tmp_path)(*words, "--timeout", "20")
    assert done.returncode == 1, done.stdout
    assert "longer than --timeout 20 seconds" in done.stdout
    states = dict(query(tmp_path, "select name, status from runs"))
    assert states["prior 32px seed 0"] == "FINISHED"
    assert states["cnn 32px seed 0"] == "FAILED"


def begin(folder: Path, scans: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "benchmark", *RUN, "--data", str(scans), *words],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        text=True,
    )


def read_until(process: "subprocess.Popen[str]", words: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"{words!r} was never said")


def end(process: "subprocess.Popen[str]", sent: signal.Signals) -> int:
    os.kill(process.pid, sent)
    code = process.wait(timeout=60)
    assert process.stdout is not None
    process.stdout.close()
    return code


def test_a_benchmark_told_to_end_closes_its_runs(tmp_path: Path, scans: Path) -> None:
    process = begin(tmp_path, scans, "--arch", "prior,mlp")
    read_until(process, "prior: begins")
    assert end(process, signal.SIGTERM) == 130
    assert (tmp_path / "results" / "small-scans" / "split.csv").is_file()
    assert {status for (status,) in query(tmp_path, "select status from runs")} == {"KILLED"}


def test_a_killed_benchmark_goes_on_with_what_is_missing(tmp_path: Path, scans: Path) -> None:
    process = begin(tmp_path, scans, "--arch", "prior,mlp,cnn")
    read_until(process, "[2/3]")
    assert end(process, signal.SIGKILL) == -signal.SIGKILL
    time.sleep(1)
    done = command_in(tmp_path)(*RUN, "--data", str(scans), "--arch", "prior,mlp,cnn")
    assert done.returncode == 0, done.stdout
    finished = [status for _, status in runs(tmp_path)]
    assert finished.count("FINISHED") == 3
    assert set(finished) <= {"FINISHED", "KILLED"}
    assert "RUNNING" not in [status for (status,) in query(tmp_path, "select status from runs")]
    assert [status for _, status in tagged(tmp_path, "benchmark", "parent")] == ["FINISHED"]
