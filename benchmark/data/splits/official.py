"""The published parts of a data set, mended where they would give wrong scores."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ...errors import DataError
from ...records import Index, Part, Split
from .dealing import deal
from .grouping import Near, group
from .options import DEFAULT_SHARES, OnLeak, SplitOptions
from .parts import Parts, make_split

# chosen, not sourced: a val part made from train is to train as in 70/15/15.
_CARVED = (Fraction(70, 85), Fraction(15, 85))

# A part's guard: the later one stands here, the longer its images must stay unseen.
_GUARD = (Part.TRAIN, Part.VAL, Part.TEST)


def split_officially(
    index: Index, pixels: Sequence[str], options: SplitOptions, near: Near = ()
) -> Split:
    """Give the published split: its test part as it is, its val and train parts mended.

    A val part is made from train where there is none or too small a one, whole patients and
    copies together; then copies across parts are treated as `options.on_leak` says.

    Raises:
        DataError: there are no parts, or train or test is missing; or there are copies and
            `on_leak` is `fail`.
    """
    _require(index)
    copies = copies_of(index.parts, pixels)
    parts, notes = _with_val(index, pixels, options, near)
    parts, dropped = treat_leaks(index, parts, pixels, options.on_leak)
    return make_split(index, parts, copies, scheme="official", notes=(*notes, *dropped))


def copies_of(parts: Sequence[Part | None], pixels: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Give (n,) whether an image's pixels also stand in another part, or among those dropped."""
    places: dict[str, set[Part | None]] = {}
    for part, pixel in zip(parts, pixels, strict=True):
        places.setdefault(pixel, set()).add(part)
    return np.array([len(places[pixel]) > 1 for pixel in pixels], dtype=bool)


def treat_leaks(
    index: Index, parts: Parts, pixels: Sequence[str], on_leak: OnLeak
) -> tuple[Parts, tuple[str, ...]]:
    """Treat images that stand in two parts, by pixels.

    An image of train that is also in val or test, and one of val that is also in test, is the
    leak: val chooses the winner, so a test image in it is seen too early as well. The test part
    stays as published, since others' figures are on it.

    Returns:
        The parts, None for what is dropped; and what a person should be told.

    Raises:
        DataError: there are any and `on_leak` is `fail`.
    """
    highest: dict[str, int] = {}
    guard = [-1 if part is None else _GUARD.index(part) for part in parts]
    for pixel, rank in zip(pixels, guard, strict=True):
        highest[pixel] = max(rank, highest.get(pixel, -1))
    leaks = [row for row in range(len(parts)) if -1 < guard[row] < highest[pixels[row]]]
    if not leaks:
        return parts, ()
    said = _describe(parts, [_GUARD[highest[pixels[row]]] for row in leaks], leaks)
    if on_leak is OnLeak.FAIL:
        first = min(index.paths[row] for row in leaks)
        raise DataError(
            f"no image may stand in two parts, but {said} (the first: {first!r}); remove them, "
            "or write --on-leak drop."
        )
    if on_leak is OnLeak.REPORT:
        return parts, (f"{said}; left as published, so the scores on them are too good",)
    gone = set(leaks)
    kept: Parts = [None if row in gone else part for row, part in enumerate(parts)]
    return kept, (f"{said}; dropped there, so that val and test are unseen",)


def _describe(parts: Parts, where: Sequence[Part], leaks: Sequence[int]) -> str:
    phrases = []
    for part in (Part.TRAIN, Part.VAL):
        for other in (Part.VAL, Part.TEST):
            count = sum(
                parts[row] is part and there is other
                for row, there in zip(leaks, where, strict=True)
            )
            if count:
                phrases.append(f"{count} of {part} are exact copies of images in {other}")
    return " and ".join(phrases)


def _require(index: Index) -> None:
    present = {part for part in index.parts if part is not None}
    anew = f"write --split {DEFAULT_SHARES} to split all images anew"
    if not present:
        raise DataError(f"the official split needs parts, but {index.name} has none; {anew}.")
    for part in (Part.TRAIN, Part.TEST):
        if part not in present:
            have = ", ".join(each for each in Part if each in present)
            raise DataError(
                f"the official split needs a {part} part, but {index.name} has only {have}; {anew}."
            )
    without = [path for path, part in zip(index.paths, index.parts, strict=True) if part is None]
    if without:
        raise DataError(
            f"the official split needs a part for every image, but {len(without)} have none "
            f"(the first: {without[0]!r}); {anew}."
        )


def _with_val(
    index: Index, pixels: Sequence[str], options: SplitOptions, near: Near
) -> tuple[Parts, tuple[str, ...]]:
    """Give the published parts with a val part that can be selected on."""
    published: Parts = list(index.parts)
    size = published.count(Part.VAL)
    if size >= max(1, options.smallest_val):
        return published, ()
    mended = _carve(index, published, pixels, options.seed, near)
    made = mended.count(Part.VAL)
    by = _by_what(index)
    small = f"val holds {size} images, fewer than the {options.smallest_val} that selection needs"
    if size == 0:
        return mended, (f"there is no val part: {made} images of train were made one{by}",)
    if made <= size:
        return published, (f"{small}, and train is too small to give more",)
    return mended, (f"{small}: train and val were split anew{by}, {made} images in val",)


def _by_what(index: Index) -> str:
    return ", whole patients together" if any(index.patients) else ""


def _carve(index: Index, parts: Parts, pixels: Sequence[str], seed: int, near: Near) -> Parts:
    rows = [row for row, part in enumerate(parts) if part is not Part.TEST]
    groups = group(index, rows, pixels, near)
    carved: Parts = list(parts)
    for found, hand in zip(groups, deal(index, groups, _CARVED, seed), strict=True):
        for row in found:
            carved[row] = (Part.TRAIN, Part.VAL)[hand]
    return carved
