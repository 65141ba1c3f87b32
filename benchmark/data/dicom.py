"""Read DICOM files: stored values → modality units (HU) → window → 8 bits, bones bright.

The registered model carries this file beside `decoding.py`. pydicom is imported when a DICOM file
is met, so that a machine which serves PNG files only can do without it.

Without a window in the file, the image's own range from darkest to brightest is taken, its padding
left out: the habit of DICOM viewers.
"""

import io
import logging
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import ImageError, UsageError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# Centre and width in HU, as radiology teaches them: https://doi.org/10.53347/rID-52108
WINDOWS = {"lung": (-600.0, 1500.0), "mediastinum": (50.0, 350.0), "bone": (400.0, 1800.0)}

_PREAMBLE = 132
_SYNTAXES = {
    "1.2.840.10008.1.2": "implicit little endian",
    "1.2.840.10008.1.2.1": "explicit little endian",
    "1.2.840.10008.1.2.2": "explicit big endian",
    "1.2.840.10008.1.2.5": "RLE",
    "1.2.840.10008.1.2.4.50": "JPEG baseline",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 lossless",
}
_NEEDED = ("Rows", "Columns", "PhotometricInterpretation")
_GREY = {"MONOCHROME1", "MONOCHROME2"}
_COLOUR = {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"}
_PAIR = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*,\s*(\d+(?:\.\d+)?)\s*")


def is_dicom(data: bytes) -> bool:
    """Tell whether bytes begin as a DICOM file: a preamble of 128 bytes, then `DICM`."""
    return data[_PREAMBLE - 4 : _PREAMBLE] == b"DICM"


def check_window(window: str) -> tuple[float, float] | None:
    """Return a window's centre and width in HU, None for the file's own.

    Raises:
        UsageError: it is no preset, no pair of numbers, or its width is not above 0.
    """
    if window == "file":
        return None
    if window in WINDOWS:
        return WINDOWS[window]
    pair = _PAIR.fullmatch(window)
    if pair is None or float(pair[2]) <= 0:
        raise UsageError(
            f"window must be file, {', '.join(WINDOWS)} or CENTER,WIDTH in HU, not {window!r}."
        )
    return float(pair[1]), float(pair[2])


def read_dicom(data: bytes, window: str, max_pixels: int) -> tuple[npt.NDArray[np.uint8], str]:
    """Decode a DICOM file of one picture: (h, w) or (h, w, 3) uint8, and how it is photometric.

    A picture of more than `max_pixels` is refused before its pixels are touched.

    Raises:
        ImageError: it cannot be decoded, holds several pictures, or has no HU for an HU window.
    """
    wanted = check_window(window)
    try:
        with quiet():
            file = _parse(data)
            photometric = _check(file, max_pixels)
            if photometric in _COLOUR:
                return _colour(file), photometric
            return _windowed(file, wanted, photometric), photometric
    except ImageError:
        raise
    except ImportError as error:
        raise ImageError("it is a DICOM file; reading it needs the package pydicom.") from error
    except Exception as error:  # noqa: BLE001 - on hostile bytes a parser may raise anything
        # Its message may quote any tag, a patient's name among them; so it goes no further.
        raise ImageError(
            f"its DICOM contents cannot be decoded ({type(error).__name__})."
        ) from None


def read_tags(data: bytes) -> tuple[str, str]:
    """Return what tells patients apart (patient or study identifier, maybe empty) and the modality.

    The identifier is for grouping only: hash it at once, never store or show it.

    Raises:
        ImageError: the header cannot be parsed.
    """
    try:
        with quiet():
            file = _parse(data, header_only=True)
            patient = str(file.get("PatientID") or file.get("StudyInstanceUID") or "").strip()
            return patient, str(file.get("Modality") or "")
    except ImageError:
        raise
    except ImportError as error:
        raise ImageError("it is a DICOM file; reading it needs the package pydicom.") from error
    except Exception:  # noqa: BLE001 - as above
        raise ImageError("its DICOM header cannot be read.") from None


def _parse(data: bytes, *, header_only: bool = False) -> "Dataset":
    from pydicom import dcmread
    from pydicom.filereader import read_dataset

    header = io.BytesIO(data)
    header.seek(_PREAMBLE)  # then group 2, always explicit little endian
    meta = read_dataset(
        header,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, _vr, _length: tag.group != 2,
    )
    syntax = str(meta.get("TransferSyntaxUID", ""))
    if syntax not in _SYNTAXES:
        # The deflated syntax is refused with the rest: pydicom inflates it without a limit.
        raise ImageError(
            f"its DICOM transfer syntax {syntax or 'is not stated'} cannot be read; "
            "convert it, for example with gdcmconv --raw."
        )
    return dcmread(io.BytesIO(data), stop_before_pixels=header_only)


def _check(file: "Dataset", max_pixels: int) -> str:
    """Hold a header to what can be read; return its photometric interpretation."""
    if not _holds(file, "PixelData"):
        raise ImageError("it is a DICOM file without a picture.")
    if int(file.get("NumberOfFrames", 1) or 1) != 1:
        raise ImageError(f"it holds {file.NumberOfFrames} pictures; save one picture a file.")
    lacking = [name for name in _NEEDED if not _holds(file, name)]
    if lacking:
        raise ImageError(f"its DICOM header does not state {' and '.join(lacking)}.")
    rows, columns = int(file.Rows), int(file.Columns)
    if rows < 1 or columns < 1 or rows * columns > max_pixels:
        raise ImageError(f"it has {columns} × {rows} pixels; 1 to {max_pixels:,} can be read.")
    photometric = str(file.PhotometricInterpretation)
    if photometric not in _GREY | _COLOUR:
        raise ImageError(f"its photometric interpretation {photometric} cannot be read.")
    if file.file_meta.TransferSyntaxUID.is_encapsulated:
        _check_stream(file, (columns, rows))
    return photometric


def _holds(file: "Dataset", name: str) -> bool:
    """Tell whether a tag is there with a value: many writers leave tags in and their values out."""
    value = file.get(name)
    return value is not None and (isinstance(value, int | float) or len(value) > 0)


def _check_stream(file: "Dataset", size: tuple[int, int]) -> None:
    """Hold a compressed picture to the header's size, before a decoder allocates for it."""
    from PIL import Image
    from pydicom.encaps import get_frame

    if file.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.5":
        return  # RLE is unpacked to the header's size and no further
    frame = get_frame(file.PixelData, 0, number_of_frames=1)
    with Image.open(io.BytesIO(frame), formats=("JPEG", "JPEG2000")) as image:
        if image.size != size:
            raise ImageError(f"its header says {size}, its compressed picture {image.size}.")


def _colour(file: "Dataset") -> npt.NDArray[np.uint8]:
    pixels: npt.NDArray[Any] = file.pixel_array  # pydicom gives RGB, whatever is stored
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ImageError(f"colour must be stored with 8 bits, not {pixels.dtype}.")
    return pixels


def _windowed(
    file: "Dataset", window: tuple[float, float] | None, photometric: str
) -> npt.NDArray[np.uint8]:
    stored = file.pixel_array
    if stored.ndim != 2:
        raise ImageError(f"a grey picture must have two dimensions, not {stored.ndim}.")
    values = _rescaled(stored, file)
    if not np.isfinite(values).all():
        raise ImageError("its values are not numbers after rescaling.")
    if window is not None:
        shown = _scaled(values, *_hu(file, window))
    else:
        shown = _by_file(values, stored, file)
    if photometric == "MONOCHROME1":
        np.subtract(1, shown, out=shown)
    shown *= 255
    return np.round(shown, out=shown).astype(np.uint8)


def _rescaled(stored: npt.NDArray[Any], file: "Dataset") -> npt.NDArray[np.float32]:
    """Return the values in modality units, by table or slope, in an array of our own.

    pydicom's own function would take 64-bit numbers, and with them twice the memory.
    """
    from pydicom.pixels import apply_modality_lut

    if file.get("ModalityLUTSequence"):
        return np.array(apply_modality_lut(stored, file), dtype=np.float32)
    values = stored.astype(np.float32)
    with np.errstate(all="ignore"):  # what overflows is refused by its value, not by a warning
        values *= float(file.get("RescaleSlope", 1) or 1)
        values += float(file.get("RescaleIntercept", 0) or 0)
    return values


def _hu(file: "Dataset", window: tuple[float, float]) -> tuple[float, float]:
    """Return the bounds of a window in HU, if the file's values are HU."""
    if str(file.get("Modality", "")) != "CT" or not _holds(file, "RescaleSlope"):
        raise ImageError("an HU window needs a CT image with a rescale slope; use --window file.")
    center, width = window
    return center - width / 2, center + width / 2


def _by_file(
    values: npt.NDArray[np.float32], stored: npt.NDArray[Any], file: "Dataset"
) -> npt.NDArray[np.float32]:
    """Apply the file's own VOI table or window, or without one its range; return 0 to 1."""
    from pydicom.pixels import apply_voi

    if file.get("VOILUTSequence"):
        table = np.asarray(apply_voi(values.astype(np.int64), file), dtype=np.float32)
        bits = int(file.VOILUTSequence[0].LUTDescriptor[2])
        return _scaled(table, 0, 2**bits - 1)
    if _holds(file, "WindowCenter") and _holds(file, "WindowWidth"):
        return _by_window(values, _first(file.WindowCenter), _first(file.WindowWidth), file)
    kept = values
    if _holds(file, "PixelPaddingValue"):
        inside = values[stored != int(file.PixelPaddingValue)]
        kept = inside if inside.size else values
    return _scaled(values, float(kept.min()), float(kept.max()))


def _by_window(
    values: npt.NDArray[np.float32], center: float, width: float, file: "Dataset"
) -> npt.NDArray[np.float32]:
    """Apply a window as DICOM PS3.3 C.11.2 defines its three functions; return 0 to 1."""
    function = str(file.get("VOILUTFunction", "") or "LINEAR")
    if width <= 0:
        raise ImageError(f"its window width must be above 0, not {width:g}.")
    if function == "SIGMOID":
        steepness = np.clip(-4 * (values - center) / width, -80, 80)
        return np.asarray(1 / (1 + np.exp(steepness)), dtype=np.float32)
    if function == "LINEAR_EXACT":
        return _scaled(values, center - width / 2, center + width / 2)
    middle = center - 0.5
    if width <= 1:
        return (values > middle).astype(np.float32)
    return _scaled(values, middle - (width - 1) / 2, middle + (width - 1) / 2)


def _first(value: Any) -> float:
    """Return the first of several windows: the one a viewer shows when the file is opened."""
    return float(value if isinstance(value, int | float | str) else value[0])


def _scaled(values: npt.NDArray[np.float32], low: float, high: float) -> npt.NDArray[np.float32]:
    """Map low to 0 and high to 1 in place, clipping what lies outside."""
    if high <= low:
        values[:] = 0
        return values
    values -= low
    values /= high - low
    return np.clip(values, 0, 1, out=values)


_SPEAKERS = (r"PIL\.", r"pydicom\.", r".*\bdata\.dicom$")
_LOG = "pydicom"


class _Quiet:
    """Counts who wants quiet, whichever threads decode at once.

    `warnings.catch_warnings` alone restores the wrong filters when threads overlap.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._inside = 0
        self._saved = warnings.catch_warnings()
        self._propagated = True

    def enter(self) -> None:
        with self._guard:
            self._inside += 1
            if self._inside > 1:
                return
            self._saved = warnings.catch_warnings()
            self._saved.__enter__()
            for speaker in _SPEAKERS:
                warnings.filterwarnings("ignore", module=speaker)
            log = logging.getLogger(_LOG)
            # Not its level: pydicom's modules have loggers below this one, with their own.
            self._propagated, log.propagate = log.propagate, False

    def leave(self) -> None:
        with self._guard:
            self._inside -= 1
            if self._inside == 0:
                self._saved.__exit__(None, None, None)
                logging.getLogger(_LOG).propagate = self._propagated


_quietness = _Quiet()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the warnings and logs of Pillow and pydicom back for a while, in all threads."""
    _quietness.enter()
    try:
        yield
    finally:
        _quietness.leave()
