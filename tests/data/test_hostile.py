"""Hostile files: each ends as a picture or as an ImageError, soon, and within the stated memory."""

import os
import struct
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import numpy as np
import pytest

from benchmark.cache import Cache
from benchmark.data import ReadOptions, read_index
from benchmark.data.decoding import MAX_BYTES, decode_array, decode_bytes
from benchmark.errors import ImageError
from benchmark.records import Picture
from tests.data.pictures import dicom, encode, gradient, noise

PICTURE = Picture(side_px=16)
COLOUR = noise("hostile", 24, 32, 3)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of(width: int, height: int, body: bytes = b"") -> bytes:
    """Return a grey PNG file that says it has a size, whatever its body holds."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"these are words, not pixels\n" * 20, "no picture in a format"),
        (b"\0" * 1000, "no picture in a format"),
        (b"\x89PNG\r\n\x1a\n", "no picture|cannot be decoded"),
        (bytes(128) + b"DICM", "transfer syntax is not stated"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture in a format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture in a format"),
        (encode(COLOUR, "JPEG")[:-300], "truncated"),
        (encode(COLOUR)[:-300], "truncated|cannot be decoded"),
    ],
    ids=[
        *("empty", "text", "zeros", "png's first bytes", "dicom's first bytes"),
        *("postscript", "svg", "cut jpeg", "cut png"),
    ],
)
def test_what_is_no_picture_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        decode_bytes(data, PICTURE)


@pytest.mark.parametrize("side", [9_000, 30_000, 2**31 - 1])
def test_a_bomb_is_refused_by_its_header(side: int) -> None:
    with pytest.raises(ImageError, match=r"more than 64,000,000|exceeds limit|cannot be decoded"):
        decode_bytes(png_of(side, side, zlib.compress(bytes(1_000_000))), PICTURE)


def test_a_bomb_in_a_text_chunk_is_refused() -> None:
    whole = encode(gradient())
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000)))
    with pytest.raises(ImageError, match=r"cannot be decoded|no picture"):
        decode_bytes(whole[:33] + bomb + whole[33:], PICTURE)


def test_a_picture_of_100_000_pixels_width_is_read() -> None:
    data = encode(np.repeat(gradient(100_000, 1), 3, axis=0))
    for fit in ("stretch", "pad", "crop"):
        assert decode_bytes(data, Picture(side_px=16, fit=fit)).shape == (16, 16, 3)


def test_a_picture_of_100_000_by_100_000_pixels_is_refused() -> None:
    with pytest.raises(ImageError, match=r"more than|exceeds limit"):
        decode_bytes(png_of(100_000, 100_000), PICTURE)


@pytest.mark.parametrize("shape", [(64_000_000, 1), (1, 64_000_000), (100_001, 1)])
def test_a_line_of_a_picture_is_refused_before_it_is_decoded(shape: tuple[int, int]) -> None:
    """Reducing it would take gigabytes for the weights of its pixels."""
    with pytest.raises(ImageError, match="a side may have 100,000"):
        decode_bytes(png_of(*shape), PICTURE)
    with pytest.raises(ImageError, match="a side may have 100,000"):
        decode_array(np.broadcast_to(np.uint8(0), shape), PICTURE)


def test_a_jpeg_of_scans_without_end_is_refused() -> None:
    data = encode(COLOUR, "JPEG", progressive=True)
    start, end = data.rindex(b"\xff\xda"), data.rindex(b"\xff\xd9")
    many = data[:end] + data[start:end] * 100 + data[end:]
    with pytest.raises(ImageError, match="more than 100 scans"):
        decode_bytes(many, PICTURE)


def test_a_tiff_of_vast_tiles_is_refused() -> None:
    """For one tile of 30,000 × 30,000 libtiff took 860 MiB, whatever the picture's size."""
    tags = {256: 16, 257: 16, 258: 8, 259: 8, 262: 1, 277: 1, 322: 30_000, 323: 30_000}
    body = zlib.compress(bytes(256))
    tags |= {324: 8 + 2 + 12 * 10 + 4, 325: len(body)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags))
    head = b"II*\0" + struct.pack("<IH", 8, len(tags))
    with pytest.raises(ImageError, match="its tiles have 30000 × 30000 pixels"):
        decode_bytes(head + entries + bytes(4) + body, PICTURE)


def test_a_file_beyond_the_size_limit_is_refused() -> None:
    class Long(bytes):
        def __len__(self) -> int:
            return MAX_BYTES + 1

    with pytest.raises(ImageError, match="more than 536,870,912"):
        decode_bytes(Long(b"x"), PICTURE)


def test_a_vast_sparse_file_and_a_pipe_cost_their_own_rows_only(tmp_path: Path) -> None:
    for number in range(40):
        folder = tmp_path / "set" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.png").write_bytes(encode(noise(f"row {number}", 8, 8)))
    with (tmp_path / "set/a/vast.png").open("wb") as file:
        file.truncate(30 * 2**30)
    os.mkfifo(tmp_path / "set/b/pipe.dcm")
    index = read_index(
        str(tmp_path / "set"), ReadOptions(needs_parts=False), Cache(tmp_path / "cache")
    )
    assert len(index) == 40
    assert {each.path: each.reason for each in index.left_out} == {
        "a/vast.png": "it cannot be read: it has 32,212,254,720 bytes, and may have 536,870,912.",
        "b/pipe.dcm": "it cannot be read: it is no plain file.",
    }


def test_deeply_nested_dicom_is_refused_and_soon() -> None:
    nest = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    plain = dicom(gradient())
    start = plain.index(b"\x28\x00")
    with pytest.raises(ImageError, match=r"cannot be decoded|without a picture"):
        decode_bytes(plain[:start] + nest * 20_000 + plain[start:], PICTURE)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rgba png", "16-bit png", "cmyk jpeg", "dicom"])
def test_the_largest_picture_is_decoded_within_the_stated_memory(kind: str, tmp_path: Path) -> None:
    make = """
    import sys
    import numpy as np
    from PIL import Image
    from tests.data.pictures import dicom, encode, gradient
    grey = np.tile(gradient(7990, 1), (7990, 1))
    data = {
        "rgba png": lambda: encode(np.dstack([grey, grey.T, grey, grey]), compress_level=1),
        "16-bit png": lambda: encode(grey.astype(np.uint16) * 257, compress_level=1),
        "cmyk jpeg": lambda: encode(Image.fromarray(grey).convert("CMYK"), "JPEG"),
        "dicom": lambda: dicom(grey.astype(np.int16)),
    }[sys.argv[1]]()
    open(sys.argv[2], "wb").write(data)
    """
    read = """
    import resource, sys
    from pathlib import Path
    from benchmark.data.decoding import decode_bytes
    from benchmark.records import Picture
    data = Path(sys.argv[1]).read_bytes()
    import pydicom.pixels
    before = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (before + 2**30,) * 2)
    print(decode_bytes(data, Picture(side_px=16)).shape)
    """
    project = Path(__file__).parents[2]
    for code, words in ((make, [kind, tmp_path / "file"]), (read, [tmp_path / "file"])):
        command = [sys.executable, "-c", textwrap.dedent(code), *map(str, words)]
        done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
    assert done.stdout == "(16, 16, 3)\n"
