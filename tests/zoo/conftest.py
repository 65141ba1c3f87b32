"""What the zoo's tests share: a second process that loads networks."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.close import assert_close
from tests.zoo.small import Array

_ENDINGS = (".keras", ".h5")
_LOADER = """
import sys
import keras, numpy
for line in sys.stdin:
    path = line.strip()
    pixels = numpy.load(path + ".pixels.npy")
    loaded = (
        keras.saving.load_model(path + ending, safe_mode=True, compile=False)
        for ending in (".keras", ".h5")
    )
    said = [numpy.asarray(network(pixels)) for network in loaded]  # as exports call it
    numpy.save(path + ".npy", numpy.stack(said))
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
    """Save a network, load it in a process that has not built it, and give what it says there.

    Both from `.keras` and from `.h5`, which must say the same.
    """
    path = tmp_path / "network"

    def load(network: Any, pixels: Array) -> Array:
        for ending in _ENDINGS:
            network.save(f"{path}{ending}")
        np.save(f"{path}.pixels.npy", pixels)
        assert _loader.stdin is not None
        assert _loader.stdout is not None
        _loader.stdin.write(f"{path}\n")
        _loader.stdin.flush()
        assert _loader.stdout.readline() == "loaded\n"
        keras, h5 = np.load(f"{path}.npy")
        assert_close(h5, keras, 1e-5)
        return np.asarray(keras)

    yield load
    for ending in _ENDINGS:  # EfficientNetV2L leaves 470 MB each
        Path(f"{path}{ending}").unlink(missing_ok=True)
