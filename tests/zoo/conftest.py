"""What the zoo's tests share: a second process that loads networks."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.zoo.small import Array

_LOADER = """
import sys
import keras, numpy
for line in sys.stdin:
    path = line.strip()
    network = keras.saving.load_model(path, safe_mode=True, compile=False)
    pixels = numpy.load(path + ".pixels.npy")
    numpy.save(path + ".npy", numpy.asarray(network(pixels, training=False)))
    print("loaded", flush=True)
"""


@pytest.fixture(scope="session")
def _loader() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", _LOADER]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield process
        process.kill()


@pytest.fixture
def elsewhere(
    _loader: "subprocess.Popen[str]", tmp_path: Path
) -> Iterator[Callable[[Any, Array], Array]]:
    """Save a network, load it in a process that has not built it, and give what it says there."""
    path = tmp_path / "network.keras"

    def load(network: Any, pixels: Array) -> Array:
        network.save(path)
        np.save(f"{path}.pixels.npy", pixels)
        assert _loader.stdin is not None
        assert _loader.stdout is not None
        _loader.stdin.write(f"{path}\n")
        _loader.stdin.flush()
        assert _loader.stdout.readline() == "loaded\n"
        return np.asarray(np.load(f"{path}.npy"))

    yield load
    path.unlink(missing_ok=True)  # EfficientNetV2L leaves 470 MB
