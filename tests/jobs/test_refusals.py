"""A command that is refused leaves the folder as it was: no results, no cache, no store."""

import os
from pathlib import Path

import pytest

from benchmark.cli import run_command
from tests.jobs.conftest import draw

Said = pytest.CaptureFixture[str]
SEARCH = ("--search", "optuna")


def listing(folder: Path) -> dict[str, tuple[int, float]]:
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime)
        for path in folder.rglob("*")
    }


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working folder with what may stand in the way."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "file").touch()
    (tmp_path / "scan.png").touch()
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "bad.yaml").write_text("epochs: [")
    for pipe in ("pipe", "pipe.yaml", "pipe.csv", "pipe.npz"):
        os.mkfifo(tmp_path / pipe)
    return tmp_path


def refused(place: Path, words: tuple[str, ...], message: str, capsys: Said) -> None:
    before = listing(place)
    assert run_command(words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert error.isprintable() or error[:-1].isprintable()
    assert listing(place) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--arch", "mlp", "--params", "pooling=avg"), "no architecture asked for has"),
        (("--arch", "mlp", "--params", "learning_rate=nan"), "learning_rate must be a finite"),
        (("--arch", "mlp", "--params", "learning_rate=-inf"), "learning_rate must be a finite"),
        (("--arch", "mlp", "--params", "dropout=1e999"), "dropout must be a finite number"),
        (("--arch", "cnn", "--params", f"dropout={'9' * 30}"), "dropout must be"),
        (("--arch", "mlp,mlp"), "--arch must name each item once, and 'mlp' stands twice"),
        (("--arch", "mlp,,prior"), "--arch must be a list without empty items"),
        (("--arch", "mlp,"), "--arch must be a list without empty items"),
        (("--seed", "0,"), "--seed must be"),
        (("--ignore", "a/*,b/*,a/*"), "--ignore must name each item once"),
        (("--members", "mlp,mlp"), "--members must name each item once"),
        (("--arch", "mlp", "--members", "mlp,cnn"), "--members would not be read without a comp"),
        (("--arch", "mlp,ensemble", "--members", "mlp,cnn"), "--members cnn: neither in --arch"),
        (("--arch", "mlp", "--views", "4"), "--views would not be read without augmentation"),
        (("--weights", "nowhere", "--arch", "mobilenetv2"), "weights must be"),
        (("--weights", "file", "--arch", "mobilenetv2"), "is not a readable HDF5 file"),
        (("--weights", "resnet50=gone.h5", "--arch", "resnet50"), "weights must be"),
        (("--weights", "resnet50=file", "--arch", "resnet50"), "is not a readable HDF5 file"),
        (("--weights", "resnet50=file", "--arch", "vgg16"), "--weights resnet50: not among"),
        (("--weights", "file", "--arch", "vgg16,vgg19"), "it could be of vgg16, vgg19; write"),
        (("--weights", "ensemble=file", "--arch", "ensemble"), "ensemble has no pretrained"),
        (("--weights", "~nobody-here/w"), "there is no user 'nobody-here'"),
        (("--split", "kfold:5", "--rank-on", "cv:5"), "folds of folds"),
        (("--sanity", "yes"), "--sanity yes needs a network that learns"),
        (("--arch", "prior,ensemble", "--sanity", "yes"), "--sanity yes needs a network that l"),
        (("--split", "none.csv"), "none.csv"),
        (("--split", "pipe.csv"), "pipe.csv"),
        (("--split", "~nobody-here/split.csv"), "there is no user"),
        (("--augmentation", "pipe.yaml"), "it is no plain file"),
        (("--augmentation", "folder.yaml"), "Is a directory"),
        (("--augmentation", "rotation=1,rotation=2"), "rotation stands twice"),
        (("--augmentation", "rotation=nan"), "rotation must be a finite number"),
        (("--config", "pipe.yaml"), "it is no plain file"),
        (("--config", "folder.yaml"), "Is a directory"),
        (("--config", "bad.yaml"), "this is not YAML"),
        (("--config", "~nobody-here/c.yaml"), "there is no user"),
        (("--save-config", "file/c.yaml"), "cannot be written"),
        (("--save-config", "pipe"), "it is a pipe that nobody reads"),
        (("--save-config", "~nobody-here/c.yaml"), "there is no user"),
        ((*SEARCH, "--space", "pipe.yaml"), "it is no plain file"),
        ((*SEARCH, "--space", "folder.yaml"), "Is a directory"),
        ((*SEARCH, "--space", "~nobody-here/s.yaml"), "there is no user"),
        ((*SEARCH, "--objective", "loss,loss"), "--objective must name each item once"),
        ((*SEARCH, "--objective", "loss,"), "--objective must be a list without empty items"),
        ((*SEARCH, "--select", f"cv:{'9' * 5000}"), "--select must be"),
        ((*SEARCH, "--trials", "9" * 5000), "--trials must be a whole number"),
        ((*SEARCH, "--search-time", "inf"), "--search-time must be a number"),
        ((*SEARCH, "--storage", "~nobody-here/s"), "there is no user"),
        *(
            ((*SEARCH, "--storage", storage, "--data", "nowhere"), "nowhere")
            for storage in ("sqlite:///deep/x.db", "sqlite:///x.db", "deep/x.journal", "deep/")
        ),
        ((*SEARCH, "--storage", "sqlite:///x.db?nonsense=1"), "cannot be opened"),
        ((*SEARCH, "--storage", "file/x.journal"), "cannot keep a search"),
        (("--objective", "loss"), "--objective would not be read without a search"),
        (("--select", "cv:5"), "--select would not be read without a search"),
        (("--pruner", "none"), "--pruner would not be read without a search"),
        (("--space", "head"), "--space would not be read without a search"),
        (("--storage", "mine"), "--storage would not be read without a search"),
        (("--trials", "5", "--search-time", "9"), "--trials, --search-time would not be read"),
        (("--log-trials", "5"), "--log-trials would not be read without a search"),
        (("--output", "file/results"), "output folder must be writable"),
        (("--output", "pipe"), "output folder must be writable"),
        (("--output", "~nobody-here/results"), "there is no user"),
        (("--output", ""), "--output must name a file or a folder, and is empty"),
        (("--output", "x" * 300), "a file's name may have 255 bytes"),
        (("--output", "x/" * 3000), "its path 4,095"),
        (("--cache", "file"), "cache folder must be writable"),
        (("--cache", "~nobody-here/cache"), "there is no user"),
        (("--cache-limit", "1e300"), "--cache-limit must be a number from 0"),
        (("--timeout", "inf"), "--timeout must be a number from 0"),
        (("--max-unreadable", "nan"), "--max-unreadable must be a number from 0 to 100"),
        (("--data", "nowhere"), "nowhere"),
        (("--data", "~nobody-here"), "there is no user 'nobody-here'"),
        (("--data", "x" * 300), "a file's name may have 255 bytes"),
        (("--data", "a\0b"), "holds a NUL"),
        (("--data", "a\ud800b"), "holds what no file's name can"),
        (("--data", "\udcff/x"), "there is no file or folder"),
        (("--experiment", "a\udcff"), "--experiment must be a name"),
        (("--patient-pattern", "(" * 5000), "--patient-pattern must be a regular expression"),
        (("--patient-pattern", "(a{99999999999})"), "--patient-pattern must be a regular"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_a_refused_benchmark_leaves_nothing(
    words: tuple[str, ...], message: str, place: Path, capsys: Said
) -> None:
    arch = () if "--arch" in words or "--weights" in words else ("--arch", "prior")
    refused(place, ("run", *arch, *words), message, capsys)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("audit", "--data", "nowhere", "--json", "new/audit.json"), "nowhere"),
        (("audit", "--json", "pipe"), "must be writable"),
        (("audit", "--json", "~nobody-here/audit.json"), "there is no user"),
        (("explore", "--data", "nowhere"), "nowhere"),
        (("explore", "--augmentation", "mri", "--output", "new"), "mri"),
        (("explore", "--output", "file/new"), "output folder must be writable"),
        (("leaderboard",), "run one first"),
        (("leaderboard", "--output", "~nobody-here/x"), "there is no user"),
        (("register",), "run one first"),
        (("register", "--data", "~nobody-here/x"), "there is no user"),
        (("rescore", "--data", "phantom", "--output", "new"), "run one first"),
        (("predict", "nowhere.png", "--csv", "new/out.csv"), "there is no file"),
        (("predict", "~nobody-here/scan.png"), "there is no user"),
        (("predict", "scan.png", "--csv", "pipe"), "must be writable"),
        (("predict", "scan.png", "--model", "~nobody-here/model"), "there is no user"),
        (("predict", "a\0b"), "holds a NUL"),
        (("predict", "x" * 300), "a file's name may have 255 bytes"),
        (("fetch", "nothing"), "nothing"),
        (("fetch", "chest-ct", "--cache", "~nobody-here"), "there is no user"),
        (("spaces", "nowhere.yaml"), "no search space stands at nowhere.yaml"),
        (("spaces", "pipe.yaml"), "it is no plain file"),
        (("spaces", "~nobody-here/s.yaml"), "there is no user"),
        (("cache", "clear", "--cache", "~nobody-here"), "there is no user"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_refused_command_leaves_nothing(
    words: tuple[str, ...], message: str, place: Path, capsys: Said
) -> None:
    refused(place, words, message, capsys)


def test_a_home_is_put_in_for_a_tilde(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.setenv("HOME", str(place / "home"))
    (place / "home").mkdir()
    draw(place / "home" / "scans", {"train": 4, "val": 4, "test": 4})
    words = ("plan", "--arch", "prior", "--data", "~/scans", "--save-config", "~/own.yaml")
    assert run_command(words) == 0
    assert "data: ~/scans" in (place / "home" / "own.yaml").read_text()
    assert run_command(("plan", "--config", "~/own.yaml")) == 0
    assert not (place / "~").exists()
