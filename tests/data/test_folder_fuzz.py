"""Trees of folders drawn at random: read, or refused; nothing is written into them.

`python -m tests.data.test_folder_fuzz 20000` draws that many.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from benchmark.cache import Cache
from benchmark.data import ReadOptions, SplitOptions, make_splits, read_index, understood_lines
from benchmark.errors import BenchmarkError
from tests.data.pictures import encode, noise

NAMES = (
    *("train", "Test data", "val", "dev", "fold1", "fold2", "images", "masks", "lung mask", "a"),
    *("b", "A", "b ", "covid", "Covid_x", "covid y", "none", "label", "..", "é", "e\u0301", "7"),
    *("a\nb", "-rf", "*", "[", "%s", "{x}", "con", "images_001", "thumbs", "deep", "\udcff"),
)
CLASS_NAMES, PART_NAMES = ("a", "b", "covid"), ("train", "val", "test")
LEVELS = (
    (CLASS_NAMES, ("images", "masks"), ()),
    (CLASS_NAMES, ("p1", "p2"), ("deep",)),
    (PART_NAMES, CLASS_NAMES, ("images", "lung mask")),
    (PART_NAMES, CLASS_NAMES, ()),
    (CLASS_NAMES, PART_NAMES, ()),
    (("fold1", "fold2"), CLASS_NAMES, ()),
)
FILES = ("0.png", "1.png", "0_mask.png", "mask-1.png", "x", "README", ".hidden", "x.txt", "\udce9")
LINKS = ("..", ".", "nowhere", "../a", "/", "a")
GLOBS = (*[()] * 9, ("masks",), ("*",), ("[",), ("a/*", "*.png"), ("**/x",), ("a",))
CLASSES: tuple[dict[str, tuple[str, ...]], ...] = (
    *[{}] * 4,
    {"a": ("a",), "b": ("b",)},
    {"x": ("covid", "a"), "y": ("b",)},
)
PICTURE = encode(noise("fuzz", 6, 6))
MASK = encode(np.eye(6, dtype=np.uint8) * 255)


def grow(folder: Path, random: np.random.Generator, levels: tuple[tuple[str, ...], ...]) -> None:
    """Fill a folder with files, links, and folders of the names of its level and of any other."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in random.choice(FILES, int(random.integers(1, 5)) if len(levels) < 3 else 0):
        content = (PICTURE + bytes([random.integers(0, 99)]), MASK, b"", b"../a", b"text")
        shares = (0.86, 0.08, 0.02, 0.02, 0.02)
        (folder / str(name)).write_bytes(content[random.choice(5, p=shares)])
    for name in levels[0] if levels else ():
        path = folder / str(random.choice(NAMES) if random.random() < 0.05 else name)
        if random.random() < 0.1 or path.exists() or path.is_symlink() or path.name == "..":
            continue
        if random.random() < 0.01:
            path.symlink_to(str(random.choice(LINKS)))
        else:
            grow(path, random, levels[1:])


def state(root: Path) -> list[tuple[str, int]]:
    """Return every path of a tree with its size."""
    return sorted((str(path), path.lstat().st_size) for path in root.rglob("*"))


def read_one(folder: Path, seed: int) -> bool:
    """Draw a tree and read it; return whether it was accepted."""
    random = np.random.default_rng(seed)
    root = folder / "root" / "scans"
    grow(root, random, LEVELS[random.integers(len(LEVELS))])
    before = state(folder / "root")
    options = ReadOptions(
        needs_parts=bool(random.random() < 0.2),
        ignore=GLOBS[random.integers(len(GLOBS))],
        classes=CLASSES[random.integers(len(CLASSES))],
    )
    refusal = ""
    try:
        index = read_index(str(root), options, Cache(folder / "cache"))
        lines = understood_lines(index)
        assert len(lines) <= 14
        assert all(line.isprintable() for line in lines)
        assert len(index) == sum(bool(index.reader.read(path)) for path in index.paths)
        make_splits(index, None, SplitOptions(scheme="70/15/15"))
    except BenchmarkError as error:
        refusal = str(error)
    assert len(refusal) < 1500
    assert state(folder / "root") == before
    shutil.rmtree(folder / "root")
    return not refusal


@pytest.mark.parametrize("start", range(0, 200, 100))
def test_random_trees_are_read_or_refused(tmp_path: Path, start: int) -> None:
    for seed in range(start, start + 100):
        read_one(tmp_path, seed)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        accepted = [read_one(Path(scratch), seed) for seed in range(int(sys.argv[1]))]
    print(f"{sum(accepted)} of {len(accepted)} trees accepted, the others refused")
