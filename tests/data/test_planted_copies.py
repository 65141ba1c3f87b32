"""Copies of every kind that are planted into another part are found, from pixels alone."""

import io
import os
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from benchmark.cache import Cache
from benchmark.data import ReadOptions, decode_bytes, read_index
from benchmark.data.audit.near import near_pairs
from benchmark.data.audit.subject import SIDE
from benchmark.records import Index, Picture
from tests.data.pictures import encode

PLANTED = 10
OTHERS = 40
AT_LEAST = 9

Change = Callable[[Image.Image], Image.Image]
Turn = Image.Transpose


def light(change: Callable[[float], float]) -> Change:
    levels = [min(255, max(0, round(change(level)))) for level in range(256)]
    return lambda image: image.point(levels)


def crop(share: float) -> Change:
    """Cut a share off each side."""

    def cut(image: Image.Image) -> Image.Image:
        x, y = round(share * image.width), round(share * image.height)
        return image.crop((x, y, image.width - x, image.height - y))

    return cut


def turn(how: Turn) -> Change:
    return lambda image: image.transpose(how)


def saved(form: str, quality: int) -> Change:
    return lambda image: Image.open(io.BytesIO(encode(image, form, quality=quality)))


CHANGES: dict[str, tuple[Change, str]] = {
    "another format": (saved("JPEG", 95), ""),
    "JPEG quality 50": (saved("JPEG", 50), ""),
    "90 % of the size": (
        lambda image: image.resize((int(0.9 * image.width), int(0.9 * image.height))),
        "",
    ),
    "brighter": (light(lambda level: level + 20), ""),
    "less contrast": (light(lambda level: 128 + 0.75 * (level - 128)), ""),
    "gamma": (light(lambda level: 255 * (level / 255) ** 0.7), ""),
    "mirrored": (turn(Turn.FLIP_LEFT_RIGHT), "mirrored"),
    "mirrored up-down": (turn(Turn.FLIP_TOP_BOTTOM), "mirrored up-down"),
    "turned by 90": (turn(Turn.ROTATE_90), "turned by 90°"),
    "turned by 180": (turn(Turn.ROTATE_180), "turned by 180°"),
    "turned by 270": (turn(Turn.ROTATE_270), "turned by 90°"),
    "shifted": (
        lambda image: image.transform(image.size, Image.Transform.AFFINE, (1, 0, 2, 0, 1, -1)),
        "",
    ),
    "cropped": (crop(0.03), ""),
}


def small(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Decode a picture as a benchmark does, and make it small as the audit does."""
    pixels = decode_bytes(encode(image), Picture(side_px=224, channels=1))[..., 0]
    resized = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(resized)


def some(index: Index) -> list[Image.Image]:
    """Take images evenly from a data set, each as stored."""
    rows = np.linspace(0, len(index) - 1, PLANTED + OTHERS).astype(int)
    stored = [index.reader.read(index.paths[row]) for row in rows]
    return [
        Image.open(io.BytesIO(each)).convert("L")
        if isinstance(each, bytes)
        else Image.fromarray(each).convert("L")
        for each in stored
    ]


def found(images: list[Image.Image], change: str) -> list[str]:
    """Plant changed copies of the first images into test; name the changes of those found."""
    changed = [CHANGES[change][0](image) for image in images[:PLANTED]]
    pictures = np.stack([small(image) for image in (*images, *changed)])
    homes = np.array(["train"] * len(images) + ["test"] * PLANTED)
    pairs = near_pairs(pictures, homes)
    return [pair.change for pair in pairs if pair.right == pair.left + len(images)]


@pytest.fixture(scope="module")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> list[Image.Image]:
    return some(read_index("phantom", ReadOptions(), Cache(tmp_path_factory.mktemp("cache"))))


@pytest.mark.parametrize("change", CHANGES)
def test_planted_copies_of_phantoms_are_found(phantoms: list[Image.Image], change: str) -> None:
    names = found(phantoms, change)
    assert len(names) >= AT_LEAST
    assert set(names) == {CHANGES[change][1]}


@pytest.fixture(scope="module")
def slices(tmp_path_factory: pytest.TempPathFactory) -> list[Image.Image]:
    if "BENCHMARK_TEST_CHEST_CT" not in os.environ:
        pytest.skip("BENCHMARK_TEST_CHEST_CT names no folder")
    folder = os.environ["BENCHMARK_TEST_CHEST_CT"]
    return some(read_index(folder, ReadOptions(), Cache(tmp_path_factory.mktemp("cache"))))


@pytest.mark.real
@pytest.mark.parametrize("change", CHANGES)
def test_planted_copies_of_real_slices_are_found(slices: list[Image.Image], change: str) -> None:
    names = found(slices, change)
    assert len(names) >= AT_LEAST
    assert set(names) == {CHANGES[change][1]}
