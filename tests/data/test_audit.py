"""The audit on a small data set with known faults, read and decoded as in a benchmark."""

import io
import json
import os
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from benchmark.cache import Cache
from benchmark.data import (
    Decoded,
    OnLeak,
    ReadOptions,
    SplitOptions,
    decode,
    group_keys,
    make_splits,
    near_copies,
    read_index,
)
from benchmark.data.audit import (
    Audit,
    Fault,
    Finding,
    Severity,
    audit,
    audit_table,
    board_lines,
    feature_suspects,
    near,
)
from benchmark.records import LeftOut, Part, Picture, Silent, Split
from tests.data.pictures import noise

FLIP = Image.Transpose.FLIP_LEFT_RIGHT

pytestmark = pytest.mark.slow  # scikit-learn alone takes seconds to import


def scan(seed: int, size: tuple[int, int] = (80, 64), light: float = 110) -> Image.Image:
    """Draw a smooth picture like no other seed's."""
    draw = np.random.default_rng(seed)
    coarse = Image.fromarray(draw.normal(light, 40, (9, 9)).clip(1, 254).astype(np.uint8))
    return coarse.resize(size, Image.Resampling.BICUBIC)


def make(folder: Path) -> Path:
    """Write 30 sound images of each class: 14 to train, 6 to val, 10 to test."""
    for number, (part, name, count) in enumerate(
        (part, name, count)
        for part, count in (("train", 14), ("val", 6), ("test", 10))
        for name in ("ill", "well")
    ):
        for place in range(count):
            path = folder / part / name / f"{place}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            scan(100 * number + place).save(path)
    return folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "set"))


def read(folder: Path, **options: str) -> Decoded:
    cache = Cache(folder.parent / "cache")
    index = read_index(str(folder), ReadOptions(**options), cache)  # type: ignore[arg-type]
    return decode(index, Picture(side_px=64), cache, Silent(), max_unreadable=0.5)


def look(folder: Path, **options: str) -> Audit:
    seen = read(folder, **options)
    return audit(seen.index, seen.facts, seen.pixels)


def of(found: Audit, kind: Fault) -> list[Finding]:
    return [each for each in found.findings if each.kind is kind]


def only(found: Audit, kind: Fault, *parts: str) -> Finding:
    (finding,) = [each for each in of(found, kind) if each.parts == parts]
    return finding


@pytest.fixture(scope="module")
def calm(sound: Path) -> Audit:
    return look(sound)


