"""What `predict` makes of files as people have them; the model is a stand-in."""

import io
import json
import os
import socket
import stat
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmark.errors import BenchmarkError, StoreError, UsageError
from benchmark.jobs import Predicting, predict_files, predicting, predicting_overlays
from benchmark.records import Picture
from benchmark.serving import Card
from benchmark.tracking import pulling

GOOD = b"a picture"
OUT = Path("out.csv")
SURE = (1 / 3, 2 / 3)
FIVE = ", ".join(f"scans/bad{number}.png" for number in range(5))
CARD = Card(
    classes=("ill", "normal"),
    picture=Picture(side_px=16),
    data="scans",
    synthetic=False,
    spec_digest="5" * 64,
    sha256="",
)


class Pulled:
    """A model that knows pictures by how they begin, and what it was given at once."""

    calls: ClassVar[list[int]] = []
    card: ClassVar[Card] = CARD
    network = Path("model.keras")

    def __init__(self, uri: str, *, unverified: bool) -> None:
        if uri == "changed" and not unverified:
            raise StoreError("models:/changed/1 is not what was registered.")

    def classify(self, images: Sequence[bytes]) -> pd.DataFrame:
        """Return a row an image."""
        self.calls.append(len(images))
        rows = [self.answer(image) for image in images]
        return pd.DataFrame(rows, columns=["label", *self.card.classes, "error"])

    @staticmethod
    def answer(image: bytes) -> tuple[Any, ...]:
        """Return label, probabilities and error."""
        if image.endswith(b"ill"):
            return ("ill", 1.0, 0.0, "")
        if image.startswith((GOOD, b"\x89PNG")):
            return ("normal", *SURE, "")
        return (None, np.nan, np.nan, "it is no picture.")


class Seen:
    """Stands in for what explains a network: warm in the upper half, and one member is silent."""

    silent = 1
    asked: ClassVar[list[list[int]]] = []

    @classmethod
    def open(cls, _: Path) -> "Seen":
        """Open nothing."""
        return cls()

    def heat(self, pixels: Any, classes: list[int]) -> Any:
        """Return heat, and remember for which classes."""
        assert pixels.shape == (len(classes), 16, 16, 3)
        self.asked.append(classes)
        heat = np.zeros(pixels.shape[:3])
        heat[:, :8] = 1
        return heat


def png(width: int, height: int) -> bytes:
    """Return a grey picture as a file's bytes."""
    file = io.BytesIO()
    Image.new("L", (width, height), 100).save(file, format="PNG")
    return file.getvalue()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(predicting, "Pulled", Pulled)
    monkeypatch.setattr(Pulled, "calls", [])
    return tmp_path


def predict(*words: str, **asked: Any) -> int:
    """Classify with the stand-in; return the exit code."""
    return predict_files(Predicting(**{"words": words, "model": "model", **asked}))


def classified(*inputs: str) -> dict[str, str]:
    """Return the error of each file, nothing where it was classified."""
    predict(*inputs, out=OUT)
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
        (1, 1, 1, "1 image classified into out.csv, 1 could not be: scans/bad0.png"),
        (0, 7, 1, f"0 images classified into out.csv, 7 could not be: {FIVE} and 2 more"),
    ],
)
def test_counts_are_true(
    here: Path, capsys: pytest.CaptureFixture[str], good: int, bad: int, code: int, said: str
) -> None:
    for number in range(good):
        picture(f"scans/{number}.png")
    for number in range(bad):
        picture(f"scans/bad{number}.png").write_bytes(b"?")
    assert predict("scans", out=OUT) == code
    assert capsys.readouterr().out == said + "\n"
    assert predict("scans") == code
    assert capsys.readouterr().err == said.replace(" into out.csv", "") + "\n"


