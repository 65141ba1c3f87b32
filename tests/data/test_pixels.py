"""Decoding an index: once an image, in bounded memory, the unreadable named."""

import hashlib
import multiprocessing
import pickle
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from benchmark.cache import Cache
from benchmark.data import (
    Facts,
    ImageRow,
    Pixels,
    ReadOptions,
    Title,
    build_index,
    decode,
    decode_bytes,
    decode_stream,
    read_index,
)
from benchmark.data.decoding import array_native, read_native
from benchmark.data.facts import gather_fact, pixel_hash
from benchmark.errors import DataError, ImageError
from benchmark.records import Epoch, Index, Part, Picture, Silent
from tests.data.pictures import encode, gradient, noise

PICTURE = Picture(side_px=12)


@dataclass
class Shelf:
    """A reader of what is in memory, which counts how often each image is read."""

    stored: dict[str, bytes | npt.NDArray[np.uint8]]
    reads: list[str] = field(default_factory=list)

    def read(self, path: str) -> bytes | npt.NDArray[np.uint8]:
        self.reads.append(path)
        return self.stored[path]


@dataclass
class Counter:
    """A progress that remembers what it was told."""

    total: int | None = None
    done: int = 0

    def stage(self, name: str, total: int | None = None, unit: str = "") -> None:
        assert (name, unit) == ("decode", "images")
        self.total = total

    def advance(self, count: int = 1) -> None:
        self.done += count

    def epoch(self, epoch: Epoch) -> None:
        raise AssertionError(epoch)


def shelve(stored: dict[str, bytes | npt.NDArray[np.uint8]]) -> Index:
    """Index what is in memory; the class is the first letter of the path."""
    rows = [
        ImageRow(path=path, class_name=path[0], part=None, patient="", sha256=_sha256(data))
        for path, data in stored.items()
    ]
    return build_index(rows, Title(name="shelf"), Shelf(stored))


def _sha256(data: bytes | npt.NDArray[np.uint8]) -> str:
    return hashlib.sha256(data if isinstance(data, bytes) else data.tobytes()).hexdigest()


def some_files(count: int = 6) -> dict[str, bytes | npt.NDArray[np.uint8]]:
    return {f"{'ab'[number % 2]}{number}": encode(noise(str(number), 20, 30, 3))
            for number in range(count)}  # fmt: skip


def test_each_row_holds_the_pixels_that_decode_bytes_gives(tmp_path: Path) -> None:
    index = shelve(some_files())
    decoded = decode(index, PICTURE, Cache(tmp_path), Silent())
    rows = decoded.pixels.rows(index.hashes)
    assert decoded.pixels.array.shape == (6, 12, 12, 3)
    for row, path in zip(rows, index.paths, strict=True):
        stored = index.reader.read(path)
        assert isinstance(stored, bytes)
        assert np.array_equal(decoded.pixels.array[row], decode_bytes(stored, PICTURE))


def test_equal_contents_are_decoded_once(tmp_path: Path) -> None:
    index = shelve(
        {"a1": encode(gradient()), "a2": encode(gradient()), "b": encode(noise("b", 9, 9))}
    )
    decoded = decode(index, PICTURE, Cache(tmp_path), Silent())
    assert len(decoded.pixels) == 2
    rows = decoded.pixels.rows(decoded.index.hashes)
    assert rows[0] == rows[1] != rows[2]


def test_a_second_decoding_reads_nothing_and_knows_what_the_first_cost(tmp_path: Path) -> None:
    index, cache = shelve(some_files()), Cache(tmp_path)
    first = decode(index, PICTURE, cache, Silent())
    assert isinstance(index.reader, Shelf)
    index.reader.reads.clear()
    second = decode(index, PICTURE, cache, Silent())
    assert index.reader.reads == []
    assert second.pixels.seconds == first.pixels.seconds > 0
    assert second.pixels.digest == first.pixels.digest
    assert np.array_equal(second.pixels.array, first.pixels.array)


@pytest.mark.parametrize(
    "other",
    [
        Picture(side_px=13),
        Picture(side_px=12, channels=1),
        Picture(side_px=12, fit="pad"),
        Picture(side_px=12, window="lung"),
    ],
)
def test_another_picture_is_another_entry(tmp_path: Path, other: Picture) -> None:
    index, cache = shelve(some_files()), Cache(tmp_path)
    digests = {decode(index, each, cache, Silent()).pixels.digest for each in (PICTURE, other)}
    assert len(digests) == 2


def test_progress_counts_distinct_images(tmp_path: Path) -> None:
    counter = Counter()
    stored = some_files()
    decode(shelve({**stored, "a9": stored["a0"]}), PICTURE, Cache(tmp_path), counter)
    assert counter.total == counter.done == 6


