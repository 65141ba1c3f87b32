"""Damaged images and DICOM headers: a picture of the right shape, or one line that says why not.

By hand, longer: IMAGES=100000 python -m pytest tests/data/test_fuzz_images.py
"""

import io
import os
import struct
import time
import warnings
import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.data.decoding import decode_bytes, grey_in_use
from benchmark.data.dicom import read_tags
from benchmark.data.fingerprints import sniff
from benchmark.errors import ImageError
from benchmark.records import Picture
from benchmark.seeds import generator
from tests.data.pictures import dicom, encode, gradient, noise

BY_HAND = "IMAGES" in os.environ
COUNT = int(os.environ.get("IMAGES", "1500"))
SOON_S = 10  # looked at by hand only: a test does not depend on time
PICTURE = Picture(side_px=16)
COLOUR = noise("fuzz", 24, 32, 3)
DEEP = gradient().astype(np.uint16) * 257
SECRET = "Doe^Jane"
HEADER = dict[str, Any](
    SOPClassUID="1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID="1.2.3.4", Modality="CT",
    StudyInstanceUID="1.2.3", PatientName=SECRET, PatientID=SECRET + "^1", WindowCenter=99,
    WindowWidth=50, RescaleSlope=1, RescaleIntercept=-1024, PixelPaddingValue=0,
)  # fmt: skip
Random = np.random.Generator


def rle_dicom() -> bytes:
    from pydicom import dcmread
    from pydicom.uid import RLELossless

    file = dcmread(io.BytesIO(dicom(gradient(), **HEADER)))
    file.compress(RLELossless)
    out = io.BytesIO()
    file.save_as(out)
    return out.getvalue()


PICTURES: dict[str, Callable[[], bytes]] = {
    "png": lambda: encode(COLOUR),
    "png with alpha": lambda: encode(np.dstack([COLOUR, COLOUR[..., 0]])),
    "16-bit png": lambda: encode(DEEP),
    "palette png": lambda: encode(Image.fromarray(COLOUR).convert("P")),
    "jpeg": lambda: encode(COLOUR, "JPEG"),
    "progressive jpeg": lambda: encode(COLOUR, "JPEG", progressive=True),
    "cmyk jpeg": lambda: encode(Image.fromarray(COLOUR).convert("CMYK"), "JPEG"),
    "bmp": lambda: encode(COLOUR, "BMP"),
    "gif": lambda: encode(gradient(), "GIF"),
    "tiff": lambda: encode(COLOUR, "TIFF"),
    "16-bit tiff": lambda: encode(DEEP, "TIFF", compression="tiff_lzw"),
    "deflated tiff": lambda: encode(COLOUR, "TIFF", compression="tiff_adobe_deflate"),
    "webp": lambda: encode(COLOUR, "WEBP"),
    "pgm": lambda: encode(gradient(), "PPM"),
}
DICOMS: dict[str, Callable[[], bytes]] = {
    "dicom": lambda: dicom(gradient().astype(np.int16), **HEADER),
    "implicit dicom": lambda: dicom(gradient().astype(np.int16), "1.2.840.10008.1.2", **HEADER),
    "colour dicom": lambda: dicom(COLOUR, **HEADER),
    "jpeg dicom": lambda: _jpeg_dicom("JPEG", "1.2.840.10008.1.2.4.50", quality=95),
    "rle dicom": rle_dicom,
    "jpeg 2000 dicom": lambda: _jpeg_dicom("JPEG2000", "1.2.840.10008.1.2.4.91", no_jp2=True),
}
SHARE = COUNT // (len(PICTURES) + len(DICOMS))


def _jpeg_dicom(form: str, syntax: str, **options: Any) -> bytes:
    from pydicom.encaps import encapsulate

    stream = encapsulate([encode(gradient(), form, **options)])
    return dicom(gradient(), syntax, PixelData=stream, **HEADER)


