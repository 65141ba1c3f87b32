"""Passes that only compute: half as many images at once where memory runs out, and said."""

import errno
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmark.cache import Cache
from benchmark.errors import StoreError
from benchmark.records import Silent
from benchmark.training import (
    Material,
    engines,
    ensembling,
    kept_features,
    noting,
    passed_images,
    passes,
    probing,
    verify,
)
from benchmark.training.engines import FeatureEngine, Images, Matrix
from benchmark.training.epochs import Step, TrainingStage, run_epochs
from benchmark.training.halving import halving
from benchmark.training.inputs import ImageRows, Shrunk
from benchmark.training.keras_trainee import KerasTrainee
from benchmark.training.material import Examples

IMAGES = np.arange(11 * 2 * 2 * 3, dtype=np.uint8).reshape(11, 2, 2, 3)
SUMS = IMAGES.reshape(11, -1).sum(axis=1, keepdims=True).astype(np.float32)


class ResourceExhaustedError(Exception):
    """Called as TensorFlow's."""


class Small:
    """A machine whose memory suffices for so many images at once."""

    def __init__(self, most: int, error: Exception | None = None) -> None:
        self.most, self.error = most, error or ResourceExhaustedError("OOM when allocating")
        self.sizes: list[int] = []

    def run(self, images: Images) -> Matrix:
        self.sizes.append(len(images))
        if len(images) > self.most:
            raise self.error
        found: Matrix = images.reshape(len(images), -1).sum(axis=1, keepdims=True, dtype=np.float32)
        return found


def passed(small: Small, folder: Path, batch: int = 8) -> Matrix:
    engine = FeatureEngine(name="tensorflow", run=small.run, batch=batch)
    file = folder / "features.npy"
    passes.pass_images(engine, passed_images.Stored(IMAGES), 1, file, Silent())
    found: Matrix = np.load(file)
    return found


@pytest.mark.parametrize(
    "error", [MemoryError(), ResourceExhaustedError(), RuntimeError("bad_alloc")]
)
def test_a_pass_goes_on_with_half_the_batch_and_says_so(error: Exception, tmp_path: Path) -> None:
    small = Small(2, error)
    with noting() as notes:
        np.testing.assert_array_equal(passed(small, tmp_path), SUMS)
    assert small.sizes == [8, 4, 2, 2, 2, 2, 2, 2]  # each batch filled up: one shape, one graph
    said = "features: memory ran out with 8 images at once and sufficed with 2; the last digits"
    assert [note[: len(said)] for note in notes] == [said]


def test_a_pass_with_enough_memory_says_nothing(tmp_path: Path) -> None:
    small = Small(8)
    with noting() as notes:
        np.testing.assert_array_equal(passed(small, tmp_path), SUMS)
    assert (small.sizes, notes) == ([8, 8], [])


def test_memory_for_not_even_one_image_is_an_end(tmp_path: Path) -> None:
    small = Small(0)
    with pytest.raises(MemoryError, match=r"one image at once \(ResourceExhaustedError: OOM when"):
        passed(small, tmp_path)
    assert small.sizes == [8, 4, 2, 1]


def test_another_error_is_not_tried_again(tmp_path: Path) -> None:
    small = Small(2, ValueError("shapes"))
    with pytest.raises(ValueError, match="shapes"):
        passed(small, tmp_path)
    assert small.sizes == [8]


