"""Show a DICOM file's stored values: modality units (HU) → window → 8 bits, bones bright.

Without a window in the file, the image's own range from darkest to brightest is taken, its padding
left out: the habit of DICOM viewers. Padding is what surrounds a picture and is no part of it; it
is shown black, whatever the window and the photometric interpretation.
"""

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import ImageError, UsageError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# Centre and width in HU, as radiology teaches them: https://doi.org/10.53347/rID-52108
WINDOWS = {"lung": (-600.0, 1500.0), "mediastinum": (50.0, 350.0), "bone": (400.0, 1800.0)}

# chosen, not sourced: air is -1000 HU, the least that 12 bits hold from an intercept of -1024 is
# -1024, and what scanners write round the circle that they saw is -2000 or -3024
_NO_HU = -1500.0
_PAIR = re.compile(r"\s*(-?\d{1,9}(?:\.\d{1,9})?)\s*,\s*(\d{1,9}(?:\.\d{1,9})?)\s*")


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


def show(
    stored: npt.NDArray[Any],
    file: "Dataset",
    window: tuple[float, float] | None,
    photometric: str,
) -> npt.NDArray[np.uint8]:
    """Return the (h, w) uint8 picture of (h, w) stored values.

    Args:
        stored: the values as they stand in the file.
        file: its header.
        window: centre and width in HU, None for the file's own.
        photometric: MONOCHROME1 or MONOCHROME2.

    Raises:
        ImageError: they are no picture, or have no HU for a window in HU.
    """
    if stored.ndim != 2:
        raise ImageError(f"a grey picture must have two dimensions, not {stored.ndim}.")
    values = _rescaled(stored, file)
    if not np.isfinite(values).all():
        raise ImageError("its values are not numbers after rescaling.")
    padding = _padding(stored, values, file)
    if window is not None:
        shown = _scaled(values, *_hu(file, window))
    else:
        shown = _by_file(values, file, padding)
    if photometric == "MONOCHROME1":
        np.subtract(1, shown, out=shown)
    if padding is not None:
        shown[padding] = 0
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


def _padding(
    stored: npt.NDArray[Any], values: npt.NDArray[np.float32], file: "Dataset"
) -> npt.NDArray[np.bool_] | None:
    """Return which pixels surround the picture and are no part of it, None for none of them.

    They are marked by PixelPaddingValue, alone or up to PixelPaddingRangeLimit. Many a CT has a
    mark without the tag: one value, below what any HU can be, outside the circle it saw.
    """
    found = np.zeros(stored.shape, dtype=bool)
    if holds(file, "PixelPaddingValue"):
        first = _as_stored(file.PixelPaddingValue, stored)
        has_limit = holds(file, "PixelPaddingRangeLimit")
        last = _as_stored(file.PixelPaddingRangeLimit, stored) if has_limit else first
        found = (stored >= min(first, last)) & (stored <= max(first, last))
    if has_hu(file):
        outside = values < _NO_HU
        marks = values[outside]
        if marks.size and marks.min() == marks.max():
            found |= outside
    if found.all():
        raise ImageError("all its pixels are padding (PixelPaddingValue): it shows nothing.")
    return found if found.any() else None


def _as_stored(value: Any, stored: npt.NDArray[Any]) -> int:
    """Return a padding value with the sign of the pixels: many are written as if unsigned."""
    number, limits = int(value), np.iinfo(stored.dtype)
    span = int(limits.max) - int(limits.min) + 1
    if number > limits.max:
        return number - span
    return number + span if number < limits.min else number


def _hu(file: "Dataset", window: tuple[float, float]) -> tuple[float, float]:
    """Return the bounds of a window in HU, if the file's values are HU."""
    if not has_hu(file):
        raise ImageError(
            "a window in HU needs a CT image with a rescale slope, and this is none; a run with "
            "--window file shows each file by its own."
        )
    center, width = window
    return center - width / 2, center + width / 2


def _by_file(
    values: npt.NDArray[np.float32], file: "Dataset", padding: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.float32]:
    """Apply the file's own VOI table or window, or without one its range; return 0 to 1."""
    from pydicom.pixels import apply_voi

    if file.get("VOILUTSequence"):
        table = np.asarray(apply_voi(values.astype(np.int64), file), dtype=np.float32)
        bits = int(file.VOILUTSequence[0].LUTDescriptor[2])
        return _scaled(table, 0, 2**bits - 1)
    if holds(file, "WindowCenter") and holds(file, "WindowWidth"):
        return _by_window(values, _first(file.WindowCenter), _first(file.WindowWidth), file)
    inside = True if padding is None else ~padding
    low = values.min(where=inside, initial=np.inf)
    high = values.max(where=inside, initial=-np.inf)
    return _scaled(values, float(low), float(high))


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


def has_window(file: "Dataset") -> bool:
    """Tell whether a file says how it is to be shown: by a table, or a window."""
    windowed = holds(file, "WindowCenter") and holds(file, "WindowWidth")
    return windowed or holds(file, "VOILUTSequence")


def has_hu(file: "Dataset") -> bool:
    """Tell whether a file's values are HU after rescaling."""
    return str(file.get("Modality", "")) == "CT" and holds(file, "RescaleSlope")


def holds(file: "Dataset", name: str) -> bool:
    """Tell whether a tag is there with a value: many writers leave tags in and their values out."""
    value = file.get(name)
    return value is not None and (isinstance(value, int | float) or len(value) > 0)