def flipped(data: bytes, random: Random) -> bytes:
    """Flip some bits."""
    changed = bytearray(data)
    for place in random.integers(len(data), size=random.integers(1, 8)):
        changed[place] ^= 1 << int(random.integers(8))
    return bytes(changed)


def cut(data: bytes, random: Random) -> bytes:
    """Cut a file short."""
    return data[: int(random.integers(len(data)))]


def headed(data: bytes, random: Random) -> bytes:
    """Spoil some bytes of a file's first."""
    changed = bytearray(data)
    start = 132 if data[128:132] == b"DICM" else 0
    for place in start + random.integers(min(200, len(data) - start), size=random.integers(1, 6)):
        changed[place] = random.choice([0, 1, 127, 128, 255])
    return bytes(changed)


def moved(data: bytes, random: Random) -> bytes:
    """Take bytes out, or put random ones in."""
    place, size = int(random.integers(len(data))), int(random.integers(1, 50))
    return data[:place] + random.bytes(size * int(random.integers(3))) + data[place + size :]


def rechunked(data: bytes, random: Random) -> bytes:
    """Spoil a PNG's chunk and sum it up again, so that a decoder believes it."""
    chunks, place = [], 8
    while place < len(data):
        size = struct.unpack_from(">I", data, place)[0]
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + size]))
        place += 12 + size
    spoilt = int(random.integers(len(chunks)))
    kind, body = chunks[spoilt]
    chunks[spoilt] = (kind, flipped(body, random) if body else random.bytes(4))
    if random.integers(4) == 0:
        chunks.insert(int(random.integers(len(chunks))), chunks[int(random.integers(len(chunks)))])
    return data[:8] + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def retagged(data: bytes, random: Random) -> bytes:
    """Give an entry of a TIFF's directory another type, count or value."""
    start = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, start)[0]
    entry = start + 2 + 12 * int(random.integers(count))
    changed = bytearray(data)
    odd = int(random.choice([0, 1, 2, 12, 255, 65535, 2**16, 30_000, 2**31 - 1, 2**32 - 1]))
    which = int(random.integers(3))
    if which == 0:
        struct.pack_into("<H", changed, entry + 2, int(random.integers(16)))
    else:
        struct.pack_into("<I", changed, entry + (4 if which == 1 else 8), odd)
    return bytes(changed)


LONG = {b"OB", b"OW", b"SQ", b"UN", b"UT", b"OF"}
VRS = [b"US", b"SS", b"DS", b"IS", b"UI", b"SQ", b"OB", b"OW", b"UN", b"PN", b"FL", b"AT", b"ZZ"]
LENGTHS = [0, 1, 3, 2**16 - 1, 2**31 - 1, 2**32 - 2, 2**32 - 1]
VALUES = [b"", b"\0\0", b"-1", b"nan ", b"inf ", b"1e400 ", b"9" * 40, b"1\\2\\3 ", b"\xff" * 8]
Element = tuple[int, bytes, int, bytes]


def elements(data: bytes) -> list[Element]:
    """Return the elements of explicit little endian: tag, VR, stated length and value."""
    found, place = [], 0
    while place < len(data):
        group, element = struct.unpack_from("<HH", data, place)
        vr = data[place + 4 : place + 6]
        head = 12 if vr in LONG else 8
        size = struct.unpack_from(
            "<I" if head == 12 else "<H", data, place + head - (4 if head == 12 else 2)
        )[0]
        size = min(size, len(data) - place - head)
        found.append((group << 16 | element, vr, size, data[place + head : place + head + size]))
        place += head + size
    return found


def joined(parts: list[Element]) -> bytes:
    out = b""
    for tag, vr, size, value in parts:
        head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
        long = (
            bytes(2) + struct.pack("<I", size) if vr in LONG else struct.pack("<H", size & 0xFFFF)
        )
        out += head + long + value
    return out


