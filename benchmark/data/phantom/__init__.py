"""The phantom: SYNTHETIC chest CT slices, drawn by our own code from a seed.

No patient was scanned for them. They let everything run without a network and without a person's
data, and they are worth nothing as medical evidence.

How hard it is, in macro-F1 on val / test (2 seeds each, at most 30 epochs, Adam at 1e-3, the best
epoch by validation loss): always the commonest class 0.12 / 0.12; logistic regression on pixels
0.70 / 0.65; an MLP of 128 units 0.67-0.72 / 0.64-0.67; three conv-pool blocks of 16, 32 and 64 with
64 units and dropout 0.3 0.89-0.96 / 0.82-0.87; a forest on brightness alone 0.43 / 0.38.
"""

import hashlib
from dataclasses import dataclass
from functools import cache as remember
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...cache import Cache
from ...errors import ImageError
from ...records import Index, Part, digest
from ...seeds import derive
from .anatomy import (
    ADENO,
    LARGE,
    NORMAL,
    SQUAMOUS,
    draw_body,
    draw_lesion,
    paint_body,
    paint_lesion,
)
from .canvas import Bits, Canvas, draw_pose

SYNTHETIC = "SYNTHETIC: drawn by a program, not scanned; no evidence about any patient"
OTHERWISE = "this machine draws the phantom otherwise than it was published; compare no scores"
CLASSES = (ADENO, LARGE, NORMAL, SQUAMOUS)
SIDE_PX = 96
SEED = 2026

# Of every image's hash in path order. It changes with each change of the drawing, on purpose: an
# older result must not be taken for one on these images.
PIXELS_SHA256 = "0915679c1f8a766f6284f56474db0564c881da65f841a720de3fcdd7b71e7d48"

# Patients of each class in train, val and test: 240 in all, as unbalanced as the chest CT set,
# with one to three slices each. More slices of fewer patients were tried at the same 480 images
# (120 x 4, 160 x 3): a small CNN then learns little more than the MLP.
_PATIENTS = {ADENO: (42, 15, 15), LARGE: (30, 9, 9), NORMAL: (34, 12, 12), SQUAMOUS: (38, 12, 12)}
_PARTS = (Part.TRAIN, Part.VAL, Part.TEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One image of the phantom: whose it is, which one, and of what class and part."""

    patient: int
    number: int
    label: str
    part: Part

    @property
    def path(self) -> str:
        """The path that the image has in the written data set."""
        name = f"patient-{self.patient:03}-slice-{self.number}.png"
        return f"{self.part}/{self.label}/{name}"


class PhantomReader:
    """Draws an image of the phantom when it is read."""

    def read(self, path: str) -> npt.NDArray[np.uint8]:
        """Return (96, 96) pixels; a path that the phantom has not is an `ImageError`."""
        found = _slices().get(path)
        if found is None:
            raise ImageError(f"the phantom has no image {path!r}; take a path from its index.")
        return render(found)


def read_index(cache: Cache) -> Index:
    """Return the phantom's index; its content hashes are those of the pixels."""
    slices = _slices()
    hashes = _hashes(cache)
    drawn = () if digest(list(hashes)) == PIXELS_SHA256 else (OTHERWISE,)
    return Index(
        name="phantom",
        modality="ct",
        synthetic=True,
        classes=CLASSES,
        paths=tuple(slices),
        labels=np.array([CLASSES.index(each.label) for each in slices.values()], dtype=np.int64),
        parts=tuple(each.part for each in slices.values()),
        patients=tuple(f"{each.patient:03}" for each in slices.values()),
        hashes=hashes,
        reader=PhantomReader(),
        notes=(SYNTHETIC, *drawn),
    )


def render(wanted: Slice) -> npt.NDArray[np.uint8]:
    """Draw (96, 96) pixels of a slice: the same ones on every machine."""
    names = ("phantom", wanted.patient)
    patient, cut = Bits(SEED, *names), Bits(SEED, *names, wanted.number)
    canvas = Canvas(SIDE_PX, draw_pose(patient, cut))
    body = draw_body(patient)
    low, width = patient.uniform(-0.04, 0.04), patient.uniform(0.92, 1.12)
    grain = patient.uniform(0.01, 0.02)
    lesion = draw_lesion(wanted.label, body, patient)
    level = patient.uniform(-0.6, 0.6) + 0.15 * (wanted.number - 1)
    lungs = paint_body(canvas, body, level, cut)
    if lesion is not None:
        off = 0.3 * (wanted.number - 1) + cut.uniform(-0.1, 0.1)
        paint_lesion(canvas, lesion, lungs, off, cut)
    # The scanner's own: noise, a slow drift over the picture, and the window it is shown under.
    noise = grain * cut.bell(SIDE_PX, SIDE_PX) + 0.02 * cut.clouds(SIDE_PX, 3)
    shown = (canvas.density + noise - low) * (255.0 / width)
    return np.clip(shown + 0.5, 0.0, 255.0).astype(np.uint8)


@remember
def _slices() -> dict[str, Slice]:
    """Return every slice of the data set by its path, in sorted path order."""
    roles = [
        (label, part)
        for label, counts in _PATIENTS.items()
        for part, count in zip(_PARTS, counts, strict=True)
        for _ in range(count)
    ]
    numbers = sorted(range(len(roles)), key=lambda each: derive(SEED, "phantom", "number", each))
    found = [
        Slice(patient=patient, number=number, label=label, part=part)
        for patient, (label, part) in zip(numbers, roles, strict=True)
        for number in range(1 + patient % 3)
    ]
    return {each.path: each for each in sorted(found, key=lambda each: each.path)}


def _hashes(cache: Cache) -> tuple[str, ...]:
    """Return the SHA-256 of each image's pixels, from the cache after the first time."""

    def build(folder: Path) -> None:
        found = [hashlib.sha256(render(each).tobytes()).hexdigest() for each in _slices().values()]
        (folder / "hashes.txt").write_text("\n".join(found), encoding="ascii")

    key = digest(["phantom", PIXELS_SHA256, SEED, SIDE_PX, list(_slices())])
    return tuple((cache.entry("phantom", key, build) / "hashes.txt").read_text("ascii").split())
