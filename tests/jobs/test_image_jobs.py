"""The commands that look at images say what they took them for."""

import json
from pathlib import Path

import pytest

from benchmark.cli import run_command
from benchmark.plan import reading_of
from benchmark.request import Request
from tests.data.pictures import encode, noise

Said = pytest.CaptureFixture[str]

pytestmark = pytest.mark.slow  # scikit-learn takes seconds to import


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve images in two of three classes, and masks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/none.db")
    for number in range(12):
        for folder in ("ill/images", "ill/masks", "well", "odd"):
            file = tmp_path / "scans" / folder / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(encode(noise(f"{folder}/{number}", 8, 8)))
    return tmp_path / "scans"


WORDS = ("--data", "scans", "--classes", "ill,well", "--side", "16")


def understood(capsys: Said) -> list[str]:
    """Return what was said of the data set, from its name to its modality."""
    lines = capsys.readouterr().out.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("scans: "))
    return lines[start : start + 6]


EXPECTED = [
    "scans: 24 images, 2 classes",
    "  ill: 12",
    "  well: 12",
    "  parts: none; patients: unknown; modality: unknown",
    "  sub-folders: images: 12 images",
    (
        "  left aside: 12 pictures in 1 folder(s) 'masks', by its name; "
        "the class 'odd' (12 images), which --classes does not name"
    ),
]


def test_audit_says_what_was_understood_and_writes_it(scans: Path, capsys: Said) -> None:
    words = ["audit", *WORDS, "--json", "a.json", "--write-manifest", "scans/set.csv"]
    assert run_command(words) == 0
    assert understood(capsys) == EXPECTED
    told = json.loads(Path("a.json").read_text())["understood"]
    assert told["classes"] == {"ill": {"all": 12}, "well": {"all": 12}}
    assert told["subfolders"] == ["images: 12 images"]
    assert told["stored_as"] == "PNG L (24)"
    assert len((scans / "set.csv").read_text().splitlines()) == 25
    assert run_command(words) == 2
    assert "there is such a file" in capsys.readouterr().err
    assert run_command(["plan", "--arch", "prior", "--data", "scans/set.csv"]) == 0


def test_plan_says_what_was_understood(scans: Path, capsys: Said) -> None:
    assert run_command(["plan", "--arch", "prior", *WORDS]) == 0
    assert understood(capsys) == EXPECTED


def test_explore_says_what_was_understood(
    scans: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("explore", "audit_parts"):  # figures take matplotlib and seconds
        monkeypatch.setattr(f"benchmark.jobs.image_jobs.{name}", lambda *_, **__: Path("page"))
    assert run_command(["explore", *WORDS]) == 0
    assert understood(capsys) == EXPECTED


def test_what_a_refusal_quotes_cannot_steer_a_terminal(scans: Path, capsys: Said) -> None:
    (scans / "x\x1b[2J\ny").symlink_to("nowhere")
    assert run_command(["plan", "--data", "scans"]) == 2
    assert run_command(["plan", "--data", "scans\x1b[2J/y"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 2
    assert all(line.isprintable() for line in said.splitlines())


def test_a_data_set_is_read_again_as_the_benchmark_did() -> None:
    asked = Request.read(
        {"ignore": "masks,*_seg.png", "classes": "x=a+b,c", "patient_pattern": r"(p\d)_"}
    )
    options = reading_of(asked.to_texts())
    assert options.ignore == ("masks", "*_seg.png")
    assert options.classes == {"x": ("a", "b"), "c": ("c",)}
    assert options.patient_pattern == r"(p\d)_"
    assert not options.needs_parts
    assert reading_of({"data": "of an older version"}).ignore == ()
