"""Artifacts of a store in a file are found beside it, wherever its folder was moved to."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import LostError
from benchmark.tracking import Tracker
from benchmark.tracking.places import folder_of, is_elsewhere, local_path, relocated

from .conftest import OPENING, SPEC, Bench

Finish = Callable[..., Any]
RUN = "a1b2c3d4e5f6/run/artifacts"


@pytest.mark.parametrize(
    ("there", "address", "found"),
    [
        (["new/mlruns/a1b2c3d4e5f6/run/artifacts"], f"old/mlruns/{RUN}", f"new/mlruns/{RUN}"),
        (["old/mlruns/a1b2c3d4e5f6/run/artifacts"], f"old/mlruns/{RUN}", f"old/mlruns/{RUN}"),
        (["new/mlruns/a1b2c3d4e5f6"], f"old/mlruns/{RUN}", f"new/mlruns/{RUN}"),
        ([], f"old/mlruns/{RUN}", f"new/mlruns/{RUN}"),
        (["old/mlruns"], f"old/mlruns/{RUN}", f"old/mlruns/{RUN}"),
        (
            [f"old/mlruns/{RUN}", f"new/mlruns/{RUN}"],
            f"old/mlruns/{RUN}",
            f"new/mlruns/{RUN}",
        ),
        (["old/mlruns/1", "new/mlruns/1"], "old/mlruns/1/run", "old/mlruns/1/run"),
        (["new/mlruns/1/run"], "old/mlruns/1/run", "new/mlruns/1/run"),
        ([], "bucket/run/artifacts", "bucket/run/artifacts"),
        ([], "old/mlruns", "old/mlruns"),
    ],
    ids=[
        *("moved", "noted elsewhere", "a new run of a moved experiment", "nothing is anywhere"),
        *("a new experiment's", "copied", "MLflow's own names are no proof", "MLflow's, moved"),
        *("no mlruns", "mlruns itself"),
    ],
)
def test_an_artifact_is_looked_for_beside_the_store_first(
    there: list[str], address: str, found: str, tmp_path: Path
) -> None:
    for name in there:
        (tmp_path / name).mkdir(parents=True)
    assert relocated(tmp_path / address, tmp_path / "new") == tmp_path / found


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("file:///a/b%20c", Path("/a/b c")),
        ("/a/b", Path("/a/b")),
        ("mlflow-artifacts:/1/run/artifacts", None),
        ("s3://bucket/run", None),
        ("dbfs:/a/b", None),
    ],
)
def test_only_a_file_s_address_is_a_path(address: str, path: Path | None) -> None:
    assert local_path(address) == path


def test_only_a_store_in_a_file_has_a_folder() -> None:
    assert folder_of("sqlite:////a/b/mlflow.db") == Path("/a/b")
    assert folder_of("http://127.0.0.1:5000") is None


@pytest.fixture
def moved(bench: Bench, finished: Finish) -> Bench:
    """Return a store with a finished run whose folder was moved since."""
    old = bench.folder / "old project"
    old.mkdir()
    shutil.move(bench.folder / "mlflow.db", old)
    finished(Bench(folder=old, uri=f"sqlite:///{old}/mlflow.db").open())
    new = bench.folder / "new project"
    shutil.move(old, new)
    return Bench(folder=new, uri=f"sqlite:///{new}/mlflow.db")


def record(tracker: Tracker) -> Any:
    return tracker.finished([SPEC.digest])[SPEC.digest]


@pytest.mark.slow
def test_a_moved_store_reads_and_writes_where_it_is_now(moved: Bench) -> None:
    tracker = moved.open()
    assert tracker.predictions(record(tracker)).classes == ("large cell", "normal", "squamous")
    assert tracker.network_path(record(tracker)).is_relative_to(moved.folder)
    parent = tracker.begin(OPENING, resume=False)
    tracker.keep_text(parent, "note.txt", "written after the move")
    assert tracker.text(parent.run_id, "note.txt") == "written after the move"
    assert list(moved.folder.glob(f"mlruns/*/{parent.run_id}/artifacts/note.txt"))
    assert not (moved.folder.parent / "old project").exists()


@pytest.mark.slow
def test_a_moved_store_says_so_with_the_way_back(bench: Bench, moved: Bench) -> None:
    assert "make a link at the old place: ln -s" in moved.open().moved
    assert moved.open("a new experiment").moved == ""


@pytest.mark.slow
def test_a_model_of_a_moved_store_is_loaded_from_where_it_is(moved: Bench) -> None:
    tracker = moved.open()
    own = record(tracker)
    source = f"models:/{own.model_id}"
    tracker._store.client.create_registered_model("m")
    tracker._store.client.create_model_version("m", source=source, model_id=own.model_id)
    loadable = Path(tracker.registry.loadable("models:/m/1"))
    assert loadable.is_relative_to(moved.folder)
    assert (loadable / "MLmodel").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("gone", ["predictions.parquet", "models"])
def test_a_run_that_has_lost_its_files_is_not_finished(moved: Bench, gone: str) -> None:
    tracker = moved.open()
    (path,) = moved.folder.glob(f"mlruns/**/{gone}")
    path.rename(moved.folder / "elsewhere")
    with pytest.raises(LostError, match=r"1 finished run has lost files .* with --resume no\.$"):
        tracker.finished([SPEC.digest])


@pytest.mark.parametrize(
    ("uri", "is_away"),
    [
        ("sqlite:////data/mlflow.db", False),
        ("/data/mlruns/1", False),
        ("file:///data/mlruns/1", False),
        ("mlflow-artifacts:/1", False),
        ("http://127.0.0.1:5000", False),
        ("http://localhost:5000", False),
        ("https://mlflow.example.org", True),
        ("mlflow-artifacts://mlflow.example.org/1", True),
        ("postgresql://somebody@db.example.org/mlflow", True),
        ("s3://bucket/1", True),
    ],
)
def test_a_store_is_elsewhere_where_its_address_names_another_host(uri: str, is_away: bool) -> None:
    assert is_elsewhere(uri) is is_away
