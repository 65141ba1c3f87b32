"""A data set written as a table, and read again as the same."""

from pathlib import Path

import pytest

from benchmark.cache import Cache
from benchmark.data import ReadOptions, check_manifest, read_index, write_manifest
from benchmark.errors import DataError, UsageError
from benchmark.records import Index
from tests.data.pictures import encode, noise

OPEN = ReadOptions(needs_parts=False)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def read(place: Path, cache: Cache, options: ReadOptions = OPEN) -> Index:
    return read_index(str(place), options, cache)


def fill(root: Path, *names: str) -> Path:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(noise(str(file), 8, 8)))
    return root


PARTS = tuple(
    f"{part}/{name}/p{number}_{slice_}.png"
    for number, (part, name) in enumerate(
        (part, name) for part in ("train", "val", "test") for name in ("ill, very", 'we"ll')
    )
    for slice_ in range(2)
)


@pytest.mark.parametrize("place", ["scans/set.csv", "set.csv", "scans/../set.csv"])
def test_what_is_written_is_read_again_as_the_same(
    tmp_path: Path, cache: Cache, place: str
) -> None:
    root = fill(tmp_path / "scans", *PARTS)
    options = ReadOptions(patient_pattern=r"(p\d)_")
    first = read(root, cache, options)
    write_manifest(first, tmp_path / place)
    again = read(tmp_path / place, cache, ReadOptions())
    assert again.digest == first.digest
    assert again.parts == first.parts
    assert again.patients == first.patients
    assert {each.rpartition("/")[2] for each in again.paths} == {
        each.rpartition("/")[2] for each in first.paths
    }


def test_what_was_merged_picked_and_left_aside_is_written_as_it_was_understood(
    tmp_path: Path, cache: Cache
) -> None:
    root = fill(tmp_path / "scans", "a/1.png", "b/1.png", "c/1.png", "d/1.png", "d/masks/1.png")
    options = ReadOptions(needs_parts=False, classes={"x": ("a", "b"), "d": ("d",)})
    write_manifest(read(root, cache, options), root / "set.csv")
    assert (root / "set.csv").read_text().splitlines() == [
        "path,label,part,patient",
        "a/1.png,x,,",
        "b/1.png,x,,",
        "d/1.png,d,,",
    ]


def test_images_of_linked_folders_are_named_where_they_are(tmp_path: Path, cache: Cache) -> None:
    root = fill(tmp_path / "scans", "a/1.png")
    fill(tmp_path / "store", "b/1.png")
    (root / "b").symlink_to(tmp_path / "store/b")
    first = read(root, cache)
    with pytest.raises(DataError, match=rf"is not below {root}: write it to {tmp_path}/NAME.csv"):
        write_manifest(first, root / "set.csv")
    write_manifest(first, tmp_path / "set.csv")
    again = read(tmp_path / "set.csv", cache)
    assert again.paths == ("scans/a/1.png", "store/b/1.png")
    assert again.digest == first.digest


def test_a_data_set_without_files_is_refused(tmp_path: Path, cache: Cache) -> None:
    with pytest.raises(DataError, match="phantom has no image files"):
        write_manifest(read_index("phantom", OPEN, cache), tmp_path / "set.csv")


def test_nothing_is_overwritten_and_a_table_ends_in_csv(tmp_path: Path) -> None:
    check_manifest(tmp_path / "new.csv")
    (tmp_path / "link.csv").symlink_to(tmp_path / "new.csv")
    with pytest.raises(UsageError, match="there is such a file"):
        check_manifest(tmp_path / "link.csv")
    with pytest.raises(UsageError, match=r"must end in \.csv"):
        check_manifest(tmp_path / "set.parquet")