def test_a_table_for_people_is_aligned_and_says_what_is_wrong(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture("scans/a.png")
    picture("scans/longer.png").write_bytes(b"?")
    picture(f"scans/{'long' * 20}.png")
    predict("scans")
    assert capsys.readouterr().out == (
        "model: model\n"
        f"{'path':60}  label    ill  normal\n"
        f"{'scans/a.png':60}  normal  0.33    0.67\n"
        f"{'scans/longer.png':60}  -       it is no picture.\n"
        f"…{('long' * 20)[-55:]}.png  normal  0.33    0.67\n"
    )


def test_many_files_are_one_table_and_a_few_at_a_time(here: Path) -> None:
    for number in range(40):
        picture(f"scans/{number:02}.png")
    assert list(classified("scans")) == [f"scans/{number:02}.png" for number in range(40)]
    assert Pulled.calls == [32, 8]


def test_large_files_wait_for_the_next_call(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulling, "_BYTES", len(GOOD))
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
        predict(*words, model="changed")


def test_a_pipe_that_is_named_is_a_row(here: Path) -> None:
    os.mkfifo("pipe")
    assert "no plain file" in classified("pipe")["pipe"]


def test_a_changed_model_is_used_only_where_that_is_asked_for(here: Path) -> None:
    picture("a.png")
    with pytest.raises(StoreError, match="not what was registered"):
        predict("a.png", model="changed", out=OUT)
    assert not OUT.exists()
    assert predict("a.png", model="changed", out=OUT, unverified=True) == 0


def test_a_table_may_be_shown_through_a_device(here: Path) -> None:
    picture("a.png")
    assert predict("a.png", csv=Path("/dev/null")) == 0
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


def read(name: str) -> pd.DataFrame:
    match Path(name).suffix:
        case ".csv":
            return pd.read_csv(name)
        case ".parquet":
            return pd.read_parquet(name)
    rows = json.loads(Path(name).read_text())
    nothing = dict.fromkeys(CARD.classes)
    probabilities = [row.pop("probabilities") or nothing for row in rows]
    table = pd.DataFrame(rows)
    for place, each in enumerate(CARD.classes, 2):
        table.insert(place, each, [row[each] for row in probabilities])
    return table


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.json"])
def test_a_file_has_every_digit_and_every_file(here: Path, name: str) -> None:
    picture("a.png")
    picture("b.png").write_bytes(b"?")
    assert predict("a.png", "b.png", out=Path(name)) == 1
    table = read(name)
    assert list(table.columns) == ["path", "label", "ill", "normal", "error"]
    assert list(table["path"]) == ["a.png", "b.png"]
    assert list(table["label"].fillna("")) == ["normal", ""]
    assert tuple(table.loc[0, ["ill", "normal"]]) == SURE
    assert table["normal"].isna().tolist() == [False, True]
    assert list(table["error"].fillna("")) == ["", "it is no picture."]


def test_globs_that_no_shell_expanded_are_found(here: Path) -> None:
    for name in ("a/1.png", "a/2.jpg", "b/c/3.png", "b/[4].png"):
        picture(f"scans/{name}")
    assert list(classified("scans/*/*.png")) == ["scans/a/1.png", "scans/b/[4].png"]
    assert list(classified("scans/**/3.png", "scans/b/[4].png")) == [
        "scans/b/c/3.png",
        "scans/b/[4].png",
    ]
    with pytest.raises(BenchmarkError, match=r"no file and no folder matches 'scans/\*\.dcm'"):
        predict("scans/*.dcm")


def test_a_manifest_names_images_and_patients_and_needs_no_label(here: Path) -> None:
    for name in ("1.png", "2.png", "3.png"):
        picture(f"scans/{name}")
    Path("scans/2.png").write_bytes(GOOD + b"ill")
    Path("scans/list.csv").write_text(
        "file,PatientID\n1.png,anna\n2.png,anna\n3.png,anna\ngone.png,bert\n"
    )
    assert predict("scans/list.csv", out=OUT) == 1
    table = pd.read_csv(OUT)
    assert list(table["path"]) == [f"scans/{name}.png" for name in ("1", "2", "3", "gone")]
    assert list(table["patient"]) == ["anna", "anna", "anna", "bert"]
    assert "No such file" in table["error"][3]
    people = pd.read_csv("out-patients.csv")
    assert people.to_dict("records") == [
        # The third image is a copy of the first.
        {"patient": "anna", "images": 2, "label": "ill", "ill": 2 / 3, "normal": 1 / 3}
    ]


def test_a_manifest_cannot_lead_out_of_its_folder(here: Path) -> None:
    picture("secret.png")
    Path("scans").mkdir()
    Path("scans/link.png").symlink_to("../secret.png")
    Path("scans/list.csv").write_text("path\nlink.png\n")
    assert "leads out" in classified("scans/list.csv")["scans/link.png"]
    Path("scans/list.csv").write_text("path\n../secret.png\n")
    with pytest.raises(BenchmarkError, match="must lie below the manifest's folder"):
        predict("scans/list.csv")


def test_a_column_of_another_name_is_said_and_only_with_a_table(here: Path) -> None:
    picture("1.png")
    Path("list.csv").write_text("Bild\n1.png\n")
    with pytest.raises(BenchmarkError, match="must have the column path, not Bild; say which"):
        predict("list.csv")
    assert predict("list.csv", columns={"path": "Bild"}, out=OUT) == 0
    with pytest.raises(UsageError, match="--columns: read with a table"):
        predict("1.png", columns={"path": "Bild"})


def test_patients_are_told_by_a_pattern(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("p1-a", "p2-a", "p1-b", "other"):
        picture(f"scans/{name}.png")
    Path("scans/p1-b.png").write_bytes(GOOD + b"ill")
    assert predict("scans", patient_pattern=r"(p\d+)-", out=Path("out.json")) == 0
    people = json.loads(Path("out-patients.json").read_text())
    assert [(each["patient"], each["images"]) for each in people] == [("p1", 2), ("p2", 1)]
    assert people[0]["probabilities"] == pytest.approx({"ill": 2 / 3, "normal": 1 / 3})
    capsys.readouterr()
    predict("scans", patient_pattern=r"(p\d+)-")
    assert capsys.readouterr().out.splitlines()[-3:] == [
        "patient  images        label    ill  normal",
        "p1       2             ill     0.67    0.33",
        "p2       1             normal  0.33    0.67",
    ]
    with pytest.raises(UsageError, match=r"matches no path; the first is 'scans/other\.png'"):
        predict("scans", patient_pattern="(q)")


def test_a_model_that_knows_drawn_images_only_says_so_everywhere(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pulled, "card", replace(CARD, synthetic=True))
    picture("a.png")
    predict("a.png")
    shown = capsys.readouterr()
    assert shown.out.startswith("model: model (SYNTHETIC)\n")
    assert shown.err.startswith("SYNTHETIC: model learned from images that a program drew")
    predict("a.png", out=OUT)
    assert OUT.read_text().splitlines() == [
        "path,label,ill,normal,error,synthetic",
        f"a.png,normal,{SURE[0]!r},{SURE[1]!r},,SYNTHETIC",
    ]


def test_without_a_model_the_only_champion_is_meant(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(predicting, "only_champion", lambda: "models:/scans@champion")
    picture("a.png")
    predict("a.png", model=None)
    assert capsys.readouterr().out.startswith("model: models:/scans@champion\n")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"out": Path("out.txt")}, "--out must end in .csv, .parquet, .json"),
        ({"out": OUT, "csv": OUT}, "--csv is the old name of --out"),
        ({"explain": Path("scans")}, "--explain must name a new or an empty folder"),
        ({"explain": Path("scans/a.png")}, "--explain must name a new or an empty folder"),
    ],
)
def test_what_does_not_go_together_is_refused_before_a_model_is_loaded(
    here: Path, asked: dict[str, Any], said: str
) -> None:
    picture("scans/a.png")
    with pytest.raises(UsageError, match=said):
        predict("scans", model="changed", **asked)


