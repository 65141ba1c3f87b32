"""Which weights are found, and what is said of those that are not."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.errors import WeightsError
from benchmark.zoo import (
    ARCHITECTURES,
    NONE,
    Architecture,
    Preprocessing,
    Weights,
    WeightsChoice,
    WeightsFrom,
    WeightsPlace,
    resolve_weights,
)
from benchmark.zoo import weights as weights_module

COUNT = 24


def small(name: str = "resnet50") -> Architecture:
    """Return an architecture that believes in 24 weights, so that its file is small."""
    return replace(ARCHITECTURES[name], parameters=COUNT)


def file_name(architecture: Architecture) -> str:
    assert architecture.weight_file is not None
    return architecture.weight_file.name


def published_hash(architecture: Architecture) -> str:
    assert architecture.weight_file is not None
    return architecture.weight_file.published_hash


def write(folder: Path, architecture: Architecture, count: int = COUNT, name: str = "") -> Path:
    """Write an HDF5 file of so many weights, under the architecture's file name if no other."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (name or file_name(architecture))
    with h5py.File(path, "w") as file:
        file.create_dataset("layer/kernel", data=np.zeros(count - 4, "float32"))
        file.create_dataset("layer/bias", data=np.zeros(4, "float32"))
    return path


def resolve(
    architecture: Architecture,
    where: WeightsFrom | Path,
    preprocessing: Preprocessing | None = None,
) -> Weights:
    """Find an architecture's weights at the one place that there is."""
    place = WeightsPlace(where=where, preprocessing=preprocessing)
    return resolve_weights(architecture, WeightsChoice(rest=place))


def publish(architecture: Architecture, path: Path, algorithm: str = "md5") -> Architecture:
    """Return the architecture as though that file were the published one."""
    assert architecture.weight_file is not None
    digest = hashlib.new(algorithm, path.read_bytes()).hexdigest()
    return replace(
        architecture, weight_file=replace(architecture.weight_file, published_hash=digest)
    )


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(weights_module, "is_reachable", lambda: False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras-home"))
    monkeypatch.delenv("BENCHMARK_WEIGHTS", raising=False)


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights_module, "is_reachable", lambda: True)


@pytest.mark.parametrize("choice", [*WeightsFrom, Path("no-such-folder")])
@pytest.mark.parametrize("name", ["prior", "mlp", "cnn", "ensemble"])
def test_an_architecture_without_published_weights_needs_none(
    name: str, choice: WeightsFrom | Path
) -> None:
    assert resolve(ARCHITECTURES[name], choice) == NONE


def test_none_means_random_weights_without_a_note() -> None:
    assert resolve(ARCHITECTURES["vgg16"], WeightsFrom.NONE) == NONE


@pytest.mark.parametrize("name", [n for n in ARCHITECTURES if ARCHITECTURES[n].weight_file])
def test_a_missing_file_is_named_with_its_folder_and_hash(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        resolve(ARCHITECTURES[name], tmp_path)
    assert file_name(ARCHITECTURES[name]) in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert (published_hash(ARCHITECTURES[name]) or "publishes no hash") in str(caught.value)


def test_a_corrupt_file_is_named_with_its_folder_and_hash(tmp_path: Path) -> None:
    (tmp_path / file_name(small())).write_bytes(b"\x89HDF\r\n\x1a\n, cut short")
    expected = (
        f"{file_name(small())} in {tmp_path} is not a readable HDF5 .*{published_hash(small())}"
    )
    with pytest.raises(WeightsError, match=expected):
        resolve(small(), tmp_path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, small(), 4000)
    path.write_bytes(path.read_bytes()[:6000])
    with pytest.raises(WeightsError, match="not a readable HDF5 file"):
        resolve(small(), tmp_path)


def test_a_pickle_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / file_name(small())).write_bytes(b"cposix\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(WeightsError, match="not a readable HDF5 file"):
        resolve(small(), tmp_path)


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    write(tmp_path, small(), 25)
    with pytest.raises(WeightsError, match="another network: resnet50 has 24 weights, the file 25"):
        resolve(small(), tmp_path)


def test_a_file_with_another_hash_is_taken_and_noted(tmp_path: Path) -> None:
    path = write(tmp_path, small())
    found = resolve(small(), tmp_path)
    assert found.path == path
    assert found.kind == "file"
    assert found.identity == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    assert (
        f"is not the file that Keras publishes (published MD5 {published_hash(small())})"
        in found.note
    )


def test_a_file_that_keras_publishes_no_hash_for_is_taken_and_noted(tmp_path: Path) -> None:
    write(tmp_path, small("mobilenetv2"))
    found = resolve(small("mobilenetv2"), tmp_path)
    assert found.identity.startswith("sha256:")
    assert "publishes no hash" in found.note


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_the_published_file_is_imagenet_wherever_it_lies(tmp_path: Path, algorithm: str) -> None:
    architecture = publish(small(), write(tmp_path, small()), algorithm)
    found = resolve(architecture, tmp_path)
    assert (found.kind, found.identity, found.note) == ("file", "imagenet", "")


def test_a_full_network_saved_with_its_training_state_is_counted_without_it(tmp_path: Path) -> None:
    with h5py.File(tmp_path / file_name(small()), "w") as file:
        file.create_dataset("model_weights/layer/kernel", data=np.zeros(COUNT, "float32"))
        file.create_dataset("optimizer_weights/momentum", data=np.zeros(COUNT, "float32"))
    assert resolve(small(), tmp_path).kind == "file"


def test_imagenet_takes_the_file_in_keras_s_cache(tmp_path: Path) -> None:
    path = write(tmp_path / "keras-home" / "models", small())
    found = resolve(publish(small(), path), WeightsFrom.IMAGENET)
    assert (found.kind, found.path, found.identity) == ("imagenet", path, "imagenet")


def test_imagenet_without_file_or_network_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    expected = f"is not in {tmp_path}.*published MD5.*does not answer.*Put the file into a folder"
    with pytest.raises(WeightsError, match=expected):
        resolve(small(), WeightsFrom.IMAGENET)


def test_imagenet_with_a_wrong_file_in_the_cache_and_no_network_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "keras-home" / "models", small())
    with pytest.raises(WeightsError, match="has another hash than published"):
        resolve(small(), WeightsFrom.IMAGENET)


