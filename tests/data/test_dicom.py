"""DICOM: stored values become modality units, units a window, and identifiers stay hidden."""

import io
import logging
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from benchmark.data.decoding import decode_bytes, read_native
from benchmark.data.dicom import read_dicom, read_tags
from benchmark.data.quiet import quiet
from benchmark.data.windowing import check_window
from benchmark.errors import ImageError, UsageError
from benchmark.records import Picture
from tests.data.pictures import dicom, encode, gradient, noise

HU = dict[str, Any](Modality="CT", RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU")
WINDOW: dict[str, Any] = {"WindowCenter": 40, "WindowWidth": 400}


def shown(values: list[int], window: str = "file", **tags: Any) -> list[int]:
    """Return the grey levels that a row of stored values is shown with."""
    data = dicom(np.array([values], dtype=np.int16), **tags)
    picture = Picture(side_px=4, window=window)
    row: list[int] = read_native(data, picture).pixels[0].tolist()
    return row


def compressed(pixels: npt.NDArray[np.uint8], form: str, syntax: str, **tags: Any) -> bytes:
    from pydicom.encaps import encapsulate

    options = dict[str, Any](quality=95) if form == "JPEG" else dict[str, Any](irreversible=False)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, no_jp2=True, **options)
    return dicom(pixels, syntax, PixelData=encapsulate([out.getvalue()]), **tags)


def test_the_files_own_window_is_applied_in_modality_units() -> None:
    hu = [-160, -161, 40, 240, 1000]
    levels = shown([value + 1024 for value in hu], **HU, **WINDOW)
    # DICOM PS3.3 C.11.2.1.2: (x - (c - 0.5)) / (w - 1) + 0.5
    assert levels == [0, 0, round((40 - 39.5) / 399 * 255 + 127.5), 255, 255]


def test_the_rescale_slope_counts() -> None:
    assert shown([0, 50, 100], RescaleSlope=2, RescaleIntercept=0, WindowCenter=100.5,
                 WindowWidth=201) == [0, 128, 255]  # fmt: skip


