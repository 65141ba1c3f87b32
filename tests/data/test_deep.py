"""16-bit grey: the range in use is found in steps of bits and shown from black to white."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.cache import Cache
from benchmark.data import ReadOptions, decode, read_index
from benchmark.data.decoding import grey_in_use, read_native
from benchmark.data.deep import common_range, to_eight_bits, used_range
from benchmark.data.fingerprints import sniff
from benchmark.records import Index, Picture, Silent
from tests.data.pictures import encode, noise

LEVELS = np.arange(65536, dtype=np.uint16)


def test_the_whole_range_is_divided_by_257_and_rounded() -> None:
    low, rest = np.divmod(LEVELS, np.uint16(257))
    assert np.array_equal(to_eight_bits(LEVELS, "full"), low + (rest > 128))


@pytest.mark.parametrize(("low", "high"), [(0, 4095), (31744, 36863), (0, 255), (7, 7)])
def test_a_range_goes_from_black_to_white_and_is_clipped(low: int, high: int) -> None:
    shown = to_eight_bits(LEVELS, f"{low}-{high}")
    assert set(shown[: low + 1]) == {0}
    assert set(shown[max(high, low + 1) :]) == {255}
    assert (np.diff(shown.astype(int)) >= 0).all()


@pytest.mark.parametrize(
    ("values", "used"),
    [([0, 3, 9], "3-9"), ([3, 9], "3-9"), ([0, 0], ""), ([5, 5], "5-5"), ([-1, 9], ""),
     ([0, 70_000], "")],
)  # fmt: skip
def test_a_zero_does_not_count_for_the_least(values: list[int], used: str) -> None:
    assert used_range(np.array(values, dtype=np.int32)) == used


@pytest.mark.parametrize(
    ("used", "shown"),
    [
        ([], "full"),
        ([""], "full"),
        (["0-4095"], "0-4095"),
        (["17-2049", "3-3071", ""], "0-4095"),
        (["1-4096"], "0-8191"),
        (["1-200"], "0-255"),
        (["1-3"], "0-255"),
        (["1-32767"], "0-32767"),
        (["1-32768"], "full"),
        (["1-65535"], "full"),
        (["1-3071", "1-65535"], "full"),
        (["31744-35839"], "31744-36863"),
        (["31768-34000"], "31744-34815"),
        (["30768-33500"], "30720-33791"),
        (["32768-36000"], "32768-36863"),
        (["33000-36000"], "32768-36863"),
        (["16384-49151"], "16384-49151"),
        (["16383-49151"], "full"),
        (["20000-60000"], "full"),
    ],
)
def test_the_range_of_a_data_set_goes_in_steps_of_bits(used: list[str], shown: str) -> None:
    assert common_range(used) == shown


def read(tmp_path: Path, ranges: dict[str, tuple[int, int]]) -> Index:
    """Return the index of 16-bit pictures, two classes in each part, of a range by part."""
    for part, (low, high) in ranges.items():
        for number in range(6):
            folder = tmp_path / "set" / part / "ab"[number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            values = noise(f"{part}{number}", 8, 8).astype(np.uint16)
            pixels = low + values.astype(np.uint32) * (high - low) // 255
            pixels[0, 0], pixels[0, 1] = low, high
            (folder / f"{number}.png").write_bytes(encode(pixels.astype(np.uint16)))
    return read_index(str(tmp_path / "set"), ReadOptions(), Cache(tmp_path / "cache"))


def test_a_data_set_of_12_bits_is_shown_over_12_bits_and_says_so(tmp_path: Path) -> None:
    index = read(tmp_path, {"train": (0, 3000), "val": (0, 2500), "test": (0, 3000)})
    assert index.grey_range == "0-4095"
    assert any("0 to 4095 is shown from black to white" in note for note in index.notes)
    picture = Picture(side_px=8, channels=1, grey_range=index.grey_range)
    pixels = decode(index, picture, Cache(tmp_path / "cache"), Silent()).pixels.array
    assert pixels.max() == round(3000 * 255 / 4095)


def test_a_test_image_does_not_change_what_training_sees(tmp_path: Path) -> None:
    index = read(tmp_path, {"train": (0, 3000), "val": (0, 2500), "test": (0, 60_000)})
    assert index.grey_range == "0-4095"


def test_a_second_reading_finds_the_same_range(tmp_path: Path) -> None:
    first = read(tmp_path, {"train": (31768, 34768), "val": (31768, 32768), "test": (1, 9)})
    again = read_index(str(tmp_path / "set"), ReadOptions(), Cache(tmp_path / "cache"))
    assert first.grey_range == again.grey_range == "31744-34815"


def test_a_pgm_states_its_range_itself() -> None:
    for most, white in ((4095, 255), (65535, 16)):
        data = b"P5 2 1 %d\n" % most + np.array([0, 4095], dtype=">u2").tobytes()
        assert sniff(data) == "PPM"
        assert read_native(data, Picture(side_px=4)).pixels.tolist() == [[0, white]]
    assert grey_in_use(data) == "4095-4095"


def test_the_whole_range_says_nothing(tmp_path: Path) -> None:
    index = read(tmp_path, {"train": (0, 65535), "val": (0, 65535), "test": (0, 65535)})
    assert (index.grey_range, index.notes) == ("full", ())


def test_a_few_that_widen_the_range_for_all_are_named(tmp_path: Path) -> None:
    read(tmp_path, {"train": (0, 3000), "val": (0, 3000), "test": (0, 3000)})
    odd = np.full((8, 8), 65535, dtype=np.uint16)
    (tmp_path / "set/train/b/9.png").write_bytes(encode(odd))
    index = read_index(str(tmp_path / "set"), ReadOptions(), Cache(tmp_path / "cache"))
    assert index.grey_range == "full"
    assert any(
        "12 of 13 16-bit pictures lie within 0-4095" in note and "'train/b/9.png'" in note
        for note in index.notes
    )