def test_unreadable_images_leave_the_index_and_are_named(tmp_path: Path) -> None:
    stored = {**some_files(12), "a70": b"text", "b80": encode(gradient())[:50], "b90": b"text"}
    index = shelve(stored)
    decoded = decode(index, PICTURE, Cache(tmp_path), Silent(), max_unreadable=0.5)
    assert [each.path for each in decoded.index.left_out] == ["a70", "b80", "b90"]
    assert all(each.reason for each in decoded.index.left_out)
    assert set(index.paths) - set(decoded.index.paths) == {"a70", "b80", "b90"}
    assert len(decoded.pixels) == len(decoded.facts.hashes) == len(decoded.index) == 12
    rows = decoded.pixels.rows(decoded.index.hashes)
    assert np.array_equal(
        decoded.pixels.array[rows[-1]],
        decode_bytes(bytes(stored[decoded.index.paths[-1]]), PICTURE),
    )


def test_the_array_shrinks_by_what_is_unreadable_across_a_change_of_digits(tmp_path: Path) -> None:
    stored: dict[str, bytes | npt.NDArray[np.uint8]] = {**some_files(99), "a99": b"x", "b99": b"y"}
    decoded = decode(shelve(stored), PICTURE, Cache(tmp_path), Silent())
    assert decoded.pixels.array.shape == (99, 12, 12, 3)
    size = (decoded.pixels.folder / "pixels.npy").stat().st_size
    assert size == 128 + 99 * 12 * 12 * 3


def test_more_than_a_twentieth_unreadable_is_refused_by_default(tmp_path: Path) -> None:
    index = shelve({**some_files(19), "a90": b"text", "b90": b"text"})
    with pytest.raises(
        DataError,
        match=r"2 of 21 images of shelf cannot be read, above 5%; the first is a90: it is no",
    ):
        decode(index, PICTURE, Cache(tmp_path), Silent())


def test_what_reading_left_out_counts_as_unreadable_too(tmp_path: Path) -> None:
    root = tmp_path / "scans"
    for name in ("a/1", "a/2", "b/1", "b/2"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.png").write_bytes(encode(noise(name, 5, 5)))
    (root / "b/bad.png").write_bytes(b"")
    cache = Cache(tmp_path / "cache")
    index = read_index(str(root), ReadOptions(), cache)
    with pytest.raises(DataError, match="1 of 5 images"):
        decode(index, PICTURE, cache, Silent())


def test_a_class_without_a_readable_image_is_refused(tmp_path: Path) -> None:
    index = shelve({"a1": encode(gradient()), "b1": b"text"})
    with pytest.raises(DataError, match="no readable image of 'b'"):
        decode(index, PICTURE, Cache(tmp_path), Silent(), max_unreadable=1)


def test_a_file_changed_since_it_was_indexed_is_an_error_and_not_cached(tmp_path: Path) -> None:
    index, cache = shelve(some_files()), Cache(tmp_path)
    assert isinstance(index.reader, Shelf)
    right = index.reader.stored["a0"]
    index.reader.stored["a0"] = encode(gradient())
    with pytest.raises(DataError, match="a0 has changed while it was being read"):
        decode(index, PICTURE, cache, Silent())
    index.reader.stored["a0"] = right
    assert len(decode(index, PICTURE, cache, Silent()).pixels) == 6


def test_a_file_gone_since_it_was_indexed_is_an_error_and_not_cached(tmp_path: Path) -> None:
    class Gone:
        def read(self, path: str) -> bytes:
            raise ImageError(f"{path} is gone.")

    index = shelve(some_files())
    lost = build_index(
        [ImageRow(path=path, class_name=path[0], part=None, patient="", sha256=each)
         for path, each in zip(index.paths, index.hashes, strict=True)],
        Title(name="lost"), Gone(),
    )  # fmt: skip
    with pytest.raises(DataError, match="a0 was there a moment ago"):
        decode(lost, PICTURE, Cache(tmp_path), Silent())
    assert Cache(tmp_path).usage() == ()


def test_arrays_are_decoded_as_files_are(tmp_path: Path) -> None:
    pixels = noise("array", 20, 30, 3)
    decoded = decode(
        shelve({"a": pixels, "b": encode(gradient())}), PICTURE, Cache(tmp_path), Silent()
    )
    row = decoded.pixels.rows(decoded.index.hashes[:1])[0]
    assert np.array_equal(decoded.pixels.array[row], decode_bytes(encode(pixels), PICTURE))


def test_pixels_are_read_only_and_mapped_not_loaded(tmp_path: Path) -> None:
    pixels = decode(shelve(some_files()), PICTURE, Cache(tmp_path), Silent()).pixels
    assert isinstance(pixels.array, np.memmap)
    assert not pixels.array.flags.writeable


def test_pixels_travel_to_another_process_as_their_folder(tmp_path: Path) -> None:
    pixels = decode(shelve(some_files()), PICTURE, Cache(tmp_path), Silent()).pixels
    assert len(pickle.dumps(pixels)) < 500
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_sum_of, (pixels,)) == int(pixels.array.sum())
    assert np.array_equal(Pixels.open(pixels.folder).array, pixels.array)


