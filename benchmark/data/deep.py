"""16-bit grey: which part of its range a data set uses, and how that becomes 8 bits.

A PNG of 16 bits may hold 12 bits of a scanner, or HU + 32768: over all 65,536 levels either is
almost black or a flat grey. What is in use is found over the data set, in steps of bits, so that
every image keeps the same contrast and one image more hardly ever changes it. It is part of the
picture's description, so that the registered model shows its images alike.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ImageError

FULL = "full"
"""The whole range: 65535 becomes 255, as PNG and TIFF define it."""

_MOST, _MIDDLE = 65535, 32768
_NEAR = 16384  # chosen, not sourced: HU reach from -1024 to 3071, and with implants to 14 bits


def used_range(values: npt.NDArray[Any]) -> str:
    """Return the least grey above 0 and the greatest as `LOW-HIGH`; empty where there is none.

    A 0 does not count for the least: it is also what surrounds a picture.
    """
    low, high = values.min(), values.max()
    if low < 0 or high > _MOST or high == 0:
        return ""
    if low == 0:
        low = values.min(where=values > 0, initial=high)
    return f"{low}-{high}"


def common_range(used: Iterable[str]) -> str:
    """Return the range to show for images that use these: `full`, or `LOW-HIGH`.

    - Up to 15 bits are in use: from 0 to the greatest number of as many bits, 8 at least.
    - What is in use lies about 32768, as HU + 32768 does: from a power of two below it to a power
      of two above it.
    - All else is shown over the whole range.
    """
    pairs = [parse_range(each) for each in used if each]
    if not pairs:
        return FULL
    low, high = min(low for low, _ in pairs), max(high for _, high in pairs)
    if high < _MIDDLE:
        return f"0-{2 ** max(8, high.bit_length()) - 1}"
    if low >= _MIDDLE - _NEAR and high < _MIDDLE + _NEAR:
        below, above = max(0, _MIDDLE - low), high - _MIDDLE
        first = _MIDDLE - (1 << (below - 1).bit_length() if below else 0)
        return f"{first}-{_MIDDLE + (1 << above.bit_length()) - 1}"
    return FULL


def parse_range(text: str) -> tuple[int, int]:
    """Return the least and the greatest grey of a range."""
    if text == FULL:
        return 0, _MOST
    low, _, high = text.partition("-")
    return int(low), int(high)


def to_eight_bits(values: npt.NDArray[Any], grey_range: str) -> npt.NDArray[np.uint8]:
    """Bring 16-bit grey to 8 bits: the range from 0 to 255, rounded; beyond it black or white.

    Raises:
        ImageError: a value is no 16-bit grey.
    """
    if values.dtype != np.uint16:
        if values.min() < 0 or values.max() > _MOST:
            raise ImageError("its pixels lie outside 0 to 65535; save it as 16-bit grey.")
        values = values.astype(np.uint16)
    shown: npt.NDArray[np.uint8] = _table(grey_range)[values]
    return shown


@lru_cache(maxsize=8)
def _table(grey_range: str) -> npt.NDArray[np.uint8]:
    """Return the 8-bit level of every 16-bit one; whole numbers, so the same on every machine."""
    low, high = parse_range(grey_range)
    span = max(1, high - low)
    above = np.clip(np.arange(_MOST + 1, dtype=np.int64) - low, 0, span)
    return ((2 * 255 * above + span) // (2 * span)).astype(np.uint8)
