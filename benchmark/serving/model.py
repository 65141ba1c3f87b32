"""The registered model: image files or pixels in, a label and one probability a class out.

This module and what it imports travel with the network under a package name of their own, so
that a program which pulls the model needs nothing of the benchmark. Hence relative imports only,
and of the decoding module itself rather than of a room's front door.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..data.decoding import MAX_BYTES, MAX_PIXELS, Native, array_native, fit, read_native
from ..errors import DataError, ImageError, UsageError, one_line
from ..records import Picture, Probabilities
from .card import Card, verify_network
from .networks import load_network
from .npy import MAGIC, read_npy

if TYPE_CHECKING:
    import pandas as pd

COLUMN = "image"
LABEL = "label"
ERROR = "error"
ON_ERROR = ("raise", "row")

MAX_IMAGES = 1024
"""A call with more images is refused unread."""

MAX_CALL_PIXELS = 32 * MAX_PIXELS
"""Stored pixels that a call may hold in all, 135 of the largest X-rays. A text of less than 100 kB
may be a picture of 64 million, which takes long to decode."""

_UNREADABLE = MAX_PIXELS // 8  # what an image counts that was refused, maybe after long decoding

_CHUNK = 256  # images decoded at a time, so that memory does not grow with the call


class ScanClassifier:
    """A loaded model: its card and its network."""

    def __init__(self, card: Card, network: Any) -> None:
        self.card = card
        self._network = network

    @classmethod
    def open(cls, folder: Path) -> "ScanClassifier":
        """Load the model in a folder: its network's files and `model.json`.

        Raises:
            DataError: a file is missing or the network is not the one that was saved.
        """
        card = Card.read(folder)
        return cls(card, load_network(verify_network(folder, card)))

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> "pd.DataFrame":
        """Classify images.

        Args:
            model_input: a table with a column `image` of files (pictures, DICOM, or `.npy` of
                pixels) as base64 texts or bytes, or pixels: (n, h, w, 3) or (n, h, w), from 0 to
                255.
            params: `on_error`: `raise` (the default) refuses the call for one bad image; `row`
                gives that row no label, NaN probabilities and its reason in a column `error`,
                which is empty for the others.

        Returns:
            One row an image in the order given: `label`, then one probability a class.

        Raises:
            CallRefused: the input is no table and no array or holds too much, an image cannot be
                read, or `on_error` is neither of the two; it is an `MlflowException`.
        """
        try:
            return self._answer(model_input, str((params or {}).get("on_error", "raise")))
        except (DataError, UsageError) as error:
            from .refusal import CallRefused

            raise CallRefused(str(error)) from error

    def _answer(self, model_input: Any, on_error: str) -> "pd.DataFrame":
        """Return the table of an answer.

        Raises:
            DataError: the input is wrong.
            UsageError: `on_error` is.
        """
        import pandas as pd

        if on_error not in ON_ERROR:
            raise UsageError(
                f"on_error must be one of {', '.join(ON_ERROR)}, not {on_error[:40]!r}."
            )
        rows = rows_of(model_input)
        probabilities, errors = self.classify(rows, stop_at_error=on_error == "raise")
        labels = [
            None if error else self.card.classes[int(row.argmax())]
            for row, error in zip(probabilities, errors, strict=True)
        ]
        columns = {name: probabilities[:, place] for place, name in enumerate(self.card.classes)}
        table = pd.DataFrame({LABEL: pd.Series(labels, dtype=object), **columns})
        if on_error == "row":
            table[ERROR] = pd.Series(errors, dtype=object)
        return table

    def classify(
        self, rows: Sequence[Any], *, stop_at_error: bool
    ) -> tuple[Probabilities, list[str]]:
        """Return (n, k) probabilities, NaN where an image cannot be read, and n errors or ''."""
        probabilities = np.full((len(rows), len(self.card.classes)), np.nan)
        errors = [""] * len(rows)
        for places, pixels in self._decoded(rows, errors, stop_at_error=stop_at_error):
            probabilities[places] = self._network.predict(pixels, batch_size=32, verbose=0)
        return probabilities, errors

    def _decoded(
        self, rows: Sequence[Any], errors: list[str], *, stop_at_error: bool
    ) -> Iterator[tuple[list[int], Any]]:
        """Return readable images in chunks: their rows, and (m, side, side, channels) pixels."""
        left = MAX_CALL_PIXELS
        for start in range(0, len(rows), _CHUNK):
            places, pixels = [], []
            for place in range(start, min(start + _CHUNK, len(rows))):
                try:
                    if left <= 0:
                        raise ImageError(
                            f"a call may hold {MAX_CALL_PIXELS:,} pixels in all; hand this image "
                            "over in another call."
                        )
                    native = native_of(rows[place], self.card.picture)
                    left -= native.width * native.height
                    pixels.append(fit(native, self.card.picture))
                    places.append(place)
                except ImageError as error:
                    left -= _UNREADABLE
                    if stop_at_error:
                        raise DataError(f"row {place}: {error}") from error
                    errors[place] = str(error)
            if places:
                yield places, np.stack(pixels)


def rows_of(model_input: Any) -> list[Any]:
    """Return the images of a call, one by one and still as they came.

    Args:
        model_input: a table or a mapping with a column `image`; an array of n images,
            (n, h, w) or (n, h, w, 3); a single (h, w, 3) array; or a list.

    Raises:
        DataError: none of these, or too many.
    """
    if isinstance(model_input, Mapping) or hasattr(model_input, "columns"):
        if COLUMN not in model_input:
            found = ", ".join(map(str, model_input))[:200] or "none"
            raise DataError(f"the input must have a column {COLUMN!r}; it has: {found}.")
        model_input = model_input[COLUMN]
    if isinstance(model_input, np.ndarray) and model_input.ndim == 0:
        model_input = model_input.item()
    if isinstance(model_input, str | bytes):
        return [model_input]
    if isinstance(model_input, np.ndarray) and model_input.ndim == 3 and model_input.shape[-1] == 3:
        return [model_input]
    # A column of a table is no list, but has the array it stands on.
    if not (hasattr(model_input, "array") or isinstance(model_input, list | tuple | np.ndarray)):
        raise DataError(
            f"the input must be a table with one column {COLUMN!r} or an array of images, "
            f"not {type(model_input).__name__}."
        )
    if len(model_input) > MAX_IMAGES:
        raise DataError(
            f"a call may hold {MAX_IMAGES:,} images, not {len(model_input):,}; hand them over in "
            "several."
        )
    return list(model_input)


def native_of(image: Any, picture: Picture) -> Native:
    """Read one image at its own size.

    Args:
        image: the bytes of an image file, or of a `.npy` of pixels; the same as a base64 text; or
            (h, w) or (h, w, 3) pixels from 0 to 255. A path is not taken: a server would let
            callers probe its files.
        picture: how images become pixels.

    Raises:
        ImageError: it is none of these, or cannot be read.
    """
    if isinstance(image, np.ndarray) and image.shape == ():
        image = image.item()
    if isinstance(image, str):
        image = _from_base64(image)
    if isinstance(image, bytes | bytearray | memoryview):
        stored = bytes(image)
        if stored.startswith(MAGIC):
            return array_native(_whole_pixels(read_npy(stored)))
        return read_native(stored, picture)
    if isinstance(image, np.ndarray | list):
        return array_native(_whole_pixels(image))
    raise ImageError(
        f"an image must be base64 text, bytes or an array of pixels, not {type(image).__name__}."
    )


def _from_base64(text: str) -> bytes:
    if len(text) > 2 * MAX_BYTES:
        raise ImageError(f"a text has {len(text):,} characters, more than an image file may take.")
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
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ImageError(f"an image's pixels must form a rectangle: {one_line(error)}.") from error
    if pixels.ndim not in (2, 3):
        raise ImageError(f"an image's pixels must have 2 or 3 dimensions, not {pixels.ndim}.")
    if pixels.size > 4 * MAX_PIXELS:
        raise ImageError(f"an image has {pixels.shape} pixels, more than {MAX_PIXELS:,}.")
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


def _load_pyfunc(path: str) -> ScanClassifier:
    """Load the model for `mlflow.pyfunc.load_model`, which looks for this name."""
    return ScanClassifier.open(Path(path))
