"""Many images in a child process: how long they take, and that memory does not grow with them."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .commands import ROOT
from .copies import FILM, write_copies
from .markdown import draw_table

XRAYS = 5000
FEW_AND_MANY = (1000, 20_000)
SMALL_SIDE = 96
SMALL = (128, 96)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A child process over some images.

    Attributes:
        images: how many; `file_kb` the mean size of a file in 1,000 bytes.
        side: in pixels; `arch` the backbone, `engine` who computed it.
        decode: seconds of reading, hashing, decoding and dividing.
        features: seconds of the backbone's pass, its conversion and probe included.
        resident: the greatest resident memory in MiB, mapped pages included.
        anonymous_decode: the greatest anonymous memory in MiB while decoding.
        anonymous_features: the same while computing features, TensorFlow included.
    """

    images: int
    file_kb: float
    side: int
    arch: str
    engine: str
    decode: float
    features: float
    resident: float
    anonymous_decode: float
    anonymous_features: float


def measure_xrays(source: Path, arch: str, weights: str, count: int = XRAYS) -> list[Size]:
    """Measure films of the published X-ray set's size and number, at 224 px."""
    return [_measure(source, arch, weights, count, 224, FILM)]


def measure_memory(
    source: Path, arch: str, weights: str, counts: Sequence[int] = FEW_AND_MANY
) -> list[Size]:
    """Measure few and many small images."""
    return [_measure(source, arch, weights, count, SMALL_SIDE, SMALL) for count in counts]


def _measure(
    source: Path, arch: str, weights: str, count: int, side: int, size: tuple[int, int]
) -> Size:
    with tempfile.TemporaryDirectory() as folder:
        file_bytes = write_copies(source, Path(folder), count, size)
        found = pass_in_child(Path(folder), arch, weights, side)
    return Size(
        images=found["images"],
        file_kb=file_bytes / 1000,
        side=side,
        arch=arch,
        engine=found["engine"],
        decode=found["seconds"]["read_and_decode"],
        features=found["seconds"]["features"],
        resident=found["peak_resident_mib"],
        anonymous_decode=found["peaks_mib"]["decode"]["RssAnon"],
        anonymous_features=found["peaks_mib"]["features"]["RssAnon"],
    )


def pass_in_child(data: Path, arch: str, weights: str, side: int) -> dict[str, Any]:
    """Return what `passing` prints.

    Raises:
        subprocess.CalledProcessError: it failed; its errors were shown.
    """
    words = [sys.executable, "-m", "tests.performance.passing", "--data", str(data)]
    words += ["--arch", arch, "--weights", weights, "--side", str(side)]
    surroundings = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    said = subprocess.run(
        words, cwd=ROOT, env=surroundings, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def table(sizes: Sequence[Size]) -> str:
    """Draw the sizes as a Markdown table."""
    names = ["images", "KB a file", "side px", "backbone", "engine", "decode s", "features s"]
    names += ["together s", "peak MiB", "anonymous MiB, decode", "anonymous MiB, features"]
    return draw_table(names, [_cells(each) for each in sizes])


def _cells(each: Size) -> list[str]:
    seconds = (each.decode, each.features, each.decode + each.features)
    mib = (each.resident, each.anonymous_decode, each.anonymous_features)
    return [
        *(f"{each.images:,}", f"{each.file_kb:.0f}", str(each.side), each.arch, each.engine),
        *(f"{figure:.1f}" for figure in seconds),
        *(f"{figure:,.0f}" for figure in mib),
    ]
