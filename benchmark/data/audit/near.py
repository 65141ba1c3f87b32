"""Images that are nearly the same: proposed by perceptual hash, confirmed on their pixels.

A hash alone calls neighbouring CT slices copies; here each candidate must also correlate in its
pixels. Measured on the chest CT set (847 distinct images): 41 re-saved, resized and annotated
copies correlate at 0.987 or more, the next pairs (other slices, other patients) at 0.957 or less;
on 997 X-rays no pair reaches 0.95.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...records import Index, Rows
from ..facts import Facts
from ..pixels import Pixels
from .findings import Finding, Kind, Severity
from .pictures import Pictures, small_pictures, squares
from .subject import Subject, subject

DISTANCE = 10  # bits of 64 two hashes may differ in; the copies measured differ in 4 at most
CORRELATION = 0.975  # middle of the gap measured above
KEPT = 10  # strongest partners kept for an image, so that memory grows with images, not pairs
FLAT = 2.0  # standard deviation (grey levels) below which an image is blank, and like any other
PAIRS = 1 << 22  # pairs whose hashes are compared at once: 32 MiB
CHUNK = 1 << 11  # pairs whose pixels are compared at once: 64 MiB

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pairs:
    """Nearly equal images: (p,) positions `left` and `right` among m, and their correlation."""

    left: Rows
    right: Rows
    correlation: Floats


def near_duplicates(subject: Subject, pictures: Pictures) -> Iterator[Finding]:
    """Find images that are nearly the same but differ in some pixel.

    Args:
        subject: what is audited.
        pictures: (m, side, side) small grey pictures of the distinct images.
    """
    hashes = np.asarray(subject.fact("perceptual_hash"))[subject.first].astype(np.uint64)
    pairs = near_pairs(hashes, pictures, subject.parts[subject.first])
    members = _members(subject)
    joined = [
        (members[left], members[right], float(correlation))
        for left, right, correlation in zip(pairs.left, pairs.right, pairs.correlation, strict=True)
    ]
    for part in subject.part_names:
        yield from _finding(subject, (part,), _inside(subject, joined, part))
    for learnt, judged in subject.part_pairs:
        yield from _finding(subject, (learnt, judged), _between(subject, joined, learnt, judged))
    yield from _conflicts(subject, joined)


def near_copies(index: Index, facts: Facts, pixels: Pixels) -> tuple[tuple[int, int], ...]:
    """Give pairs of an index's rows that show nearly the same image, for `make_splits`.

    Of images with several exact copies one row stands for all.

    Args:
        index: the images, as `decode` gave them.
        facts: what was read when decoding them.
        pixels: their pixels.
    """
    seen = subject(index, facts, pixels, None)
    hashes = np.asarray(seen.fact("perceptual_hash"))[seen.first].astype(np.uint64)
    pictures = small_pictures(pixels, seen.pixel_rows[seen.first])
    pairs = near_pairs(hashes, pictures, seen.parts[seen.first])
    rows = seen.rows[seen.first]
    return tuple(
        (int(rows[left]), int(rows[right]))
        for left, right in zip(pairs.left, pairs.right, strict=True)
    )


def near_pairs(hashes: npt.NDArray[np.uint64], pictures: Pictures, homes: object) -> Pairs:
    """Give the pairs of m images whose hashes are close and whose pictures correlate.

    Every image keeps its strongest partners inside its home part and as many outside it, so that
    the memory taken is linear in m.

    Args:
        hashes: (m,) perceptual hashes.
        pictures: (m, side, side) grey pictures.
        homes: (m,) the part of each image.
    """
    home = np.asarray(homes)
    flat = pictures.reshape(len(pictures), -1)
    coarse = _standard(squares(pictures, 16))
    coarse[flat.std(axis=1) < FLAT] = 0  # a blank image resembles nothing
    kept: list[tuple[Rows, Rows, Floats]] = []
    block = max(1, PAIRS // max(1, len(hashes)))
    for start in range(0, len(hashes), block):
        likely = _likely(hashes, coarse, slice(start, start + block))
        left, right, _ = _strongest(*likely, home, 4 * KEPT)
        correlation = _correlation(flat, left, right)
        sure = correlation >= CORRELATION
        kept.append(_strongest(left[sure], right[sure], correlation[sure], home, KEPT))
    return _once(kept)


def _likely(
    hashes: npt.NDArray[np.uint64], coarse: Floats, block: slice
) -> tuple[Rows, Rows, Floats]:
    """Give pairs of a block's images with any, whose hashes and coarse pictures are close."""
    distance = np.bitwise_count(hashes[block, None] ^ hashes[None, :])
    correlation = coarse[block] @ coarse.T
    close = (distance <= DISTANCE) & (correlation >= CORRELATION - 0.05)
    left, right = np.nonzero(close)
    differ = left + block.start != right
    left, right = left[differ], right[differ]
    return (left + block.start).astype(np.int64), right.astype(np.int64), correlation[left, right]


def _correlation(flat: npt.NDArray[np.generic], left: Rows, right: Rows) -> Floats:
    """Give Pearson's correlation of rows `left` with rows `right`, a chunk at a time."""
    result = np.empty(len(left), dtype=np.float32)
    for start in range(0, len(left), CHUNK):
        piece = slice(start, start + CHUNK)
        one, other = _standard(flat[left[piece]]), _standard(flat[right[piece]])
        result[piece] = np.einsum("pd,pd->p", one, other)
    return result


