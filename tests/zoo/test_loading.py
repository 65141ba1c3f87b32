"""Backbones under given weights, sides and channels: on the quickest one."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.errors import UsageError, WeightsError
from benchmark.records import Picture
from benchmark.zoo import (
    ARCHITECTURES,
    NONE,
    Architecture,
    Weights,
    build_backbone,
    calibrate,
    read_weights_from,
    resolve_weights,
)
from tests.close import assert_close
from tests.zoo.small import SEED, coloured_pixels, run, smallest_picture

pytestmark = pytest.mark.slow

MOBILENETV2 = ARCHITECTURES["mobilenetv2"]
SMALL = Picture(side_px=32)


def save_as_published(architecture: Architecture, folder: Path, seed: int) -> Path:
    """Save random weights in the format and under the name of the published file."""
    from keras.src.legacy.saving import legacy_h5_format

    network = build_backbone(architecture, SMALL, NONE, seed).network
    assert architecture.weight_file is not None
    path = folder / architecture.weight_file.name
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    return path


@pytest.mark.parametrize("name", ["mobilenetv2", "keras:MobileNetV3Small", "keras:ResNet50V2"])
def test_a_folder_s_weights_are_those_of_the_network(name: str, tmp_path: Path) -> None:
    architecture = ARCHITECTURES[name]
    save_as_published(architecture, tmp_path, seed=5)
    weights = resolve_weights(architecture, read_weights_from(str(tmp_path)))
    loaded = build_backbone(architecture, SMALL, weights, seed=6).network
    saved = build_backbone(architecture, SMALL, NONE, seed=5).network
    for one, other in zip(loaded.get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_published_efficientnet_files_are_read_as_keras_reads_them(tmp_path: Path) -> None:
    deviation = np.array([0.229, 0.224, 0.225], "float32")
    architecture = ARCHITECTURES["keras:EfficientNetB0"]
    path = save_as_published(architecture, tmp_path, seed=5)
    with h5py.File(path, "r+") as file:
        (group,) = (name for name in file if name.startswith("normalization"))
        (variance,) = (name for name in file[group].attrs["weight_names"] if "variance" in name)
        file[group][variance][...] = deviation
    weights = resolve_weights(architecture, read_weights_from(str(tmp_path)))
    network = build_backbone(architecture, SMALL, weights, SEED).network
    (layer,) = (each for each in network.layers if each.name.startswith("normalization"))
    # Keras divides by the root of what stands in the file, and then by the root once more.
    assert_close(np.sqrt(np.ravel(layer.variance)), deviation, 1e-5)


def test_weights_of_another_network_with_as_many_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"dense"]
        file.attrs["keras_version"] = b"2"
        group = file.create_group("dense")
        group.attrs["weight_names"] = [b"kernel"]
        group.create_dataset("kernel", data=np.zeros(MOBILENETV2.parameters, "float32"))
    weights = Weights(kind="file", path=path, identity="sha256:0")
    with pytest.raises(WeightsError, match="does not hold the weights of mobilenetv2"):
        build_backbone(MOBILENETV2, SMALL, weights, SEED)


def test_weights_that_cannot_be_fetched_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    def fail(*_: object, **__: object) -> str:
        raise Exception("URL fetch failure")

    monkeypatch.setattr(keras.utils, "get_file", fail)
    weights = Weights(kind="imagenet", identity="imagenet")
    with pytest.raises(WeightsError, match=r"no_top\.h5 cannot be fetched: URL fetch failure"):
        build_backbone(MOBILENETV2, SMALL, weights, SEED)


@pytest.mark.parametrize("name", ["mobilenetv2", "inceptionv3", "xception", "keras:VGG16", "cnn"])
def test_a_side_that_is_too_small_is_refused(name: str) -> None:
    architecture = ARCHITECTURES[name]
    least = architecture.smallest_side_px
    with pytest.raises(UsageError, match=f"{name} needs a side of at least {least} px, not"):
        build_backbone(
            replace(architecture, keras_class=architecture.keras_class or "VGG16"),
            Picture(side_px=least - 1),
            NONE,
            SEED,
        )


def test_an_architecture_without_a_backbone_is_refused() -> None:
    with pytest.raises(UsageError, match="cnn has no backbone"):
        build_backbone(ARCHITECTURES["cnn"], SMALL, NONE, SEED)


def test_grey_pixels_of_one_channel_count_as_three_equal_ones() -> None:
    grey = coloured_pixels(32, channels=1)
    one = build_backbone(MOBILENETV2, smallest_picture(MOBILENETV2, channels=1), NONE, SEED)
    three = build_backbone(MOBILENETV2, smallest_picture(MOBILENETV2), NONE, SEED)
    calibrate(one, grey)
    calibrate(three, grey.repeat(3, axis=3))
    assert_close(run(one.network, grey)[-1], run(three.network, grey.repeat(3, axis=3))[-1])


def test_calibration_is_repeatable_and_leaves_the_layers_as_they_were() -> None:
    first, second = (build_backbone(MOBILENETV2, SMALL, NONE, SEED) for _ in range(2))
    before = [layer.get_config() for layer in first.network.layers]
    calibrate(first, coloured_pixels(32))
    calibrate(second, coloured_pixels(32))
    assert [layer.get_config() for layer in first.network.layers] == before
    for one, other in zip(first.network.get_weights(), second.network.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_seed_gives_other_weights() -> None:
    one, other = (build_backbone(MOBILENETV2, SMALL, NONE, seed).network for seed in (1, 2))
    first, second = (np.asarray(each.get_layer("Conv1").kernel) for each in (one, other))
    assert not np.array_equal(first, second)
