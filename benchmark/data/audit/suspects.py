"""Images that a pretrained network takes for the same: suspects to look at, never dropped.

Features see through crops and tilts that the comparison of pixels misses. They depend on weights,
and a split must not, so what they suspect is said and changes nothing.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ...records import Rows, Split
from ..pixels import Decoded
from ..splits.groups import NearPair
from .findings import Fault, Finding, Severity
from .subject import Subject, subject

# chosen, not sourced: of the way from the greatest cosine of other images to 1. With MobileNetV2 on
# chest CT the bound is 0.88: it finds half of the crops by 3 % and tilts by 3°, and nothing else.
MARGIN = 0.15
SHOWN = 20  # pairs that a finding lists, the most alike first
SAMPLE = 2000  # images of which every pair sets the bound, drawn evenly: enough for its tail
BLOCK = 512  # rows whose cosines are held at once

Floats = npt.NDArray[np.float32]


def feature_suspects(
    decoded: Decoded, split: Split | None, features: Floats, near: Sequence[NearPair] = ()
) -> tuple[Finding, ...]:
    """Return images of two parts whose features are more alike than those of other images are.

    The bound is set by pairs of images of one class and one part, exact copies and known near
    ones aside: between parts there may be copies, which a bound must not follow.

    Args:
        decoded: the images.
        split: the split in use, None for the published parts.
        features: (u, width) features of a frozen network, a row for each row of the pixels.
        near: pairs that were found from pixels; they are told of already.
    """
    seen = subject(decoded.index, decoded.facts, decoded.pixels, split)
    return tuple(_suspects(seen, features, near))


def _suspects(subject: Subject, features: Floats, near: Sequence[NearPair]) -> Iterator[Finding]:
    units = _standard(features)[subject.pixel_rows[subject.first]]
    parts, labels = subject.parts[subject.first], subject.labels[subject.first]
    known = _known(subject, near)
    bound = _bound(units, parts, labels, known)
    for learnt, judged in subject.part_pairs:
        new, old = np.flatnonzero(parts == judged), np.flatnonzero(parts == learnt)
        pairs = _above(units, new, old, bound, known)
        if pairs:
            yield _describe(subject, (learnt, judged), pairs, bound)


def _standard(features: Floats) -> Floats:
    """Return features of mean 0, deviation 1 and, in each row, length 1."""
    values: Floats = features.astype(np.float32)
    values -= values.mean(axis=0)
    values /= np.maximum(values.std(axis=0), 1e-6)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
    return values


def _known(subject: Subject, near: Sequence[NearPair]) -> set[tuple[int, int]]:
    """Return the pairs of distinct images that pixels have told of, both ways round."""
    pixels = {
        str(value): image
        for image, value in enumerate(subject.fact("pixel_hash")[subject.first].tolist())
    }
    found: set[tuple[int, int]] = set()
    for pair in near:
        content = [subject.index.hashes[row] for row in pair[:2]]
        ends = [pixels.get(subject.facts.pixel_hash_of(each), -1) for each in content]
        found |= {(ends[0], ends[1]), (ends[1], ends[0])}
    return found


def _bound(
    units: Floats, parts: npt.NDArray[np.str_], labels: Rows, known: set[tuple[int, int]]
) -> float:
    """Return a little more than the greatest cosine of different images of one class and part."""
    chosen = np.arange(0, len(units), max(1, len(units) // SAMPLE))
    greatest = 0.0
    for start in range(0, len(chosen), BLOCK):
        rows = chosen[start : start + BLOCK]
        cosines = units[rows] @ units[chosen].T
        alike = (labels[rows][:, None] == labels[chosen]) & (parts[rows][:, None] == parts[chosen])
        cosines[~alike | (rows[:, None] == chosen)] = 0
        for one, other in known:
            cosines[np.ix_(rows == one, chosen == other)] = 0
        greatest = max(greatest, float(cosines.max(initial=0)))
    return greatest + MARGIN * (1 - greatest)


def _above(
    units: Floats, new: Rows, old: Rows, bound: float, known: set[tuple[int, int]]
) -> list[tuple[int, int, float]]:
    found = []
    for start in range(0, len(new), BLOCK):
        rows = new[start : start + BLOCK]
        cosines = units[rows] @ units[old].T
        for one, other in zip(*np.nonzero(cosines > bound), strict=True):
            pair = int(rows[one]), int(old[other])
            if pair not in known:
                found.append((*pair, float(cosines[one, other])))
    return sorted(found, key=lambda pair: (-pair[2], pair))


def _describe(
    subject: Subject,
    parts: tuple[str, str],
    pairs: Sequence[tuple[int, int, float]],
    bound: float,
) -> Finding:
    learnt, judged = parts
    shown = [subject.first[list(pair[:2])] for pair in pairs[:SHOWN]]
    images = len({pair[0] for pair in pairs})
    return Finding(
        kind=Fault.NEAR_SUSPECT,
        severity=Severity.WARNING,
        summary=f"{images} image(s) of {judged} look to a pretrained network like images of "
        f"{learnt}: they may be copies.",
        parts=parts,
        classes=subject.classes(np.concatenate(shown)),
        files=tuple(dict.fromkeys(path for pair in shown for path in subject.paths(pair))),
        groups=tuple(subject.paths(pair) for pair in shown),
        effect=f"If they are, they are answered from memory: the scores on {judged} are too good.",
        remedy="Look at the pairs; leave copies out by a split file (the part dropped).",
        figures={
            "pairs": len(pairs),
            "images": images,
            "bound": round(bound, 4),
            "greatest_cosine": round(pairs[0][2], 4),
        },
    )
