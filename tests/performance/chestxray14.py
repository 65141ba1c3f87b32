"""How long a table of ChestX-ray14's size is read and planned: 112,120 drawn images of 8 x 8.

    python -m tests.performance.chestxray14 /tmp/chestxray14

draws the set where it is not there yet, and then plans it twice, with an empty cache and with a
warm one, each in a process of its own.
"""

import argparse
import csv
import os
import resource
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np

from benchmark.seeds import generator

IMAGES = 112_120
PATIENTS = 30_805
FOLDERS = 12
FINDINGS = ("No Finding", "Infiltration", "Effusion", "Infiltration|Effusion", "Mass", "Nodule")
HEADER = (
    *("Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age"),
    *("Patient Gender", "View Position", "OriginalImage[Width", "Height]"),
    *("OriginalImagePixelSpacing[x", "y]", ""),
)


def draw(root: Path, images: int = IMAGES) -> Path:
    """Write drawn images and their table as NIH publishes them, and return the table."""
    table = root / "Data_Entry_2017.csv"
    if table.exists():
        return table
    for number in range(FOLDERS):
        (root / f"images_{number + 1:03d}" / "images").mkdir(parents=True, exist_ok=True)
    random = generator(0, "chestxray14")
    patients = np.sort(random.integers(0, PATIENTS, images)) + 1
    drawn = random.integers(0, 256, (images, 8, 8), dtype=np.uint8)
    findings = random.choice(len(FINDINGS), images, p=(0.5, 0.15, 0.1, 0.05, 0.1, 0.1))
    rows = []
    for number, patient in enumerate(patients):
        name = f"{patient:08d}_{number:06d}.png"
        folder = root / f"images_{number * FOLDERS // images + 1:03d}" / "images"
        (folder / name).write_bytes(png(drawn[number].tobytes(), 8))
        rows.append(
            (name, FINDINGS[findings[number]], 0, patient, 58, "M", "PA", 8, 8, 0.143, 0.143, "")
        )
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADER, *rows])
    return table


def png(pixels: bytes, side: int) -> bytes:
    """Return a square grey picture as a PNG file's bytes, some 20 times as fast as Pillow."""
    lines = b"".join(b"\0" + pixels[at : at + side] for at in range(0, side * side, side))
    size = side.to_bytes(4, "big")
    blocks = ((b"IHDR", size + size + b"\x08\0\0\0\0"), (b"IDAT", zlib.compress(lines, 1)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
        for kind, data in (*blocks, (b"IEND", b""))
    )


def main() -> None:
    """Draw the set, plan it cold and warm, and print what each took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=IMAGES)
    given = parser.parse_args()
    table = draw(given.folder, given.images)
    cache = given.folder / f"cache-{os.getpid()}"
    cache.mkdir()  # `plan` makes none, and would read all files again
    command = [sys.executable, "-m", "benchmark", "plan", "--data", str(table)]
    command += ["--cache", str(cache), "--split", "70/15/15", "--one-label", "drop"]
    command += ["--arch", "prior"]
    for called in ("cold", "warm"):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(
            f"{called}: exit code {done.returncode}, {time.perf_counter() - start:.1f} s, "
            f"{processor:.1f} s of processor, {after.ru_maxrss / 1024:.0f} MiB at most"
        )
        if done.returncode:
            print(done.stdout[-2000:], done.stderr[-2000:])


if __name__ == "__main__":
    main()
