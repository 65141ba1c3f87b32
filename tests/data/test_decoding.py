"""Decoding: every way to store a picture gives the pixels that a person would see."""

import io
import struct
import threading
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from benchmark.data.decoding import (
    MAX_PIXELS,
    array_native,
    decode_array,
    decode_bytes,
    fit,
    grey_in_use,
    read_native,
)
from benchmark.errors import ImageError
from benchmark.records import Picture
from tests.data.pictures import encode, gradient, noise

COLOUR = Picture(side_px=16)
GREY = Picture(side_px=16, channels=1)


def native(data: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return read_native(data, Picture(side_px=16)).pixels


def with_orientation(image: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode(image, "PNG", exif=exif)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "WEBP", "PPM"])
def test_colour_is_read_exactly_in_lossless_formats(form: str) -> None:
    pixels = noise("colour", 20, 30, 3)
    options = {"lossless": True} if form == "WEBP" else {}
    assert np.array_equal(native(encode(pixels, form, **options)), pixels)


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF", "PPM"])
def test_grey_is_read_exactly_and_stays_grey(form: str) -> None:
    assert np.array_equal(native(encode(gradient(), form)), gradient())


@pytest.mark.parametrize("progressive", [False, True], ids=["baseline", "progressive"])
def test_jpeg_is_read_within_its_own_loss(progressive: bool) -> None:
    data = encode(gradient(), "JPEG", quality=95, progressive=progressive)
    assert np.abs(native(data).astype(int) - gradient()).max() <= 4


def test_sixteen_bit_grey_spans_the_whole_range() -> None:
    deep = gradient().astype(np.uint16) * 257
    assert np.array_equal(native(encode(deep)), gradient())


def test_sixteen_bit_grey_is_rounded_not_cut_and_not_stretched() -> None:
    deep = np.array([[0, 128, 129, 385, 386, 4095]], dtype=np.uint16)
    assert native(encode(deep)).tolist() == [[0, 0, 1, 1, 2, 16]]


def test_sixteen_bit_tiff_is_read_like_sixteen_bit_png() -> None:
    deep = gradient().astype(np.uint16) * 257
    assert np.array_equal(native(encode(deep, "TIFF")), gradient())


def test_sixteen_bits_are_shown_over_the_range_in_use() -> None:
    deep = np.array([[0, 1024, 2048, 4095, 5000]], dtype=np.uint16)
    for form in ("PNG", "TIFF"):
        pixels = read_native(encode(deep, form), Picture(side_px=4, grey_range="0-4095")).pixels
        assert pixels.tolist() == [[0, 64, 128, 255, 255]]


def test_a_range_changes_no_picture_of_eight_bits() -> None:
    data = encode(noise("eight bits", 20, 30, 3))
    narrow = Picture(side_px=16, grey_range="0-4095")
    assert np.array_equal(decode_bytes(data, narrow), decode_bytes(data, COLOUR))


