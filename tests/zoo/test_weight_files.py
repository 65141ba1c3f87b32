"""Which weights are found, and what is said of those that are not."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.errors import UsageError, WeightsError
from benchmark.zoo import (
    ARCHITECTURES,
    NONE,
    Architecture,
    WeightsFrom,
    read_weights_from,
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


def write(folder: Path, architecture: Architecture, count: int = COUNT) -> Path:
    """Write an HDF5 file of so many weights under the architecture's file name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file_name(architecture)
    with h5py.File(path, "w") as file:
        file.create_dataset("layer/kernel", data=np.zeros(count - 4, "float32"))
        file.create_dataset("layer/bias", data=np.zeros(4, "float32"))
    return path


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
    assert resolve_weights(ARCHITECTURES[name], choice) == NONE


def test_none_means_random_weights_without_a_note() -> None:
    assert resolve_weights(ARCHITECTURES["vgg16"], WeightsFrom.NONE) == NONE


def test_a_choice_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"auto, imagenet, none or a folder .* not 'imagnet'"):
        read_weights_from("imagnet")


@pytest.mark.parametrize("name", [n for n in ARCHITECTURES if ARCHITECTURES[n].weight_file])
def test_a_missing_file_is_named_with_its_folder_and_hash(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        resolve_weights(ARCHITECTURES[name], tmp_path)
    assert file_name(ARCHITECTURES[name]) in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert (published_hash(ARCHITECTURES[name]) or "publishes no hash") in str(caught.value)


def test_a_corrupt_file_is_named_with_its_folder_and_hash(tmp_path: Path) -> None:
    (tmp_path / file_name(small())).write_bytes(b"\x89HDF\r\n\x1a\n, cut short")
    expected = (
        f"{file_name(small())} in {tmp_path} is not a readable HDF5 .*{published_hash(small())}"
    )
    with pytest.raises(WeightsError, match=expected):
        resolve_weights(small(), tmp_path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, small(), 4000)
    path.write_bytes(path.read_bytes()[:6000])
    with pytest.raises(WeightsError, match="not a readable HDF5 file"):
        resolve_weights(small(), tmp_path)


def test_a_pickle_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / file_name(small())).write_bytes(b"cposix\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(WeightsError, match="not a readable HDF5 file"):
        resolve_weights(small(), tmp_path)


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    write(tmp_path, small(), 25)
    with pytest.raises(WeightsError, match="another network: resnet50 has 24 weights, the file 25"):
        resolve_weights(small(), tmp_path)


def test_a_file_with_another_hash_is_taken_and_noted(tmp_path: Path) -> None:
    path = write(tmp_path, small())
    found = resolve_weights(small(), tmp_path)
    assert found.path == path
    assert found.kind == "file"
    assert found.identity == "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
    assert (
        f"is not the file that Keras publishes (published MD5 {published_hash(small())})"
        in found.note
    )


def test_a_file_that_keras_publishes_no_hash_for_is_taken_and_noted(tmp_path: Path) -> None:
    write(tmp_path, small("mobilenetv2"))
    found = resolve_weights(small("mobilenetv2"), tmp_path)
    assert found.identity.startswith("sha256:")
    assert "publishes no hash" in found.note


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_the_published_file_is_imagenet_wherever_it_lies(tmp_path: Path, algorithm: str) -> None:
    architecture = publish(small(), write(tmp_path, small()), algorithm)
    found = resolve_weights(architecture, tmp_path)
    assert (found.kind, found.identity, found.note) == ("file", "imagenet", "")


def test_a_full_network_saved_with_its_training_state_is_counted_without_it(tmp_path: Path) -> None:
    with h5py.File(tmp_path / file_name(small()), "w") as file:
        file.create_dataset("model_weights/layer/kernel", data=np.zeros(COUNT, "float32"))
        file.create_dataset("optimizer_weights/momentum", data=np.zeros(COUNT, "float32"))
    assert resolve_weights(small(), tmp_path).kind == "file"


def test_imagenet_takes_the_file_in_keras_s_cache(tmp_path: Path) -> None:
    path = write(tmp_path / "keras-home" / "models", small())
    found = resolve_weights(publish(small(), path), WeightsFrom.IMAGENET)
    assert (found.kind, found.path, found.identity) == ("imagenet", path, "imagenet")


def test_imagenet_without_file_or_network_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    expected = f"is not in {tmp_path}.*published MD5.*does not answer.*Put the file into a folder"
    with pytest.raises(WeightsError, match=expected):
        resolve_weights(small(), WeightsFrom.IMAGENET)


def test_imagenet_with_a_wrong_file_in_the_cache_and_no_network_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "keras-home" / "models", small())
    with pytest.raises(WeightsError, match="has another hash than published"):
        resolve_weights(small(), WeightsFrom.IMAGENET)


@pytest.mark.usefixtures("reachable")
@pytest.mark.parametrize("choice", [WeightsFrom.IMAGENET, WeightsFrom.AUTO])
def test_imagenet_is_left_to_keras_to_fetch_where_the_network_answers(choice: WeightsFrom) -> None:
    found = resolve_weights(small(), choice)
    assert (found.kind, found.path, found.identity) == ("imagenet", None, "imagenet")


def test_auto_looks_into_the_folder_of_the_environment_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "mine", small())
    write(tmp_path / "keras-home" / "models", small())
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path / "mine"))
    assert resolve_weights(small(), WeightsFrom.AUTO).path == path


def test_auto_does_not_pass_over_a_corrupt_file_in_the_folder_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / file_name(small())).write_bytes(b"not HDF5")
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="not a readable HDF5 file"):
        resolve_weights(small(), WeightsFrom.AUTO)


def test_auto_falls_back_to_random_weights_and_says_why() -> None:
    found = resolve_weights(small(), WeightsFrom.AUTO)
    assert (found.kind, found.path, found.identity) == ("none", None, "none")
    assert found.note.startswith("Random weights: resnet50 has no ImageNet weights here")


def test_a_file_that_changes_is_hashed_again(tmp_path: Path) -> None:
    path = write(tmp_path, small())
    before = resolve_weights(small(), tmp_path).identity
    with h5py.File(path, "r+") as file:
        file["layer/kernel"][...] = 1
    os.utime(path, ns=(1, 1))
    assert resolve_weights(small(), tmp_path).identity != before
