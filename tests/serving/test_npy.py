"""Pixels handed over as `.npy` files: as the array, and refused where they are not plain."""

import struct
import tracemalloc

import numpy as np
import pytest

from benchmark.errors import ImageError
from benchmark.records import Picture
from benchmark.serving.model import native_of
from tests.data.pictures import pixels_of

from .conftest import encoded, npy

PICTURE = Picture(side_px=16)
IMAGE = np.random.default_rng(3).integers(0, 256, (20, 24, 3), dtype=np.uint8)


def headed(header: str, data: bytes = b"") -> bytes:
    """Return a `.npy` file with a header of one's own."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


@pytest.mark.parametrize(
    "stored",
    [IMAGE, np.asfortranarray(IMAGE), IMAGE.astype(">i4"), IMAGE.astype(np.float32)],
    ids=["plain", "in columns", "big-endian", "float"],
)
def test_a_npy_gives_the_pixels_of_its_array(stored: np.typing.NDArray[np.generic]) -> None:
    expected = pixels_of(IMAGE, PICTURE)
    np.testing.assert_array_equal(expected, pixels_of(npy(stored), PICTURE))
    np.testing.assert_array_equal(expected, pixels_of(encoded(npy(stored)), PICTURE))


class Planted:
    """Would end the process if it were unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return exit, (3,)


def test_nothing_is_unpickled() -> None:
    hostile = npy(np.array([[Planted()]], dtype=object))
    with pytest.raises(ImageError, match="must hold plain numbers, not object"):
        native_of(hostile, PICTURE)


def test_a_header_that_promises_much_takes_no_memory() -> None:
    promised = "{'descr': '|u1', 'fortran_order': False, 'shape': (8000, 8000)}\n"
    endless = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**30}, 3)}}\n"
    tracemalloc.start()
    for header, said in ((promised, "must hold 64,000,000 bytes, not 3"), (endless, "may have")):
        with pytest.raises(ImageError, match=said):
            native_of(headed(header, b"abc"), PICTURE)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (npy(IMAGE)[:-1], "must hold 1,440 bytes, not 1,439"),
        (npy(IMAGE) + b"x", "must hold 1,440 bytes, not 1,441"),
        (npy(IMAGE)[:40], "must begin with NumPy's header"),
        (b"\x93NUMPY\x09\x00", "must begin with NumPy's header"),
        (headed("(" * 900), "must begin with NumPy's header"),
        (headed("{'descr': '|u1', 'fortran_order': False, 'shape': (0, 3)}"), "may have"),
        (headed("{'descr': '|u1', 'fortran_order': False, 'shape': (-2, -3)}"), "may have"),
        (npy(np.zeros(9, np.uint8)), "2 or 3 dimensions, not 1"),
        (npy(np.zeros((3, 3), bool)), "plain numbers, not bool"),
        (npy(np.zeros((3, 3), "U2")), "plain numbers, not str64"),
        (npy(np.zeros((3, 3), [("a", "u1")])), "plain numbers"),
        (npy(IMAGE / 255), "whole numbers from 0 to 255, unscaled"),
    ],
)
def test_a_npy_that_is_no_image_is_refused_in_a_line(stored: bytes, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        native_of(stored, PICTURE)
