"""Damaged manifests: each is read, or refused in one line; nothing is written but to the cache.

By hand, longer: MANIFESTS=20000 python -m pytest tests/data/test_fuzz_manifests.py
"""

import io
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.cache import Cache
from benchmark.data import ReadOptions, read_index
from benchmark.errors import BenchmarkError
from benchmark.records import Index
from benchmark.seeds import generator
from tests.data.pictures import encode, noise

COUNT = int(os.environ.get("MANIFESTS", "600"))
IMAGES = 6
PLAIN = "path,label,split,PatientID,age\n" + "".join(
    f"{n}.png,{'ab'[n % 2]},{('train', 'test', 'val')[n % 3]},p{n // 2},{n}\n"
    for n in range(IMAGES)
)
SEVERAL = "Image Index;Finding Labels;fold;Patient ID\n" + "".join(
    f"{n}.png;{('No Finding', 'Mass', 'Mass|Nodule')[n % 3]};{n};{n}\n" for n in range(IMAGES)
)
ONE_HOT = "filename\tCOVID\tNormal\n" + "".join(
    f"sub\\{n}.png\t{n % 2}\t{1 - n % 2}\n" for n in range(IMAGES)
)
CELLS = (
    *("", "nan", "-1", "0.0", "1.00", "A|B", "a,b", "['a', 'b']", "../0.png", "/etc/hostname"),
    *("C:\\0.png", "..\\0.png", ".", "0", "0.png/", "sub/0.png", "x" * 300, "x" * 5000),
    *('"', '"two\nlines"', "a\0b", "\u202e", "\ufeff", "é", "train", "label", "=1+1", "9" * 400),
)
BYTES = (b"\0", b"\xff", b"\xfe\xff", b'"', b"\n", b"\r", b",", b";", b"\t", b"|", b"\xc3", b" ")
OPEN = ReadOptions(needs_parts=False)
BY_HAND = {"path": "age", "label": "split"}


def test_a_damaged_manifest_is_read_or_refused_in_one_line(tmp_path: Path) -> None:
    root = tmp_path / "scans"
    (root / "sub").mkdir(parents=True)
    for number in range(IMAGES):
        for folder in (root, root / "sub"):
            (folder / f"{number}.png").write_bytes(encode(noise(f"{folder.name}{number}", 4, 4)))
    cache = Cache(tmp_path / "cache")
    there = listed(tmp_path)
    cases: list[tuple[str, bytes, ReadOptions]] = [
        ("csv", PLAIN.encode(), OPEN),
        ("csv", PLAIN.encode(), ReadOptions()),
        ("csv", PLAIN.encode(), replace(OPEN, columns=BY_HAND)),
        ("csv", SEVERAL.encode(), replace(OPEN, one_label="drop", columns={"part": "none"})),
        ("csv", SEVERAL.encode(), replace(OPEN, one_label="Mass")),
        ("csv", ONE_HOT.encode(), replace(OPEN, columns={"label": "COVID"})),
        ("csv", ONE_HOT.encode(), OPEN),
        ("parquet", parquet(), OPEN),
    ]
    came: Counter[str] = Counter()
    for number in range(COUNT):
        random = generator(0, "manifests", str(number))
        kind, data, options = cases[random.integers(len(cases))]
        for _ in range(random.integers(1, 4)):
            data = damaged(data, random, is_text=kind == "csv")
        file = root / f"m.{kind}"
        file.write_bytes(data)
        came[outcome(file, options, cache, number)] += 1
        file.unlink()
    print(dict(came))
    assert came.total() == COUNT
    assert min(came["read"], came["refused"]) > COUNT // 10
    assert listed(tmp_path) == there


def outcome(file: Path, options: ReadOptions, cache: Cache, number: int) -> str:
    """Read a manifest and say what came of it; anything but an index or one line is an error."""
    try:
        index = read_index(str(file), options, cache)
    except BenchmarkError as error:
        said = str(error)
        assert said.isprintable(), (number, said)
        assert len(said) < 1000, (number, said)
        return "refused"
    assert isinstance(index, Index)
    assert all(path.endswith(".png") and ".." not in path for path in index.paths), number
    assert all(note.isprintable() and len(note) < 1000 for note in index.notes), number
    return "read"


def listed(folder: Path) -> dict[str, int]:
    """Return every file below a folder but the cache's, with its size."""
    return {
        str(path.relative_to(folder)): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and "cache" not in path.parts
    }


def parquet() -> bytes:
    table = pa.table(
        {
            "path": [f"{number}.png" for number in range(IMAGES)],
            "label": [number % 2 for number in range(IMAGES)],
            "subject": [float(number) for number in range(IMAGES)],
        }
    )
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def damaged(data: bytes, random: np.random.Generator, *, is_text: bool) -> bytes:
    """Return a table with one thing changed: bytes, or a line, a cell or a column of a text."""
    ways = [flipped, cut, inserted, repeated]
    if is_text:
        ways += [other_cell, other_cell, other_cell, without_column, other_line]
    return ways[random.integers(len(ways))](data, random)


def flipped(data: bytes, random: np.random.Generator) -> bytes:
    changed = bytearray(data or b" ")
    changed[random.integers(len(changed))] ^= 1 << int(random.integers(8))
    return bytes(changed)


def cut(data: bytes, random: np.random.Generator) -> bytes:
    start, end = sorted(random.integers(0, len(data) + 1, 2))
    return data[:start] + data[end:] if random.random() < 0.5 else data[:end]


def inserted(data: bytes, random: np.random.Generator) -> bytes:
    at = random.integers(len(data) + 1)
    return data[:at] + BYTES[random.integers(len(BYTES))] + data[at:]


def repeated(data: bytes, random: np.random.Generator) -> bytes:
    start, end = sorted(random.integers(0, len(data) + 1, 2))
    return data[:end] + data[start:end] + data[end:]


def other_cell(data: bytes, random: np.random.Generator) -> bytes:
    """Put an odd cell where one was, in the header or in a row."""
    lines, mark = split(data)
    row = random.integers(len(lines))
    column = random.integers(len(lines[row]))
    lines[row][column] = CELLS[random.integers(len(CELLS))].encode()
    return joined(lines, mark)


def without_column(data: bytes, random: np.random.Generator) -> bytes:
    """Leave out a column, or let it stand twice."""
    lines, mark = split(data)
    column = random.integers(len(lines[0]))
    often = 2 * int(random.random() < 0.5)
    return joined(
        [
            [*line[:column], *line[column : column + 1] * often, *line[column + 1 :]]
            for line in lines
        ],
        mark,
    )


def other_line(data: bytes, random: np.random.Generator) -> bytes:
    """Move a line to another place."""
    lines, mark = split(data)
    line = lines.pop(random.integers(len(lines)))
    lines.insert(int(random.integers(len(lines) + 1)), line)
    return joined(lines, mark)


def split(data: bytes) -> tuple[list[list[bytes]], bytes]:
    mark = max((b",", b";", b"\t"), key=data.count)
    return [line.split(mark) for line in data.split(b"\n")], mark


def joined(lines: list[list[bytes]], mark: bytes) -> bytes:
    return b"\n".join(mark.join(line) for line in lines)