@pytest.mark.usefixtures("reachable")
@pytest.mark.parametrize("choice", [WeightsFrom.IMAGENET, WeightsFrom.AUTO])
def test_imagenet_is_left_to_keras_to_fetch_where_the_network_answers(choice: WeightsFrom) -> None:
    found = resolve(small(), choice)
    assert (found.kind, found.path, found.identity) == ("imagenet", None, "imagenet")


def test_auto_looks_into_the_folder_of_the_environment_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "mine", small())
    write(tmp_path / "keras-home" / "models", small())
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path / "mine"))
    assert resolve(small(), WeightsFrom.AUTO).path == path


def test_auto_does_not_pass_over_a_corrupt_file_in_the_folder_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / file_name(small())).write_bytes(b"not HDF5")
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="not a readable HDF5 file"):
        resolve(small(), WeightsFrom.AUTO)


def test_auto_falls_back_to_random_weights_and_says_why() -> None:
    found = resolve(small(), WeightsFrom.AUTO)
    assert (found.kind, found.path, found.identity) == ("none", None, "none")
    assert found.note.startswith("Random weights: resnet50 has no ImageNet weights here")


def test_a_file_that_changes_is_hashed_again(tmp_path: Path) -> None:
    path = write(tmp_path, small())
    before = resolve(small(), tmp_path).identity
    with h5py.File(path, "r+") as file:
        file["layer/kernel"][...] = 1
    os.utime(path, ns=(1, 1))
    assert resolve(small(), tmp_path).identity != before


def radimagenet(name: str = "densenet121") -> tuple[Architecture, str]:
    """Return a small architecture with the name of its RadImageNet file."""
    (file,) = small(name).further_weights
    return small(name), file.name


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("densenet121", "RadImageNet-DenseNet121_notop.h5"),
        ("resnet50", "RadImageNet-ResNet50_notop.h5"),
        ("inceptionv3", "RadImageNet-InceptionV3_notop.h5"),
        ("keras:InceptionResNetV2", "RadImageNet-IRV2_notop.h5"),
    ],
)
def test_radimagenet_s_file_is_found_by_its_name_and_has_its_own_preprocessing(
    tmp_path: Path, name: str, file: str
) -> None:
    path = write(tmp_path, small(name), name=file)
    write(tmp_path, small("vgg16"))
    found = resolve(small(name), tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (found.path, found.identity) == (path, f"sha256:{digest}+radimagenet")
    assert found.preprocessing is Preprocessing.RADIMAGENET
    assert "cannot be checked (RadImageNet publishes no hash for it)" in found.note
    assert "as radimagenet has them" in found.note
    assert resolve(small("vgg16"), tmp_path).preprocessing is None


def test_a_missing_file_of_two_names_is_named_by_both(tmp_path: Path) -> None:
    architecture, name = radimagenet()
    with pytest.raises(WeightsError, match=rf"{file_name(architecture)} \(or {name}\), which"):
        resolve(architecture, tmp_path)


def test_a_folder_with_both_files_of_a_network_is_refused(tmp_path: Path) -> None:
    architecture, name = radimagenet()
    first, second = write(tmp_path, architecture), write(tmp_path, architecture, name=name)
    expected = f"{first.name} and {second.name} for densenet121; .* densenet121={first}"
    with pytest.raises(WeightsError, match=expected):
        resolve(architecture, tmp_path)


def test_auto_takes_what_the_folder_of_the_environment_has_under_any_published_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    architecture, name = radimagenet()
    path = write(tmp_path / "mine", architecture, name=name)
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path / "mine"))
    found = resolve(architecture, WeightsFrom.AUTO)
    assert (found.path, found.preprocessing) == (path, Preprocessing.RADIMAGENET)


