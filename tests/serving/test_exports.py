"""Each format, written by Keras and asked by its own runtime, answers as the network does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.serving import FORMATS
from benchmark.serving.exports import ask, missing, write

pytestmark = pytest.mark.slow  # TensorFlow converts

PIXELS = np.random.default_rng(4).integers(0, 256, (5, 16, 16, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a saved network with what converters find hard: constants, convolutions in groups."""
    import keras

    keras.utils.set_random_seed(7)
    pixels = keras.Input((16, 16, 3), name="pixels")
    inner = keras.Sequential([keras.layers.Normalization(mean=[3.0] * 4, variance=[9.0] * 4)])
    maps = keras.layers.Conv2D(4, 3, groups=2)(keras.layers.Conv2D(4, 3)(pixels))
    features = keras.layers.GlobalMaxPooling2D()(maps)
    output = keras.layers.Dense(3, activation="softmax")(inner(features))
    path = tmp_path_factory.mktemp("network") / "network.keras"
    keras.Model(pixels, output).save(path)
    return path


@pytest.fixture(scope="module")
def expected(network: Path) -> Any:
    import keras

    loaded = keras.saving.load_model(network, compile=False)
    return np.asarray(loaded(PIXELS, training=False))


@pytest.mark.filterwarnings("ignore:.*tf.lite.Interpreter is deprecated")
@pytest.mark.parametrize("name", FORMATS)
def test_a_format_answers_as_the_network(
    name: str, network: Path, expected: Any, tmp_path: Path
) -> None:
    lacks = missing(name)
    if lacks:
        pytest.skip(f"{', '.join(lacks)} not installed: pip install '.[export]'")
    told: list[Any] = []
    write(network, [name], tmp_path, told.append)
    assert told == [{"name": name, "fault": ""}]
    assert [each.name for each in tmp_path.iterdir()] == [FORMATS[name].file]
    answer = ask(name, tmp_path / FORMATS[name].file, PIXELS, 1)
    assert "fault" not in answer, answer
    np.testing.assert_allclose(answer["rows"], expected, atol=1e-5)
    assert answer["milliseconds"] > 0
    assert answer["runtime"]


def test_a_format_that_cannot_be_written_costs_itself_only(network: Path, tmp_path: Path) -> None:
    (tmp_path / FORMATS["h5"].file).mkdir()  # in the way of the file
    told: list[Any] = []
    write(network, ["h5", "keras"], tmp_path, told.append)
    assert told[0]["name"] == "h5"
    assert told[0]["fault"]
    assert told[1] == {"name": "keras", "fault": ""}


def test_a_file_that_does_not_load_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "model.h5").write_bytes(b"no network")
    answer = ask("h5", tmp_path / "model.h5", PIXELS, 1)
    assert set(answer) == {"fault"}
    assert answer["fault"].split(":")[0].endswith("Error")
