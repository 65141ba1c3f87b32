"""Reading folders, manifests and arrays into an index."""

import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from benchmark.cache import Cache
from benchmark.catalog import Catalog
from benchmark.data import DATA_SETS, PICTURE_SUFFIXES, ReadOptions, read_index, slug
from benchmark.errors import BenchmarkError, DataError, UsageError
from benchmark.records import Index, LeftOut, Part
from benchmark.request import Request
from tests.data.pictures import dicom, encode, noise

CT = {
    "train": (
        "adenocarcinoma_left.lower.lobe_T2_N0_M0_Ib",
        "large.cell.carcinoma_left.hilum_T2_N2_M0_IIIa",
        "normal",
        "squamous.cell.carcinoma_left.hilum_T1_N2_M0_IIIa",
    ),
    "test": ("adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma"),
}
CT_NAMES = CT["test"]
OPEN = ReadOptions(needs_parts=False)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def put(file: Path, data: bytes | None = None) -> Path:
    """Write a file, by default a picture of its own, and the folders above it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(encode(noise(str(file), 4, 5)) if data is None else data)
    return file


def classes_in(root: Path, *names: str, count: int = 2) -> Path:
    for name in names:
        for number in range(count):
            put(root / name / f"{number}.png")
    return root


def parts_in(root: Path, parts: dict[str, tuple[str, ...]]) -> Path:
    for part, names in parts.items():
        classes_in(root / part, *names)
    return root


def read(root: Path, cache: Cache, options: ReadOptions = OPEN) -> Index:
    return read_index(str(root), options, cache)


def class_of(index: Index) -> dict[str, str]:
    return {
        path: index.classes[label] for path, label in zip(index.paths, index.labels, strict=True)
    }


# ---------------------------------------------------------------- folders


def test_class_folders_alone_have_no_parts(tmp_path: Path, cache: Cache) -> None:
    index = read(classes_in(tmp_path / "My Scans", "b", "a"), cache)
    assert index.name == "my-scans"
    assert index.classes == ("a", "b")
    assert index.paths == ("a/0.png", "a/1.png", "b/0.png", "b/1.png")
    assert set(index.parts) == {None}
    assert index.labels.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("val", ["val", "valid", "Validation", "VAL"])
def test_part_folders_are_known_by_any_of_their_names(
    tmp_path: Path, cache: Cache, val: str
) -> None:
    root = parts_in(tmp_path / "scans", {"Train": ("a", "b"), val: ("a", "b"), "TEST": ("a", "b")})
    index = read(root, cache, ReadOptions())
    assert set(index.parts) == {Part.TRAIN, Part.VAL, Part.TEST}
    assert class_of(index)[f"{val}/b/1.png"] == "b"
    assert index.parts[index.paths.index(f"{val}/b/1.png")] is Part.VAL


def published(
    monkeypatch: pytest.MonkeyPatch, name: str, counts: Mapping[Part, tuple[int, ...]]
) -> None:
    """Let a known set have been published with a few images only."""
    small = replace(DATA_SETS[name], counts=counts)
    sets = [(each, small if each == name else DATA_SETS[each]) for each in DATA_SETS]
    monkeypatch.setattr("benchmark.data.recognising.DATA_SETS", Catalog("data set", sets))


def test_the_chest_ct_set_is_known_by_its_counts_and_its_folders_are_matched(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = (2, 2, 2, 2)
    published(monkeypatch, "chest-ct", {Part.TRAIN: two, Part.VAL: two, Part.TEST: two})
    parts: dict[str, tuple[str, ...]] = {**CT, "valid": CT["train"]}
    root = parts_in(tmp_path / "Data", parts)
    index = read(root, cache, ReadOptions())
    assert (index.name, index.modality, index.classes) == ("chest-ct", "ct", CT_NAMES)
    assert class_of(index)[f"train/{CT['train'][1]}/0.png"] == CT_NAMES[1]
    assert index.understood.merged[0].startswith("class adenocarcinoma: the folders adenocarcinoma")
    assert len(index.understood.merged) == 3
    put(root / "test/normal/more.png")
    index = read(root, cache, ReadOptions())
    assert (index.name, index.modality, index.classes) == ("data", "unknown", CT_NAMES)


def test_a_folder_called_like_a_known_set_is_not_taken_for_it(tmp_path: Path, cache: Cache) -> None:
    root = parts_in(tmp_path / "chest-ct", {"train": CT["train"], "test": CT["test"]})
    assert read(root, cache).name == "chest-ct-own"


XRAYS = {
    "train/NORMAL/IM-0115-0001.jpeg": "a",
    "train/NORMAL/NORMAL2-IM-0115-0001.jpeg": "b",
    "train/PNEUMONIA/person7_bacteria_21.jpeg": "c",
    "train/PNEUMONIA/person7_virus_22.jpeg": "c",
    "train/PNEUMONIA/person70_virus_1.jpeg": "d",
    "val/NORMAL/NORMAL2-IM-1427-0001.jpeg": "e",
    "val/PNEUMONIA/person1946_bacteria_4874.jpeg": "f",
    "test/NORMAL/IM-0001-0001.jpeg": "g",
    "test/PNEUMONIA/person7_virus_6.jpeg": "c",
}


def test_the_x_ray_set_is_known_by_its_counts(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {Part.TRAIN: (2, 3), Part.VAL: (1, 1), Part.TEST: (1, 1)}
    published(monkeypatch, "chest-xray", counts)
    for name in XRAYS:
        put(tmp_path / "xrays" / name)
    index = read(tmp_path / "xrays", cache, ReadOptions())
    assert (index.name, index.modality) == ("chest-xray", "xray")
    assert "patients in both train and test: 1" in index.notes[-1]


def test_file_names_as_in_the_x_ray_set_give_patients_and_no_identity(
    tmp_path: Path, cache: Cache
) -> None:
    for name in XRAYS:
        put(tmp_path / "xrays" / name)
    index = read(tmp_path / "xrays", cache, ReadOptions())
    found = dict(zip(index.paths, index.patients, strict=True))
    assert (index.name, index.modality) == ("xrays", "unknown")
    groups = {
        patient: {XRAYS[path] for path in XRAYS if found[path] == patient}
        for patient in found.values()
    }
    assert sorted(map(sorted, groups.values())) == [[each] for each in "abcdefg"]
    assert index.notes[0] == "patients are told by file names, as in chest-xray."
    assert (
        "patients in both train and test: 1; the set's numbering may start afresh"
        in index.notes[-1]
    )


def test_another_set_with_the_x_ray_set_s_classes_keeps_its_name(
    tmp_path: Path, cache: Cache
) -> None:
    names = ("NORMAL", "PNEUMONIA")
    index = read(parts_in(tmp_path / "covid", {"train": names, "test": names}), cache)
    assert (index.name, index.modality) == ("covid", "unknown")


def test_folders_that_only_wrap_the_parts_are_entered(tmp_path: Path, cache: Cache) -> None:
    parts_in(tmp_path / "scans/Data/inner", {"train": ("a", "b"), "test": ("a", "b")})
    assert read(tmp_path / "scans", cache).paths[0] == "test/a/0.png"


@pytest.mark.parametrize(
    ("train", "test"),
    [
        (("cell_a_x", "cell_b_y"), ("cell_a", "cell_c")),
        (("a", "b"), ("a", "c")),
        (("tumour_left", "tumour_right"), ("tumour", "normal")),
        (("a", "b"), ("a", "b", "c")),
    ],
)
def test_class_folders_that_cannot_be_matched_are_listed(
    tmp_path: Path, cache: Cache, train: tuple[str, ...], test: tuple[str, ...]
) -> None:
    root = parts_in(tmp_path / "scans", {"train": train, "test": test})
    with pytest.raises(DataError, match=f"{train[0]}.*cannot be matched.*{test[-1]}"):
        read(root, cache)


def test_class_folders_that_differ_in_case_or_in_their_ends_are_one(
    tmp_path: Path, cache: Cache
) -> None:
    train, test = ("Normal", "cancer_T1"), ("NORMAL", "Cancer_T2")
    index = read(parts_in(tmp_path / "scans", {"train": train, "test": test}), cache)
    assert index.classes == ("Normal", "cancer")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda root: classes_in(root, "a"), "single class 'a'"),
        (lambda root: (classes_in(root, "a", "b"), (root / "c").mkdir()), "'c' holds no image"),
        (lambda root: root.mkdir(), "holds no class folders"),
        (lambda root: put(root / "a.png"), "holds no class folders"),
        (lambda root: parts_in(root, {"train": ("a", "b"), "test": ("a", "b")}), "by --split auto"),
        (lambda root: parts_in(root, {"valid": ("a", "b"), "test": ("a", "b")}), "no train part"),
        (lambda root: parts_in(root, {"train": ("a", "b")}), "no val and no test part"),
        (
            lambda root: parts_in(root, {"val": ("a", "b"), "valid": ("a", "b")}),
            "two folders for the val part",
        ),
        (
            lambda root: parts_in(
                root, {"train": ("a",), "val": ("a",), "test": ("a",)}
            ),
            "single class 'a'",
        ),
        (
            lambda root: [put(root / name / "x.png", b"text") for name in "ab"],
            "holds no readable image; the first was refused: a/x.png: it is no picture",
        ),
        (
            lambda root: (classes_in(root, "a", "b"), put(root / "c/x.png", b"")),
            "no readable image of 'c'",
        ),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, cache: Cache, make: Callable[[Path], object], reason: str
) -> None:
    make(tmp_path / "scans")
    with pytest.raises(DataError, match=reason) as caught:
        read(tmp_path / "scans", cache, ReadOptions())
    assert "\n" not in str(caught.value)


def test_parts_may_be_missing_where_they_are_made_afresh(tmp_path: Path, cache: Cache) -> None:
    root = parts_in(tmp_path / "scans", {"train": ("a", "b"), "test": ("a", "b")})
    assert set(read(root, cache, OPEN).parts) == {Part.TRAIN, Part.TEST}


def test_what_is_no_image_is_passed_over_and_what_pretends_is_named(
    tmp_path: Path, cache: Cache
) -> None:
    root = classes_in(tmp_path / "scans", "a", "b")
    for name in ("README.txt", ".DS_Store", "Thumbs.db", "notes.json", ".hidden.png"):
        put(root / "a" / name, b"BM is how a bitmap begins")
    put(root / "a/.cache/x.png")
    put(root / "a/text.png", b"text")
    put(root / "b/empty.jpeg", b"")
    index = read(root, cache)
    assert len(index) == 4
    assert index.left_out == (
        LeftOut(path="a/text.png", reason="it is no picture in a format that can be read."),
        LeftOut(path="b/empty.jpeg", reason="the file is empty."),
    )


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("scan1", b"", "the file is empty"),
        ("1.2.840.77", b"\0" * 400, "no picture in a format"),
        ("IM0001", b"\0" * 128 + b"DICM" + b"torn", "transfer syntax"),
        ("scan.nii.gz", b"\x1f\x8b", "no picture in a format"),
        ("volume.mha", b"ObjectType = Image", "no picture in a format"),
    ],
)
def test_a_file_without_a_known_ending_is_named_too(
    tmp_path: Path, cache: Cache, name: str, data: bytes, reason: str
) -> None:
    root = classes_in(tmp_path / "scans", "a", "b")
    put(root / "a" / name, data)
    (left_out,) = read(root, cache).left_out
    assert left_out.path == f"a/{name}"
    assert reason in left_out.reason


@pytest.mark.parametrize(
    "name", ["LICENSE", "readme", "SHA256SUMS", "page.HTML", "masks.zip", "table.xlsx", ".part"]
)
def test_papers_and_archives_beside_images_are_passed_over(
    tmp_path: Path, cache: Cache, name: str
) -> None:
    root = classes_in(tmp_path / "scans", "a", "b")
    put(root / "a" / name, b"text")
    assert read(root, cache).left_out == ()


def test_the_endings_of_readable_files_are_told() -> None:
    assert {".png", ".dcm", ".dicom", ""} < set(PICTURE_SUFFIXES)


def test_images_are_known_by_their_contents_and_found_at_any_depth(
    tmp_path: Path, cache: Cache
) -> None:
    root = classes_in(tmp_path / "scans", "a", "b")
    put(root / "a/deep/er/no_suffix")
    put(root / "a/deep/wrong.jpg", encode(noise("wrong", 4, 4)))
    assert {"a/deep/er/no_suffix", "a/deep/wrong.jpg"} < set(read(root, cache).paths)


def test_files_that_are_links_out_of_the_folder_are_refused_and_named(
    tmp_path: Path, cache: Cache
) -> None:
    root = classes_in(tmp_path / "scans", "a", "b")
    (root / "a/link.png").symlink_to(put(tmp_path / "outside/secret.png"))
    (root / "a/broken.png").symlink_to(tmp_path / "nowhere")
    (root / "b/inside.png").symlink_to(root / "a/0.png")
    index = read(root, cache)
    reasons = {each.path: each.reason for each in index.left_out}
    assert reasons.keys() == {"a/link.png", "a/broken.png"}
    assert "leads out of" in reasons["a/link.png"]
    assert "b/inside.png" in index.paths


def test_a_link_swapped_in_later_is_not_followed_either(tmp_path: Path, cache: Cache) -> None:
    root = classes_in(tmp_path / "scans", "a", "b")
    index = read(root, cache)
    (root / "a/0.png").unlink()
    (root / "a/0.png").symlink_to(put(tmp_path / "secret.png"))
    with pytest.raises(DataError, match="leads out of the data set's folder"):
        index.reader.read("a/0.png")


def test_a_pipe_does_not_hang(tmp_path: Path, cache: Cache) -> None:
    root = classes_in(tmp_path / "scans", "a", "b")
    os.mkfifo(root / "a/pipe.png")
    (left_out,) = read(root, cache).left_out
    assert left_out == LeftOut(path="a/pipe.png", reason="it cannot be read: it is no plain file.")


def test_odd_names_are_read(tmp_path: Path, cache: Cache) -> None:
    names = ("a b.png", "ünï-日本.png", "new\nline.png", "quo'te\".png", "-rf.png")
    root = classes_in(tmp_path / "scans of\nmine", "a", "b")
    for name in names:
        put(root / "a" / name)
    index = read(root, cache)
    assert {f"a/{name}" for name in names} < set(index.paths)
    assert all(index.reader.read(path) for path in index.paths)


def test_a_name_that_is_no_text_is_left_out_and_named(tmp_path: Path, cache: Cache) -> None:
    root = classes_in(tmp_path / "scans", "a", "b")
    odd = os.fsencode(root / "a") + b"/\xff.png"
    Path(os.fsdecode(odd)).write_bytes(encode(noise("odd", 4, 4)))
    (left_out,) = read(root, cache).left_out
    assert left_out.path == "a/\\udcff.png"
    assert "not valid UTF-8" in left_out.reason


# ---------------------------------------------------------------- digests and memory


def test_the_digest_is_of_the_contents_not_of_the_place(tmp_path: Path, cache: Cache) -> None:
    import shutil

    root = classes_in(tmp_path / "one", "a", "b", count=3)
    shutil.copytree(root, tmp_path / "two")
    (tmp_path / "two/a/0.png").rename(tmp_path / "two/a/zzz.png")
    first = read(root, cache)
    assert read(tmp_path / "two", Cache(tmp_path / "other")).digest == first.digest
    put(tmp_path / "two/a/more.png")
    assert read(tmp_path / "two", cache).digest != first.digest


def test_a_second_reading_opens_no_image(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = classes_in(tmp_path / "scans", "a", "b")
    first = read(root, cache)
    monkeypatch.setattr("benchmark.data.fingerprints._SETTLED_NS", -1)
    assert read(root, cache).hashes == first.hashes  # now every file counts as settled

    def refuse(path: Path) -> bytes:
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr("benchmark.data.fingerprints.read_file", refuse)
    assert read(root, cache).hashes == first.hashes


def test_a_changed_file_of_the_same_size_and_time_is_seen(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.data.fingerprints._SETTLED_NS", -1)
    root = classes_in(tmp_path / "scans", "a", "b")
    file = put(root / "a/x.bmp", encode(noise("one", 4, 4), "BMP"))
    first, times = read(root, cache), file.stat()
    file.write_bytes(encode(noise("two", 4, 4), "BMP"))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert read(root, cache).digest != first.digest


@pytest.mark.parametrize("harm", [b"", b"{", b"[]", b'{"version": 1, "files": {"a/0.png": [1]}}'])
def test_a_damaged_memory_of_files_is_made_again(
    tmp_path: Path, cache: Cache, harm: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.data.fingerprints._SETTLED_NS", -1)
    root = classes_in(tmp_path / "scans", "a", "b")
    first = read(root, cache)
    (kept,) = (cache.folder / "fingerprints").iterdir()
    kept.write_bytes(harm)
    assert read(root, cache).hashes == first.hashes


# ---------------------------------------------------------------- patients


def test_a_person_s_own_pattern_tells_patients_apart(tmp_path: Path, cache: Cache) -> None:
    root = tmp_path / "scans"
    for name in ("a/p1_x.png", "a/p1_y.png", "b/p2_x.png", "b/other.png"):
        put(root / name)
    index = read(root, cache, ReadOptions(patient_pattern=r"/(p\d)_", needs_parts=False))
    other, p1, again, p2 = (index.patients[index.paths.index(name)] for name in
                            ("b/other.png", "a/p1_x.png", "a/p1_y.png", "b/p2_x.png"))  # fmt: skip
    assert other is None
    assert p1 == again != p2
    assert index.notes == ("1 of 4 file names do not tell the patient.",)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "is no regular expression"),
        ("p", "must have one group"),
        ("(a)(b)", "one group.*not 2"),
        ("(zzz)", "matches no path; the first is 'a/0.png'"),
    ],
)
def test_a_pattern_that_tells_nothing_is_refused(
    tmp_path: Path, cache: Cache, pattern: str, reason: str
) -> None:
    root = classes_in(tmp_path / "scans", "a", "b")
    with pytest.raises(UsageError, match=reason):
        read(root, cache, ReadOptions(patient_pattern=pattern, needs_parts=False))


def test_dicom_patients_are_grouped_and_their_identifiers_stored_nowhere(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmark.data.fingerprints._SETTLED_NS", -1)
    root = tmp_path / "scans"
    for name, patient in (("a/1", "SECRET-1"), ("a/2", "SECRET-1"), ("b/3.dcm", "SECRET-2")):
        put(root / name, dicom(noise(name, 4, 4), PatientID=patient, Modality="CT"))
    index = read(root, cache)
    first, second, third = index.patients
    assert first == second != third
    assert index.modality == "ct"
    kept = b"".join(file.read_bytes() for file in cache.folder.rglob("*") if file.is_file())
    assert b"a/1" in kept
    assert b"SECRET" not in kept + repr(index).encode()
    assert read(root, Cache(tmp_path / "other")).digest == index.digest


# ---------------------------------------------------------------- manifests


def manifest(root: Path, text: str) -> Path:
    return put(root / "scans.csv", text.encode())


def test_a_csv_manifest_gives_classes_parts_and_patients(tmp_path: Path, cache: Cache) -> None:
    for name in ("x 1.png", "deep/2.png", "3.png", "4.png", "5.png"):
        put(tmp_path / "m" / name)
    file = manifest(
        tmp_path / "m",
        "\ufeffPath, Label ,part,patient,age\n"
        "x 1.png,b,train,MRN1,3\n./deep/2.png,a,train,MRN1,3\n3.png,a,valid,,3\n"
        "4.png,b,test,MRN2,3\n",
    )
    index = read_index(str(file), ReadOptions(), cache)
    assert (index.name, index.classes) == ("scans", ("a", "b"))
    assert index.paths == ("3.png", "4.png", "deep/2.png", "x 1.png")
    assert index.parts == (Part.VAL, Part.TEST, Part.TRAIN, Part.TRAIN)
    assert index.patients[0] is None
    assert index.patients[2] == index.patients[3] != index.patients[1]
    assert "MRN" not in repr(index)


def test_a_parquet_manifest_is_read_like_a_csv(tmp_path: Path, cache: Cache) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name in ("1.png", "2.png"):
        put(tmp_path / name)
    pq.write_table(pa.table({"path": ["1.png", "2.png"], "label": [0, 1]}), tmp_path / "m.parquet")
    index = read_index(str(tmp_path / "m.parquet"), OPEN, cache)
    assert index.classes == ("0", "1")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("scan,label\n1.png,a\n", "must have the columns path and label.*not scan, label"),
        ("", "must have the columns path and label.*not none"),
        ("path,label\n1.png,a\n1.png,b\n", "row 3: '1.png' stands in row 2 already"),
        ("path,label\n1.png,\n", "row 2: the label is empty"),
        ("path,label\n,a\n", "row 2: the path is empty"),
        ("path,label,part\n1.png,a,other\n", "part must be train, val or test, not 'other'"),
        ("path,label\n../1.png,a\n", "must lie below the manifest's folder"),
        ("path,label\n/etc/hostname,a\n", "must lie below the manifest's folder"),
        ("path,label\n1.png\n", "every row needs 2 cells"),
        ("path,label\n1.png,a,b\n", "every row needs 2 cells"),
        ("path,label\n1.png,a\n2.png,a\n", "single class 'a'"),
        ("path,label,part\n1.png,a,train\n2.png,b,\n", "some images have a part and '2.png' has"),
        ("path,label\n", "holds no readable image"),
        ("path,label\n1.png,a\ngone.png,b\n", "single class|no readable image"),
    ],
)
def test_a_wrong_manifest_is_refused_in_one_line(
    tmp_path: Path, cache: Cache, text: str, reason: str
) -> None:
    for name in ("1.png", "2.png"):
        put(tmp_path / "m" / name)
    with pytest.raises(DataError, match=reason):
        read_index(str(manifest(tmp_path / "m", text)), OPEN, cache)


def test_a_manifest_s_missing_file_is_left_out_and_named(tmp_path: Path, cache: Cache) -> None:
    for name in ("1.png", "2.png"):
        put(tmp_path / "m" / name)
    file = manifest(tmp_path / "m", "path,label\n1.png,a\n2.png,b\ngone.png,b\n")
    (left_out,) = read_index(str(file), OPEN, cache).left_out
    assert left_out.path == "gone.png"
    assert "No such file" in left_out.reason


def test_a_manifest_follows_no_linked_folder_out_of_its_own(tmp_path: Path, cache: Cache) -> None:
    for name in ("m/1.png", "m/2.png", "outside/secret.png"):
        put(tmp_path / name)
    (tmp_path / "m/linked").symlink_to(tmp_path / "outside")
    (tmp_path / "m/circle").symlink_to(tmp_path / "m/circle")
    lines = "path,label\n1.png,a\n2.png,b\nlinked/secret.png,b\ncircle/1.png,b\n"
    index = read_index(str(manifest(tmp_path / "m", lines)), OPEN, cache)
    reasons = {each.path: each.reason for each in index.left_out}
    assert reasons == {
        "linked/secret.png": "it leads out of the data set's folder by a link.",
        "circle/1.png": "its links lead in a circle.",
    }


# ---------------------------------------------------------------- arrays


def arrays(file: Path, **changes: Any) -> Path:
    values: dict[str, npt.NDArray[Any]] = {}
    for part, count in (("train", 12), ("val", 4), ("test", 4)):
        values[f"{part}_images"] = noise(part, count, 6, 6)
        values[f"{part}_labels"] = (np.arange(count) % 2)[:, np.newaxis]
    values |= changes
    kept: dict[str, Any] = {name: each for name, each in values.items() if each is not None}
    np.savez(file, **kept)
    return file


def test_medmnist_arrays_are_read_by_part_and_number(tmp_path: Path, cache: Cache) -> None:
    index = read_index(str(arrays(tmp_path / "scans.npz")), ReadOptions(), cache)
    assert index.classes == ("class-00", "class-01")
    assert index.paths[0] == "test/0"
    assert "train/03" in index.paths
    assert np.array_equal(index.reader.read("train/03"), noise("train", 12, 6, 6)[3])


def test_pneumoniamnist_is_known_by_its_counts_not_by_its_file_name(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = arrays(tmp_path / "pneumoniamnist_224.npz")
    other = read_index(str(file), ReadOptions(), cache)
    assert (other.modality, other.classes) == ("unknown", ("class-00", "class-01"))
    counts = {Part.TRAIN: (6, 6), Part.VAL: (2, 2), Part.TEST: (2, 2)}
    published(monkeypatch, "pneumoniamnist", counts)
    index = read_index(str(file), ReadOptions(), cache)
    assert (index.modality, index.classes) == ("xray", ("normal", "pneumonia"))
    assert index.name == "pneumoniamnist-224"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"train_images": np.zeros((12, 6, 6))}, "must be uint8"),
        ({"train_labels": np.zeros((12, 3), int)}, "one whole number an image"),
        ({"train_labels": np.zeros(12)}, "one whole number an image"),
        ({"train_labels": np.zeros(7, int)}, r"of shape \(7, h, w\)"),
        ({"train_labels": None}, "must be arrays"),
        ({"val_images": None}, "has no val part"),
        ({"train_images": np.array([{}], dtype=object)}, "must be arrays"),
    ],
)
def test_wrong_arrays_are_refused(
    tmp_path: Path, cache: Cache, changes: dict[str, Any], reason: str
) -> None:
    file = arrays(tmp_path / "scans.npz", **changes)
    with pytest.raises(DataError, match=reason):
        read_index(str(file), ReadOptions(), cache)


@pytest.mark.parametrize("harm", ["text", "cut", "flipped", "other"])
def test_a_harmed_archive_is_refused(tmp_path: Path, cache: Cache, harm: str) -> None:
    file = arrays(tmp_path / "scans.npz")
    whole = file.read_bytes()
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("readme", "nothing here")
    file.write_bytes(
        {
            "text": b"text",
            "cut": whole[: len(whole) // 2],
            "flipped": whole[:300] + bytes([whole[300] ^ 1]) + whole[301:],
            "other": (tmp_path / "other.zip").read_bytes(),
        }[harm]
    )
    with pytest.raises(DataError, match=r"no readable .npz archive|must hold train_images"):
        read_index(str(file), ReadOptions(), cache)


# ---------------------------------------------------------------- names


def test_a_fetched_set_is_found_and_another_is_said_how_to_fetch(
    tmp_path: Path, cache: Cache
) -> None:
    with pytest.raises(
        DataError, match=r"fetch it with: python -m benchmark fetch chest-ct"
    ) as got:
        read_index("chest-ct", OPEN, cache)
    assert str(got.value).endswith(f" --cache {cache.folder}")
    parts_in(cache.folder / "fetched/chest-ct/Data", {"train": CT["train"], "test": CT["test"]})
    assert read_index("chest-ct", OPEN, cache).name == "chest-ct"


def test_the_usual_cache_is_not_named_in_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    usual = Request.read({}).cache
    with pytest.raises(DataError, match=r"python -m benchmark fetch chest-ct$"):
        read_index("chest-ct", OPEN, Cache(Path(usual)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("chest-tc", "no data set named 'chest-tc'. Did you mean chest-ct"),
        ("no/such/folder", "no file or folder no/such/folder"),
        ("scans.csv", "no file or folder scans.csv"),
        ("", "no data set named ''"),
    ],
)
def test_a_wrong_name_is_refused_with_what_is_near(cache: Cache, data: str, reason: str) -> None:
    with pytest.raises(BenchmarkError, match=reason):
        read_index(data, OPEN, cache)


def test_a_file_of_another_kind_is_refused(tmp_path: Path, cache: Cache) -> None:
    with pytest.raises(UsageError, match=r"is no folder, .csv, .tsv, .parquet or .npz"):
        read_index(str(put(tmp_path / "scans.zip")), OPEN, cache)


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_known_set_says_what_it_is_and_what_it_must_hold(name: str) -> None:
    known = DATA_SETS[name]
    assert known.name == name
    assert known.modality in {"ct", "xray"}
    assert list(known.classes) == sorted(known.classes)
    assert all(len(counts) == len(known.classes) for counts in known.counts.values())
    assert all((known.title, known.licence, known.source, known.citation, known.via))


@pytest.mark.real
def test_the_real_chest_ct_set_is_read_as_published(chest_ct: Path, cache: Cache) -> None:
    index = read(chest_ct, cache, ReadOptions())
    known = DATA_SETS["chest-ct"]
    assert (index.name, index.classes) == (known.name, known.classes)
    for part, counts in known.counts.items():
        rows = [row for row, each in enumerate(index.parts) if each is part]
        assert np.bincount(index.labels[rows]).tolist() == list(counts)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Chest CT (2024)", "chest-ct-2024"),
        ("胸部CT", "胸部ct"),
        ("Größe_1", "größe-1"),
        ("Gro\u0308ße", "größe"),
        ("a/b:c", "a-b-c"),
        ("", "images"),
    ],
)
def test_a_name_keeps_the_letters_of_any_script(text: str, name: str) -> None:
    assert slug(text) == name


def test_names_without_any_letter_still_differ() -> None:
    assert slug("☢☢") != slug("☢☠")
    assert slug("☢☢").startswith("images-")


def test_long_names_that_begin_alike_differ_and_fit_into_a_file_name() -> None:
    one, other = slug("胸" * 300 + "a"), slug("胸" * 300 + "b")
    assert one != other
    assert len(one.encode()) <= 120


def test_one_patient_for_all_files_is_told_and_not_taken_for_a_patient(tmp_path: Path) -> None:
    for name in ("ill", "well"):
        for number in range(3):
            file = tmp_path / "set" / name / f"anon-{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(encode(noise(f"{name}{number}", 8, 8)))
    options = ReadOptions(patient_pattern="(anon)-")
    index = read_index(str(tmp_path / "set"), options, Cache(tmp_path / "cache"))
    assert set(index.patients) == {None}
    (note,) = index.notes
    assert note.startswith("all 6 files state one and the same patient")