def test_a_pass_takes_its_room_before_it_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk would end the process (SIGBUS) where a page of a memory map finds no room."""
    asked: list[tuple[int, int]] = []

    def full(_file: int, start: int, size: int) -> None:
        asked.append((start, size))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    small = Small(8)

    def build(folder: Path) -> None:
        passed(small, folder)

    cache = Cache(tmp_path / "cache")
    with pytest.raises(
        StoreError, match=r"cannot be used: No space left on device\. Free or choose"
    ):
        cache.entry("features", "key", build)
    assert asked == [(0, 128 + 4 * len(IMAGES))]  # a header, and a figure an image
    assert small.sizes == []
    assert cache.find("features", "key") is None


def test_memory_that_runs_out_later_costs_nothing_that_is_done() -> None:
    done: list[tuple[int, int]] = []

    def compute(some: slice, size: int) -> None:
        if some.start >= 6 and size > 1:
            raise MemoryError
        done.append((some.start, some.stop))

    assert halving("x", 9, 3, compute) == 1
    assert done == [(0, 3), (3, 6), (6, 7), (7, 8), (8, 9)]


def test_who_uses_kept_features_is_told_how_they_were_made(material: Material) -> None:
    def build(folder: Path) -> None:
        np.save(folder / "features.npy", SUMS)
        (folder / "facts.json").write_text(json.dumps({"seconds": 1.0, "notes": ["by halves"]}))

    path = material.cache.entry("features", "key", build)
    with noting() as notes:
        for _ in range(2):
            kept_features.read_kept(path, "features")
    assert notes == ["by halves"]


def test_notes_reach_whoever_is_around() -> None:
    def compute(some: slice, _size: int) -> None:
        Small(1).run(IMAGES[some])

    with noting() as outer:
        with noting() as inner:
            halving("x", 4, 4, compute)
        assert len(inner) == 1
    assert outer == inner


def test_the_check_of_a_network_goes_on_with_half(monkeypatch: pytest.MonkeyPatch) -> None:
    small = Small(3)
    engine = FeatureEngine(name="tensorflow", run=small.run, batch=8)
    monkeypatch.setattr(engines, "keras_engine", lambda *_, **__: engine)
    with noting() as notes:
        np.testing.assert_array_equal(verify(None, IMAGES).probabilities, SUMS)
    assert [note.split(":")[0] for note in notes] == ["check of the network"]


def test_predictions_while_training_go_on_with_half() -> None:
    small = Small(2)
    trainee = object.__new__(KerasTrainee)
    trainee.network = SimpleNamespace(predict_on_batch=small.run)
    trainee._batch = 8
    trainee._settings = SimpleNamespace(class_weights=np.ones(1))  # type: ignore[assignment]
    with noting() as notes:
        for _ in range(2):
            found = trainee.predict(ImageRows(IMAGES), np.arange(11))
            np.testing.assert_array_equal(found, SUMS)
    assert small.sizes == [8, 4, *[2] * 12]  # what did not fit is not tried again
    assert len(notes) == 1


def test_members_logits_go_on_with_half() -> None:
    small, advanced = Small(2), list[int]()
    network = SimpleNamespace(predict_on_batch=small.run, output_shape=(None, 1))
    found = ensembling._in_batches(network, 11, 8, lambda some: IMAGES[some], advanced.append)
    np.testing.assert_array_equal(found, SUMS)
    assert sum(advanced) == 11


def test_pixels_that_a_perceptron_reads_go_on_with_half(monkeypatch: pytest.MonkeyPatch) -> None:
    shrunk = Shrunk(SimpleNamespace(output_shape=(None, 1)), ImageRows(IMAGES))
    monkeypatch.setattr(shrunk, "_passed", Small(4).run)
    np.testing.assert_array_equal(shrunk.take(np.arange(11)), SUMS)


@pytest.mark.parametrize("wanted", ["auto", "openvino"])
def test_an_engine_without_memory_to_be_tried_is_left_out_unless_it_was_asked_for(
    wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = FeatureEngine(name="tensorflow", run=Small(2).run, batch=8)
    monkeypatch.setattr(probing, "keras_engine", lambda _: reference)
    monkeypatch.setattr(probing, "_is_possible", lambda **_: True)
    monkeypatch.setattr(probing, "_least_worth_converting", lambda _: 0.0)
    monkeypatch.setattr(probing, "precisions", lambda: ("f32",))

    def convert(_: Any) -> Any:
        raise RuntimeError("std::bad_alloc")

    monkeypatch.setattr(probing, "convert", convert)
    with noting() as notes:
        expected: Any = {"auto": None, "openvino": "bad_alloc"}[wanted]
        said = None
        try:
            chosen = probing.choose_engine(None, wanted, IMAGES, np.arange(11) % 2, 10**9)
        except RuntimeError as error:
            said = str(error)[-9:]
        else:
            assert chosen.run is reference.run
    assert said == expected
    assert any("OpenVINO was left out" in note for note in notes) == (wanted == "auto")


class NoRoom:
    """A network that there is no memory to train."""

    def step(self, *_: Any) -> Step:
        raise ResourceExhaustedError("OOM when allocating")


@pytest.mark.parametrize(
    ("batch", "advice"),
    [
        (32, r"step of 32 images: --batch 16 needs less, and is another run \(Resource"),
        (1, r"step of 1 images: a smaller --side needs less"),
    ],
)
def test_training_without_memory_names_what_needs_less(batch: int, advice: str) -> None:
    settings: Any = SimpleNamespace(
        monitor="val_loss",
        patience=3,
        epochs=2,
        batch=batch,
        optimizer="adam",
        schedule="constant",
        learning_rate=0.1,
        warmup_epochs=0,
    )
    some = Examples(rows=np.arange(11), labels=np.arange(11) % 2)
    stage = TrainingStage(name="x", seed=0, report=lambda _: None)
    with pytest.raises(MemoryError, match=advice):
        run_epochs(NoRoom(), ImageRows(IMAGES), some, some, settings, stage)  # type: ignore[arg-type]
