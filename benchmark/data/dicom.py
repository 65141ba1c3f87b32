"""Read DICOM files: from bytes to a picture of 8 bits, and to what tells patients apart.

The registered model carries this file beside `decoding.py`. pydicom is imported when a DICOM file
is met, so that a machine which serves PNG files only can do without it. What compressed transfer
syntaxes can be read depends on the decoders that are installed beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from ..errors import ImageError
from .dicom_files import check_stream, missing_decoder, parse
from .quiet import quiet
from .windowing import check_window, has_hu, has_window, holds, show

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DECODERS = ("pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pylibjpeg-rle", "python-gdcm", "pyjpegls")
"""Packages that read compressed transfer syntaxes, and that nothing else here needs."""

_NEEDED = ("Rows", "Columns", "PhotometricInterpretation")
_GREY = {"MONOCHROME1", "MONOCHROME2"}
_COLOUR = {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"}
_WHOLE = _GREY | {"RGB", "YBR_FULL"}  # a value for each pixel, uncompressed
_OTHER = {"PALETTE COLOR", "HSV", "ARGB", "CMYK", "XYB", "CIELAB", "YBR_PARTIAL_420"}

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """What a DICOM header says beside its picture.

    Attributes:
        patient: PatientID, empty where there is none: for grouping only; hash it at once, never
            store or show it.
        study: StudyInstanceUID, likewise.
        modality: `CT`, `DX`, ...
        has_window: whether the file says how it is to be shown, by a window or a table.
        has_hu: whether its values are HU, so that a window in HU can be applied.
    """

    patient: str
    study: str
    modality: str
    has_window: bool
    has_hu: bool


def read_dicom(data: bytes, window: str, max_pixels: int) -> tuple[npt.NDArray[np.uint8], str]:
    """Decode a DICOM file of one picture: (h, w) or (h, w, 3) uint8, and how it is photometric.

    A picture of more than `max_pixels` is refused before its pixels are touched.

    Raises:
        ImageError: it cannot be decoded, holds several pictures, or has no HU for an HU window.
    """
    wanted = check_window(window)

    def read() -> tuple[npt.NDArray[np.uint8], str]:
        file = parse(data)
        photometric = _check(file, max_pixels)
        stored = _pixels(file)
        if photometric in _COLOUR:
            return _colour(stored), photometric
        return show(stored, file, wanted, photometric), photometric

    return _guarded(read)


def read_tags(data: bytes) -> Tags:
    """Read a DICOM file's header up to its pixels.

    Raises:
        ImageError: the header cannot be parsed.
    """

    def read() -> Tags:
        file = parse(data, header_only=True)
        return Tags(
            patient=_text(file, "PatientID"),
            study=_text(file, "StudyInstanceUID"),
            modality=_text(file, "Modality"),
            has_window=has_window(file),
            has_hu=has_hu(file),
        )

    return _guarded(read)


def count_pixels(data: bytes) -> int:
    """Return how many pixels a DICOM file's picture has, as its header states them.

    Raises:
        ImageError: the header cannot be parsed, or states none.
    """

    def read() -> int:
        file = parse(data, header_only=True)
        return int(file.Rows) * int(file.Columns)

    return _guarded(read)


def decoders() -> tuple[str, ...]:
    """Return which decoders of compressed transfer syntaxes are installed, with their versions."""
    found = []
    for name in DECODERS:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return tuple(found)


def _guarded(read: Callable[[], _Found]) -> _Found:
    """Run what parses hostile bytes, in quiet: all that it raises becomes an `ImageError`."""
    try:
        with quiet():
            return read()
    except ImageError:
        raise
    except ImportError as error:
        raise ImageError("it is a DICOM file; reading it needs the package pydicom.") from error
    except Exception as error:  # noqa: BLE001 - on hostile bytes a parser may raise anything
        # Its message may quote any tag, a patient's name among them; so it goes no further.
        raise ImageError(
            f"its DICOM contents cannot be decoded ({type(error).__name__})."
        ) from None


def _check(file: "Dataset", max_pixels: int) -> str:
    """Hold a header to what can be read; return its photometric interpretation."""
    if not holds(file, "PixelData"):
        raise ImageError("it is a DICOM file without a picture.")
    frames = int(file.get("NumberOfFrames", 1) or 1)
    if frames != 1:
        raise ImageError(
            f"it holds {frames} pictures; save one picture a file, for example with dcm4che's "
            "emf2sf, or as PNG with DCMTK's dcm2img --all-frames."
        )
    lacking = [name for name in _NEEDED if not holds(file, name)]
    if lacking:
        raise ImageError(f"its DICOM header does not state {' and '.join(lacking)}.")
    rows, columns = int(file.Rows), int(file.Columns)
    if rows < 1 or columns < 1 or rows * columns > max_pixels:
        raise ImageError(f"it has {columns} × {rows} pixels; 1 to {max_pixels:,} can be read.")
    photometric = str(file.PhotometricInterpretation)
    if photometric not in _GREY | _COLOUR:
        shown = photometric if photometric in _OTHER else "that its header states"
        raise ImageError(f"the photometric interpretation {shown} cannot be read.")
    stored, last = int(file.get("BitsStored") or 0), int(file.get("HighBit") or 0)
    if stored and last and last != stored - 1:
        raise ImageError(
            f"its {stored} bits end at bit {last}, as very old files have them; "
            "convert it, for example with gdcmconv --raw."
        )
    if file.file_meta.TransferSyntaxUID.is_encapsulated:
        check_stream(file, (columns, rows))
    elif photometric in _WHOLE:
        _check_length(file, rows * columns)
    return photometric


def _check_length(file: "Dataset", pixels: int) -> None:
    bits = pixels * int(file.get("SamplesPerPixel") or 1) * int(file.get("BitsAllocated") or 0)
    if len(file.PixelData) < bits // 8:
        raise ImageError(
            f"its pixels are cut short: {len(file.PixelData):,} of {bits // 8:,} bytes."
        )


def _pixels(file: "Dataset") -> npt.NDArray[Any]:
    """Return the stored values, (h, w), or (h, w, 3) as RGB."""
    try:
        pixels: npt.NDArray[Any] = file.pixel_array
    except RuntimeError as error:  # pydicom's word for decoders that all have failed
        missing = missing_decoder(str(file.file_meta.TransferSyntaxUID))
        remedy = f", or needs another decoder: {missing}" if missing else "."
        raise ImageError(f"its compressed picture is damaged{remedy}") from error
    return pixels


def _colour(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ImageError(f"colour must be stored with 8 bits, not {pixels.dtype}.")
    return pixels


def _text(file: "Dataset", name: str) -> str:
    return str(file.get(name) or "").strip().strip("\0")