def reheaded(data: bytes, random: Random) -> bytes:
    """Swap, drop, repeat or rewrite elements of an explicit DICOM file; the pixels among them."""
    end = 144 + struct.unpack_from("<I", data, 140)[0]
    meta, parts = elements(data[132:end]), elements(data[end:])
    where = meta if random.integers(6) == 0 else parts
    for _ in range(int(random.integers(1, 4))):
        one, two = (int(each) for each in random.integers(len(where), size=2))
        tag, vr, size, value = where[one]
        kind = int(random.integers(6))
        if kind == 0:
            where[one], where[two] = where[two], where[one]
        elif kind == 1:
            where[one] = (where[two][0], vr, size, value)
        elif kind == 2:
            where[one] = (tag, VRS[int(random.integers(len(VRS)))], size, value)
        elif kind == 3:
            where[one] = (tag, vr, LENGTHS[int(random.integers(len(LENGTHS)))], value)
        elif kind == 4:
            odd = VALUES[int(random.integers(len(VALUES)))]
            where[one] = (tag, vr, len(odd), odd)
        elif len(where) > 1:
            del where[one]
    heads = [data[:132] + joined(meta), joined(meta), b""]
    return heads[int(random.choice([0, 0, 0, 1, 2]))] + joined(parts)


EVERY = (flipped, cut, headed, moved)


def mutated(name: str, data: bytes, number: int) -> bytes:
    """Return the mutant of a number of a file: the same in every run."""
    random = generator(0, "mutants", name, str(number))
    ways: list[Callable[[bytes, Random], bytes]] = list(EVERY)
    if data.startswith(b"\x89PNG"):
        ways += [rechunked] * 3
    if data.startswith(b"II*\0"):
        ways += [retagged] * 3
    if name in DICOMS and name != "implicit dicom":
        ways += [reheaded] * 6
    return ways[number % len(ways)](data, random)


def outcome(read: Callable[[], Any]) -> str:
    """Return what came of reading: a picture's shape and type, or why it is none."""
    started = time.perf_counter()
    try:
        found = read()
    except ImageError as error:
        said = str(error)
        assert said.isprintable(), said
        assert len(said) < 300, said
        assert "Doe" not in said
    else:
        said = f"{found.shape} {found.dtype}" if isinstance(found, np.ndarray) else "read"
    assert not BY_HAND or time.perf_counter() - started < SOON_S
    return said


def tried(seeds: dict[str, Callable[[], bytes]]) -> list[str]:
    """Return what came of every mutant of some files; what was whole is read."""
    found = []
    for name, seed in seeds.items():
        data = seed()
        assert outcome(partial(decode_bytes, data, PICTURE)) == "(16, 16, 3) uint8"
        for number in range(SHARE):
            mutant = mutated(name, data, number)
            outcome(partial(look_at, mutant))
            found.append(outcome(partial(decode_bytes, mutant, PICTURE)))
    return found


def look_at(data: bytes) -> None:
    """Read what is read of a file that is not decoded."""
    form = sniff(data)
    if form == "DICOM":
        read_tags(data)
    elif form:
        grey_in_use(data)


def shares(found: list[str]) -> tuple[float, float]:
    """Return which shares were read and refused; nothing else may come of a mutant."""
    read = sum(each == "(16, 16, 3) uint8" for each in found) / len(found)
    return read, sum(not each.startswith("(") for each in found) / len(found)


@pytest.mark.parametrize("seeds", [PICTURES, DICOMS], ids=["pictures", "dicom"])
def test_every_mutant_is_a_picture_or_refused_in_one_line(
    seeds: dict[str, Callable[[], bytes]],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for seed in seeds.values():
        seed()
    caplog.clear()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        found = tried(seeds)
    read, refused = shares(found)
    assert read + refused == pytest.approx(1)
    assert min(read, refused) > 0.1  # the mutants are neither harmless nor all beyond reading
    assert [str(each.message) for each in warned] == []
    assert caplog.messages == []
    printed = capfd.readouterr()
    assert "Doe" not in printed.out + printed.err