def _sum_of(pixels: Pixels) -> int:
    return int(pixels.array.sum())


def test_rows_of_unknown_digests_are_a_key_error(tmp_path: Path) -> None:
    decoded = decode(shelve(some_files()), PICTURE, Cache(tmp_path), Silent())
    with pytest.raises(KeyError, match="nothing"):
        decoded.pixels.rows(["nothing"])
    with pytest.raises(KeyError, match="nothing"):
        decoded.facts.pixel_hash_of("nothing")


def test_the_stream_is_in_order_and_never_far_ahead() -> None:
    index = shelve(some_files(40))
    assert isinstance(index.reader, Shelf)
    jobs = list(zip(index.hashes, index.paths, strict=True))
    seen = []
    for image in decode_stream(jobs, index.reader, PICTURE, threads=2):
        seen.append(image.sha256)
        assert len(index.reader.reads) <= len(seen) + 8
    assert seen == list(index.hashes)


def test_a_stream_given_up_early_stops_reading() -> None:
    index = shelve(some_files(40))
    assert isinstance(index.reader, Shelf)
    jobs = zip(index.hashes, index.paths, strict=True)
    next(stream := decode_stream(jobs, index.reader, PICTURE, threads=2))
    stream.close()  # type: ignore[attr-defined]
    assert len(index.reader.reads) <= 8


# ---------------------------------------------------------------- facts


def fact_of(pixels: npt.NDArray[np.uint8]) -> Facts:
    return Facts.of(["x"], [gather_fact(array_native(pixels), 7)])


def test_facts_are_aligned_with_pixels_and_read_back_as_written(tmp_path: Path) -> None:
    decoded = decode(shelve(some_files()), PICTURE, Cache(tmp_path), Silent())
    again = Facts.open(decoded.pixels.folder)
    assert again.hashes == decoded.pixels.hashes == decoded.facts.hashes
    assert again["pixel_hash"].tolist() == decoded.facts["pixel_hash"].tolist()
    assert set(again["width"].tolist()) == {30}
    assert set(again["height"].tolist()) == {20}
    assert set(again["format"].tolist()) == {"PNG"}
    assert set(again["mode"].tolist()) == {"RGB"}


def test_facts_of_hand_made_pixels_are_what_a_person_would_count() -> None:
    pixels = np.zeros((100, 50), dtype=np.uint8)
    pixels[2:-2, 2:-2] = 100
    facts = fact_of(pixels)
    assert facts["mean"][0] == pytest.approx(pixels.mean())
    assert facts["std"][0] == pytest.approx(pixels.std())
    assert facts["border_mean"][0] == 0
    assert (facts["p01"][0], facts["p99"][0], facts["bytes"][0]) == (0, 100, 7)


def test_percentiles_are_of_the_pixels() -> None:
    facts = fact_of(np.arange(200, dtype=np.uint8).reshape(10, 20))
    assert (facts["p01"][0], facts["p99"][0]) == (1, 197)


def test_the_pixel_hash_sees_through_alpha_and_format_but_not_shape() -> None:
    grey = gradient()
    files = [
        encode(grey),
        encode(grey, "BMP"),
        encode(np.dstack([grey] * 4)),
        encode(np.dstack([grey] * 3), "TIFF"),
        encode(grey.astype(np.uint16) * 257),
    ]
    assert len({pixel_hash(read_native(each, PICTURE).pixels) for each in files}) == 1
    assert pixel_hash(grey) != pixel_hash(grey.reshape(40, 30))


@pytest.mark.real
@pytest.mark.slow
def test_the_real_chest_ct_set_holds_the_copies_that_are_known(
    chest_ct: Path, tmp_path: Path
) -> None:
    cache = Cache(tmp_path)
    decoded = decode(read_index(str(chest_ct), ReadOptions(), cache), PICTURE, cache, Silent())
    hashes = decoded.facts["pixel_hash"][decoded.pixels.rows(decoded.index.hashes)]
    parts = np.array(decoded.index.parts)
    train = set(hashes[parts == Part.TRAIN])
    copies = {part: sum(each in train for each in hashes[parts == part]) for part in Part}
    assert copies == {Part.TRAIN: 613, Part.VAL: 10, Part.TEST: 46}
    assert decoded.index.left_out == ()