@pytest.fixture(scope="module")
def faulty(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """Audit a set with one fault of each kind that concerns single files."""
    folder = Path(shutil.copytree(sound, tmp_path_factory.mktemp("faulty") / "set"))
    train, val, test = folder / "train", folder / "val", folder / "test"
    Image.open(train / "ill" / "3.png").save(test / "ill" / "[copy].bmp")
    shutil.copy(val / "well" / "1.png", val / "well" / "1 copy.png")
    shutil.copy(test / "well" / "1.png", test / "ill" / "x.png")
    near = Image.open(train / "ill" / "4.png")
    near.resize((160, 128), Image.Resampling.BICUBIC).save(test / "ill" / "resized.png")
    near.save(test / "ill" / "recompressed.jpg", quality=70)
    near.point([min(255, level + 12) for level in range(256)]).save(test / "ill" / "brighter.png")
    Image.open(train / "ill" / "5.png").save(train / "well" / "near.jpg", quality=70)
    flat(128, 0).save(train / "ill" / "blank.png")
    flat(3, 4).save(train / "ill" / "dark.png")
    flat(250, 4).save(train / "ill" / "bright.png")
    scan(999, size=(80, 16)).save(train / "ill" / "strip.png")
    (train / "ill" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    return look(folder)


def flat(level: int, spread: int) -> Image.Image:
    grain = np.random.default_rng(0).integers(level - spread, level + spread + 1, (64, 80))
    return Image.fromarray(grain.clip(0, 255).astype(np.uint8))


def test_a_sound_set_has_no_duplicate_and_no_odd_image(calm: Audit) -> None:
    assert {finding.kind for finding in calm.findings} == {
        Fault.PART_SIZE,
        Fault.PATIENTS_UNKNOWN,
        Fault.PART_SHIFT,
        Fault.SHORTCUT,
    }
    assert calm.images == calm.distinct == 60


def test_a_sound_set_has_no_shortcut_and_no_shift(calm: Audit) -> None:
    assert only(calm, Fault.SHORTCUT, "train", "val", "test").severity is Severity.INFO
    assert only(calm, Fault.PART_SHIFT, "train", "test").severity is Severity.INFO


def test_a_copy_in_another_format_is_found_across_parts(faulty: Audit) -> None:
    finding = only(faulty, Fault.EXACT_DUPLICATE, "train", "test")
    assert finding.severity is Severity.ERROR
    assert finding.files == ("test/ill/[copy].bmp", "train/ill/3.png")
    assert finding.groups == (("test/ill/[copy].bmp", "train/ill/3.png"),)
    assert finding.figures["images"] == 1
    assert finding.classes == ("ill",)


def test_a_copy_inside_a_part_is_found(faulty: Audit) -> None:
    finding = only(faulty, Fault.EXACT_DUPLICATE, "val")
    assert set(finding.files) == {"val/well/1.png", "val/well/1 copy.png"}


def test_an_image_under_two_labels_in_test_is_an_error(faulty: Audit) -> None:
    finding = only(faulty, Fault.CONFLICTING_LABEL, "test")
    assert finding.severity is Severity.ERROR
    assert finding.classes == ("ill", "well")


@pytest.mark.parametrize("name", ["resized.png", "recompressed.jpg", "brighter.png"])
def test_a_changed_copy_is_a_near_duplicate(faulty: Audit, name: str) -> None:
    finding = only(faulty, Fault.NEAR_DUPLICATE, "train", "test")
    assert (f"test/ill/{name}", "train/ill/4.png") in finding.groups
    assert len(finding.groups) == 3
    assert finding.severity is Severity.ERROR


def test_near_copies_are_told_by_row_for_the_split(folder: Path) -> None:
    first = folder / "train" / "ill" / "4.png"
    Image.open(first).save(folder / "test" / "well" / "again.jpg", quality=70)
    shutil.copy(first, folder / "val" / "ill" / "exact.png")
    seen = read(folder)
    (pair,) = near.near_copies(seen.index, seen.facts, seen.pixels)
    alike = {"test/well/again.jpg", "train/ill/4.png", "val/ill/exact.png"}
    assert {seen.index.paths[row] for row in pair[:2]} < alike
    keys = group_keys(seen.index, seen.facts, [pair])
    assert len({keys[seen.index.paths.index(path)] for path in alike}) == 1
    cache = Cache(folder.parent / "pairs")
    for _ in range(2):
        assert near.near_copies(seen.index, seen.facts, seen.pixels, cache) == (pair,)


def test_a_near_copy_under_another_label_is_found(faulty: Audit) -> None:
    finding = only(faulty, Fault.NEAR_CONFLICTING_LABEL, "train")
    assert set(finding.files) == {"train/ill/5.png", "train/well/near.jpg"}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (Fault.BLANK, "blank.png"),
        (Fault.DARK, "dark.png"),
        (Fault.BRIGHT, "bright.png"),
        (Fault.UNREADABLE, "broken.png"),
    ],
)
def test_an_image_unlike_an_exposure_is_found(faulty: Audit, kind: Fault, name: str) -> None:
    assert of(faulty, kind)[0].files == (f"train/ill/{name}",)


def test_an_odd_size_is_found(faulty: Audit) -> None:
    assert "train/ill/strip.png" in of(faulty, Fault.ODD_SIZE)[0].files


