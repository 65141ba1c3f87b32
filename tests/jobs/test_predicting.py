"""What `predict` makes of files as people have them; the model is a stand-in."""

import os
import socket
import stat
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest

from benchmark.errors import BenchmarkError, StoreError
from benchmark.jobs import predicting
from benchmark.jobs.predicting import predict_files

GOOD = b"a picture"


class Pulled:
    """A model that knows one picture, and what it was given at once."""

    calls: ClassVar[list[int]] = []

    def __init__(self, uri: str, *, unverified: bool) -> None:
        if uri == "changed" and not unverified:
            raise StoreError("models:/changed/1 is not what was registered.")

    def classify(self, images: Sequence[bytes]) -> pd.DataFrame:
        """Return a row an image."""
        self.calls.append(len(images))
        errors = ["" if image == GOOD else "it is no picture." for image in images]
        labels = [None if error else "normal" for error in errors]
        return pd.DataFrame({"label": labels, "normal": 1.0, "error": errors})


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(predicting, "Pulled", Pulled)
    monkeypatch.setattr(Pulled, "calls", [])
    return tmp_path


def classified(*inputs: str) -> dict[str, str]:
    """Return the error of each file, nothing where it was classified."""
    predict_files("model", inputs, "out.csv")
    table = pd.read_csv("out.csv", keep_default_na=False)
    return dict(zip(table["path"], table["error"], strict=True))


def picture(name: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(GOOD)
    return path


def test_files_that_are_no_plain_ones_cost_their_own_row(here: Path) -> None:
    picture("scans/good.png")
    os.mkfifo("scans/pipe.png")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("scans/socket.png")
        Path("scans/sparse.png").touch()
        os.truncate("scans/sparse.png", 30 * 2**30)
        Path("scans/null.png").symlink_to("/dev/zero")
        Path("scans/gone.png").symlink_to("nowhere")
        Path("scans/self.png").symlink_to("self.png")
        found = classified("scans")
    said = {name.removeprefix("scans/"): error for name, error in found.items()}
    assert said.pop("good.png") == ""
    assert set(said) == {f"{n}.png" for n in ("pipe", "socket", "sparse", "null", "gone", "self")}
    assert all(said.values())
    assert "no plain file" in said["pipe.png"]
    assert "32,212,254,720 bytes" in said["sparse.png"]


def test_a_folder_is_read_once_by_whatever_name(here: Path) -> None:
    picture("scans/a/one.png")
    Path("scans/b").symlink_to("a")
    Path("scans/a/up").symlink_to("..")
    picture("elsewhere/two.png")
    Path("scans/c").symlink_to("../elsewhere")
    found = classified("scans")
    again = "it is a folder that was read by another name."
    assert found == {
        "scans/a/one.png": "",
        "scans/a/up": again,
        "scans/b": again,
        "scans/c/two.png": "",
    }


def test_pictures_come_in_the_order_of_their_names_and_hidden_ones_do_not(here: Path) -> None:
    for name in ("b.png", "a/z.png", "a.png", "c/1", ".hidden/x.png", ".y.png", "notes.txt"):
        picture(f"scans/{name}")
    wanted = [f"scans/{name}" for name in ("a/z.png", "a.png", "b.png", "c/1")]
    assert list(classified("scans")) == wanted


def test_a_name_that_is_no_text_is_shown_all_the_same(here: Path) -> None:
    Path("scans").mkdir()
    Path(os.fsdecode(b"scans/\xff.png")).write_bytes(GOOD)
    assert list(classified("scans")) == ["scans/\\xff.png"]


@pytest.mark.parametrize(
    ("good", "bad", "code", "said"),
    [
        (3, 0, 0, "3 images classified into out.csv"),
        (2, 1, 0, "2 images classified into out.csv, 1 could not be"),
        (0, 2, 1, "0 images classified into out.csv, 2 could not be"),
    ],
)
def test_counts_are_true(
    here: Path, capsys: pytest.CaptureFixture[str], good: int, bad: int, code: int, said: str
) -> None:
    for number in range(good):
        picture(f"scans/{number}.png")
    for number in range(bad):
        picture(f"scans/bad{number}.png").write_bytes(b"?")
    assert predict_files("model", ["scans"], "out.csv") == code
    assert capsys.readouterr().out == said + "\n"
    assert predict_files("model", ["scans"], None) == code
    shown = capsys.readouterr()
    assert shown.out == Path("out.csv").read_text()
    assert shown.err == (said.replace(" into out.csv", "") + "\n" if bad else "")


def test_many_files_are_one_table_and_a_few_at_a_time(here: Path) -> None:
    for number in range(40):
        picture(f"scans/{number:02}.png")
    assert list(classified("scans")) == [f"scans/{number:02}.png" for number in range(40)]
    assert Pulled.calls == [32, 8]


def test_large_files_wait_for_the_next_call(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicting, "_BYTES", len(GOOD))
    for number in range(3):
        picture(f"scans/{number}.png")
    classified("scans")
    assert Pulled.calls == [2, 1]


def test_memory_does_not_grow_with_the_number_of_files(here: Path) -> None:
    peaks = []
    for count in (20, 160):
        for number in range(count):
            Path(f"scans{count}").mkdir(exist_ok=True)
            Path(f"scans{count}/{number}.png").write_bytes(bytes(100_000))
        tracemalloc.start()
        classified(f"scans{count}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2 * 2**20  # the files themselves are 14 MB more


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.png"], "there is no file or folder 'nowhere.png'"),
        (["x" * 300], "may have 255 bytes"),
        (["~nobody-of-that-name/scans"], "there is no user"),
        (["empty"], "the folder 'empty' holds no images"),
        ([], "predict needs an image or a folder"),
    ],
)
def test_what_is_not_there_is_refused_before_a_model_is_loaded(
    here: Path, words: list[str], said: str
) -> None:
    Path("empty/.hidden").mkdir(parents=True)
    with pytest.raises(BenchmarkError, match=said):
        predict_files("changed", words, None)


def test_a_pipe_that_is_named_is_a_row(here: Path) -> None:
    os.mkfifo("pipe")
    assert "no plain file" in classified("pipe")["pipe"]


def test_a_changed_model_is_used_only_where_that_is_asked_for(here: Path) -> None:
    picture("a.png")
    with pytest.raises(StoreError, match="not what was registered"):
        predict_files("changed", ["a.png"], "out.csv")
    assert not Path("out.csv").exists()
    assert predict_files("changed", ["a.png"], "out.csv", unverified=True) == 0


def test_a_table_may_be_shown_through_a_device(here: Path) -> None:
    picture("a.png")
    assert predict_files("model", ["a.png"], "/dev/null") == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_an_unreadable_folder_costs_its_own_row(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture("scans/a.png")
    picture("scans/locked/b.png")
    whole = Path.iterdir

    def iterdir(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return whole(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    assert classified("scans") == {
        "scans/a.png": "",
        "scans/locked": "it cannot be read: Permission denied.",
    }


def test_a_class_may_be_named_path(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Pulled,
        "classify",
        lambda _, images: pd.DataFrame({"label": "a", "path": [1.0], "error": ""}),
    )
    picture("a.png")
    assert predict_files("model", ["a.png"], "out.csv") == 0
    assert Path("out.csv").read_text() == "path,label,path,error\na.png,a,1.0,\n"
