"""DICOM: what surrounds a picture counts for no range, and is black however it is shown."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from benchmark.data.decoding import read_native
from benchmark.errors import ImageError
from benchmark.records import Picture
from tests.data.pictures import dicom

CT = dict[str, Any](Modality="CT", RescaleSlope=1, RescaleIntercept=0)
BOTH = pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])


def shown(
    values: list[int], window: str = "file", dtype: npt.DTypeLike = np.int16, **tags: Any
) -> list[int]:
    data = dicom(np.array([values], dtype=dtype), **tags)
    row: list[int] = read_native(data, Picture(side_px=4, window=window)).pixels[0].tolist()
    return row


def of(levels: list[int], photometric: str) -> list[int]:
    """Return levels as MONOCHROME2 shows them, or turned."""
    return levels if photometric == "MONOCHROME2" else [255 - level for level in levels]


@BOTH
def test_one_value_is_padding(photometric: str) -> None:
    levels = shown(
        [-2000, 0, 100, 20], PixelPaddingValue=-2000, PhotometricInterpretation=photometric
    )
    assert levels == [0, *of([0, 255, 51], photometric)]


@BOTH
def test_a_range_of_values_is_padding_in_either_order(photometric: str) -> None:
    for value, limit in ((-2000, -1500), (-1500, -2000)):
        levels = shown(
            [-2000, -1750, -1500, 0, 100], PhotometricInterpretation=photometric,
            PixelPaddingValue=value, PixelPaddingRangeLimit=limit,
        )  # fmt: skip
        assert levels == [0, 0, 0, *of([0, 255], photometric)]


@BOTH
def test_padding_brighter_than_the_picture_is_black_too(photometric: str) -> None:
    levels = shown(
        [0, 100, 4095], PixelPaddingValue=4095, dtype=np.uint16,
        PhotometricInterpretation=photometric,
    )  # fmt: skip
    assert levels == [*of([0, 255], photometric), 0]


@BOTH
def test_padding_is_black_in_the_files_own_window(photometric: str) -> None:
    levels = shown(
        [-2000, 0, 100, 5000], PixelPaddingValue=5000, PhotometricInterpretation=photometric,
        WindowCenter=50, WindowWidth=100, VOILUTFunction="LINEAR_EXACT",
    )  # fmt: skip
    assert levels == [*of([0, 0, 255], photometric), 0]


@BOTH
def test_padding_is_black_in_a_window_of_hu(photometric: str) -> None:
    levels = shown(
        [3000, -50, 50], "0,100", PixelPaddingValue=3000, PhotometricInterpretation=photometric,
        **CT,
    )  # fmt: skip
    assert levels == [0, *of([0, 255], photometric)]


@BOTH
def test_padding_is_black_behind_a_display_table(photometric: str) -> None:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    table = Dataset()
    table.LUTDescriptor = [4, 0, 8]
    table.add_new("LUTData", "US", [255, 200, 100, 0])
    levels = shown(
        [0, 1, 2, 3], dtype=np.uint16, VOILUTSequence=Sequence([table]), PixelPaddingValue=0,
        PhotometricInterpretation=photometric,
    )  # fmt: skip
    assert levels == [0, *of([200, 100, 0], photometric)]


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_padding_written_as_if_unsigned_is_found(syntax: str) -> None:
    from io import BytesIO

    from pydicom import dcmread

    file = dcmread(BytesIO(dicom(np.array([[-2000, 0, 100]], dtype=np.int16))))
    file.add_new("PixelPaddingValue", "US", 65536 - 2000)
    file.file_meta.TransferSyntaxUID = syntax
    out = BytesIO()
    file.save_as(out, implicit_vr=syntax.endswith("1.2"), little_endian=True)
    pixels = read_native(out.getvalue(), Picture(side_px=4)).pixels
    assert pixels.tolist() == [[0, 0, 255]]


def test_padding_of_unsigned_pixels_written_as_if_signed_is_found() -> None:
    assert shown([63536, 0, 100], dtype=np.uint16, PixelPaddingValue=63536) == [0, 0, 255]


def test_padding_that_no_pixel_has_changes_nothing() -> None:
    assert shown([0, 50, 100], PixelPaddingValue=-2000) == [0, 128, 255]


def test_a_picture_of_nothing_but_padding_is_refused() -> None:
    with pytest.raises(ImageError, match="all its pixels are padding"):
        shown([7, 7], PixelPaddingValue=7)


@BOTH
@pytest.mark.parametrize("mark", [-2000, -3024])
def test_the_mark_outside_a_ct_s_circle_is_padding_without_a_tag(
    mark: int, photometric: str
) -> None:
    levels = shown([mark, mark, -1000, 1000, -200], PhotometricInterpretation=photometric, **CT)
    assert levels == [0, 0, *of([0, 255, 102], photometric)]


def test_values_that_dark_are_no_mark_where_they_differ() -> None:
    assert shown([-2000, -1800, 0], **CT) == [0, 26, 255]


def test_values_that_dark_are_no_mark_where_they_are_no_hu() -> None:
    assert shown([-2000, 0, 2000], Modality="DX") == [0, 128, 255]
