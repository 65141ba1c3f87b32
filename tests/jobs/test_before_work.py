"""What cannot go well is told in one line before any work."""

import importlib.util
import os
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from benchmark.cli import run_command
from benchmark.errors import UsageError
from benchmark.jobs.main_job import check_packages

Said = pytest.CaptureFixture[str]


def refused(words: list[str], capsys: Said) -> str:
    assert run_command(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    "content",
    [b"SQLite format 3\0 and more", b"\x89PNG\r\n\x1a\n", b"{", b'{"op_code": 7}\n', b"a\nb"],
)
def test_a_storage_that_is_no_journal_is_refused_and_left_as_it_was(
    content: bytes, monkeypatch: pytest.MonkeyPatch, capsys: Said, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").write_bytes(content)
    said = refused(["run", "--arch", "prior", "--search", "optuna", "--storage", "mine"], capsys)
    assert "a search is kept in a journal of its own, and mine is something else" in said
    assert Path("mine").read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


def test_a_folder_or_a_pipe_as_storage_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: Said, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    for place in ("pipe", "."):
        words = ["run", "--arch", "prior", "--search", "optuna", "--storage", place]
        assert "is something else" in refused(words, capsys)


def test_a_missing_package_is_told_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: Said, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    real = importlib.util.find_spec

    def without(name: str) -> ModuleSpec | None:
        return None if name in ("tensorflow", "sklearn") else real(name)

    monkeypatch.setattr("benchmark.jobs.main_job.find_spec", without)
    said = refused(["run"], capsys)
    assert "tensorflow, sklearn must be installed" in said
    assert "python -m pip install -r requirements.txt" in said
    assert list(tmp_path.iterdir()) == []


def test_packages_that_are_there_are_not_complained_about() -> None:
    check_packages(("numpy",))
    with pytest.raises(UsageError, match="no_such_package must be installed"):
        check_packages(("numpy", "no_such_package"))


@pytest.mark.parametrize(
    "words",
    [
        ["leaderboard", "--output", "file/board"],
        ["audit", "--data", "phantom", "--json", "file/audit.json"],
        ["explore", "--data", "phantom", "--output", "file/pages"],
        ["predict", "--csv", "file/out.csv", "scan.png"],
    ],
    ids=lambda words: words[0],
)
def test_a_place_that_cannot_be_written_is_told_before_any_work(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: Said, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "scan.png").touch()
    assert "must be writable" in refused(words, capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "scan.png"]


@pytest.mark.slow  # asking a server imports MLflow
def test_a_server_that_does_not_answer_is_told_before_images_are_drawn(
    monkeypatch: pytest.MonkeyPatch, capsys: Said, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert "does not answer" in refused(["run"], capsys)
    assert not (tmp_path / ".benchmark-cache").exists()
