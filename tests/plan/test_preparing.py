"""What is settled about images before anything is trained: parts, audits, notes."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmark.cache import Cache
from benchmark.cli import run_command
from benchmark.errors import UsageError
from benchmark.jobs.image_jobs import audit_parts
from benchmark.plan.prepare import prepare, read
from benchmark.records import Silent
from benchmark.request import Request
from tests.data.pictures import dicom, encode, noise
from tests.jobs.conftest import draw

pytestmark = pytest.mark.slow  # scikit-learn takes seconds to import

COUNTS = {"train": 24, "val": 12, "test": 12}


def request(folder: Path, data: Path, **more: str) -> Request:
    texts = {"data": str(data), "arch": "mlp", "side": "32", "cache": str(folder / "cache")}
    return Request.read({**texts, **more})


def prepared(folder: Path, data: Path, **more: str) -> Any:
    asked = request(folder, data, **more)
    cache = Cache(folder / "cache")
    return prepare(read(asked, cache), cache, Silent())


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of which one of train stands in test as well."""
    folder = draw(tmp_path_factory.mktemp("leaky") / "leaky scans", COUNTS)
    shutil.copy(folder / "train/bright/000.png", folder / "test/bright/copy.png")
    return folder


def audited(folder: Path, data: Path, **more: str) -> Any:
    ready = prepared(folder, data, **more)
    return audit_parts(ready, ready.splits[0], ready.cache, Silent())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--positive", "sick"), "--positive: there is no class 'sick'. There are: bright, dark"),
        (("--positive", "bright+dark"), "--positive must leave a class that is negative"),
        (("--positive", "dark+dark"), "--positive must be classes such as adeno+squamous, each"),
        (("--operating-point", "recall=0.9"), "--operating-point must be youden, sensitivity=0.95"),
        (("--prevalence", "2"), "--prevalence must be a number between 0 and 1, such as 0.02"),
    ],
)
def test_a_wrong_operating_point_is_refused_before_any_work(
    words: tuple[str, ...],
    said: str,
    tmp_path: Path,
    leaky: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    kept = ("--cache", str(tmp_path / "cache"))
    assert run_command(["plan", "--data", str(leaky), "--arch", "mlp", *kept, *words]) == 2
    told = capsys.readouterr().err
    assert told.startswith(f"benchmark: {said}")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ({"operating_point": "youden"}, "--operating-point"),
        ({"prevalence": "0.1"}, "--prevalence"),
    ],
)
def test_of_more_than_two_classes_a_person_says_what_is_positive(
    words: dict[str, str], option: str, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache")
    with pytest.raises(UsageError, match=f"{option} needs --positive CLASS or CLASS"):
        read(Request.read({"data": "phantom", "arch": "mlp", **words}), cache)
    named = Request.read({"data": "phantom", "arch": "mlp", "positive": "normal", **words})
    assert read(named, cache).request.positive == ("normal",)


def test_the_official_split_is_audited_once(tmp_path: Path, leaky: Path) -> None:
    found = audited(tmp_path, leaky)
    assert not [each for each in found.findings if each.summary.startswith("In the split")]


def test_folds_are_audited_and_what_they_handled_is_said(tmp_path: Path, leaky: Path) -> None:
    found = audited(tmp_path, leaky, split="kfold:4")
    own = [each for each in found.findings if each.summary.startswith("In the split kfold:4, fold")]
    assert "part-size" in {each.kind.value for each in own}
    handled = [each.summary for each in found.findings if each.handled]
    assert "1 image(s) of test stood in train as published; kept in one part" in handled[0]
    assert not [each for each in own if "stand in" in each.summary]


def test_a_leak_of_a_split_from_a_file_is_found(tmp_path: Path, leaky: Path) -> None:
    ready = prepared(tmp_path, leaky)
    lines = [
        f"{path},{('train', 'val', 'test')[number % 3]}"
        for number, path in enumerate(ready.index.paths)
    ]
    own = {path: place for place, path in enumerate(ready.index.paths)}
    lines[own["train/bright/000.png"]] = "train/bright/000.png,test"
    lines[own["test/bright/copy.png"]] = "test/bright/copy.png,val"
    file = tmp_path / "split.csv"
    file.write_text("\n".join(["path,part", *lines]))
    found = audited(tmp_path, leaky, split=str(file), on_leak="report")
    assert [
        each
        for each in found.findings
        if each.summary.startswith(f"In the split {file}: 1 of the")
        and "in val too" in each.summary
    ]


@pytest.mark.parametrize("command", ["audit", "explore"])
def test_the_commands_look_at_the_split_that_is_named(
    command: str, tmp_path: Path, leaky: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [command, "--data", str(leaky), "--side", "32", "--split", "kfold:4"]
    extra = {"audit": ["--json", "audit.json"], "explore": []}
    assert run_command([*words, *extra[command]]) == 0
    texts = [
        path.read_text() for path in tmp_path.glob("**/*") if path.suffix in (".json", ".html")
    ]
    assert any("In the split kfold:4, fold 0" in text for text in texts)


def test_the_notes_say_how_many_training_images_each_class_has(tmp_path: Path) -> None:
    data = draw(tmp_path / "scans", COUNTS)
    for number in range(8):
        (data / f"train/dark/{2 * number + 1:03}.png").unlink()
    assert "train: bright 12, dark 4 (3.0 : 1)" in prepared(tmp_path, data).notes


def test_unreadable_images_that_were_allowed_are_left_out(tmp_path: Path) -> None:
    data = draw(tmp_path / "scans", COUNTS)
    for number in range(5):
        path = data / f"train/dark/{2 * number + 1:03}.png"
        path.write_bytes(path.read_bytes()[:200])
    ready = prepared(tmp_path, data, max_unreadable="20")
    assert len(ready.index.left_out) == 5


def ct(folder: Path, **tags: Any) -> Path:
    """Return a folder of CT files of two classes."""
    for number in range(20):
        place = folder / "ct" / ("ill", "well")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        pixels = noise(f"ct {number}", 8, 8).astype("uint16")
        data = dicom(pixels, Modality="CT", RescaleSlope=1, RescaleIntercept=-1024, **tags)
        (place / f"{number}.dcm").write_bytes(data)
    return folder / "ct"


def test_a_window_is_proposed_where_a_ct_has_none_and_none_is_given(tmp_path: Path) -> None:
    data = ct(tmp_path)
    notes = read(request(tmp_path, data), Cache(tmp_path / "cache")).index.notes
    assert [note for note in notes if "20 CT files name no window" in note and "lung" in note]
    given = read(request(tmp_path, data, window="lung"), Cache(tmp_path / "cache")).index.notes
    assert not [note for note in given if "--window" in note]


def test_no_window_is_proposed_where_the_files_have_theirs(tmp_path: Path) -> None:
    data = ct(tmp_path, WindowCenter=40, WindowWidth=400)
    notes = read(request(tmp_path, data), Cache(tmp_path / "cache")).index.notes
    assert not [note for note in notes if "--window" in note]


def test_the_range_of_16_bit_pictures_is_part_of_every_spec(tmp_path: Path) -> None:
    for number in range(20):
        place = tmp_path / "deep" / ("ill", "well")[number % 2]
        place.mkdir(parents=True, exist_ok=True)
        pixels = noise(f"deep {number}", 8, 8).astype("uint16") * 16
        (place / f"{number}.png").write_bytes(encode(pixels))
    draft = read(request(tmp_path, tmp_path / "deep"), Cache(tmp_path / "cache"))
    assert {job.spec.picture.grey_range for job in draft.jobs} == {"0-4095"}
