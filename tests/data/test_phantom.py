"""The phantom: the same bits everywhere, honest about itself, fit to be split by patient."""

import hashlib
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmark.cache import Cache
from benchmark.data import phantom
from benchmark.data.phantom.canvas import Bits
from benchmark.data.splits import SplitOptions, make_splits
from benchmark.errors import ImageError
from benchmark.records import Index, Part, digest

pytestmark = pytest.mark.slow  # all of it is drawn once, in about 3 s


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return phantom.read_index(Cache(tmp_path_factory.mktemp("cache")))


def test_the_pixels_are_the_published_ones_to_the_last_bit(index: Index) -> None:
    assert digest(list(index.hashes)) == phantom.PIXELS_SHA256


def test_it_says_that_it_is_synthetic(index: Index) -> None:
    assert index.synthetic
    assert index.notes == (phantom.SYNTHETIC,)


def test_a_machine_that_draws_otherwise_is_told_so(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phantom, "PIXELS_SHA256", "another")
    monkeypatch.setattr(phantom, "render", lambda _: np.zeros((96, 96), np.uint8))
    assert phantom.OTHERWISE in phantom.read_index(Cache(tmp_path)).notes


def test_the_hash_of_an_image_is_that_of_its_pixels(index: Index) -> None:
    pixels = index.reader.read(index.paths[100])
    assert isinstance(pixels, np.ndarray)
    assert pixels.shape == (96, 96)
    assert pixels.dtype == np.uint8
    assert hashlib.sha256(pixels.tobytes()).hexdigest() == index.hashes[100]


def test_it_draws_nothing_when_its_hashes_are_cached(
    tmp_path: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path)
    monkeypatch.setattr(phantom, "render", lambda _: np.zeros((96, 96), np.uint8))
    first = phantom.read_index(cache).hashes
    monkeypatch.setattr(phantom, "render", None)
    assert phantom.read_index(cache).hashes == first != index.hashes


def test_an_unknown_path_is_an_error(index: Index) -> None:
    with pytest.raises(ImageError, match=r"no image 'train/normal/nobody\.png'"):
        index.reader.read("train/normal/nobody.png")


def test_rows_are_in_path_order_and_tell_class_and_part(index: Index) -> None:
    assert all(first < second for first, second in pairwise(index.paths))
    for path, label, part in zip(index.paths, index.labels, index.parts, strict=True):
        assert path.startswith(f"{part}/{index.classes[label]}/patient-")


def test_classes_are_those_of_the_chest_ct_set(index: Index) -> None:
    classes = ("adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma")
    assert index.classes == classes == tuple(sorted(classes))


def test_no_two_images_are_alike_and_no_patient_is_in_two_parts(index: Index) -> None:
    assert len(set(index.hashes)) == len(index)
    places = set(zip(index.patients, index.parts, index.labels.tolist(), strict=True))
    assert len(places) == len(set(index.patients)) == 240


def test_parts_are_large_enough_to_be_taken_as_published(index: Index) -> None:
    (split,) = make_splits(index, None, SplitOptions())
    assert (split.scheme, split.notes) == ("official", ())
    shares = [len(split.rows(part)) / len(index) for part in Part]
    assert shares == pytest.approx([0.6, 0.2, 0.2], abs=0.03)


def test_a_class_is_not_told_by_brightness_alone(index: Index) -> None:
    means = np.array([np.asarray(index.reader.read(path)).mean() for path in index.paths[::5]])
    labels = index.labels[::5]
    of_classes = [means[labels == label].mean() for label in range(4)]
    assert max(of_classes) - min(of_classes) < 1.5 * means.std()


def test_patients_have_one_to_three_slices(index: Index) -> None:
    assert set(Counter(Counter(index.patients).values())) == {1, 2, 3}


def test_bits_are_drawn_the_same_everywhere() -> None:
    bits = Bits(1, "a", 2)
    drawn = [bits.uniform(), bits.side(), *bits.direction(), float(bits.bell(2, 2)[1, 1])]
    assert [value.hex() for value in drawn] == [
        "0x1.44ff86a25633ap-1",
        "-0x1.0000000000000p+0",
        "-0x1.b206b041899e5p-1",
        "0x1.0f990421968d7p-1",
        "0x1.da271d3ff1690p-1",
    ]


def test_a_direction_is_a_unit_vector_on_the_whole_circle() -> None:
    bits = Bits(1, "circle")
    drawn = np.array([bits.direction() for _ in range(400)])
    assert np.hypot(drawn[:, 0], drawn[:, 1]) == pytest.approx(1.0)
    quarters = Counter(map(tuple, (drawn > 0).tolist()))
    assert min(quarters.values()) > 60


def test_noise_has_mean_nought_and_deviation_one() -> None:
    noise = Bits(1, "noise").bell(100, 100)
    assert (noise.mean(), noise.std()) == pytest.approx((0.0, 1.0), abs=0.03)


def test_clouds_are_smooth_and_stay_in_range() -> None:
    clouds = Bits(1, "clouds").clouds(96, 6)
    assert (np.abs(clouds) <= 1.0).all()
    assert np.abs(np.diff(clouds, axis=0)).max() < 0.25
