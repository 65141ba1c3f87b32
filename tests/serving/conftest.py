"""A tiny network in a folder, as a run leaves it: built once for all tests of the room."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.files import file_digest
from benchmark.records import Picture
from benchmark.serving import Card

CLASSES = ("adenocarcinoma", "large cell", "normal")


def png(seed: int) -> bytes:
    """Draw a picture of noise, 24 × 20 px, as a PNG file's bytes."""
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


def npy(pixels: Any) -> bytes:
    """Return the bytes of a `.npy` file."""
    file = io.BytesIO()
    np.save(file, pixels, allow_pickle=True)  # so that tests can see it refused
    return file.getvalue()


def encoded(content: bytes) -> str:
    """Return bytes as base64 text."""
    return base64.b64encode(content).decode("ascii")


def card_of(network: Path) -> Card:
    """Describe a network file."""
    return Card(
        classes=CLASSES,
        picture=Picture(side_px=16),
        data="phantom",
        synthetic=True,
        spec_digest="5" * 64,
        sha256=file_digest(network),
    )


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `model.keras` and its card."""
    import keras

    keras.utils.set_random_seed(7)
    pixels = keras.Input((16, 16, 3))
    features = keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(pixels))
    features = keras.layers.GlobalMaxPooling2D()(features)
    output = keras.layers.Dense(3, activation="softmax")(features)
    folder = tmp_path_factory.mktemp("model")
    keras.Model(pixels, output).save(folder / "model.keras")
    card_of(folder / "model.keras").write(folder)
    return folder
