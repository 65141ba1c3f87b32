"""A search on DICOM: its trials, and that nothing says whose images they are or where they lie."""

import io
import re
import socket
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.data.pictures import dicom
from tests.jobs.conftest import ROOT, Done, command_in
from tests.jobs.test_main_job import RUN, query, runs, tagged

pytestmark = pytest.mark.slow

HOME = "planted-home"
PERSON = {
    "PatientName": "Planted^Zacharias",
    "PatientBirthDate": "19010203",
    "InstitutionName": "Plantedshire General",
    "ReferringPhysicianName": "Planted^Doctor",
    "AccessionNumber": "ACC-PLANTED",
    "StudyInstanceUID": "1.2.840.1901020399",
    "StudyDescription": "planted words of a person",
}
FILE = re.compile(rb"\b\d{3}\.dcm")
WORDS = re.compile(rf"planted|zacharias|19010203|{HOME}".encode(), re.IGNORECASE)


def draw(folder: Path) -> None:
    """Draw two classes in DICOM files, two of each patient, with all that says who it is."""
    random = np.random.default_rng(1)
    for part, count in {"train": 24, "val": 16, "test": 16}.items():
        for number in range(count):
            name = ("bright", "dark")[number % 2]
            pixels = random.integers(0, 120, (32, 32)) + (90 if name == "bright" else 0)
            person = {**PERSON, "PatientID": f"PLANTED-{part}-{number // 4}-{name}"}
            path = folder / part / name / f"{number:03}.dcm"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(dicom(pixels.astype(np.uint16), **person))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logged")


@pytest.fixture(scope="module")
def words(folder: Path) -> tuple[str, ...]:
    home = folder / HOME
    draw(home / "scans")
    space = home / "mine.yaml"
    space.write_text((ROOT / "search_spaces" / "smoke.yaml").read_text())
    places = [f"--{each}={home / each}" for each in ("output", "cache")]
    search = ("--search", "optuna:random", f"--space={space}", f"--storage={home / 'a.journal'}")
    return (*RUN, f"--data={home / 'scans'}", "--arch", "mlp", *search, *places)


@pytest.fixture(scope="module")
def done(folder: Path, words: tuple[str, ...]) -> Done:
    return command_in(folder)(*words, "--trials", "3", "--log-trials", "2")


def contents(path: Path) -> bytes:
    """Return what a file says, packed or not."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path).to_csv().encode()
    held = path.read_bytes()
    if not zipfile.is_zipfile(path):
        return held
    with zipfile.ZipFile(io.BytesIO(held)) as packed:
        return b"".join(packed.read(name) for name in packed.namelist())


def test_nothing_says_whose_the_images_are_or_where_they_lie(folder: Path, done: Done) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    assert WORDS.search((folder / HOME / "scans" / "train" / "bright" / "000.dcm").read_bytes())
    files = [folder / "mlflow.db", *(each for each in folder.glob("mlruns/**/*") if each.is_file())]
    assert {each.suffix for each in files} >= {".db", ".parquet", ".keras", ".csv", ".html", ".png"}
    assert [str(each) for each in files if WORDS.search(contents(each))] == []
    kept = [each for each in (folder / HOME / "output").rglob("*") if each.is_file()]
    assert {each.name for each in kept} >= {"leaderboard.md", "audit.json", "split.csv"}
    assert [str(each) for each in kept if WORDS.search(contents(each))] == []


def test_what_is_logged_names_no_file_and_the_report_shows_no_picture(
    folder: Path, done: Done
) -> None:
    logged = [
        folder / "mlflow.db",
        *(each for each in folder.glob("mlruns/**/*") if each.is_file()),
    ]
    assert [str(each) for each in logged if FILE.search(contents(each))] == []
    (report,) = folder.glob("mlruns/*/*/artifacts/report.html")
    kept = folder / HOME / "output" / "scans"
    assert report.read_text() == (kept / "report.html").read_text()
    assert "<img" not in report.read_text()
    assert FILE.search((kept / "split.csv").read_bytes())  # here, and on this machine alone


def test_the_report_is_made_again_with_pictures_where_they_are_asked_for(
    folder: Path, done: Done
) -> None:
    places = [f"--{each}={folder / HOME / each}" for each in ("output", "cache")]
    made = command_in(folder)("report", "--images=yes", *places)
    assert made.returncode == 0, made.stdout + made.stderr
    page = (folder / HOME / "output" / "scans" / "report.html").read_text()
    assert "This page holds images of patients" in page
    assert "<img" in page
    assert not FILE.search(page.encode())


def test_params_and_tags_hold_names_and_no_places(folder: Path, done: Done) -> None:
    params = dict(query(folder, "select key, value from params where key in ('data', 'storage')"))
    assert params == {"data": "scans", "storage": "a.journal"}
    said = query(folder, "select value from params union all select value from tags")
    assert len(said) > 50
    host = re.compile(rf"\b{re.escape(socket.gethostname())}\b")
    own = re.compile(rf"(?<![\w.])/[^/\s]+/|{re.escape(str(folder))}")
    assert [text for (text,) in said if host.search(text) or own.search(text)] == []


def test_a_search_is_a_run_with_its_trials_below(
    folder: Path, words: tuple[str, ...], done: Done
) -> None:
    ((search, _),) = runs(folder)
    trials = tagged(folder, "mlflow.parentRunId", search)
    assert [status for _, status in trials] == ["FINISHED"] * 2
    found = query(folder, f"select key, value from latest_metrics where run_uuid='{search}'")
    metrics = dict(found)
    assert metrics["search_trials"] == 3
    assert metrics["selection_optimism"] == pytest.approx(
        metrics["search_score"] - metrics.get("cv_macro_f1", metrics["test_macro_f1"])
    )
    (table,) = folder.glob("mlruns/*/*/artifacts/trials.parquet")
    assert list(pd.read_parquet(table)["number"]) == [0, 1, 2]
    more = command_in(folder)(*words, "--trials", "5")
    assert more.returncode == 0, more.stdout
    tables = sorted(folder.glob("mlruns/*/*/artifacts/trials.parquet"))
    lengths = sorted(len(pd.read_parquet(each)) for each in tables)
    assert lengths == [3, 5]
