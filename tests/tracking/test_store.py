import multiprocessing
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import StoreError
from benchmark.tracking import Pulled, Registration, Tracker
from benchmark.tracking.store import open_registry, open_store

from .conftest import OPENING, SPEC, UNIFORM, Bench, Drawn


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


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID"])
def test_what_a_variable_names_and_the_store_lacks_is_told(
    bench: Bench, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "4711")
    with pytest.raises(
        StoreError, match=rf"^{variable} names the \w+ '?4711'?, which the tracking"
    ):
        bench.open()


@pytest.mark.slow
def test_a_deleted_experiment_or_run_that_a_variable_names_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = bench.open("gone")
    run = tracker.begin(OPENING, resume=False).run_id
    tracker._store.client.delete_run(run)
    monkeypatch.setenv("MLFLOW_RUN_ID", run)
    with pytest.raises(StoreError, match=r"which was deleted; .*`mlflow runs restore --run-id"):
        bench.open()
    monkeypatch.delenv("MLFLOW_RUN_ID")
    tracker._store.client.delete_experiment(tracker.experiment.id)
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", tracker.experiment.id)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", bench.uri)
    with pytest.raises(StoreError, match="'gone' was deleted; restore it by"):
        bench.open()
    for wanted in (None, "gone"):
        with pytest.raises(StoreError, match="'gone' was deleted; restore it by"):
            Tracker.find(wanted, None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("revision", "told"),
    [
        ("451aebb31d03", r"is of an older MLflow .* `mlflow db upgrade sqlite:///.*`"),
        ("ffffffffffff", r"is of a newer MLflow .*: install that one"),
    ],
)
def test_a_store_of_another_mlflow_is_left_as_it_is(bench: Bench, revision: str, told: str) -> None:
    path = bench.folder / "mlflow.db"
    with sqlite3.connect(path) as database:
        database.execute("update alembic_version set version_num = ?", (revision,))
        database.execute("drop table logged_model_tags")  # so that MLflow would make it anew
    before = path.read_bytes()
    with pytest.raises(StoreError, match=told):
        open_store(bench.uri)
    assert path.read_bytes() == before


@pytest.mark.slow
def test_a_damaged_page_is_told_in_a_line(bench: Bench) -> None:
    tracker = bench.open()
    tracker.begin(OPENING, resume=False)
    path = bench.folder / "mlflow.db"
    with sqlite3.connect(path) as database:
        (page,) = database.execute(
            "select rootpage from sqlite_master where name='runs'"
        ).fetchone()
        (size,) = database.execute("pragma page_size").fetchone()
    held = bytearray(path.read_bytes())
    held[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(held)
    with pytest.raises(StoreError, match=r"cannot be used: database disk image is malformed\.$"):
        bench.open().benchmarks()


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("sqlite://", "must be written sqlite:///PATH"),
        ("sqlite:///:memory:", "must be written sqlite:///PATH"),
        ("sqlite+pysqlite:////tmp/x.db", "must be written sqlite:///PATH"),
        ("sqlite:////dev/null", "must be a file"),
        ("sqlite:////proc/x.db", "cannot be made"),
        ("sqlite:////tmp/" + "n" * 300, "cannot be made"),
        ("sqlite:///a\0b", "cannot be made"),
        ("foo://bar", "must be a database or a server, not 'foo://bar'"),
        ("postgresql//x", "must be a database or a server, not the folder"),
        ("http://", "must be written http://HOST:PORT"),
        ("http://h:abc", "must be written http://HOST:PORT"),
        ("http://[::1", "must be written http://HOST:PORT"),
        (
            "mysql+bad://u:geheim@h/x",
            r"mysql\+bad://u:\*\*\*@h/x cannot be used: Can't load plugin",
        ),
        ("uc:x", "cannot be used"),
    ],
)
def test_a_malformed_address_is_told_in_a_line(
    uri: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match=told) as caught:
        open_store(uri)
    assert "geheim" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_registry_of_its_own_holds_the_versions(
    bench: Bench, finished: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = f"sqlite:///{bench.folder}/registry.db"
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", own)
    tracker = bench.open()
    record = finished(tracker)
    client = tracker._store.client
    client.create_registered_model("m")
    check = Registration(name="m", description="", tags={}, check=UNIFORM, reader=Drawn())
    tracker.registry._version(record, check)
    tables = [
        sqlite3.connect(bench.folder / name).execute("select name from model_versions").fetchall()
        for name in ("registry.db", "mlflow.db")
    ]
    assert tables == [[("m",)], []]
    assert os.environ["MLFLOW_REGISTRY_URI"] == own
    assert open_registry().registry_uri == own


@pytest.mark.slow
def test_a_registry_that_cannot_be_used_is_told_by_its_name(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "./models")
    with pytest.raises(StoreError, match=r"the registry must be a database or a server"):
        bench.open()
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "sqlite:////dev/null")
    with pytest.raises(StoreError, match=r"the registry /dev/null must be a file"):
        bench.open()


@pytest.mark.slow
def test_one_store_s_registry_is_not_taken_for_a_persons_wish(bench: Bench) -> None:
    bench.open()
    assert "MLFLOW_REGISTRY_URI" not in os.environ
