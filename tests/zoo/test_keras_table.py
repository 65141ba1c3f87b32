"""The table of keras.applications against the Keras that is installed."""

import importlib
import inspect
import sys

import pytest

from benchmark.zoo import ARCHITECTURES
from benchmark.zoo.backbone import preprocess
from benchmark.zoo.keras_table import CLASSES
from benchmark.zoo.layers import pixel_input
from tests.close import assert_close
from tests.zoo.small import coloured_pixels, keras_preprocess, run, smallest_picture

pytestmark = pytest.mark.slow


def test_the_table_holds_every_class_of_keras_applications() -> None:
    from keras import applications

    classes = {name for name, item in vars(applications).items() if inspect.isfunction(item)}
    assert {f"keras:{each}" for each in classes} == set(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_stands_in_its_module_with_its_published_hash(name: str) -> None:
    row = CLASSES[name]
    module = importlib.import_module(f"keras.src.applications.{row.module}")
    assert hasattr(module, row.keras_class)
    # The second ResNets are built by the first ones' module, which holds the hashes of both.
    builder = sys.modules[getattr(module, "resnet", module).__name__]
    source = inspect.getsource(builder)
    file = ARCHITECTURES[name].weight_file
    assert file is not None
    assert file.published_hash in source


@pytest.mark.parametrize("name", CLASSES)
def test_each_class_s_preprocessing_is_keras_s_own(name: str) -> None:
    import keras

    architecture = ARCHITECTURES[name]
    picture = smallest_picture(architecture)
    pixels = coloured_pixels(picture.side_px, count=2)
    symbolic = pixel_input(picture.channels, picture.side_px)
    network = keras.Model(symbolic, preprocess(symbolic, architecture.preprocessing))
    assert_close(run(network, pixels), keras_preprocess(architecture.keras_class, pixels), 1e-5)
