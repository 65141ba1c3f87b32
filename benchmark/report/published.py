"""What others have published, beside ours where data and protocol agree, and never otherwise.

`results/published.csv` holds a line a figure: data set, protocol, architecture, images that it was
scored on, and the source.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..board import Board, Figure, Row
from ..records import Part

_FILE = "published.csv"
# The part of ours that a protocol's figures are of, where ours are divided as published too.
_PARTS = {
    "official split as published": Part.TEST,
    "official test": Part.TEST,
    "MedMNIST v2 official": Part.TEST,
    "official validation only": Part.VAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A figure that others have published; `images` is 0 where they do not say on how many."""

    data: str
    protocol: str
    arch: str
    regime: str
    images: int
    accuracy: float | None
    source: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterpart:
    """A published accuracy, and ours of the same images; None where none of our rows has its name.

    Attributes:
        theirs: what was published.
        part: the part of ours that holds the same images.
        row: our best row of that architecture, by the board's order; `ours` its accuracy.
        ours: see row.
    """

    theirs: Published
    part: Part
    row: Row | None
    ours: Figure | None


@cache
def read_published() -> tuple[Published, ...]:
    """Read the figures that come with this project; none where a person cleared `results/`."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "published" / _FILE
    path = installed if installed.is_file() else package.parent / "results" / _FILE
    if not path.is_file():
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(
            Published(
                data=line["dataset"],
                protocol=line["protocol"],
                arch=line["architecture"],
                regime=line["regime"],
                images=int(line["n_test"] or 0),
                accuracy=float(line["accuracy"]) if line["accuracy"] else None,
                source=line["source"],
                note=line["note"],
            )
            for line in csv.DictReader(file)
        )


def beside(
    board: Board, published: Sequence[Published]
) -> tuple[tuple[Counterpart, ...], tuple[Published, ...]]:
    """Return published figures beside ours, and those of the same data that must not stand there.

    The protocol is the same where ours is the official split, the figure is of the same part, and
    that holds as many images.
    """
    same: list[Counterpart] = []
    others: list[Published] = []
    subject = board.subject
    for each in published:
        if each.data != board.data:
            continue
        part = _PARTS.get(each.protocol)
        is_official = subject is not None and subject.split == "official"
        images = sum(subject.images.get(str(part), ())) if subject is not None else 0
        if part is None or not is_official or images != each.images or each.accuracy is None:
            others.append(each)
            continue
        row = next((row for row in board.ranked if _plain(row.arch) == _plain(each.arch)), None)
        ours = None if row is None else row.figures.get(f"{part}_accuracy")
        same.append(Counterpart(theirs=each, part=part, row=row, ours=ours))
    return tuple(same), tuple(others)


def _plain(arch: str) -> str:
    return re.sub(r"[^a-z0-9]", "", arch.lower())