@pytest.mark.parametrize(
    ("window", "low", "high"),
    [("lung", -1350, 150), ("mediastinum", -125, 225), ("bone", -500, 1300), ("0,100", -50, 50)],
)
def test_a_window_in_hu_overrules_the_files_own(window: str, low: int, high: int) -> None:
    stored = [each + 1024 for each in (low - 9, low, (low + high) // 2, high, high + 9)]
    assert shown(stored, window, **HU, **WINDOW) == [0, 0, 128, 255, 255]


def test_an_hu_window_needs_hu() -> None:
    with pytest.raises(ImageError, match="needs a CT image with a rescale slope, and this is none"):
        shown([1, 2], "lung", Modality="DX")


@pytest.mark.parametrize("window", ["liver", "40", "40,0", "40,-3", "a,b", "40,400,1", ""])
def test_a_window_must_be_known_or_a_center_and_a_width(window: str) -> None:
    with pytest.raises(UsageError, match="window must be file, lung, mediastinum, bone"):
        check_window(window)


def test_without_a_window_the_range_of_the_image_is_shown() -> None:
    assert shown([-100, 0, 100]) == [0, 128, 255]


def test_padding_does_not_count_for_the_range() -> None:
    assert shown([-2000, 0, 100, 50], PixelPaddingValue=-2000) == [0, 0, 255, 128]


def test_a_constant_image_is_black_not_an_error() -> None:
    assert shown([7, 7]) == [0, 0]


def test_monochrome1_is_inverted() -> None:
    plain = shown([0, 25, 100], **WINDOW)
    inverted = shown([0, 25, 100], PhotometricInterpretation="MONOCHROME1", **WINDOW)
    assert np.abs(np.add(plain, inverted) - 255).max() <= 1


def test_the_first_of_several_windows_is_taken() -> None:
    one = shown([0, 50, 100], WindowCenter=40, WindowWidth=80)
    assert shown([0, 50, 100], WindowCenter=[40, 500], WindowWidth=[80, 9]) == one


def test_an_exact_linear_window_reaches_from_edge_to_edge() -> None:
    tags: dict[str, Any] = {
        "WindowCenter": 50,
        "WindowWidth": 100,
        "VOILUTFunction": "LINEAR_EXACT",
    }
    assert shown([0, 50, 100], **tags) == [0, 128, 255]


def test_a_sigmoid_window_is_half_at_its_center() -> None:
    tags: dict[str, Any] = {"WindowCenter": 50, "WindowWidth": 100, "VOILUTFunction": "SIGMOID"}
    assert shown([-1000, 50, 1000], **tags) == [0, 128, 255]


def test_a_window_of_width_one_is_a_step() -> None:
    assert shown([9, 10, 11], WindowCenter=10.5, WindowWidth=1) == [0, 0, 255]


def test_a_modality_table_is_looked_up() -> None:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    table = Dataset()
    table.LUTDescriptor = [4, 0, 16]
    table.add_new("LUTData", "US", [0, 10, 1000, 500])
    data = dicom(np.array([[0, 1, 2, 3]], dtype=np.uint16), ModalityLUTSequence=Sequence([table]))
    assert read_native(data, Picture(side_px=4)).pixels[0].tolist() == [0, 3, 255, 128]


def test_a_display_table_is_looked_up() -> None:
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    table = Dataset()
    table.LUTDescriptor = [4, 0, 8]
    table.add_new("LUTData", "US", [255, 200, 100, 0])
    data = dicom(np.array([[0, 1, 2, 3]], dtype=np.uint16), VOILUTSequence=Sequence([table]))
    assert read_native(data, Picture(side_px=4)).pixels[0].tolist() == [255, 200, 100, 0]


def test_colour_is_read_exactly() -> None:
    pixels = noise("dicom", 6, 5, 3)
    assert np.array_equal(read_native(dicom(pixels), Picture(side_px=4)).pixels, pixels)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"])
def test_uncompressed_syntaxes_are_read(syntax: str) -> None:
    data = dicom(gradient(), syntax, WindowCenter=128, WindowWidth=256)
    assert np.array_equal(read_native(data, Picture(side_px=4)).pixels, gradient())


def test_jpeg_baseline_is_read_within_its_loss() -> None:
    data = compressed(gradient(), "JPEG", "1.2.840.10008.1.2.4.50")
    assert np.abs(read_native(data, Picture(side_px=4)).pixels.astype(int) - gradient()).max() <= 6


def test_jpeg_2000_lossless_is_read_exactly() -> None:
    data = compressed(gradient(), "JPEG2000", "1.2.840.10008.1.2.4.90")
    assert np.array_equal(read_native(data, Picture(side_px=4)).pixels, gradient())


def test_rle_is_read_exactly() -> None:
    from pydicom import dcmread
    from pydicom.uid import RLELossless

    file = dcmread(io.BytesIO(dicom(gradient())))
    file.compress(RLELossless)
    out = io.BytesIO()
    file.save_as(out)
    assert np.array_equal(read_native(out.getvalue(), Picture(side_px=4)).pixels, gradient())


def test_a_compressed_picture_of_another_size_than_the_header_s_is_refused() -> None:
    data = compressed(gradient(), "JPEG", "1.2.840.10008.1.2.4.50", Rows=2, Columns=2)
    with pytest.raises(ImageError, match=r"its header says \(2, 2\), its compressed picture"):
        decode_bytes(data, Picture(side_px=4))


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"NumberOfFrames": 3}, "holds 3 pictures"),
        ({"PixelData": None}, "without a picture"),
        ({"PhotometricInterpretation": "CIELAB"}, "CIELAB cannot be read"),
        ({"Rows": 60000, "Columns": 60000}, "60000 × 60000 pixels"),
        ({"Rows": 0}, "40 × 0 pixels"),
        ({"Rows": 31}, "pixels are cut short: 1,200 of 1,240 bytes"),
        ({"Rows": None, "Columns": None}, "does not state Rows and Columns"),
        ({"WindowCenter": 3, "WindowWidth": -1}, "width must be above 0"),
        ({"RescaleSlope": "1e38", "RescaleIntercept": "1e38"}, "not numbers"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_what_cannot_be_shown_is_refused_with_its_reason(tags: dict[str, Any], reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        decode_bytes(dicom(gradient(), **tags), Picture(side_px=4))


def test_a_header_tells_patient_study_and_modality() -> None:
    told = read_tags(dicom(gradient(), PatientID="007", StudyInstanceUID="1.2.3", Modality="CT"))
    assert (told.patient, told.study, told.modality) == ("007", "1.2.3", "CT")
    told = read_tags(dicom(gradient()))
    assert (told.patient, told.study, told.modality) == ("", "", "")


@pytest.mark.parametrize(
    ("tags", "has_hu", "has_window"),
    [
        ({}, False, False),
        (HU, True, False),
        ({**HU, **WINDOW}, True, True),
        ({**HU, "WindowCenter": "", "WindowWidth": ""}, True, False),
        ({"Modality": "CT"}, False, False),
        (WINDOW, False, True),
    ],
)
def test_a_header_tells_whether_a_window_is_lacking(
    tags: dict[str, Any], has_hu: bool, has_window: bool
) -> None:
    told = read_tags(dicom(gradient(), **tags))
    assert (told.has_hu, told.has_window) == (has_hu, has_window)


NAME = "Doe^Jane^" + "x" * 80  # longer than DICOM allows, so that pydicom remarks on it


def doubtful() -> bytes:
    """Return a file whose identifiers and pixels pydicom warns of, quoting some of them."""
    with quiet():
        return dicom(
            gradient(), PatientID=NAME, StudyInstanceUID="1.2.secret", Modality="SECRET modality",
            PixelData=gradient().tobytes() + bytes(64),
        )  # fmt: skip


@pytest.mark.parametrize("read", [read_tags, lambda data: read_dicom(data, "file", 10**6)])
def test_what_pydicom_says_of_a_file_reaches_neither_screen_nor_log(
    read: Callable[[bytes], object], caplog: pytest.LogCaptureFixture
) -> None:
    data = doubtful()
    caplog.clear()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        read(data)
    assert [str(each.message) for each in said] == []
    assert caplog.records == []


def test_pydicom_is_heard_again_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    read_tags(doubtful())
    caplog.clear()
    logging.getLogger("pydicom").warning("heard")
    assert caplog.messages == ["heard"]


def test_pydicoms_own_words_are_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ValueError("cannot read 'Doe^Jane'")

    monkeypatch.setattr("pydicom.dcmread", fail)
    for read in (read_tags, lambda data: read_dicom(data, "file", 10**6)):
        with pytest.raises(ImageError, match="DICOM") as caught:
            read(dicom(gradient()))
        assert "Doe" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "tags",
    [
        {"WindowCenter": "", "WindowWidth": ""},
        {"WindowCenter": 40, "WindowWidth": ""},
        {"PixelPaddingValue": ""},
        {"RescaleSlope": "", "RescaleIntercept": ""},
        {"NumberOfFrames": ""},
        {"VOILUTFunction": ""},
    ],
    ids=" ".join,
)
def test_a_tag_without_a_value_is_as_good_as_absent(tags: dict[str, Any]) -> None:
    assert shown([-100, 0, 100], **tags) == [0, 128, 255]


def test_reading_other_pictures_imports_no_pydicom() -> None:
    code = (
        "import sys; from benchmark.data.decoding import decode_bytes;"
        "from benchmark.records import Picture;"
        "decode_bytes(sys.stdin.buffer.read(), Picture(side_px=4));"
        "assert not any(name.startswith('pydicom') for name in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=encode(gradient()), timeout=60)
    assert done.returncode == 0
