"""Whatever a person gets wrong is one line and exit code 2, before any work."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.cli import run_command
from tests.jobs.conftest import draw

pytestmark = pytest.mark.slow  # the first that reaches the tracking store imports MLflow

Refused = Callable[..., None]


@pytest.fixture
def refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Refused:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)

    def check(message: str, *words: str) -> None:
        assert run_command(words) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1

    return check


RUN = ("run", "--arch", "prior")


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
        (["--search", "optima"], "There are: optuna:tpe"),
        (["--search", "optuna:tpo"], "Did you mean optuna:tpe"),
        (["--augmentation", "mri"], "mri"),
        (["--arch", "mlp", "--params", "pooling=avg"], "no architecture asked for has"),
        (
            ["--arch", "mlp", "--params", "learning_rate=quick"],
            "learning_rate must be of type float",
        ),
        (["--arch", "mlp", "--params", "dropout"], "--params must be none or NAME=VALUE"),
        (["--arch", "mlp", "--params", "dropout=0.1,dropout=0.2"], "each name once"),
        (["--arch", "mlp", "--params", "batch=8"], "an option of its own: --batch 8"),
        (["--arch", "mlp", "--search", "optuna", "--space", "hed"], "Did you mean head"),
        (["--arch", "mlp", "--search", "optuna", "--objective", "f2"], "--objective must be among"),
        (["--arch", "mlp", "--search", "optuna", "--select", "cv:1"], "--select must be"),
    ],
)
def test_a_wrong_value_is_refused_in_one_line(
    refused: Refused, tmp_path: Path, words: list[str], message: str
) -> None:
    refused(message, *RUN, *words)
    assert not (tmp_path / "mlflow.db").exists()


def test_an_empty_folder_is_refused(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    refused("empty", *RUN, "--data", "empty")


def test_a_single_class_is_refused(refused: Refused, tmp_path: Path) -> None:
    data = draw(tmp_path / "one", {"train": 4, "val": 4, "test": 4})
    for part in ("train", "val", "test"):
        for path in (data / part / "dark").iterdir():
            path.unlink()
        (data / part / "dark").rmdir()
    refused("single class", *RUN, "--data", "one")


def test_a_missing_part_is_refused(refused: Refused, tmp_path: Path) -> None:
    draw(tmp_path / "half", {"train": 8, "val": 8})
    refused("test", *RUN, "--data", "half", "--split", "official")


def test_an_output_that_cannot_be_written_is_refused(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused("output folder must be writable", *RUN, "--output", "file/results")


def test_a_tracking_server_that_does_not_answer_is_refused(
    refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        refused("does not answer", *RUN)


def test_too_many_unreadable_images_are_refused_and_named(refused: Refused, tmp_path: Path) -> None:
    data = draw(tmp_path / "torn", {"train": 8, "val": 8, "test": 8})
    for name in ("000.png", "002.png"):
        path = data / "train" / "bright" / name
        path.write_bytes(path.read_bytes()[:200])
    refused("000.png", *RUN, "--data", "torn")


@pytest.mark.parametrize("command", ["leaderboard", "register", "rescore"])
def test_a_board_of_nothing_is_refused(refused: Refused, tmp_path: Path, command: str) -> None:
    refused("run one first: python -m benchmark run", command)
    assert not (tmp_path / "mlflow.db").exists()


def test_a_file_that_is_not_there_cannot_be_classified(refused: Refused) -> None:
    refused("there is no file or folder 'nowhere.png'", "predict", "nowhere.png")


def test_a_model_of_a_store_that_is_not_there_is_refused_and_no_store_made(
    refused: Refused, scans: Path, tmp_path: Path
) -> None:
    words = ("predict", "--model", "models:/none@champion", str(scans))
    refused("there is no tracking store at", *words)
    assert list(tmp_path.iterdir()) == []