def deep_colour(value: int, channels: int) -> bytes:
    """Return a 16-bit PNG of one value in 2 (grey and alpha), 3 or 4 channels."""
    rows = (b"\0" + struct.pack(">H", value) * channels * 4) * 4
    kind = {2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", 4, 4, 16, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_sixteen_bit_colour_is_read_unless_its_range_is_hardly_used(channels: int) -> None:
    assert set(native(deep_colour(40_000, channels)).ravel()) == {156}
    assert set(native(deep_colour(0, channels)).ravel()) == {0}
    with pytest.raises(ImageError, match="16-bit colour uses 13 bits or fewer"):
        native(deep_colour(4095, channels))


def test_a_sixteen_bit_tiff_whose_zero_is_white_is_turned() -> None:
    deep = gradient().astype(np.uint16) * 257
    data = encode(Image.fromarray(deep), "TIFF", tiffinfo={262: 0})
    assert np.array_equal(native(data), 255 - gradient())


@pytest.mark.parametrize(
    ("image", "used"),
    [
        (np.array([[0, 7, 4000]], dtype=np.uint16), "7-4000"),
        (np.array([[0, 0]], dtype=np.uint16), ""),
        (gradient(), ""),
        (noise("colour", 4, 4, 3), ""),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_the_range_in_use_is_read_off_sixteen_bit_grey(
    image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], used: str, form: str
) -> None:
    assert grey_in_use(encode(image, form)) == used


def test_a_palette_is_looked_up() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    assert native(encode(image)).tolist() == [[[10, 20, 30], [200, 100, 50]]]


def test_a_grey_palette_is_grey() -> None:
    assert np.array_equal(native(encode(Image.fromarray(gradient()).convert("P"))), gradient())


def test_one_bit_is_black_and_white() -> None:
    image = Image.fromarray(np.array([[0, 255]], dtype=np.uint8)).convert("1")
    assert native(encode(image)).tolist() == [[0, 255]]


@pytest.mark.parametrize("alpha", [0, 128, 255, None], ids=["0", "128", "255", "the grey"])
def test_alpha_is_dropped_whatever_it_holds(alpha: int | None) -> None:
    grey = gradient()
    layer = grey if alpha is None else np.full_like(grey, alpha)
    assert np.array_equal(native(encode(np.dstack([grey, grey, grey, layer]))), grey)


def test_alpha_beside_grey_is_dropped() -> None:
    grey = Image.fromarray(gradient())
    grey.putalpha(7)
    assert np.array_equal(native(encode(grey)), gradient())


def test_cmyk_jpeg_comes_out_as_the_colours_it_was_made_from() -> None:
    image = Image.new("RGB", (32, 32), (200, 80, 40))
    seen = native(encode(image.convert("CMYK"), "JPEG", quality=95))
    assert np.abs(seen.reshape(-1, 3).astype(int) - (200, 80, 40)).max() <= 4


def test_a_cmyk_jpeg_with_adobes_marker_is_not_inverted() -> None:
    data = encode(Image.new("CMYK", (32, 32), (0, 0, 0, 0)), "JPEG")
    assert b"Adobe" in data
    assert native(data).min() >= 250


@pytest.mark.parametrize(
    ("orientation", "corner"),
    [(1, "tl"), (2, "tr"), (3, "br"), (4, "bl"), (5, "tl"), (6, "tr"), (7, "br"), (8, "bl")],
)
def test_exif_orientation_is_applied(orientation: int, corner: str) -> None:
    stored = np.zeros((8, 12), dtype=np.uint8)
    stored[0, 0] = 255
    seen = native(with_orientation(Image.fromarray(stored), orientation))
    corners = {"tl": (0, 0), "tr": (0, -1), "bl": (-1, 0), "br": (-1, -1)}
    assert seen[corners[corner]] == 255
    assert seen.shape == ((8, 12) if orientation < 5 else (12, 8))


def test_the_size_is_that_of_the_turned_picture() -> None:
    found = read_native(with_orientation(Image.fromarray(gradient(12, 8)), 6), COLOUR)
    assert (found.width, found.height) == (8, 12)


@pytest.mark.parametrize("form", ["GIF", "TIFF", "PNG", "WEBP"])
def test_a_stack_of_pictures_is_refused(form: str) -> None:
    frames = [Image.fromarray(noise(f"frame {number}", 20, 20, 3)) for number in range(2)]
    data = encode(frames[0], form, save_all=True, append_images=frames[1:])
    with pytest.raises(
        ImageError, match=r"holds several pictures; part them, for example with (tiffsplit|magick)"
    ):
        decode_bytes(data, COLOUR)


def test_a_phone_s_picture_with_a_preview_is_read_as_its_first() -> None:
    frames = [Image.fromarray(gradient()), Image.fromarray(255 - gradient())]
    data = encode(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert np.abs(native(data).astype(int) - gradient()).max() <= 8


def test_real_numbers_are_refused() -> None:
    with pytest.raises(ImageError, match="real numbers without a stated range"):
        decode_bytes(encode(Image.new("F", (4, 4)), "TIFF"), COLOUR)


def test_numbers_beyond_sixteen_bits_are_refused() -> None:
    deep = np.full((4, 4), 70_000, dtype=np.int32)
    with pytest.raises(ImageError, match="outside 0 to 65535"):
        decode_bytes(encode(deep, "TIFF"), COLOUR)


def test_equal_channels_become_one_and_are_repeated() -> None:
    grey = gradient()
    from_colour = decode_bytes(encode(np.dstack([grey, grey, grey])), COLOUR)
    assert np.array_equal(from_colour, decode_bytes(encode(grey), COLOUR))
    assert np.array_equal(from_colour[..., 0], from_colour[..., 2])


def test_a_grey_pipeline_gives_one_channel_by_luminance() -> None:
    data = encode(Image.new("RGB", (8, 8), (255, 0, 0)))
    pixels = decode_bytes(data, GREY)
    assert pixels.shape == (16, 16, 1)
    assert set(pixels.reshape(-1).tolist()) == {76}  # ITU-R 601: 0.299 × 255


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("how", ["stretch", "pad", "crop"])
def test_every_fit_gives_the_square_and_the_channels(how: str, channels: int) -> None:
    pixels = decode_bytes(encode(gradient()), Picture(side_px=10, channels=channels, fit=how))
    assert (pixels.shape, pixels.dtype) == ((10, 10, channels), np.dtype(np.uint8))
    assert pixels.flags.c_contiguous


def test_stretching_keeps_all_of_the_picture() -> None:
    pixels = decode_bytes(encode(gradient(60, 20)), Picture(side_px=20, fit="stretch"))
    assert pixels[0, 0, 0] < 10
    assert pixels[0, -1, 0] > 245


def test_padding_keeps_the_proportions_and_adds_black() -> None:
    pixels = decode_bytes(
        encode(np.full((10, 20), 200, dtype=np.uint8)), Picture(side_px=20, fit="pad")
    )
    assert pixels[:5].max() == pixels[15:].max() == 0
    assert pixels[5:15].min() == 200


def test_cropping_keeps_the_middle() -> None:
    wide = np.zeros((10, 30), dtype=np.uint8)
    wide[:, 10:20] = 200
    assert decode_bytes(encode(wide), Picture(side_px=10, fit="crop")).min() == 200


def test_reducing_averages_every_pixel() -> None:
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    pixels = decode_bytes(encode(board), Picture(side_px=8))
    assert np.abs(pixels.astype(int) - 128).max() <= 4


def test_a_large_jpeg_read_reduced_is_the_full_one_but_for_a_few_levels() -> None:
    smooth = Image.fromarray(noise("smooth", 40, 40)).resize((1600, 1200), Image.Resampling.BICUBIC)
    data = encode(smooth, "JPEG", quality=90)
    picture = Picture(side_px=100)
    reduced = read_native(data, picture)
    full = array_native(np.asarray(Image.open(io.BytesIO(data))))
    assert reduced.pixels.shape == (300, 400)
    assert (reduced.width, reduced.height) == (1600, 1200)
    difference = np.abs(fit(reduced, picture).astype(int) - fit(full, picture))
    assert difference.mean() < 0.5
    assert difference.max() <= 4


def test_a_jpeg_less_than_four_times_the_square_is_read_in_full() -> None:
    data = encode(noise("jpeg", 300, 300), "JPEG")
    assert read_native(data, Picture(side_px=100)).pixels.shape == (300, 300)


def test_arrays_are_brought_to_the_same_pixels_as_files() -> None:
    pixels = noise("array", 30, 20, 3)
    assert np.array_equal(decode_array(pixels, COLOUR), decode_bytes(encode(pixels), COLOUR))


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (8, 8, 3), (8, 8, 4)])
def test_arrays_may_have_these_shapes(shape: tuple[int, ...]) -> None:
    assert decode_array(noise("shape", *shape), COLOUR).shape == (16, 16, 3)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((8, 8)),
        np.zeros((8, 8, 2), np.uint8),
        np.zeros(8, np.uint8),
        np.zeros((0, 8), np.uint8),
    ],
    ids=["floats", "two channels", "a row", "empty"],
)
def test_other_arrays_are_refused(array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    with pytest.raises(ImageError, match="pixels must"):
        decode_array(array, COLOUR)


def test_the_limit_on_pixels_is_stated_in_the_message() -> None:
    flat = np.broadcast_to(np.uint8(0), (8_001, 8_000))
    with pytest.raises(ImageError, match=f"more than {MAX_PIXELS:,}"):
        decode_array(flat, COLOUR)


def test_threads_at_once_leave_the_warning_filters_as_they_were() -> None:
    before = list(warnings.filters)
    start = threading.Barrier(4)

    def decode_some(number: int) -> None:
        start.wait()
        for _ in range(20):
            decode_bytes(encode(noise(f"thread {number}", 30, 30, 3)), COLOUR)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(decode_some, range(4)))
    assert list(warnings.filters) == before
