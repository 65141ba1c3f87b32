"""DICOM files as old machines and careless writers leave them: told by their first elements."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.cache import Cache
from benchmark.data import ReadOptions, read_index
from benchmark.data.decoding import read_native
from benchmark.data.dicom import read_tags
from benchmark.data.dicom_files import is_dicom
from benchmark.data.fingerprints import sniff
from benchmark.errors import ImageError
from benchmark.records import Picture
from tests.data.pictures import dicom, encode, gradient, noise

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
DEEP = (gradient().astype(np.uint16) * 16)[:, ::-1].copy()
HEADER = dict[str, Any](
    SOPClassUID="1.2.840.10008.5.1.4.1.1.7", SOPInstanceUID="1.2.3.4", Modality="CR",
    PatientID="007", WindowCenter=2048, WindowWidth=4096,
)  # fmt: skip


def written(syntax: str, *, meta: bool, preamble: bool, pixels: Any = DEEP) -> bytes:
    """Return a file's bytes with or without its preamble and its group 2."""
    from pydicom import dcmread
    from pydicom.dataset import Dataset, FileMetaDataset

    file = Dataset(dcmread(io.BytesIO(dicom(pixels, **HEADER))))
    file.file_meta = FileMetaDataset()
    implicit, little = syntax == IMPLICIT, syntax != BIG
    if not little:
        file.PixelData = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
        file["PixelData"].VR = "OW"
    file.file_meta.TransferSyntaxUID = syntax
    out = io.BytesIO()
    file.save_as(out, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    data = out.getvalue()
    end = 144 + struct.unpack_from("<I", data, 140)[0]  # group 2 states its own length
    return (data[:132] if preamble else b"") + (data[132:end] if meta else b"") + data[end:]


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
@pytest.mark.parametrize("meta", [False, True], ids=["without group 2", "with group 2"])
@pytest.mark.parametrize("preamble", [False, True], ids=["without preamble", "with preamble"])
def test_a_file_is_read_the_same_however_its_head_is_written(
    syntax: str, meta: bool, preamble: bool
) -> None:
    data = written(syntax, meta=meta, preamble=preamble)
    assert sniff(data) == "DICOM"
    assert read_tags(data).patient == "007"
    plain = read_native(dicom(DEEP, **HEADER), Picture(side_px=4)).pixels
    assert np.array_equal(read_native(data, Picture(side_px=4)).pixels, plain)


def test_a_folder_of_such_files_without_an_ending_is_read(tmp_path: Path) -> None:
    for number in range(6):
        folder = tmp_path / "set" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = noise(f"old {number}", 8, 8).astype(np.uint16)
        data = written(IMPLICIT, meta=False, preamble=False, pixels=pixels)
        (folder / f"IM{number}").write_bytes(data)
    options = ReadOptions(needs_parts=False)
    index = read_index(str(tmp_path / "set"), options, Cache(tmp_path / "cache"))
    assert (len(index), index.left_out, index.modality) == (6, (), "xray")


@pytest.mark.parametrize(
    "data",
    [
        b"\x08\0" * 100,
        b"\x08\0\x05\0" + bytes(200),
        b"\x08\0\x05\0CS\x0a\0ISO_IR 100\x08\0\x04\0CS\x02\0AB" + bytes(40),
        b"\0\x08\0\x05CS" + bytes(200),
        b"\x02\0\0\0UL\x04\0\x90\0\0\0 and then words, not a header at all",
        b"\x08\0",
        encode(gradient()),
        encode(gradient(), "TIFF"),
    ],
)
def test_what_only_begins_like_a_header_is_none(data: bytes) -> None:
    assert not is_dicom(data)


def test_a_file_that_tells_nothing_of_its_encoding_is_refused_with_what_to_do() -> None:
    with pytest.raises(ImageError, match="is not stated, and its first elements do not tell it"):
        read_native(bytes(128) + b"DICM" + bytes(200), Picture(side_px=4))


def test_compressed_pixels_of_an_unstated_syntax_are_refused() -> None:
    from pydicom.encaps import encapsulate

    stream = encapsulate([encode(gradient(), "JPEG")])
    data = dicom(gradient(), "1.2.840.10008.1.2.4.50", PixelData=stream, **HEADER)
    end = 144 + struct.unpack_from("<I", data, 140)[0]
    with pytest.raises(ImageError, match="compressed and it does not say how; convert it"):
        read_native(data[end:], Picture(side_px=4))


def deflated(body: bytes) -> bytes:
    """Return a file of the deflated syntax, its body as given."""
    meta = dicom(gradient(), DEFLATED)
    end = 144 + struct.unpack_from("<I", meta, 140)[0]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return meta[:end] + packer.compress(body) + packer.flush()


def test_a_deflated_file_is_read() -> None:
    data = deflated(written(EXPLICIT, meta=False, preamble=False))
    assert read_tags(data).patient == "007"
    plain = read_native(dicom(DEEP, **HEADER), Picture(side_px=4)).pixels
    assert np.array_equal(read_native(data, Picture(side_px=4)).pixels, plain)


def test_a_deflated_bomb_is_inflated_no_further_than_a_picture_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmark.data.dicom_files._MOST_INFLATED", 100_000)
    data = deflated(written(EXPLICIT, meta=False, preamble=False) + bytes(200_000))
    with pytest.raises(ImageError, match="deflated and holds more than 100,000 bytes"):
        read_native(data, Picture(side_px=4))
    assert read_tags(data).modality == "CR"


def test_several_frames_are_refused_with_how_to_part_them() -> None:
    data = dicom(np.zeros((8, 4), dtype=np.uint8), Rows=4, NumberOfFrames=2)
    with pytest.raises(ImageError, match="holds 2 pictures; save one picture a file, for example"):
        read_native(data, Picture(side_px=4))


def test_bits_at_an_unusual_place_are_refused() -> None:
    with pytest.raises(ImageError, match="its 12 bits end at bit 15"):
        read_native(dicom(DEEP, BitsStored=12, HighBit=15), Picture(side_px=4))
