"""What a caller may hand to a served model, and how each of them becomes pixels."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.decoding import decode_array, decode_bytes
from ..errors import DataError, ImageError
from ..records import Picture

COLUMN = "image"


def rows_of(model_input: Any) -> list[Any]:
    """Return the images of a call, one by one and still as they came.

    Args:
        model_input: a table or a mapping with a column `image`; an array of n images,
            (n, h, w) or (n, h, w, 3); a single (h, w, 3) array; or a list.

    Raises:
        DataError: none of these.
    """
    if isinstance(model_input, Mapping) or hasattr(model_input, "columns"):
        if COLUMN not in model_input:
            found = ", ".join(map(str, model_input)) or "none"
            raise DataError(f"the input must have a column {COLUMN!r}; it has: {found}.")
        model_input = model_input[COLUMN]
    if isinstance(model_input, str | bytes):
        return [model_input]
    if isinstance(model_input, np.ndarray) and model_input.ndim == 3 and model_input.shape[-1] == 3:
        return [model_input]
    if not hasattr(model_input, "__len__") or np.ndim(model_input) == 0:
        raise DataError(
            f"the input must be a table with a column {COLUMN!r} or an array of images, "
            f"not {type(model_input).__name__}."
        )
    return list(model_input)


def pixels_of(image: Any, picture: Picture) -> npt.NDArray[np.uint8]:
    """Decode one image as training did.

    Args:
        image: the bytes of an image file; the same as a base64 text; or (h, w) or (h, w, 3)
            pixels from 0 to 255. A path is not taken: a server would let callers probe its files.
        picture: how images become pixels.

    Raises:
        ImageError: it is none of these, or cannot be read.
    """
    if isinstance(image, np.ndarray) and image.shape == ():
        image = image.item()
    if isinstance(image, str):
        return decode_bytes(_from_base64(image), picture)
    if isinstance(image, bytes | bytearray | memoryview):
        return decode_bytes(bytes(image), picture)
    if isinstance(image, np.ndarray | list):
        return decode_array(_whole_pixels(image), picture)
    raise ImageError(
        f"an image must be base64 text, bytes or an array of pixels, not {type(image).__name__}."
    )


def _from_base64(text: str) -> bytes:
    _, _, encoded = text.rpartition("base64,")  # a data URL is base64 with words before it
    try:
        return base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ImageError(
            f"a text must be the base64 of an image file's bytes; {text[:24]!r} is not ({error}). "
            "Paths are not taken: read the file and encode it."
        ) from error


def _whole_pixels(image: Any) -> npt.NDArray[np.uint8]:
    """Return pixels as uint8, refusing scaled ones rather than seeing a black image in them."""
    try:
        pixels: npt.NDArray[Any] = np.asarray(image)
        pixels = pixels.astype(np.float64) if pixels.dtype == object else pixels
    except ValueError as error:
        raise ImageError(f"an image's pixels must form a rectangle: {error}.") from error
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.dtype == np.uint8:
        return pixels
    if pixels.dtype.kind not in "iuf" or pixels.size == 0:
        raise ImageError(f"an image's pixels must be numbers, not {pixels.dtype} {pixels.shape}.")
    whole = np.rint(pixels)
    if not np.array_equal(whole, pixels) or whole.min() < 0 or whole.max() > 255:
        raise ImageError(
            "an image's pixels must be whole numbers from 0 to 255, unscaled; "
            f"got {pixels.dtype} from {pixels.min():g} to {pixels.max():g}."
        )
    return np.asarray(whole, dtype=np.uint8)
