"""What `export` leaves in a folder, whatever comes of the formats; processes are stand-ins."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.errors import StoreError, UsageError
from benchmark.files import file_digest, lock
from benchmark.jobs import exporting, exporting_process
from benchmark.jobs.exporting import Exporting, export_model, read_formats
from benchmark.jobs.exporting_images import Compared
from benchmark.jobs.exporting_process import Replies
from benchmark.records import Picture
from benchmark.serving import FORMATS, Card

Said = pytest.CaptureFixture[str]
ROWS = np.array([[0.25, 0.75], [0.5, 0.5]])


class Converters:
    """What comes of each format: its answers, or why there are none."""

    def __init__(self) -> None:
        self.answers = {
            name: Replies(probabilities=ROWS, milliseconds=1.5, runtime="it 1.0")
            for name in FORMATS
        }
        self.faults: dict[str, str] = {}
        self.written = 0

    def write(self, _: Path, names: Sequence[str], work: Path) -> Mapping[str, str]:
        """Write what can be written, each time another content."""
        for name in names:
            self.written += 1
            place = work / FORMATS[name].file
            if name in ("savedmodel", "openvino"):
                place.mkdir()
                place = place / "inside"
            place.write_text(str(self.written))
        return {name: self.faults.get(name, "") for name in names}

    def ask(self, name: str, file: Path, work: Path) -> Replies:
        """Answer as the format was told to; the network itself is always right."""
        assert work.is_absolute()  # a process in another folder is told of it
        assert (work / "pixels.npy").is_file()
        if file.parent != work:  # the registered one
            return Replies(probabilities=ROWS)
        return self.answers[name]

    def say(self, name: str, **answer: object) -> None:
        """Let a format answer otherwise."""
        self.answers[name] = Replies(**answer)  # type: ignore[arg-type]


@pytest.fixture
def converters(monkeypatch: pytest.MonkeyPatch) -> Converters:
    made = Converters()
    monkeypatch.setattr(exporting, "write", made.write)
    monkeypatch.setattr(exporting, "ask", made.ask)
    monkeypatch.setattr(exporting, "missing", lambda _: ())
    return made


@pytest.fixture
def export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, converters: Converters
) -> Callable[..., int]:
    """Export a model that stands in a folder, into `out` beside it."""
    network = tmp_path / "model.keras"
    network.write_text("a network")
    monkeypatch.setattr(exporting, "verify_network", lambda *_: network)
    images = Compared(pixels=np.zeros((2, 16, 16, 3), np.uint8), said="2 images")
    monkeypatch.setattr(exporting, "compared_images", lambda *_: images)

    def locate(uri: str, *, unverified: bool) -> SimpleNamespace:
        card = Card(
            classes=("ill", "well"),
            picture=Picture(side_px=16),
            data="phantom",
            synthetic=True,
            spec_digest="5" * 64,
            sha256=file_digest(network),
        )
        return SimpleNamespace(uri=uri, folder=tmp_path, card=card, kept=None)

    monkeypatch.setattr(exporting, "Located", locate)
    monkeypatch.chdir(tmp_path)

    def run(*to: str) -> int:
        wanted = Exporting(
            model="models:/m@champion",
            to=to or None,
            out="out",
            images=None,
            data=None,
            cache="",
            unverified=False,
        )
        return export_model(wanted, lambda _: None)

    return run


def held(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def story(folder: Path) -> dict[str, dict[str, object]]:
    rows = json.loads((folder / "out/export.json").read_text())["formats"]
    return {row["format"]: row for row in rows}


def test_a_folder_holds_the_formats_and_their_table_and_nothing_else(
    export: Callable[..., int], tmp_path: Path
) -> None:
    assert export() == 0
    files = {each.file for each in FORMATS.values()}
    assert held(tmp_path / "out") == {*files, "export.md", "export.json"}
    assert held(tmp_path) == {"out", "model.keras"}
    assert list(story(tmp_path)) == list(FORMATS)
    table = (tmp_path / "out/export.md").read_text()
    assert "SYNTHETIC" in table
    assert "probabilities of ill, well, in this order" in table
    assert "| onnx | model.onnx | 0.0 MiB | 0.0e+00 | 100.0% | 1.5 | it 1.0 |  |" in table


@pytest.mark.parametrize("wrong", [2e-3, float("nan")])
def test_a_format_that_differs_is_marked_and_the_exit_code_is_1(
    wrong: float, export: Callable[..., int], converters: Converters, tmp_path: Path
) -> None:
    converters.say("onnx", probabilities=np.array([[0.25 + wrong, 0.75], [0.5, 0.5]]))
    assert export("keras", "onnx") == 1
    assert story(tmp_path)["onnx"]["differs"] is True
    assert story(tmp_path)["keras"]["differs"] is False
    assert "**differs** by more than 0.001" in (tmp_path / "out/export.md").read_text()


def test_what_a_format_cannot_hold_is_said_and_leaves_no_file(
    export: Callable[..., int], converters: Converters, tmp_path: Path, capsys: Said
) -> None:
    converters.faults["litert"] = "ConverterError: no such op"
    converters.say("h5", fault="ValueError: Unknown layer: 'Flip'")
    converters.say("onnx", probabilities=np.ones((2, 3)))
    assert export() == 1
    assert not {"model.tflite", "model.h5", "model.onnx"} & held(tmp_path / "out")
    assert story(tmp_path)["litert"]["fault"] == "ConverterError: no such op"
    said = capsys.readouterr().out
    assert "does not answer: ValueError: Unknown layer: 'Flip'" in said
    assert "it gives (2, 3) figures, not (2, 2)" in said


def test_converters_that_are_not_installed_are_no_failure_unless_asked_for(
    export: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacks = {"onnx": ("tf2onnx",)}
    monkeypatch.setattr(exporting, "missing", lambda name: lacks.get(name, ()))
    assert export() == 0
    assert "tf2onnx must be installed" in str(story(tmp_path)["onnx"]["fault"])
    assert export("onnx") == 1


def test_a_second_export_of_the_network_adds_to_the_first_and_loses_nothing(
    export: Callable[..., int], converters: Converters, tmp_path: Path
) -> None:
    assert export("savedmodel", "onnx") == 0
    converters.faults["onnx"] = "ConverterError: the disk is full"
    assert export("savedmodel", "onnx", "h5") == 1
    out = tmp_path / "out"
    assert (out / "savedmodel/inside").read_text() == "3"
    assert (out / "model.onnx").read_text() == "2"  # the first, and so says the table
    assert not story(tmp_path)["onnx"]["fault"]
    assert list(story(tmp_path)) == ["h5", "savedmodel", "onnx"]


def test_another_network_s_folder_is_refused(export: Callable[..., int], tmp_path: Path) -> None:
    export("h5")
    before = (tmp_path / "out/model.h5").read_text()
    (tmp_path / "model.keras").write_text("another")
    with pytest.raises(UsageError, match="holds another network's"):
        export("h5")
    assert (tmp_path / "out/model.h5").read_text() == before


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("notes.txt", "mine", "holds other files"),
        ("export.json", "{}", "cannot be read"),
        ("export.json", "[1", "cannot be read"),
    ],
)
def test_a_folder_with_other_files_is_refused_and_left(
    name: str, content: str, said: str, export: Callable[..., int], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text(content)
    with pytest.raises(UsageError, match=said):
        export()
    assert held(tmp_path / "out") == {name}


def test_a_killed_export_s_remains_are_removed_and_a_live_one_s_are_not(
    export: Callable[..., int], tmp_path: Path
) -> None:
    (tmp_path / "out/.export-killed").mkdir(parents=True)
    with lock(tmp_path / "out"), pytest.raises(UsageError, match="another export is writing"):
        export("h5")
    assert held(tmp_path / "out") == {".export-killed"}
    assert export("h5") == 0
    assert held(tmp_path / "out") == {"model.h5", "export.md", "export.json"}


def test_a_light_model_has_no_network_to_export(
    export: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "verify_network", lambda *_: Path("model.xml"))
    with pytest.raises(UsageError, match="is a light one"):
        export()


def test_a_network_that_does_not_answer_is_an_error(
    export: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "ask", lambda *_: Replies(fault="ValueError: damaged"))
    with pytest.raises(StoreError, match="does not answer: ValueError: damaged"):
        export()


def test_formats_are_read_by_name() -> None:
    assert read_formats("all") is None
    assert read_formats("onnx, h5") == ("onnx", "h5")
    with pytest.raises(UsageError, match=r"'tflite' is none\. .*litert"):
        read_formats("onnx,tflite")


def test_a_process_that_crashes_costs_the_format_it_was_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import json, os, sys\n"
        "job = json.load(sys.stdin)\n"
        "for name in job['names']:\n"
        "    if name == 'onnx':\n"
        "        os.abort()\n"
        "    fault = f'no {job[\"into\"]}/file' if name == 'h5' else ''\n"
        "    with open(job['told'], 'a') as told:\n"
        "        told.write(json.dumps({'name': name, 'fault': fault}) + '\\n')\n"
    )
    monkeypatch.setattr(exporting_process, "EXPORTS_SCRIPT", script)
    found = exporting_process.write(Path("network"), ["h5", "onnx", "litert"], tmp_path)
    assert found == {"h5": "no file", "onnx": "its process was ended by signal 6", "litert": ""}
