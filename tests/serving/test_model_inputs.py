import base64

import numpy as np
import pandas as pd
import pytest

from benchmark.errors import DataError, ImageError
from benchmark.records import Picture
from benchmark.serving.model import rows_of
from tests.data.pictures import pixels_of

from .conftest import encoded, png

PICTURE = Picture(side_px=16)


def test_a_tables_image_column_is_read_whatever_its_index_begins_at() -> None:
    table = pd.DataFrame({"image": ["a", "b"], "other": [1, 2]}, index=[7, 9])
    assert rows_of(table) == ["a", "b"]


def test_a_batch_of_arrays_is_one_row_an_image() -> None:
    assert len(rows_of(np.zeros((5, 8, 9, 3), np.uint8))) == 5
    assert len(rows_of(np.zeros((4, 8, 9), np.uint8))) == 4


def test_a_single_colour_array_is_one_row() -> None:
    assert len(rows_of(np.zeros((8, 9, 3), np.uint8))) == 1


def test_a_table_without_the_column_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"must have a column 'image'; it has: picture\."):
        rows_of(pd.DataFrame({"picture": ["a"]}))


def test_a_number_is_no_input() -> None:
    with pytest.raises(DataError, match="not int"):
        rows_of(3)


def test_bytes_base64_and_a_data_url_give_the_same_pixels() -> None:
    file = png(1)
    from_bytes = pixels_of(file, PICTURE)
    assert from_bytes.shape == (16, 16, 3)
    np.testing.assert_array_equal(from_bytes, pixels_of(encoded(file), PICTURE))
    url = "data:image/png;base64," + base64.encodebytes(file).decode("ascii")
    np.testing.assert_array_equal(from_bytes, pixels_of(url, PICTURE))


def test_whole_numbers_of_any_type_give_the_pixels_of_uint8() -> None:
    image = np.random.default_rng(3).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    expected = pixels_of(image, PICTURE)
    np.testing.assert_array_equal(expected, pixels_of(image.astype(np.float32), PICTURE))
    np.testing.assert_array_equal(expected, pixels_of(image.tolist(), PICTURE))
    np.testing.assert_array_equal(expected, pixels_of(image.astype(object), PICTURE))


def test_pixels_scaled_to_one_are_refused() -> None:
    with pytest.raises(ImageError, match="whole numbers from 0 to 255, unscaled"):
        pixels_of(np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8), PICTURE)


def test_pixels_above_255_are_refused() -> None:
    with pytest.raises(ImageError, match="from 0 to 4095"):
        pixels_of(np.array([[0, 4095]], dtype=np.uint16), PICTURE)


def test_ragged_pixels_are_refused() -> None:
    with pytest.raises(ImageError, match="must form a rectangle"):
        pixels_of([[1, 2], [3]], PICTURE)


def test_a_path_is_refused_even_if_the_file_is_there(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("files") / "scan.png"
    path.write_bytes(png(1))
    with pytest.raises(ImageError, match="Paths are not taken"):
        pixels_of(str(path), PICTURE)
    with pytest.raises(ImageError, match="not PosixPath"):
        pixels_of(path, PICTURE)


def test_nothing_is_no_image() -> None:
    with pytest.raises(ImageError, match="not NoneType"):
        pixels_of(None, PICTURE)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"image": {"a": 1}}, "not dict"),
        ({"image": None}, "not NoneType"),
        (pd.DataFrame([["a", "b"]], columns=["image", "image"]), "not DataFrame"),
        ({"image": {1, 2}}, "not set"),
        (["a"] * 1025, "a call may hold 1,024 images, not 1,025"),
        (np.zeros((1025, 2, 2), np.uint8), "a call may hold 1,024 images, not 1,025"),
    ],
)
def test_what_is_no_list_of_images_is_refused(given: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        rows_of(given)


def test_texts_are_not_padded_to_the_longest() -> None:
    """As an array, a thousand texts beside one of 10 MB would take 40 GB."""
    assert len(rows_of(["a"] * 1000 + ["b" * 10_000_000])) == 1001


@pytest.mark.parametrize("image", [[["a"]], [[None]], [[{}]], [[10**400]], [1, 2], [[[[1]]]], []])
def test_lists_that_are_no_pixels_are_refused_in_one_line(image: object) -> None:
    with pytest.raises(ImageError, match=r"^an image's pixels [^\n]*$"):
        pixels_of(image, PICTURE)


@pytest.mark.parametrize("shape", [(1, 64_000_000), (64_000_000, 1), (9000, 9000)])
def test_a_picture_of_too_many_pixels_is_refused_as_an_array(shape: tuple[int, int]) -> None:
    with pytest.raises(ImageError, match="pixels"):
        pixels_of(np.broadcast_to(np.uint8(0), shape), PICTURE)
