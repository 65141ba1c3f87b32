"""What a data set was taken for, in a few lines."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.cache import Cache
from benchmark.data import ReadOptions, decode, read_index, understood_json, understood_lines
from benchmark.records import Index, Picture, Silent, Understanding
from tests.data.pictures import encode, noise


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def index_of(root: Path, cache: Cache, *folders: str, count: int = 2) -> Index:
    for folder in folders:
        (root / folder).mkdir(parents=True)
        for number in range(count):
            (root / folder / f"{number}.png").write_bytes(encode(noise(f"{folder}/{number}", 8, 8)))
    return read_index(str(root), ReadOptions(needs_parts=False), cache)


def test_classes_are_told_with_their_counts_by_part(tmp_path: Path, cache: Cache) -> None:
    index = index_of(tmp_path / "scans", cache, "train/a", "train/b", "test/a", "test/b")
    lines = understood_lines(index)
    assert lines[:3] == (
        "scans: 8 images, 2 classes",
        "  a: 4 (train 2, test 2)",
        "  b: 4 (train 2, test 2)",
    )
    assert "patients: unknown; modality: unknown" in lines[3]
    assert understood_json(index)["classes"]["a"] == {"train": 2, "test": 2, "all": 4}


def test_formats_and_value_range_are_told_of_decoded_images(tmp_path: Path, cache: Cache) -> None:
    index = index_of(tmp_path / "scans", cache, "a", "b")
    decoded = decode(index, Picture(side_px=8), cache, Silent())
    last = understood_lines(index, decoded.facts)[-1]
    assert last.startswith("  distinct files: PNG L (4); 8 × 8 px; grey levels ")
    assert last.endswith(" of 0 to 255 (1st, 99th percentile)")


def test_many_classes_and_many_things_left_aside_stay_a_few_lines(
    tmp_path: Path, cache: Cache
) -> None:
    index = index_of(tmp_path / "scans", cache, *(f"class-{n:02d}" for n in range(30)), count=1)
    many = tuple(f"thing {n}" for n in range(50))
    understood = Understanding(
        merged=many, subfolders=many, ignored_columns=many, ignored_files=many, links=many
    )
    lines = understood_lines(replace(index, understood=understood))
    assert len(lines) == 13
    assert lines[6] == "  and 25 more classes: 25"
    assert lines[-1] == "  links: thing 0; thing 1; thing 2; and 47 more"


def test_names_with_control_characters_stay_in_their_line(tmp_path: Path, cache: Cache) -> None:
    index = index_of(tmp_path / "scans", cache, "a\nb\x1b[2J", "c")
    assert all(line.isprintable() for line in understood_lines(index))
    json.dumps(understood_json(index))