def test_patients_on_both_sides_are_found_without_naming_them(folder: Path) -> None:
    (folder / "train" / "ill" / "0.png").rename(folder / "train" / "ill" / "anna-1.png")
    (folder / "test" / "ill" / "0.png").rename(folder / "test" / "ill" / "anna-2.png")
    finding = only(
        look(folder, patient_pattern=r"/([a-z]+)-\d"), Fault.PATIENT_OVERLAP, "train", "test"
    )
    assert finding.severity is Severity.ERROR
    assert finding.groups == (("test/ill/anna-2.png", "train/ill/anna-1.png"),)
    assert "anna" not in finding.summary


def test_a_class_missing_from_a_part_is_found(folder: Path) -> None:
    shutil.rmtree(folder / "val" / "well")
    finding = only(look(folder), Fault.MISSING_CLASS, "val")
    assert finding.classes == ("well",)
    assert finding.severity is Severity.ERROR


def test_a_small_part_says_what_it_can_resolve(calm: Audit) -> None:
    finding = only(calm, Fault.PART_SIZE, "val")
    assert finding.severity is Severity.ERROR
    # 12 images, and 17 % of them answered apart: 2.8 standard errors of sqrt(0.17 / 12).
    assert finding.figures["resolvable_difference"] == pytest.approx(0.3335, abs=1e-4)
    assert "val has 12 distinct images" in finding.summary
    assert "33.3 points of accuracy, at best" in finding.summary


def test_a_part_is_as_large_as_its_patients_where_they_are_known(folder: Path) -> None:
    finding = only(look(folder, patient_pattern=r"/(\d)\d*\.png"), Fault.PART_SIZE, "test")
    assert finding.figures["units"] == 10
    assert "test has 10 patients" in finding.summary


@pytest.mark.parametrize(
    ("left", "severity"), [(1, Severity.ERROR), (2, Severity.ERROR), (4, Severity.WARNING)]
)
def test_a_class_of_few_images_in_val_is_found(folder: Path, left: int, severity: Severity) -> None:
    for path in sorted((folder / "val" / "ill").iterdir())[left:]:
        path.unlink()
    finding = only(look(folder), Fault.FEW_PATIENTS, "val")
    assert finding.severity is severity
    assert finding.classes == ("ill",)
    assert finding.summary.startswith(f"val has only {left} distinct images of ill")


def test_copies_of_one_image_are_no_more_images(folder: Path) -> None:
    for path in sorted((folder / "val" / "ill").iterdir())[1:]:
        shutil.copy(folder / "val" / "ill" / "0.png", path)
    assert only(look(folder), Fault.FEW_PATIENTS, "val").figures["units"] == 1


def split_again(seen: Decoded, scheme: str, on_leak: OnLeak = OnLeak.DROP) -> Audit:
    pairs = near_copies(seen.index, seen.facts, seen.pixels)
    asked = SplitOptions(scheme=scheme, smallest_val=0, on_leak=on_leak)
    split = make_splits(seen.index, seen.facts, asked, pairs)[0]
    return audit(seen.index, seen.facts, seen.pixels, split)


@pytest.mark.parametrize(
    ("scheme", "done"),
    [("official", "dropped from train"), ("60/20/20", "kept in one part by the split in use")],
)
def test_leaks_that_the_split_in_use_has_not_are_said_as_handled(
    leaky: Path, scheme: str, done: str
) -> None:
    found = split_again(read(leaky), scheme)
    exact = only(found, Fault.EXACT_DUPLICATE, "train", "test")
    alike = only(found, Fault.NEAR_DUPLICATE, "train", "test")
    assert exact.handled
    assert exact.severity is alike.severity is Severity.INFO
    assert exact.summary == f"1 image(s) of test stood in train as published; {done}."
    assert alike.summary.endswith(f"nearly equal to images of train as published; {done}.")
    assert "memory" not in exact.effect + alike.effect


def test_leaks_that_are_left_are_no_less_grave(leaky: Path) -> None:
    found = split_again(read(leaky), "official", on_leak=OnLeak.REPORT)
    finding = only(found, Fault.EXACT_DUPLICATE, "train", "test")
    assert (finding.handled, finding.severity) == (False, Severity.ERROR)
    assert "answered from memory" in finding.effect


