"""How large images are, from their headers."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from benchmark.data import median_pixels
from benchmark.data.decoding import stored_pixels
from benchmark.errors import ImageError
from benchmark.records import Index, Part
from tests.data.pictures import dicom, encode, gradient


@dataclass
class Kept:
    """Gives what it was given by path, and counts how often."""

    stored: dict[str, Any]
    reads: int = 0

    def read(self, path: str) -> Any:
        self.reads += 1
        return self.stored[path]


def index_of(stored: list[Any], parts: list[Part | None]) -> Index:
    count = len(stored)
    return Index(
        name="scans",
        modality="ct",
        synthetic=False,
        classes=("a", "b"),
        paths=tuple(map(str, range(count))),
        labels=np.arange(count) % 2,
        parts=tuple(parts),
        patients=(None,) * count,
        hashes=tuple(f"{row:064x}" for row in range(count)),
        reader=Kept({str(row): each for row, each in enumerate(stored)}),
    )


@pytest.mark.parametrize(
    "stored",
    [
        encode(gradient(40, 30)),
        encode(gradient(40, 30), "JPEG"),
        dicom(gradient(40, 30)),
        gradient(40, 30),
        np.zeros((30, 40, 3), np.uint8),
    ],
    ids=["PNG", "JPEG", "DICOM", "grey array", "colour array"],
)
def test_width_times_height_stands_in_the_header(stored: Any) -> None:
    assert stored_pixels(stored) == 1200


def test_pixels_are_not_decoded() -> None:
    data = encode(gradient(40, 30))
    assert stored_pixels(data[: data.index(b"IDAT") + 8]) == 1200


def test_what_is_no_picture_has_no_size() -> None:
    with pytest.raises(ImageError, match="no picture"):
        stored_pixels(b"words")


def test_the_median_leaves_out_the_official_test_part_and_what_cannot_be_read() -> None:
    sizes = [10, 20, 30, 40, 50]
    stored = [gradient(size, 10) for size in sizes]
    index = index_of([*stored, b"words"], [Part.TRAIN, None, Part.VAL, *[Part.TEST] * 2, None])
    assert median_pixels(index) == 200
    assert median_pixels(replace(index, parts=(Part.TEST,) * 6)) == 0


def test_of_many_images_a_sample_tells() -> None:
    index = index_of([gradient(10 + row, 10) for row in range(1001)], [None] * 1001)
    assert median_pixels(index) == pytest.approx(10 * 510, rel=0.01)
    assert isinstance(index.reader, Kept)
    assert index.reader.reads == 200
    turned = replace(index, paths=index.paths[::-1], hashes=index.hashes[::-1])
    assert median_pixels(turned) == median_pixels(index)
