"""Turn what is stored for an image into the pixels a network sees.

Training and the registered model run this very file, so it imports nothing but errors, records
and its neighbours for DICOM and for quiet. Its rules:

- 16-bit grey is shown over the range that the data set uses (`deep.py`), by default all of it:
  65535 becomes 255, as PNG and TIFF define it. It is not stretched to what the image happens to
  hold, which would give each image another contrast.
- An alpha channel is dropped, not composited: in chest scans it repeats the grey or marks a
  border, and compositing would square the contrast.
- An RGB picture whose three channels are equal is grey: it is resized once and then repeated.
- The Exif orientation is applied. A stack of several pictures is refused, not cut to its first.
- Resizing is Pillow's bilinear filter, which widens with the reduction and so averages all pixels:
  fine texture does not alias, and unlike bicubic and Lanczos it adds no dark or bright rims to
  bones. It is integer arithmetic: the same bits on every machine.
- A JPEG at least four times larger than the square is read at a half, a quarter or an eighth of
  its size by the JPEG decoder itself, at least twice the square's side being left to average.
  A 1320 × 968 X-ray at 224 px takes 3.1 ms so, 11.6 ms in full; the pixels differ by 0.16 grey
  levels in the mean and by 4 at most (60 X-rays, one thread).
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from ..errors import ImageError, one_line
from ..records import Picture
from .bombs import check_costs, turn
from .deep import to_eight_bits, used_range
from .dicom import count_pixels, read_dicom
from .dicom_files import is_dicom
from .quiet import quiet

DECODER = 3
"""Raised by hand whenever the same file would give other pixels, or another refusal."""

MAX_PIXELS = 64_000_000
"""A picture with more is refused unread. The largest chest film is about 4280 × 3520 = 15 million;
decoding 64 million takes less than 1 GiB beside the file itself, and one such picture is decoded
at a time."""

MAX_BYTES = 512 * 2**20
"""A larger file is refused unread: 64 million pixels of 16-bit colour fit well below."""

MAX_SIDE = 100_000
"""A longer side is refused: to reduce a line of 64 million pixels takes gigabytes for weights."""

_LEAST_DEEP_COLOUR = 32  # chosen, not sourced: below it 13 of 16 bits are in use, and 5 are read
_PHOTOMETRIC = 262  # TIFF's tag

# Named by their plugins: Pillow knows a format only once its plugin is imported, and raises
# KeyError for one it does not know. Its many other formats are not needed and stay shut.
_FORMATS = (
    PngImagePlugin.PngImageFile.format,
    JpegImagePlugin.JpegImageFile.format,
    BmpImagePlugin.BmpImageFile.format,
    GifImagePlugin.GifImageFile.format,
    TiffImagePlugin.TiffImageFile.format,
    WebPImagePlugin.WebPImageFile.format,
    PpmImagePlugin.PpmImageFile.format,
)
_GREY = {"1", "L", "LA", "La"}
_PLAIN = {"RGB", "RGBA", "RGBX"}

Pixels8 = npt.NDArray[np.uint8]
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Native:
    """A picture as stored, before it meets the square.

    Attributes:
        pixels: (h, w) grey or (h, w, 3) colour, uint8; a JPEG may be read reduced.
        width: the stored width in pixels, after orientation; `height` likewise.
        format: `PNG`, `JPEG`, `DICOM`, `ARRAY`, ...
        mode: how the pixels are stored, in Pillow's words (`RGBA`) or DICOM's (`MONOCHROME2`).
    """

    pixels: Pixels8
    width: int
    height: int
    format: str
    mode: str


def decode_bytes(data: bytes, picture: Picture) -> Pixels8:
    """Decode an image file's bytes to (side, side, channels) pixels.

    Raises:
        ImageError: it is no readable picture, or too large.
    """
    return fit(read_native(data, picture), picture)


def decode_array(array: npt.NDArray[np.generic], picture: Picture) -> Pixels8:
    """Bring (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) pixels, uint8, to (side, side, channels).

    Raises:
        ImageError: the array has another shape or type.
    """
    return fit(array_native(array), picture)


def read_native(data: bytes, picture: Picture) -> Native:
    """Decode an image file's bytes at its own size, or a large JPEG at a fraction of it.

    Raises:
        ImageError: it is no readable picture, or too large.
    """
    if not data:
        raise ImageError("the file is empty.")
    if len(data) > MAX_BYTES:
        raise ImageError(f"the file has {len(data):,} bytes, more than {MAX_BYTES:,}.")
    with quiet():
        if is_dicom(data):
            pixels, mode = read_dicom(data, picture.window, MAX_PIXELS)
            height, width = pixels.shape[:2]
            return Native(
                pixels=_canonical(pixels), width=width, height=height, format="DICOM", mode=mode
            )
        return _read_picture(data, picture)


def array_native(array: npt.NDArray[np.generic]) -> Native:
    """Take pixels that are decoded already; see `decode_array`."""
    pixels = np.asarray(array)
    if pixels.dtype != np.uint8 or pixels.ndim not in {2, 3} or 0 in pixels.shape:
        raise ImageError(
            f"pixels must be uint8 of shape (h, w) or (h, w, 3), not {pixels.dtype} {pixels.shape}."
        )
    if pixels.ndim == 3 and pixels.shape[2] not in {1, 3, 4}:
        raise ImageError(f"pixels must have 1, 3 or 4 channels, not {pixels.shape[2]}.")
    height, width = pixels.shape[:2]
    _check_size(width, height)
    mode = "L" if pixels.ndim == 2 else {1: "L", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]
    return Native(pixels=_canonical(pixels), width=width, height=height, format="ARRAY", mode=mode)


def fit(native: Native, picture: Picture) -> Pixels8:
    """Resize a picture to the square: (side, side, channels) uint8."""
    image = Image.fromarray(native.pixels)
    if picture.channels == 1 and image.mode == "RGB":
        image = image.convert("L")
    side = picture.side_px
    if picture.fit == "pad":
        image = ImageOps.pad(image, (side, side), Image.Resampling.BILINEAR, color=0)
    elif picture.fit == "crop":
        image = ImageOps.fit(image, (side, side), Image.Resampling.BILINEAR)
    else:
        image = image.resize((side, side), Image.Resampling.BILINEAR)
    pixels: Pixels8 = np.asarray(image, dtype=np.uint8)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, np.newaxis], picture.channels, axis=2)
    return np.ascontiguousarray(pixels)


def grey_in_use(data: bytes) -> str:
    """Return the range that a 16-bit grey picture uses, as `deep.used_range`; empty for others.

    Raises:
        ImageError: it is no readable picture, or too large.
    """
    if data.startswith(b"\x89PNG") and data[24:26] != b"\x10\0":  # depth and kind of colour
        return ""
    with quiet():
        return _opened(data, lambda image: used_range(_loaded(image)) if _is_deep(image) else "")


def stored_pixels(stored: bytes | npt.NDArray[np.generic]) -> int:
    """Return how many pixels a picture has as stored: width times height, undecoded.

    Raises:
        ImageError: it is no readable picture, or too large.
    """
    if not isinstance(stored, bytes):
        return int(np.prod(stored.shape[:2]))
    with quiet():
        if is_dicom(stored):
            return count_pixels(stored)
        return _opened(stored, lambda image: image.width * image.height)


def _loaded(image: Image.Image) -> npt.NDArray[Any]:
    image.load()
    return np.asarray(image)


def _read_picture(data: bytes, picture: Picture) -> Native:
    return _opened(data, lambda image: _load(image, picture))


def _opened(data: bytes, read: Callable[[Image.Image], _Found]) -> _Found:
    """Open a picture, hold its header to the limits, and read on."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            _check_size(*image.size)
            check_costs(image, data)
            with turn(*image.size):
                return read(image)
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        raise ImageError("it is no picture in a format that can be read.") from error
    except Exception as error:  # on hostile bytes a decoder may raise anything
        raise ImageError(f"it cannot be decoded: {one_line(error)}") from error