def test_progress_is_told_on_standard_error_and_not_to_who_wants_quiet(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting, "_SAID_EVERY", 40)
    for number in range(100):
        picture(f"scans/{number}.png")
    predict("scans", out=OUT)
    assert capsys.readouterr().err == "64 of 100 images\n96 of 100 images\n"
    predict("scans", out=OUT, quiet=True)
    assert capsys.readouterr().err == ""


def test_a_class_may_be_named_path(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pulled, "card", replace(CARD, classes=("path", "label")))
    picture("a.png")
    for name in ("out.csv", "out.parquet", "out.json"):
        assert predict("a.png", out=Path(name)) == 0
    assert OUT.read_text() == f"path,label,path,label,error\na.png,label,{SURE[0]},{SURE[1]},\n"
    (row,) = json.loads(Path("out.json").read_text())
    assert row["path"] == "a.png"
    assert row["probabilities"] == {"path": SURE[0], "label": SURE[1]}


def test_every_image_with_an_answer_has_an_overlay_of_its_own(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(predicting_overlays, "Explained", Seen)
    Path("model.keras").touch()
    for name, size in (("a/scan 1.png", (30, 20)), ("b/scan 1.png", (20, 30))):
        picture(name).write_bytes(png(*size))
    picture("bad.png").write_bytes(b"?")
    assert predict("a", "bad.png", "b", explain=Path("seen/new")) == 1
    assert sorted(path.name for path in Path("seen/new").iterdir()) == [
        "1-scan-1.png",
        "3-scan-1.png",
    ]
    with Image.open("seen/new/3-scan-1.png") as image:
        assert image.size == (20, 30)
        about = "Grad-CAM of b/scan 1.png: normal, probability 0.67"
        assert image.info["Description"] == about
    assert Seen.asked == [[1, 1]]
    assert "1 of the network's members have no map" in capsys.readouterr().err
    Path("model.keras").unlink()
    with pytest.raises(UsageError, match="needs the Keras network"):
        predict("a", explain=Path("seen/other"))