def test_a_file_of_any_name_is_taken_with_the_architecture_s_preprocessing(tmp_path: Path) -> None:
    path = write(tmp_path, small(), name="medical.h5")
    found = resolve(small(), path)
    assert (found.path, found.preprocessing) == (path, None)
    assert found.identity == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    assert "medical.h5" in found.note


def test_equal_files_with_another_preprocessing_are_other_weights(tmp_path: Path) -> None:
    architecture, name = radimagenet()
    paths = [write(tmp_path, architecture, name=each) for each in (name, "other.h5")]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    found = [
        resolve(architecture, paths[0]),
        resolve(architecture, paths[1]),
        resolve(architecture, paths[1], Preprocessing.TF),
        resolve(architecture, paths[0], Preprocessing.TF),
    ]
    assert len({each.identity for each in found}) == 3
    assert found[2].identity == found[3].identity


def test_the_architecture_s_own_preprocessing_by_name_changes_nothing(tmp_path: Path) -> None:
    architecture = publish(small(), write(tmp_path, small()))
    own = resolve(architecture, tmp_path, architecture.preprocessing)
    assert own == resolve(architecture, tmp_path)
    other = resolve(architecture, tmp_path, Preprocessing.TORCH)
    assert (other.identity, other.preprocessing) == ("imagenet+torch", Preprocessing.TORCH)


def in_layers(
    path: Path, layers: dict[str, int], *, within: str = "", parted: bool = False
) -> Path:
    """Write a file as Keras 2 does: layers in order, each with a single weight of so many numbers.

    Args:
        path: the file.
        layers: how many numbers each layer has; 0 for a layer without weights.
        within: the group it stands in, beside an optimizer's.
        parted: whether the list of layers is parted, as it is where it outgrows 64 KiB.
    """
    with h5py.File(path, "w") as file:
        group = file.create_group(within) if within else file
        names = [name.encode() for name in layers]
        half = len(names) // 2
        parts = {"layer_names0": names[:half], "layer_names1": names[half:]}
        for attribute, part in (parts if parted else {"layer_names": names}).items():
            group.attrs[attribute] = part
        for name, count in layers.items():
            layer = group.create_group(name)
            layer.attrs["weight_names"] = [b"kernel:0"] if count else []
            if count:
                layer.create_dataset("kernel:0", data=np.zeros(count, "float32"))
        if within:
            file.attrs["model_config"] = "{never read"
            file.create_dataset("optimizer_weights/momentum", data=np.zeros(7, "float32"))
    return path


@pytest.mark.parametrize("parted", [False, True])
@pytest.mark.parametrize("within", ["", "model_weights"])
@pytest.mark.parametrize(
    "layers",
    [
        {"input": 0, "conv": COUNT - 4, "pool": 0, "norm": 4},
        {"input": 0, "conv": COUNT - 4, "pool": 0, "norm": 4, "dropout": 0, "dense": 9},
        {"input": 0, "resnet50": COUNT, "dense": 9},
    ],
    ids=["bare", "with a head", "as one layer"],
)
def test_a_backbone_is_found_with_and_without_a_head(
    tmp_path: Path, layers: dict[str, int], within: str, parted: bool
) -> None:
    path = in_layers(tmp_path / "own.h5", layers, within=within, parted=parted)
    assert resolve(small(), path).path == path


@pytest.mark.parametrize(
    "layers", [{"conv": COUNT - 1}, {"conv": COUNT - 4, "norm": 5}, {"dense": 9, "conv": COUNT}]
)
def test_first_layers_of_another_number_are_another_network(
    tmp_path: Path, layers: dict[str, int]
) -> None:
    path = in_layers(tmp_path / "own.h5", layers)
    with pytest.raises(WeightsError, match=r"own\.h5 in .* belongs to another network"):
        resolve(small(), path)


def test_numbers_that_stand_in_another_file_are_refused(tmp_path: Path) -> None:
    elsewhere = in_layers(tmp_path / "elsewhere.h5", {"conv": COUNT})
    path = in_layers(tmp_path / "own.h5", {"conv": 0, "norm": 4})
    with h5py.File(path, "r+") as file:
        file["conv"].attrs["weight_names"] = [b"kernel:0"]
        file["conv/kernel:0"] = h5py.ExternalLink(elsewhere, "conv/kernel:0")
    with pytest.raises(WeightsError, match="has its numbers in another file"):
        resolve(replace(small(), parameters=COUNT + 4), path)
