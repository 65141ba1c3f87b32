"""Stored reference results: one JSON file a room, with the number that the room had."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.records import digest

FOLDER = Path(__file__).parent
SHARE = 1e-3  # chosen, not sourced: processors differ by 1e-5, and a changed rule by far more

Figures = dict[str, str | int | list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What a room gave.

    Attributes:
        number: the room's number then.
        figures: by name: texts and whole numbers, which are compared exactly, and lists of real
            numbers, which are compared against the greatest of the list.
    """

    number: int
    figures: Figures


def read(room: str) -> Reference:
    """Return the stored reference of a room."""
    stored = json.loads((FOLDER / f"{room}.json").read_text())
    return Reference(number=stored["number"], figures=stored["values"])


def write(room: str, reference: Reference) -> None:
    """Store a room's reference."""
    stored = {"number": reference.number, "values": reference.figures}
    (FOLDER / f"{room}.json").write_text(json.dumps(stored, indent=1) + "\n")


def differing(found: Figures, wanted: Figures) -> list[str]:
    """Return the names of figures that differ, or that only one of the two has."""
    names = sorted({*found, *wanted})
    return [name for name in names if not _alike(found.get(name), wanted.get(name))]


def listed(values: Any) -> list[float]:
    """Return real numbers as a list that JSON keeps, to seven digits."""
    return [float(f"{value:.7g}") for value in np.ravel(values)]


def told(values: Any) -> str:
    """Return a digest of texts and whole numbers, short enough to be read."""
    return digest(values)[:16]


def _alike(found: object, wanted: object) -> bool:
    if not (isinstance(found, list) and isinstance(wanted, list)):
        return found == wanted
    if len(found) != len(wanted):
        return False
    scale = float(np.abs(np.array(wanted)).max(initial=0.0))
    return np.allclose(found, wanted, rtol=0, atol=SHARE * scale)
