"""Read .npz files in MedMNIST's layout: `train_images`, `train_labels`, the same for val and test.

The arrays are unpacked once into the cache, as .npy files that are memory-mapped, so that memory
does not grow with their size. Nothing is ever unpickled.
"""

import hashlib
import shutil
import zipfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..cache import Cache
from ..errors import DataError, ImageError
from ..files import check_plain, file_digest
from ..records import Part
from .folders import Found
from .index import ImageRow

MAX_UNPACKED_BYTES = 64 * 2**30
"""An archive that says it unpacks to more is refused: the largest MedMNIST file is 12 GB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrayReader:
    """Reads images by `<part>/<number>` from a folder of .npy files."""

    folder: Path
    _open: dict[str, npt.NDArray[np.uint8]] = field(default_factory=dict, repr=False, compare=False)

    def __reduce__(self) -> tuple[object, ...]:
        return partial(type(self), folder=self.folder), ()

    def read(self, path: str) -> npt.NDArray[np.uint8]:
        """Return an image's (h, w) or (h, w, c) pixels; an unknown path is an `ImageError`."""
        part, _, number = path.partition("/")
        try:
            if part not in self._open:
                self._open[part] = _load(self.folder, f"{Part(part)}_images")
            return np.asarray(self._open[part][int(number)])
        except (ValueError, IndexError, OSError) as error:
            raise ImageError(f"there is no image {path!r}.") from error


def read_arrays(file: Path, cache: Cache) -> tuple[Found, ArrayReader]:
    """Find the images of an .npz file, whose arrays are unpacked into the cache.

    Labels are numbers, and called `class-00`, `class-01`, ...

    Raises:
        DataError: it is no such archive, or its arrays have other shapes or types.
    """
    check_plain(file)
    try:
        folder = cache.entry("arrays", file_digest(file), lambda into: _unpack(file, into))
    except (zipfile.BadZipFile, EOFError, zipfile.LargeZipFile, NotImplementedError) as error:
        raise DataError(f"{file} is no readable .npz archive: {error}.") from error
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror or error}.") from error
    rows: list[ImageRow] = []
    for part in Part:
        if (folder / f"{part}_images.npy").exists():
            rows += _rows(file, folder, part)
    if not rows:
        raise DataError(f"{file} must hold train_images and train_labels, as MedMNIST's do.")
    classes = tuple(sorted({row.class_name for row in rows}))
    return Found(rows=tuple(rows), left_out=(), classes=classes), ArrayReader(folder=folder)


def _unpack(file: Path, into: Path) -> None:
    """Copy the arrays out of an archive, stream by stream."""
    wanted = {f"{part}_{what}.npy" for part in Part for what in ("images", "labels")}
    with zipfile.ZipFile(file) as archive:
        members = [member for member in archive.infolist() if member.filename in wanted]
        size = sum(member.file_size for member in members)
        if size > MAX_UNPACKED_BYTES:
            raise DataError(f"{file} unpacks to {size:,} bytes, more than {MAX_UNPACKED_BYTES:,}.")
        for member in members:
            with archive.open(member) as source, (into / member.filename).open("wb") as out:
                shutil.copyfileobj(source, out, 2**20)


def _load(folder: Path, name: str) -> npt.NDArray[np.uint8]:
    array: npt.NDArray[np.uint8] = np.load(
        folder / f"{name}.npy", mmap_mode="r", allow_pickle=False
    )
    return array


def _rows(file: Path, folder: Path, part: Part) -> list[ImageRow]:
    try:
        images, labels = _load(folder, f"{part}_images"), _load(folder, f"{part}_labels")
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{file}: {part}_images and {part}_labels must be arrays.") from error
    values = _labels(file, part, labels)
    if images.dtype != np.uint8 or images.ndim not in {3, 4} or len(images) != len(values):
        raise DataError(
            f"{file}: {part}_images must be uint8 of shape ({len(values)}, h, w) or "
            f"({len(values)}, h, w, 3), not {images.dtype} {images.shape}."
        )
    digits = len(str(max(len(images) - 1, 0)))
    return [
        ImageRow(
            path=f"{part}/{number:0{digits}d}",
            class_name=f"class-{int(value):02d}",
            part=part,
            patient="",
            sha256=_sha256(images[number]),
        )
        for number, value in enumerate(values)
    ]


def _labels(file: Path, part: Part, labels: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    flat = labels.reshape(-1) if labels.ndim == 1 or labels.shape[1:] == (1,) else labels
    if flat.ndim != 1 or flat.dtype.kind not in "iu":
        raise DataError(
            f"{file}: {part}_labels must be one whole number an image, "
            f"not {labels.dtype} {labels.shape}."
        )
    return flat


def _sha256(pixels: npt.NDArray[np.uint8]) -> str:
    """Hash pixels with their shape, so that equal bytes of another shape differ."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