def _standard(rows: npt.NDArray[np.generic]) -> Floats:
    values: Floats = rows.astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-6)
    return values


def _strongest(
    left: Rows, right: Rows, correlation: Floats, home: npt.NDArray[np.generic], count: int
) -> tuple[Rows, Rows, Floats]:
    """Keep the strongest partners of each left image: `count` in its part, as many outside."""
    outside = home[left] != home[right]
    order = np.lexsort((-correlation, outside, left))
    left, right, correlation = left[order], right[order], correlation[order]
    key = left * 2 + outside[order]
    starts = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.zeros(0, int)
    rank = np.arange(len(key)) - np.repeat(starts, np.diff(np.r_[starts, len(key)]))
    keep = rank < count
    return left[keep], right[keep], correlation[keep]


def _once(kept: list[tuple[Rows, Rows, Floats]]) -> Pairs:
    """Join the blocks' pairs, each pair once, the strongest first."""
    left, right, correlation = (np.concatenate(column) for column in zip(*kept, strict=True))
    ends = np.stack([np.minimum(left, right), np.maximum(left, right)])
    ends, first = np.unique(ends, axis=1, return_index=True)
    order = np.argsort(-correlation[first], kind="stable")
    return Pairs(left=ends[0, order], right=ends[1, order], correlation=correlation[first][order])


def _members(subject: Subject) -> list[Rows]:
    order = np.argsort(subject.images, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(subject.images[order])) + 1)


Joined = list[tuple[Rows, Rows, float]]


def _inside(subject: Subject, joined: Joined, part: str) -> Joined:
    found: Joined = []
    for left, right, correlation in joined:
        one, other = left[subject.parts[left] == part], right[subject.parts[right] == part]
        if len(one) and len(other):
            found.append((one, other, correlation))
    return found


def _between(subject: Subject, joined: Joined, learnt: str, judged: str) -> Joined:
    """Give pairs across two parts, less images that are exact copies across them anyway."""
    found: Joined = []
    for left, right, correlation in joined:
        for one, other in ((left, right), (right, left)):
            old, new = one[subject.parts[one] == learnt], other[subject.parts[other] == judged]
            is_copy = bool((subject.parts[other] == learnt).any())
            if len(old) and len(new) and not is_copy:
                found.append((new, old, correlation))
    return found


def _conflicts(subject: Subject, joined: Joined) -> Iterator[Finding]:
    mixed = [
        (left, right, correlation)
        for left, right, correlation in joined
        if len({*subject.labels[left].tolist(), *subject.labels[right].tolist()}) > 1
    ]
    if mixed:
        rows = np.unique(np.concatenate([side for pair in mixed for side in pair[:2]]))
        parts = tuple(part for part in subject.part_names if part in set(subject.parts[rows]))
        yield _describe(subject, Kind.NEAR_CONFLICTING_LABEL, parts, mixed)


def _finding(subject: Subject, parts: tuple[str, ...], joined: Joined) -> Iterator[Finding]:
    if joined:
        yield _describe(subject, Kind.NEAR_DUPLICATE, parts, joined)


def _describe(subject: Subject, kind: Kind, parts: tuple[str, ...], joined: Joined) -> Finding:
    rows = np.array([row for pair in joined for side in pair[:2] for row in side], dtype=np.int64)
    first = len({int(row) for pair in joined for row in pair[0]})
    summary, effect, remedy = _words(kind, parts, len(joined), first)
    is_grave = kind is Kind.NEAR_CONFLICTING_LABEL or len(parts) > 1
    return Finding(
        kind=kind,
        severity=Severity.WARNING if is_grave else Severity.INFO,
        summary=summary,
        parts=parts,
        classes=subject.classes(rows),
        files=tuple(dict.fromkeys(subject.paths(rows))),
        groups=tuple(subject.paths([*left, *right]) for left, right, _ in joined),
        effect=effect,
        remedy=remedy,
        figures={
            "pairs": len(joined),
            "images": first,
            "least_correlation": round(joined[-1][2], 4),
            "greatest_correlation": round(joined[0][2], 4),
        },
    )


def _words(kind: Kind, parts: tuple[str, ...], pairs: int, images: int) -> tuple[str, str, str]:
    if kind is Kind.NEAR_CONFLICTING_LABEL:
        return (
            f"{pairs} pair(s) of nearly equal images stand under different classes.",
            "One of the labels is likely wrong, or the classes cannot be told apart here.",
            "Have these images read again.",
        )
    if len(parts) == 1:
        return (
            f"{pairs} pair(s) of nearly equal images inside {parts[0]}.",
            "The part holds less evidence than its number of files says.",
            "Nothing to do for a score; keep the pairs in one fold when cross-validating.",
        )
    return (
        f"{images} image(s) of {parts[1]} are nearly equal to images of {parts[0]}.",
        f"They are partly answered from memory: the scores on {parts[1]} are too good.",
        f"Look at the pairs; leave those images out of {parts[0]} if they are copies.",
    )