@pytest.fixture(scope="module")
def leaky(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of which two images of train stand in test, one of them mirrored."""
    folder = Path(shutil.copytree(sound, tmp_path_factory.mktemp("leaky") / "set"))
    shutil.copy(folder / "train" / "ill" / "3.png", folder / "test" / "ill" / "copy.png")
    mirrored = Image.open(folder / "train" / "ill" / "4.png").transpose(FLIP)
    mirrored.save(folder / "test" / "ill" / "mirrored.png")
    return folder


@pytest.mark.parametrize("scheme", ["60/20/20", "kfold:5"])
def test_no_remedy_names_the_split_in_use(leaky: Path, scheme: str) -> None:
    found = split_again(read(leaky), scheme)
    assert of(found, Fault.PART_SIZE)
    assert not [each for each in found.findings if scheme in each.remedy]
    assert not [each for each in of(found, Fault.PART_SIZE) if "70/15/15" in each.remedy]
    assert not [each for each in of(found, Fault.PART_SHIFT) if "--split " in each.remedy]


def test_remedies_fit_the_classes_and_the_parts_that_there_are(leaky: Path) -> None:
    found = split_again(read(leaky), "official")
    remedies = " ".join(each.remedy for each in found.findings)
    assert "join it" not in remedies  # there are two classes
    for finding in of(found, Fault.PART_SIZE):
        units = float(finding.figures["units"])
        assert ("70/15/15" in finding.remedy) == (0.15 * found.distinct >= units + 1)


def test_a_class_that_no_split_can_divide_is_named(folder: Path) -> None:
    for path in sorted((folder / "train" / "well").iterdir())[2:]:
        path.unlink()
    shutil.rmtree(folder / "val" / "well")
    shutil.rmtree(folder / "test" / "well")
    finding = only(look(folder), Fault.MISSING_CLASS, "val")
    assert "well has 2 distinct images: no split can put it" in finding.remedy


def test_the_board_is_told_what_may_change_the_verdict(leaky: Path) -> None:
    lines = board_lines(split_again(read(leaky), "official"))
    assert "handled: 1 image(s) of test stood in train as published; dropped from train." in lines
    assert [line for line in lines if line.startswith("error: val has 12 distinct images")]
    assert [line for line in lines if line.startswith("info: Patients unknown: intervals are too")]
    assert not [line for line in lines if "\n" in line or "AUROC" in line]


def test_a_class_told_by_its_size_is_a_shortcut(folder: Path) -> None:
    for path in folder.glob("*/ill/*.png"):
        Image.open(path).resize((120, 64)).save(path)
    finding = only(look(folder), Fault.SHORTCUT, "train", "val", "test")
    # Every measure that its figures name stands in the sentence too.
    assert finding.summary.startswith(
        "Size, shape, format, bytes of the file, brightness and border alone tell the class"
    )
    assert finding.severity is Severity.WARNING
    assert float(finding.figures["macro_f1 size"]) > 0.9
    assert float(finding.figures["macro_f1 border"]) < 0.8


def test_a_test_part_from_elsewhere_is_a_shift(folder: Path) -> None:
    for path in folder.glob("test/*/*.png"):
        Image.open(path).point([level // 2 for level in range(256)]).save(path)
    finding = only(look(folder), Fault.PART_SHIFT, "train", "test")
    assert finding.severity is Severity.WARNING
    assert float(finding.figures["auroc brightness"]) > 0.9
    assert float(finding.figures["auroc aspect ratio"]) < 0.7


def test_a_split_is_judged_instead_of_the_official_parts(folder: Path) -> None:
    shutil.copy(folder / "train" / "ill" / "3.png", folder / "test" / "ill" / "copy.png")
    seen = read(folder)
    rows = {part: [n for n, each in enumerate(seen.index.parts) if each is part] for part in Part}
    kept = [row for row in rows[Part.TRAIN] if seen.index.paths[row] != "train/ill/3.png"]
    split = Split(
        scheme="official",
        train=np.array(kept),
        val=np.array(rows[Part.VAL]),
        test=np.array(rows[Part.TEST]),
        test_is_copy=np.zeros(len(rows[Part.TEST]), dtype=bool),
        digest="d",
    )
    found = audit(seen.index, seen.facts, seen.pixels, split)
    assert [finding.handled for finding in of(found, Fault.EXACT_DUPLICATE)] == [True]
    assert found.split_digest == "d"


def test_a_set_without_parts_is_one_part(sound: Path) -> None:
    seen = read(sound)
    index = replace(seen.index, parts=(None,) * len(seen.index))
    found = audit(index, seen.facts, seen.pixels)
    assert only(found, Fault.SHORTCUT, "all")
    assert not of(found, Fault.PART_SIZE)


def test_a_set_of_two_images_can_be_audited(tmp_path: Path) -> None:
    for number, name in enumerate(("ill", "well")):
        (tmp_path / "two" / name).mkdir(parents=True)
        scan(number).save(tmp_path / "two" / name / "1.png")
    assert look(tmp_path / "two").images == 2


def crowd(count: int) -> npt.NDArray[np.uint8]:
    """Make images that are all nearly equal: the worst case, where every pair is a find."""
    draw = np.random.default_rng(0)
    base = np.asarray(scan(0, (32, 32)), dtype=np.int64)
    grain = draw.integers(-3, 4, (count, 32, 32))
    return (base + grain).clip(0, 255).astype(np.uint8)


def test_near_pairs_keep_their_memory_where_every_image_is_near_every_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(near, "PAIRS", 1 << 14)
    monkeypatch.setattr(near, "CHUNK", 1 << 5)
    peaks = []
    for count in (200, 800):
        pictures = crowd(count)
        tracemalloc.start()
        found = near.near_pairs(pictures, np.zeros(count))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count / 2 <= len(found) <= near.KEPT * count
    assert peaks[1] < 6 * peaks[0]  # 4 times the images, 16 times the pairs


def test_a_pair_across_parts_is_kept_beside_stronger_ones_inside() -> None:
    pictures = crowd(60)
    homes = np.array(["train"] * 59 + ["test"])
    pictures[59] = (pictures[59].astype(np.int64) * 0.9).astype(np.uint8)
    assert 59 in [pair.right for pair in near.near_pairs(pictures, homes)]


@pytest.mark.parametrize("form", range(8))
def test_a_mirrored_or_turned_picture_is_found_in_either_order(form: int) -> None:
    pictures = np.stack([np.asarray(scan(seed, (64, 64))) for seed in range(3)])
    changed = near.turned(pictures[:1], form)
    for stack in ([pictures, changed], [changed, pictures]):
        (pair,) = near.near_pairs(np.concatenate(stack), np.zeros(4))
        assert pair.change == near.CHANGES[form]


def test_the_hash_is_the_same_on_every_machine() -> None:
    picture = noise("fixed", 64, 64)
    bits = near._signs(picture[None])[0, 0] > 0
    assert np.packbits(bits).tobytes().hex() == "0e14b9b6ec74c558"


def test_blank_pictures_are_like_no_other() -> None:
    blank = np.zeros((4, 64, 64), np.uint8)
    assert near.near_pairs(blank, np.zeros(4)) == []


def suspected(folder: Path, similarity: float) -> tuple[Finding, ...]:
    """Look for suspects with drawn features: two images of train and test are that similar."""
    seen = read(folder)
    features = np.random.default_rng(0).normal(size=(len(seen.pixels), 256))
    ends = [seen.index.paths.index(path) for path in ("train/ill/2.png", "test/ill/2.png")]
    one, other = seen.pixels.rows([seen.index.hashes[row] for row in ends])
    rest = (1 - similarity**2) ** 0.5
    features[other] = similarity * features[one] + rest * features[other]
    return feature_suspects(seen, None, features.astype(np.float32))


def test_images_of_nearly_the_same_features_are_suspects_with_the_pair_shown(sound: Path) -> None:
    (finding,) = suspected(sound, 0.95)
    assert (finding.kind, finding.severity) == (Fault.NEAR_SUSPECT, Severity.WARNING)
    assert finding.groups == (("test/ill/2.png", "train/ill/2.png"),)


def test_images_no_more_alike_than_others_of_their_class_are_no_suspects(sound: Path) -> None:
    assert suspected(sound, 0.1) == ()


def test_an_audit_is_found_again_by_content(sound: Path, tmp_path: Path) -> None:
    seen, cache = read(sound), Cache(tmp_path)
    first = audit(seen.index, seen.facts, seen.pixels, cache=cache)
    assert audit(seen.index, seen.facts, seen.pixels, cache=cache) == first
    lost = replace(seen.index, left_out=(LeftOut(path="x.png", reason="torn"),))
    assert of(audit(lost, seen.facts, seen.pixels, cache=cache), Fault.UNREADABLE)
    assert cache.usage()[0].entries == 2


def test_an_audit_survives_json(calm: Audit) -> None:
    assert Audit.from_json(json.loads(calm.text)) == calm
    assert '"kind": "part-size"' in calm.text


def test_the_table_shows_each_finding_with_its_files(faulty: Audit) -> None:
    from rich.console import Console

    console = Console(width=160, record=True, file=io.StringIO())
    console.print(audit_table(faulty))
    text = console.export_text()
    assert "test/ill/[copy].bmp = train/ill/3.png" in text
    assert "--on-leak drop" in text


@pytest.fixture(scope="module")
def chest_ct(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return audit_real("BENCHMARK_TEST_CHEST_CT", tmp_path_factory.mktemp("cache"))


def audit_real(variable: str, cache_folder: Path) -> Audit:
    if variable not in os.environ:
        pytest.skip(f"{variable} names no folder")
    cache = Cache(cache_folder)
    index = read_index(os.environ[variable], ReadOptions(), cache)
    seen = decode(index, Picture(side_px=224), cache, Silent())
    return audit(seen.index, seen.facts, seen.pixels)


@pytest.mark.real
@pytest.mark.parametrize(("judged", "copies"), [("val", 10), ("test", 46)])
def test_the_copies_in_the_chest_ct_set_are_found(
    chest_ct: Audit, judged: str, copies: int
) -> None:
    finding = only(chest_ct, Fault.EXACT_DUPLICATE, "train", judged)
    assert finding.figures["images"] == copies
    assert finding.classes == ("normal",)


@pytest.mark.real
def test_the_image_under_two_labels_in_the_chest_ct_set_is_found(chest_ct: Audit) -> None:
    finding = only(chest_ct, Fault.CONFLICTING_LABEL, "train")
    assert len(finding.files) == 2
    assert finding.classes == ("large.cell.carcinoma", "squamous.cell.carcinoma")


@pytest.mark.real
def test_near_duplicates_across_parts_of_the_chest_ct_set_are_no_false_alarms(
    chest_ct: Audit,
) -> None:
    # Slices are known by the numbers their names begin with; normal ones were renumbered as well.
    slices = [{"10", "16"}, {"11", "18"}, {"4", "12", "21"}, {"6", "17", "n8"}, {"7", "24"}]
    pairs = [
        group
        for finding in of(chest_ct, Fault.NEAR_DUPLICATE)
        for group in finding.groups
        if finding.is_across_parts
    ]
    assert pairs
    numbers = [{Path(path).name.split()[0].split(".")[0] for path in group} for group in pairs]
    assert all(len(each) == 1 or any(each <= known for known in slices) for each in numbers)


@pytest.mark.real
def test_the_xray_sample_shares_patients_but_no_images_across_its_parts(tmp_path: Path) -> None:
    found = audit_real("BENCHMARK_TEST_CHEST_XRAY", tmp_path)
    assert {each.kind for each in found.findings if each.is_across_parts} == {
        Fault.PATIENT_OVERLAP,
        Fault.SHORTCUT,
        Fault.PART_SHIFT,
    }
    assert only(found, Fault.PART_SIZE, "val").severity is Severity.ERROR
