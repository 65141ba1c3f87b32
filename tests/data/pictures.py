"""Small pictures in every format, for tests: made here, so that no image file is kept."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmark.data.decoding import fit
from benchmark.records import Picture
from benchmark.seeds import generator
from benchmark.serving.model import native_of


def gradient(width: int = 40, height: int = 30) -> npt.NDArray[np.uint8]:
    """Return a (height, width) picture that rises from 0 to 255, from left to right."""
    row = np.round(np.linspace(0, 255, width)).astype(np.uint8)
    return np.repeat(row[np.newaxis], height, axis=0)


def noise(name: str, *shape: int) -> npt.NDArray[np.uint8]:
    """Return random pixels of a shape, the same for the same name."""
    return generator(0, "pictures", name).integers(0, 256, shape, dtype=np.uint8)


def encode(pixels: npt.NDArray[Any] | Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """Return an image file's bytes."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def dicom(values: npt.NDArray[Any], syntax: str = "1.2.840.10008.1.2.1", **tags: Any) -> bytes:
    """Return a DICOM file's bytes: (h, w) grey or (h, w, 3) colour values, and further tags."""
    from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
    from pydicom.uid import UID, SecondaryCaptureImageStorage

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(syntax)
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    file: Dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    file.Rows, file.Columns = values.shape[:2]
    file.SamplesPerPixel = values.shape[2] if values.ndim == 3 else 1
    file.PhotometricInterpretation = "RGB" if values.ndim == 3 else "MONOCHROME2"
    if values.ndim == 3:
        file.PlanarConfiguration = 0
    file.BitsAllocated = file.BitsStored = 8 * values.dtype.itemsize
    file.HighBit = file.BitsStored - 1
    file.PixelRepresentation = int(values.dtype.kind == "i")
    file.PixelData = values.tobytes()
    for name, value in tags.items():
        if value is None:
            delattr(file, name)
        else:
            setattr(file, name, value)
    out = io.BytesIO()
    file.save_as(out, enforce_file_format=True)
    return out.getvalue()


def pixels_of(image: Any, picture: Picture) -> npt.NDArray[np.uint8]:
    """Decode what a call of the registered model may hold, as the model does."""
    return fit(native_of(image, picture), picture)
