import multiprocessing
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.errors import StoreError
from benchmark.tracking import Pulled, Tracker
from benchmark.tracking.store import open_store

from .conftest import OPENING, SPEC, Bench


def test_importing_the_room_imports_no_mlflow() -> None:
    program = "import sys, benchmark.tracking; print('mlflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.mark.parametrize("uri", ["./mlruns", "file:///tmp/mlruns", "mlruns"])
def test_a_folder_is_no_store(uri: str) -> None:
    with pytest.raises(StoreError, match="must be a database or a server"):
        open_store(uri)


def test_a_folder_from_the_environment_is_no_store_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "./mlruns")
    with pytest.raises(StoreError, match=r"not the folder '\./mlruns'; write sqlite"):
        open_store(None)


def test_a_database_that_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(StoreError, match=r"mlflow\.db must be writable"):
        open_store(f"sqlite:///{tmp_path}/mlflow.db")


def test_a_database_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be made"):
        open_store(f"sqlite:///{tmp_path}/file/mlflow.db")


@pytest.mark.slow
def test_a_file_that_is_no_database_is_refused_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is a letter, not a database. " * 50)
    with pytest.raises(StoreError, match=r"cannot be used: [^\n]*$"):
        open_store(f"sqlite:///{tmp_path}/mlflow.db")


@pytest.mark.slow
def test_a_server_that_is_not_there_is_refused_at_once() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(StoreError, match="does not answer within 5 s; start it"):
        open_store(f"http://127.0.0.1:{port}")


@pytest.mark.slow
def test_a_server_that_says_nothing_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.tracking.connecting._PROBE_SECONDS", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(StoreError, match="does not answer"):
            open_store(f"http://127.0.0.1:{silent.getsockname()[1]}")


@pytest.mark.slow
def test_a_store_stands_in_the_working_folder_by_default(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bench.folder)
    assert Tracker.open(None, None, default_experiment="phantom").uri == bench.uri


@pytest.mark.slow
def test_artifacts_stand_beside_the_database_wherever_one_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    tracker = bench.open()
    run = tracker.start(tracker.begin(OPENING, resume=False), SPEC)
    artifacts = tracker._store.client.get_run(run.run_id).info.artifact_uri
    assert artifacts.startswith(f"file://{bench.folder}/mlruns/")


@pytest.mark.slow
def test_the_registrys_models_do_not_move_between_two_stores(bench: Bench, tmp_path: Path) -> None:
    first = bench.open("one")
    second = bench.open("two")
    assert first.experiment.id != second.experiment.id
    assert bench.open("one").experiment.id == first.experiment.id


@pytest.mark.slow
def test_a_deleted_experiment_is_refused_with_what_to_do(bench: Bench) -> None:
    tracker = bench.open("gone")
    tracker._store.client.delete_experiment(tracker.experiment.id)
    with pytest.raises(StoreError, match="mlflow experiments restore -x"):
        bench.open("gone")


def _open_new(uri: str) -> str:
    return Tracker.open(uri, None, default_experiment="phantom").experiment.id


@pytest.mark.slow
def test_processes_that_create_a_store_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        ids = pool.map(_open_new, [uri] * 3, chunksize=1)
    assert len(set(ids)) == 1


def test_pulling_a_model_makes_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(StoreError, match=r"no tracking store at sqlite:///mlflow\.db; set MLFLOW"):
        Pulled("models:/none@champion")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_model_that_is_not_registered_is_said_in_sentences(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", bench.uri)
    with pytest.raises(StoreError, match=r"not found\. Registered models are listed"):
        Pulled("models:/none@champion")