def _load(image: Image.Image, picture: Picture) -> Native:
    width, height = image.size
    form, mode = str(image.format), image.mode
    if form in {"JPEG", "MPO"}:
        image.draft(None, (2 * picture.side_px, 2 * picture.side_px))
    stored_deep = any(";16" in str(tile) for tile in getattr(image, "tile", ()))
    image.load()
    if stored_deep and not _is_deep(image):
        _check_deep_colour(image)
    turned = ImageOps.exif_transpose(image)
    if (turned.width < turned.height) != (width < height):
        width, height = height, width
    pixels = _plain(turned, picture.grey_range)
    if _is_white_zero(image):
        pixels = 255 - pixels
    return Native(pixels=pixels, width=width, height=height, format=form, mode=mode)


def _check_deep_colour(image: Image.Image) -> None:
    """Refuse 16-bit colour, of which Pillow keeps the upper byte, where little is left in that."""
    brightest = np.asarray(image)[..., :3].max()  # the fourth is alpha
    if 0 < brightest < _LEAST_DEEP_COLOUR:
        raise ImageError(
            "its 16-bit colour uses 13 bits or fewer, of which 8 would be lost; save it as 16-bit "
            "grey, or as 8 bits."
        )


def _is_white_zero(image: Image.Image) -> bool:
    """Tell whether a TIFF's 0 is white; Pillow turns such pictures of 8 bits only."""
    tags = getattr(image, "tag_v2", {})
    return _is_deep(image) and tags.get(_PHOTOMETRIC, 1) == 0


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I")


def _plain(image: Image.Image, grey_range: str) -> Pixels8:
    """Return a loaded picture as (h, w) or (h, w, 3) uint8."""
    if _is_deep(image):
        return to_eight_bits(np.asarray(image), grey_range)
    if image.mode == "F":
        raise ImageError("its pixels are real numbers without a stated range; save it as 16-bit.")
    if image.mode in _GREY:
        return np.asarray(image.convert("L"))
    if image.mode not in _PLAIN:
        image = image.convert("RGB")
    return _canonical(np.asarray(image))


def _canonical(pixels: Pixels8) -> Pixels8:
    """Drop alpha, and give a grey picture stored as colour as (h, w)."""
    if pixels.ndim == 2:
        return pixels
    if pixels.shape[2] == 1:
        return np.ascontiguousarray(pixels[:, :, 0])
    red, green, blue = (pixels[:, :, channel] for channel in range(3))
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return np.ascontiguousarray(red)
    return np.ascontiguousarray(pixels[:, :, :3])


def _check_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise ImageError(f"it has no pixels: {width} × {height}.")
    if max(width, height) > MAX_SIDE:
        raise ImageError(f"it has {width} × {height} pixels; a side may have {MAX_SIDE:,}.")
    if width * height > MAX_PIXELS:
        raise ImageError(f"it has {width} × {height} pixels, more than {MAX_PIXELS:,}.")
