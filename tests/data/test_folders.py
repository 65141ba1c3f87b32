"""Folders as people have them: what each level means, and what is refused as doubtful."""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.cache import Cache
from benchmark.data import ReadOptions, SplitOptions, make_splits, read_index
from benchmark.errors import BenchmarkError, DataError, UsageError
from benchmark.records import Index, Part
from tests.data.pictures import encode, noise


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "scans"


def put(file: Path, *, is_mask: bool = False) -> None:
    """Write a picture of its own, or one of two grey values."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = noise(str(file), 12, 12)
    file.write_bytes(encode(np.where(pixels > 127, 255, 0).astype(np.uint8) if is_mask else pixels))


def fill(root: Path, *folders: str, count: int = 2, is_mask: bool = False) -> None:
    """Write a few pictures into folders, under the same names in each."""
    for folder in folders:
        for number in range(count):
            put(root / folder / f"{number}.png", is_mask=is_mask)


def read(
    root: Path,
    cache: Cache,
    ignore: tuple[str, ...] = (),
    classes: dict[str, tuple[str, ...]] | None = None,
) -> Index:
    options = ReadOptions(needs_parts=False, ignore=ignore, classes=classes or {})
    return read_index(str(root), options, cache)


def counts(index: Index) -> dict[tuple[str, str], int]:
    """Count the images by part and class."""
    return dict(
        Counter(
            (str(part or ""), index.classes[label])
            for part, label in zip(index.parts, index.labels, strict=True)
        )
    )


def shown(index: Index) -> str:
    own = index.understood
    return " | ".join((*own.ignored_files, *own.links, *own.merged, *own.subfolders))


# ---------------------------------------------------------------- masks and their like


@pytest.mark.parametrize(
    "masks", ["masks", "lung masks", "Infection_Masks", "ManualMask", "heat maps", "thumbnails"]
)
def test_folders_of_masks_beside_images_are_left_aside_and_named(
    root: Path, cache: Cache, masks: str
) -> None:
    fill(root, "COVID/images", "Normal/images")
    fill(root, f"COVID/{masks}", f"Normal/{masks}", is_mask=True)
    index = read(root, cache)
    assert counts(index) == {("", "COVID"): 2, ("", "Normal"): 2}
    assert f"4 pictures in 2 folder(s) {masks!r}, by its name" in shown(index)
    assert "images: 4 images" in shown(index)


def test_masks_are_left_aside_at_the_level_of_classes_and_of_parts_too(
    root: Path, cache: Cache
) -> None:
    fill(root, "train/a", "train/b", "test/a", "test/b", "train/masks", "masks/train", "masks/test")
    assert counts(read(root, cache)) == {
        (part, name): 2 for part in ("train", "test") for name in "ab"
    }


def test_a_folder_of_two_grey_values_with_the_images_names_is_left_aside_whatever_its_name(
    root: Path, cache: Cache
) -> None:
    fill(root, "a/one", "b/one")
    fill(root, "a/two", "b/two", is_mask=True)
    index = read(root, cache)
    assert counts(index) == {("", "a"): 2, ("", "b"): 2}
    assert "of two grey values and with the names of the images beside" in shown(index)


def test_folders_of_patients_with_slices_of_one_name_are_kept(root: Path, cache: Cache) -> None:
    fill(root, "a/p1", "a/p2", "b/p3", "b/p4")
    assert counts(read(root, cache)) == {("", "a"): 4, ("", "b"): 4}


def test_blank_slices_are_no_masks(root: Path, cache: Cache) -> None:
    fill(root, "a/p1", "a/p2", "b/p3")
    for number in range(2):
        (root / f"a/p1/{number}.png").write_bytes(encode(np.zeros((9, 9 + number), dtype=np.uint8)))
    assert len(read(root, cache)) == 6


def test_images_in_a_folder_that_is_called_masks_are_kept_where_nothing_is_beside(
    root: Path, cache: Cache
) -> None:
    fill(root, "a/masks", "b/masks")
    assert len(read(root, cache)) == 4


@pytest.mark.parametrize(
    ("image", "mask"),
    [("7.png", "7_mask.png"), ("7.png", "mask-7.png"), ("7_image.png", "7_seg.png")],
)
def test_files_named_as_masks_of_images_beside_them_are_left_aside(
    root: Path, cache: Cache, image: str, mask: str
) -> None:
    fill(root, "a", "b")
    put(root / "a" / image)
    put(root / "a" / mask, is_mask=True)
    put(root / "b/8_mask.png")
    index = read(root, cache)
    assert len(index) == 6
    assert f"a/{mask}" not in index.paths
    assert "b/8_mask.png" in index.paths
    assert f"1 files named as masks of others ({mask})" in shown(index)


def test_a_class_that_is_called_mask_is_kept_where_a_person_names_it(
    root: Path, cache: Cache
) -> None:
    fill(root, "mask", "none", "other")
    assert read(root, cache).classes == ("none", "other")
    assert read(root, cache, classes={"mask": ("mask",), "none": ("none",)}).classes == (
        "mask",
        "none",
    )


# ---------------------------------------------------------------- parts


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train_data", "val_data", "test_data"),
        ("Training data", "Validation data", "Testing data"),
        ("Train_Set", "dev", "holdout"),
        ("train_images", "valid-images", "test-images"),
        ("images_train", "images_val", "hold-out"),
        ("trainset", "devset", "testset"),
    ],
)
def test_parts_by_other_names_are_parts(
    root: Path, cache: Cache, train: str, val: str, test: str
) -> None:
    fill(root, *(f"{part}/{name}" for part in (train, val, test) for name in ("covid", "healthy")))
    index = read(root, cache)
    assert index.classes == ("covid", "healthy")
    assert set(index.parts) == set(Part)
    assert train in index.understood.parts_from


@pytest.mark.parametrize(
    "tops",
    [
        ("hospital-a", "hospital-b"),
        ("fold1", "fold2", "fold3"),
        ("development", "evaluation"),
        ("images_001", "images_002"),
    ],
)
def test_top_folders_with_the_same_folders_in_them_are_doubtful_until_classes_are_named(
    root: Path, cache: Cache, tops: tuple[str, ...]
) -> None:
    fill(root, *(f"{top}/{name}" for top in tops for name in ("covid", "healthy")))
    with pytest.raises(DataError, match=r"hold the same folders covid, healthy.*--classes covid"):
        read(root, cache)
    inner = read(root, cache, classes={name: (name,) for name in ("covid", "healthy")})
    assert counts(inner) == {("", name): 2 * len(tops) for name in ("covid", "healthy")}
    assert read(root, cache, classes={name: (name,) for name in tops}).classes == tuple(
        sorted(tops)
    )


@pytest.mark.parametrize("tops", [("images_001", "images_002"), ("fold 1", "fold 2")])
def test_portions_of_a_set_are_no_classes_until_they_are_named(
    root: Path, cache: Cache, tops: tuple[str, ...]
) -> None:
    fill(root, *(f"{top}/images" for top in tops))
    with pytest.raises(DataError, match="look like portions of one set"):
        read(root, cache)
    assert len(read(root, cache, classes={name: (name,) for name in tops})) == 4


def test_parts_below_classes_are_parts(root: Path, cache: Cache) -> None:
    fill(root, "covid/train", "covid/test", "normal/train", "normal/test")
    index = read(root, cache)
    assert counts(index) == {
        (part, name): 2 for part in ("train", "test") for name in ("covid", "normal")
    }
    assert index.understood.parts_from == "the folders below each class"


@pytest.mark.parametrize(
    ("folders", "reason"),
    [
        (("covid/train", "covid/test", "normal"), "'normal' holds none"),
        (("covid/train", "covid/x", "normal/train"), "beside them the folder 'x'"),
        (("covid/train", "covid", "normal/train"), "beside them 2 files.*--ignore 0.png"),
        (("covid/deep/test", "normal"), "'covid/deep/test' is called like a part"),
        (("train/a/test", "train/b", "test/a", "test/b"), "'train/a/test' is called like a part"),
        (("train/a", "Training/a", "test/a"), "two folders for the train part.*--ignore train"),
    ],
)
def test_parts_in_odd_places_are_refused(
    root: Path, cache: Cache, folders: tuple[str, ...], reason: str
) -> None:
    fill(root, *folders)
    with pytest.raises(DataError, match=reason):
        read(root, cache)


def test_a_test_folder_without_classes_is_left_aside_and_named(root: Path, cache: Cache) -> None:
    fill(root, "train/a", "train/b", "val/a", "val/b", "test")
    index = read(root, cache)
    assert set(index.parts) == {Part.TRAIN, Part.VAL}
    assert "the folder 'test': its 2 images stand in no class folder" in shown(index)
    with pytest.raises(DataError, match=r"needs a test part, .*left aside: the folder 'test'"):
        make_splits(index, None, SplitOptions())


def test_a_single_class_is_refused_with_what_was_left_aside_and_what_is_in_it(
    root: Path, cache: Cache
) -> None:
    fill(root, "CXR_png", "ManualMask/leftMask")
    with pytest.raises(DataError, match=r"single class 'CXR_png'.*Left aside: .*'ManualMask'"):
        read(root, cache)
    fill(root.parent / "wrapped", "set/a", "set/b")
    with pytest.raises(DataError, match=r"folders in 'set' are the classes \(a: 2 images, b: 2"):
        read(root.parent / "wrapped", cache)


@pytest.mark.parametrize("scheme", ["70/15/15", "kfold:3"])
def test_parts_that_lack_train_or_a_class_of_it_do_not_matter_where_all_is_dealt_anew(
    root: Path, cache: Cache, scheme: str
) -> None:
    fill(root, "val/a", "val/b", "test/a", "test/b", count=3)
    assert make_splits(read(root, cache), None, SplitOptions(scheme=scheme))
    with pytest.raises(DataError, match=r"needs a train part.*--split 70/15/15"):
        make_splits(read(root, cache), None, SplitOptions())


def test_images_beside_class_folders_are_named(root: Path, cache: Cache) -> None:
    fill(root, "a", "b")
    put(root / "stray.png")
    index = read(root, cache)
    assert len(index) == 4
    assert "1 files beside the class folders (stray.png)" in shown(index)


def test_a_folder_beside_parts_is_named(root: Path, cache: Cache) -> None:
    fill(root, "train/a", "train/b", "test/a", "test/b", "extra/a")
    assert "the folder 'extra' (2 files), which is no part" in shown(read(root, cache))


def test_a_class_in_one_part_only_is_refused_and_the_classes_to_use_decide(
    root: Path, cache: Cache
) -> None:
    fill(root, "train/a", "train/b", "test/a", "test/b", "test/c")
    with pytest.raises(DataError, match=r"Rename them alike, or .*--classes a,b\.$"):
        read(root, cache)
    index = read(root, cache, classes={"a": ("a",), "b": ("b",)})
    assert index.classes == ("a", "b")
    assert "the class 'c' (2 images), which --classes does not name" in shown(index)
    index = read(root, cache, classes={"a": ("a",), "c": ("c",)})
    with pytest.raises(DataError, match=r"the train part holds no image of 'c'; .*--classes"):
        make_splits(index, None, SplitOptions())


def test_class_folders_that_differ_in_case_and_blanks_are_one(root: Path, cache: Cache) -> None:
    fill(root, "Normal", "normal ", "ill", "e\u0301", "\u00e9")
    index = read(root, cache)
    assert counts(index) == {("", "Normal"): 4, ("", "ill"): 2, ("", "e\u0301"): 4}
    assert "class Normal: the folders Normal and normal " in shown(index)


# ---------------------------------------------------------------- links


def test_a_class_folder_that_is_a_link_out_is_followed_and_named(
    tmp_path: Path, root: Path, cache: Cache
) -> None:
    fill(root, "covid", "healthy")
    fill(tmp_path, "store/tb")
    (root / "tb").symlink_to("../store/tb")
    index = read(root, cache)
    assert counts(index) == {("", name): 2 for name in ("covid", "healthy", "tb")}
    assert "tb leads to ../store/tb, outside the data set's folder" in shown(index)
    assert index.reader.read("tb/0.png") == (tmp_path / "store/tb/0.png").read_bytes()


def test_a_part_and_the_classes_in_it_may_be_links(
    tmp_path: Path, root: Path, cache: Cache
) -> None:
    fill(root, "train/a", "train/b")
    fill(tmp_path, "store/a", "elsewhere/b")
    (root / "test").symlink_to(tmp_path / "store")
    (tmp_path / "store/b").symlink_to(tmp_path / "elsewhere/b")
    assert counts(read(root, cache)) == {
        (part, name): 2 for part in ("train", "test") for name in "ab"
    }


def test_a_file_in_a_linked_folder_that_leads_elsewhere_is_left_out(
    tmp_path: Path, root: Path, cache: Cache
) -> None:
    fill(root, "a", "b")
    fill(tmp_path, "store/c", "secret")
    (root / "c").symlink_to(tmp_path / "store/c")
    (tmp_path / "store/c/x.png").symlink_to(tmp_path / "secret/0.png")
    index = read(root, cache)
    (left_out,) = index.left_out
    assert left_out.path == "c/x.png"
    with pytest.raises(DataError, match="leads out of the data set's folder"):
        index.reader.read("c/x.png")


@pytest.mark.parametrize(
    ("place", "target", "reason"),
    [
        ("c", "nowhere", "the link 'c' leads nowhere"),
        ("c", "c", "the link 'c' leads nowhere"),
        ("c", ".", "'c' leads in a circle"),
        ("c", "..", "'c' leads in a circle"),
        ("a/more", "../b", "'a/more' is a link to a folder"),
        ("a/more", "..", "'a/more' leads in a circle"),
    ],
)
def test_links_that_cannot_be_followed_are_refused_until_they_are_left_aside(
    root: Path, cache: Cache, place: str, target: str, reason: str
) -> None:
    fill(root, "a", "b")
    (root / place).symlink_to(target)
    with pytest.raises(DataError, match=f"{reason}.*--ignore"):
        read(root, cache)
    assert len(read(root, cache, ignore=(place,))) == 4


def test_a_link_that_was_copied_as_a_text_is_refused(
    tmp_path: Path, root: Path, cache: Cache
) -> None:
    fill(root, "a", "b")
    fill(tmp_path, "store/tb")
    (root / "tb").write_text("../store/tb\n")
    (root / "other").write_text("../store/none")
    with pytest.raises(DataError, match=r"'tb' is a text with the path '../store/tb'"):
        read(root, cache)


def test_folders_that_nest_without_end_are_refused(root: Path, cache: Cache) -> None:
    fill(root, "a", "b", "a/" + "/".join(["x"] * 100))
    with pytest.raises(DataError, match="nests more than 60 folders"):
        read(root, cache)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_cannot_be_read_is_refused(root: Path, cache: Cache) -> None:
    fill(root, "a", "b")
    (root / "a").chmod(0)
    try:
        with pytest.raises(DataError, match="cannot be read: Permission denied"):
            read(root, cache)
    finally:
        (root / "a").chmod(0o755)


# ---------------------------------------------------------------- what a person leaves aside


@pytest.mark.parametrize(
    "glob", ["overlaid", "overlaid/*", "a/overlaid", "a/overlaid/*", "*/overlaid/*.png", "a/over*/"]
)
def test_a_glob_is_found_at_any_depth(root: Path, cache: Cache, glob: str) -> None:
    fill(root, "a", "b", "a/overlaid")
    index = read(root, cache, ignore=(glob,))
    assert sorted(index.paths) == ["a/0.png", "a/1.png", "b/0.png", "b/1.png"]
    assert f"by --ignore {glob.strip('/')}" in shown(index)


def test_a_class_folder_that_is_left_aside_is_no_class(root: Path, cache: Cache) -> None:
    fill(root, "a", "b", "c")
    assert read(root, cache, ignore=("c",)).classes == ("a", "b")
    assert read(root, cache, ignore=("c/*",)).classes == ("a", "b")


def test_a_glob_that_finds_nothing_is_refused(root: Path, cache: Cache) -> None:
    fill(root, "a", "b")
    with pytest.raises(UsageError, match="--ignore 'mask/\\*' matches no file"):
        read(root, cache, ignore=("mask/*",))


def test_paths_of_a_table_are_left_aside_by_the_same_globs(root: Path, cache: Cache) -> None:
    fill(root, "x", "y/masks")
    lines = ["x/0.png,a", "x/1.png,b", "y/masks/0.png,a", "y/masks/gone.png,b"]
    (root / "table.csv").write_text("\n".join(["path,label", *lines]) + "\n")
    index = read(root / "table.csv", cache, ignore=("masks",))
    assert index.paths == ("x/0.png", "x/1.png")
    assert index.left_out == ()
    assert "2 files or folders by --ignore masks" in shown(index)


# ---------------------------------------------------------------- classes merged or picked


def test_classes_are_merged_and_picked_without_moving_files(root: Path, cache: Cache) -> None:
    fill(root, "adeno", "squamous", "Normal", "odd")
    wanted = {"cancer": ("adeno", "squamous"), "normal": ("normal",)}
    index = read(root, cache, classes=wanted)
    assert counts(index) == {("", "cancer"): 4, ("", "normal"): 2}
    assert "cancer = adeno + squamous, by --classes" in shown(index)
    assert "the class 'odd' (2 images), which --classes does not name" in shown(index)
    assert index.digest != read(root, cache).digest


@pytest.mark.parametrize("kind", ["csv", "npz", "phantom"])
def test_classes_are_picked_in_every_kind_of_data_set(
    root: Path, cache: Cache, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(root, "x", count=3)
    (root / "t.csv").write_text("path,label\nx/0.png,a\nx/1.png,b\nx/2.png,c\n")
    labels = np.arange(6) % 3
    np.savez(root / "t.npz", train_images=noise("npz", 6, 8, 8), train_labels=labels)
    data, kept = {
        "csv": (str(root / "t.csv"), ("a", "b")),
        "npz": (str(root / "t.npz"), ("class-00", "class-01")),
        "phantom": ("phantom", ("class-00", "class-01")),
    }[kind]
    drawn = replace(
        read_index(str(root / "t.npz"), ReadOptions(needs_parts=False), cache),
        name="phantom",
        synthetic=True,
    )
    monkeypatch.setattr("benchmark.data.phantom.read_index", lambda _: drawn)
    options = ReadOptions(needs_parts=False, classes={"x": (kept[0],), "y": (kept[1],)})
    whole = read_index(data, ReadOptions(needs_parts=False), cache)
    index = read_index(data, options, cache)
    assert index.classes == ("x", "y")
    assert (index.name, index.synthetic) == (whole.name, whole.synthetic)
    assert 0 < len(index) < len(whole)
    assert all(index.reader.read(path) is not None for path in index.paths[:2])


@pytest.mark.parametrize("classes", [{"a": ("aa",), "b": ("b",)}, {"x": ("b", "c"), "y": ("a",)}])
def test_an_unknown_member_of_a_class_is_refused_with_what_is_near(
    root: Path, cache: Cache, classes: dict[str, tuple[str, ...]]
) -> None:
    fill(root, "a", "b")
    with pytest.raises(BenchmarkError, match=r"there is no class '(aa|c)'"):
        read(root, cache, classes=classes)
