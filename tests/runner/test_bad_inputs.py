"""Whatever a person gets wrong is one line and exit code 2, before any work."""

import socket
from pathlib import Path

import pytest

from tests.runner.conftest import Command, Done, draw

pytestmark = pytest.mark.slow  # each is a process of its own


def refused(done: Done, message: str) -> None:
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def run(benchmark: Command, *words: str) -> Done:
    return benchmark("run", "--arch", "prior", *words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--arch", "densnet121"], "Did you mean densenet121"),
        (["--arch", "keras:ResNet5"], "Did you mean"),
        (["--arch", "xception", "--side", "48"], "xception (at least 71)"),
        (["--arch", "cnn", "--regime", "frozen"], "cnn has no regime frozen"),
        (["--data", "nowhere"], "nowhere"),
        (["--data", "chest-ct"], "python -m benchmark fetch chest-ct"),
        (["--split", "70/20"], "split must be"),
        (["--split", "missing.csv"], "missing.csv"),
        (["--window", "lungs"], "lung"),
        (["--patient-pattern", "("], "pattern"),
        (["--members", "prior"], "--members needs at least two"),
        (["--arch", "mobilenetv2", "--weights", "nowhere"], "nowhere"),
        (["--arch", "mlp", "--class-weight", "bright"], "class_weight"),
        (["--search", "optima"], "Did you mean optuna"),
        (["--arch", "mlp", "--search", "optuna", "--space", "hed"], "Did you mean head"),
        (["--arch", "mlp", "--search", "optuna", "--objective", "f2"], "--objective must be among"),
        (["--arch", "mlp", "--search", "optuna", "--select", "cv:1"], "--select must be"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(
    benchmark: Command, tmp_path: Path, words: list[str], message: str
) -> None:
    refused(run(benchmark, *words), message)
    assert not (tmp_path / "mlflow.db").exists()


def test_an_empty_folder_is_refused(benchmark: Command, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused(run(benchmark, "--data", "empty"), "empty")


def test_a_single_class_is_refused(benchmark: Command, tmp_path: Path) -> None:
    data = draw(tmp_path / "one", {"train": 4, "val": 4, "test": 4})
    for part in ("train", "val", "test"):
        for path in (data / part / "dark").iterdir():
            path.unlink()
        (data / part / "dark").rmdir()
    refused(run(benchmark, "--data", "one"), "single class")


def test_a_missing_part_is_refused(benchmark: Command, tmp_path: Path) -> None:
    draw(tmp_path / "half", {"train": 8, "val": 8})
    refused(run(benchmark, "--data", "half", "--split", "official"), "test")


def test_an_output_that_cannot_be_written_is_refused(benchmark: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(run(benchmark, "--output", "file/results"), "output folder must be writable")


def test_a_tracking_server_that_does_not_answer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess
    import sys

    from tests.runner.conftest import environment

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "benchmark", "run", "--arch", "prior"],
            cwd=tmp_path,
            env={**environment(tmp_path), "MLFLOW_TRACKING_URI": uri},
            capture_output=True,
            text=True,
        )
    refused(done, "does not answer")


def test_too_many_unreadable_images_are_refused_and_named(
    benchmark: Command, tmp_path: Path
) -> None:
    data = draw(tmp_path / "torn", {"train": 8, "val": 8, "test": 8})
    for name in ("000.png", "002.png"):
        path = data / "train" / "bright" / name
        path.write_bytes(path.read_bytes()[:200])
    done = run(benchmark, "--data", "torn")
    refused(done, "000.png")


@pytest.mark.parametrize("command", ["leaderboard", "register"])
def test_a_board_of_nothing_is_refused(benchmark: Command, tmp_path: Path, command: str) -> None:
    refused(benchmark(command), "run one first: python -m benchmark run")
    assert not (tmp_path / "mlflow.db").exists()


def test_a_file_that_is_not_there_cannot_be_classified(benchmark: Command) -> None:
    refused(benchmark("predict", "nowhere.png"), "there is no file or folder 'nowhere.png'")


def test_a_model_that_is_not_there_cannot_be_pulled(benchmark: Command, scans: Path) -> None:
    refused(
        benchmark("predict", "--model", "models:/none@champion", str(scans)), "cannot be pulled"
    )
