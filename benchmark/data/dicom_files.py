"""Find a DICOM file's header in its bytes: with a preamble or without, in every byte order.

Files of older scanners, of some vendors and of treatment planning lack the preamble, and some the
group 2 that states the transfer syntax; then the first elements tell how the file is written.
"""

import io
import re
import struct
import zlib
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING

from ..errors import ImageError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"

_JPEG_2000 = ("1.2.840.10008.1.2.4.9", "1.2.840.10008.1.2.4.20")  # and its high throughput kin
_PREAMBLE = 132
_MOST_INFLATED = 256 * 2**20  # chosen, not sourced: 64 million pixels of 16 bits, twice
_MOST_HEADER = 16 * 2**20  # chosen, not sourced: icons and private tags fit in many times
_ENOUGH = 3  # elements in ascending order, of lengths that the file can hold
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_VRS = _LONG_VRS | frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split()
)
_RUN = 64  # bytes that one byte of runs may become
_UNDEFINED = 0xFFFFFFFF
_END_OF_PICTURE = b"\xff\xd9"  # of JPEG, JPEG-LS and JPEG 2000 alike
_META, _FIRST = 0x0002, 0x0008
_UID = re.compile(r"[0-9.]{1,64}")
_CONVERT = "convert it, for example with gdcmconv --raw."


def is_dicom(data: bytes) -> bool:
    """Tell whether bytes begin as a DICOM file: by its magic word, or by its first elements."""
    if data[_PREAMBLE - 4 : _PREAMBLE] == b"DICM":
        return True
    return data[:2] in {b"\x02\0", b"\x08\0", b"\0\x08"} and _encoding(data, 0) is not None


def parse(data: bytes, *, header_only: bool = False) -> "Dataset":
    """Return a DICOM file's elements, those before its pixels or all of them.

    Raises:
        ImageError: how it is written is not stated and cannot be told, or, unless the header
            suffices, cannot be read here. What pydicom raises goes through.
    """
    from pydicom import dcmread
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID

    start = _PREAMBLE if data[_PREAMBLE - 4 : _PREAMBLE] == b"DICM" else 0
    syntax, body = _transfer_syntax(data, start)
    if syntax == DEFLATED:
        data = _inflated(data[body:], _MOST_HEADER if header_only else _MOST_INFLATED)
        syntax, body = "", 0
    stated = bool(syntax)
    if not stated:
        syntax = _told_by_elements(data, body)
    elif not header_only:
        _check_syntax(syntax)
    file = dcmread(io.BytesIO(data), stop_before_pixels=header_only, force=True)
    if not stated:
        file.file_meta = getattr(file, "file_meta", None) or FileMetaDataset()
        file.file_meta.TransferSyntaxUID = UID(syntax)
        if not header_only and "PixelData" in file and file["PixelData"].is_undefined_length:
            raise ImageError(f"its pixels are compressed and it does not say how; {_CONVERT}")
    return file


def check_stream(file: "Dataset", size: tuple[int, int]) -> None:
    """Hold a compressed picture to the header's width and height, before a decoder allocates.

    Raises:
        ImageError: its own header states another size or number of channels, or none, it is cut
            short, or its runs unpack to far more.
    """
    from pydicom.encaps import get_frame

    frame = get_frame(file.PixelData, 0, number_of_frames=1)
    if str(file.file_meta.TransferSyntaxUID) == RLE:
        _check_rle(frame, size[0] * size[1])
    else:
        # Some decoders make a picture of what there is, and zeros of the rest.
        if not frame.rstrip(b"\0").endswith(_END_OF_PICTURE):
            raise ImageError("its compressed picture is damaged: it is cut short.")
        channels = int(file.get("SamplesPerPixel", 1) or 1)
        _check_jpeg(_stream_size(frame), (*size, channels))


def _check_jpeg(found: tuple[int, int, int] | None, stated: tuple[int, int, int]) -> None:
    if found is None:
        raise ImageError("its compressed picture does not state its size: it is damaged.")
    if found[:2] != stated[:2]:
        raise ImageError(f"its header says {stated[:2]}, its compressed picture {found[:2]}.")
    if found[2] != stated[2]:
        raise ImageError(
            f"its header says {stated[2]} channels, its compressed picture {found[2]}."
        )


def _transfer_syntax(data: bytes, start: int) -> tuple[str, int]:
    """Return the transfer syntax that group 2 states, empty for none, and where the rest begins."""
    from pydicom.filereader import read_dataset

    if data[start : start + 2] != b"\x02\0":
        return "", start
    header = io.BytesIO(data)
    header.seek(start)  # group 2 is always explicit little endian
    meta = read_dataset(
        header,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, _vr, _length: tag.group != _META,
    )
    return str(meta.get("TransferSyntaxUID", "") or "").strip("\0 "), header.tell()


def _told_by_elements(data: bytes, start: int) -> str:
    encoding = _encoding(data, start)
    if encoding is None:
        raise ImageError(
            "its DICOM transfer syntax is not stated, and its first elements do not tell it; "
            "write it again with the software that it came from, or with dcmconv."
        )
    return encoding


