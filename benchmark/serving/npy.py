"""Pixels as the bytes of a `.npy` file, NumPy's own format: nothing in them is unpickled."""

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from ..data.decoding import MAX_PIXELS
from ..errors import ImageError

MAGIC = npy.MAGIC_PREFIX
_MAX_HEADER = 1024  # characters; NumPy's own for plain pixels have 118
_READ_HEADER = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_npy(data: bytes) -> npt.NDArray[Any]:
    """Return the array in a `.npy` file's bytes; its header is believed only if the bytes bear it.

    Args:
        data: the file, of (h, w) or (h, w, c) numbers.

    Returns:
        The array; it stands on the bytes given, so that no memory is taken.

    Raises:
        ImageError: it is damaged, or holds no numbers, or too many.
    """
    file = io.BytesIO(data)
    try:
        shape, in_columns, kind = _READ_HEADER[npy.read_magic(file)](file, _MAX_HEADER)
    except Exception as error:  # on hostile bytes its parser may raise anything
        raise ImageError("a .npy must begin with NumPy's header of version 1 or 2.") from error
    if kind.kind not in "iuf" or kind.hasobject:
        raise ImageError(f"a .npy of an image must hold plain numbers, not {kind.name}.")
    if len(shape) not in (2, 3):
        raise ImageError(f"a .npy of an image must have 2 or 3 dimensions, not {len(shape)}.")
    count = math.prod(shape)
    if min(shape) < 1 or count > 4 * MAX_PIXELS:
        raise ImageError(f"a .npy has {shape} numbers; an image may have {MAX_PIXELS:,} pixels.")
    start, size = file.tell(), count * kind.itemsize
    if len(data) - start != size:
        has = f"{len(data) - start:,}"
        raise ImageError(f"a .npy of {shape} {kind} must hold {size:,} bytes, not {has}.")
    flat = np.frombuffer(data, kind, count, start)
    return flat.reshape(shape, order="F" if in_columns else "C")
