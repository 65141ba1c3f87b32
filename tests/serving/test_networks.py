"""A network as it is served: asked from several threads at once, it answers each as if alone."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmark.serving.networks import load_network

pytestmark = pytest.mark.slow

PIXELS = np.random.default_rng(5).integers(0, 256, (70, 16, 16, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a network for Keras and for OpenVINO."""
    import keras

    made = tmp_path_factory.mktemp("networks")
    network = keras.saving.load_model(model_folder / "model.keras", compile=False)
    network.save(made / "model.keras")
    network.export(str(made / "model.xml"), format="openvino", verbose=False)
    return made


@pytest.mark.parametrize("name", ["model.keras", "model.xml"])
def test_calls_from_several_threads_are_answered_as_one_by_one(name: str, folder: Path) -> None:
    network = load_network(folder / name)
    together = network.predict(PIXELS)
    with ThreadPoolExecutor(8) as pool:
        alone = list(pool.map(network.predict, PIXELS[:, np.newaxis]))
    np.testing.assert_allclose(np.concatenate(alone), together, atol=1e-5)