def _encoding(data: bytes, start: int) -> str | None:
    """Return the transfer syntax of uncompressed elements as they stand, None if they are none."""
    for syntax, implicit, order in (
        ("1.2.840.10008.1.2.1", False, "<"),
        ("1.2.840.10008.1.2.2", False, ">"),
        ("1.2.840.10008.1.2", True, "<"),
    ):
        if _reads(data, start, order, implicit=implicit):
            return syntax
    return None


def _reads(data: bytes, place: int, order: str, *, implicit: bool) -> bool:
    """Tell whether elements follow each other in ascending order, each within the file."""
    last = -1
    for number in range(_ENOUGH):
        if len(data) - place < 8:
            return False
        group, element = struct.unpack_from(f"{order}HH", data, place)
        if number == 0 and group not in {_META, _FIRST}:
            return False
        tag = group << 16 | element
        size = _value_of(data, place, order, implicit=implicit)
        if tag <= last or size is None:
            return False
        if size[1] == _UNDEFINED:
            return number > 0
        last, place = tag, size[0] + size[1]
        if place > len(data):
            return False
    return True


def _value_of(data: bytes, place: int, order: str, *, implicit: bool) -> tuple[int, int] | None:
    """Return where an element's value begins and its length in bytes, None where it is none."""
    if implicit:
        return place + 8, int(struct.unpack_from(f"{order}I", data, place + 4)[0])
    vr = data[place + 4 : place + 6]
    if vr not in _VRS:
        return None
    if vr not in _LONG_VRS:
        return place + 8, int(struct.unpack_from(f"{order}H", data, place + 6)[0])
    if len(data) - place < 12:
        return None
    return place + 12, int(struct.unpack_from(f"{order}I", data, place + 8)[0])


def _inflated(data: bytes, most: int) -> bytes:
    """Inflate to at most so many bytes: pydicom itself would inflate a bomb without a limit."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    whole = unpacker.decompress(data, most)
    if unpacker.unconsumed_tail and most == _MOST_INFLATED:
        raise ImageError(f"it is deflated and holds more than {most:,} bytes.")
    return whole


def _check_syntax(syntax: str) -> None:
    from pydicom.pixels import get_decoder
    from pydicom.uid import UID

    shown = syntax if _UID.fullmatch(syntax) else "is no UID and"
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError as error:
        raise ImageError(f"its DICOM transfer syntax {shown} cannot be read; {_CONVERT}") from error
    if not decoder.is_available:
        raise ImageError(
            f"its DICOM transfer syntax {shown} ({UID(syntax).name}) cannot be read with what is "
            f"installed; {missing_decoder(syntax)}"
        )


def missing_decoder(syntax: str) -> str:
    """Return how to read a compressed transfer syntax that cannot be read yet; empty if it can."""
    plugin = "openjpeg" if syntax.startswith(_JPEG_2000) else "libjpeg"
    if find_spec("pylibjpeg") and find_spec(plugin):
        return ""
    return f"pip install pylibjpeg pylibjpeg-{plugin}, or {_CONVERT}"


def _check_rle(frame: bytes, pixels: int) -> None:
    """Raise an `ImageError` for runs that unpack to far more than the picture.

    pydicom unpacks a segment to its end before it looks at its length. A segment that could not
    become large whatever it holds is not walked through, which takes as long as unpacking it.
    """
    count = min(15, *struct.unpack_from("<I", frame)) if len(frame) >= 64 else 0
    starts = [*struct.unpack_from(f"<{count}I", frame, 4), len(frame)] if count else []
    for start, end in pairwise(starts):
        if (end - start) * _RUN > _MOST_INFLATED and _exceeds(frame[start:end], 2 * pixels):
            raise ImageError("its runs unpack to more than the picture: it is damaged.")


def _exceeds(segment: bytes, most: int) -> bool:
    """Tell whether a segment of runs unpacks to more bytes (DICOM PS3.5, annex G)."""
    place, total = 0, 0
    while place < len(segment) and total <= most:
        control = segment[place]
        if control > 128:  # the next byte, repeated
            total, place = total + 257 - control, place + 2
        else:  # so many bytes as they stand; 128 means nothing
            as_is = control + 1 if control < 128 else 0
            total, place = total + as_is, place + 1 + as_is
    return total > most


def _stream_size(frame: bytes) -> tuple[int, int, int] | None:
    """Return width, height and channels that a JPEG, JPEG-LS or JPEG 2000 stream states."""
    siz = frame.find(b"\xff\x4f\xff\x51")
    if siz >= 0 and len(frame) >= siz + 42:
        right, bottom, left, top = struct.unpack_from(">4I", frame, siz + 8)
        return right - left, bottom - top, *struct.unpack_from(">H", frame, siz + 40)
    place = 2
    while len(frame) >= place + 10 and frame[place] == 0xFF:
        kind = frame[place + 1]
        if kind == 0xFF:  # a fill byte
            place += 1
            continue
        if kind == 0xF7 or (0xC0 <= kind <= 0xCF and kind not in {0xC4, 0xC8, 0xCC}):
            height, width, channels = struct.unpack_from(">HHB", frame, place + 5)
            return width, height, channels
        place += 2 + struct.unpack_from(">H", frame, place + 2)[0]
    return None
