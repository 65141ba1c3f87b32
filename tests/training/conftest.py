"""Small material that every regime can be trained on in a second."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.cache import Cache
from benchmark.data import Pixels
from benchmark.records import Part, Picture, Regime, Spec, Split
from benchmark.training import Fitted, Material, check, verify
from benchmark.zoo import ARCHITECTURES, NONE

SIDE, PER_CLASS = 32, 20
EXTRACTOR_SIDE = 16
CLASSES = ("dark", "bright")


def draw_pixels(folder: Path, count: int, side: int) -> Pixels:
    """Draw noise, every second image brighter than the other, and open it as decoded pixels."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    noise = random.integers(0, 100, (count, side, side, 3), dtype=np.uint8)
    noise[1::2] += 150
    np.save(folder / "pixels.npy", noise)
    hashes = [f"{row:064x}" for row in range(count)]
    story = {"hashes": hashes, "unreadable": {}, "digest": f"drawn{count}x{side}", "seconds": 1.5}
    (folder / "pixels.json").write_text(json.dumps(story))
    return Pixels.open(folder)


def largest_difference(fitted: Fitted, material: Material) -> float:
    """Compare what a network says of validation images with what training says of them."""
    pictures = material.pictures(Part.VAL)[:32]
    said = fitted.val if fitted.own_val is None else fitted.own_val
    found = verify(fitted.network, material.pixels.array[pictures]).probabilities
    return float(np.abs(found - said[: len(found)]).max())


@pytest.fixture(scope="module")
def extractor() -> Any:
    """Return the smallest network that engines can be tried on."""
    import keras

    keras.utils.set_random_seed(1)
    pixels = keras.Input((EXTRACTOR_SIDE, EXTRACTOR_SIDE, 3))
    maps = keras.layers.Conv2D(4, 3, activation="relu")(keras.layers.Rescaling(1 / 255)(pixels))
    return keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(maps))


@pytest.fixture
def material(tmp_path: Path) -> Material:
    return make_material(tmp_path)


def make_material(folder: Path, **changes: Any) -> Material:
    count = 2 * PER_CLASS
    pixels = draw_pixels(folder / "pixels", count, SIDE)
    rows = np.arange(count)
    split = Split(
        scheme="official",
        train=rows[:24],
        val=rows[24:32],
        test=rows[32:],
        test_is_copy=np.zeros(8, bool),
        digest="split",
    )
    values: dict[str, Any] = {
        "classes": CLASSES,
        "labels": rows % 2,
        "split": split,
        "hashes": pixels.hashes,
        "pixels": pixels,
        "weights": NONE,
        "cache": Cache(folder / "cache"),
    }
    return Material(**(values | changes))


def make_spec(arch: str, regime: Regime, params: dict[str, Any] | None = None, **more: Any) -> Spec:
    architecture = ARCHITECTURES[arch]
    given = {**architecture.tiny, **(params or {})}
    if given.get("head") == "logistic":  # the tiny head is of layers
        given = {"head": "logistic", **(params or {})}
    values: dict[str, Any] = {
        "arch": arch,
        "data": "drawn",
        "data_digest": "data",
        "split_digest": "split",
        "picture": Picture(side_px=SIDE),
        "regime": regime,
        "weights": "none",
        "params": check(given, architecture, regime),
        "epochs": 3,
        "patience": 3,
        "seed": 0,
    }
    return Spec(**(values | more))
