"""The published parts of a data set, mended where they would give wrong scores."""

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

from ...errors import DataError
from ...records import Index, Part, Split
from .dealing import deal
from .grouping import Families, Near, families_of, group
from .options import DEFAULT_SHARES, OnLeak, SplitOptions
from .parts import Parts, make_split

# chosen, not sourced: a val part made from train is to train as in 70/15/15.
_CARVED = (Fraction(70, 85), Fraction(15, 85))

# A part's guard: the later one stands here, the longer its images must stay unseen.
_GUARD = (Part.TRAIN, Part.VAL, Part.TEST)


def split_officially(
    index: Index, pixels: Sequence[str], options: SplitOptions, near: Near = ()
) -> Split:
    """Return the published split: its test part as it is, its val and train parts mended.

    A val part is made from train where there is none or too small a one, whole patients and
    copies together; then copies across parts are treated as `options.on_leak` says.

    Raises:
        DataError: there are no parts, or train or test is missing; or there are copies and
            `on_leak` is `fail`.
    """
    _require(index)
    families = families_of(index, pixels, near)
    parts, notes = _with_val(index, pixels, options, near)
    parts, dropped = treat_leaks(index, parts, families, near, options.on_leak)
    return make_split(index, parts, families, scheme="official", notes=(*notes, *dropped))


def treat_leaks(
    index: Index,
    parts: Parts,
    families: Families,
    near: Near,
    on_leak: OnLeak,
) -> tuple[Parts, tuple[str, ...]]:
    """Treat images that stand in two parts, exactly or nearly.

    An image of train that is also in val or test, and one of val that is also in test, is the
    leak: val chooses the winner, so a test image in it is seen too early as well. The test part
    stays as published, since others' figures are on it.

    Returns:
        The parts, None for what is dropped; and what a person should be told.

    Raises:
        DataError: there are any and `on_leak` is `fail`.
    """
    guard = [-1 if part is None else _GUARD.index(part) for part in parts]
    highest: dict[int, int] = {}
    for family, rank in zip(families.numbers, guard, strict=True):
        highest[family] = max(rank, highest.get(family, -1))
    leaks = [row for row, rank in enumerate(guard) if -1 < rank < highest[families.numbers[row]]]
    if not leaks:
        return parts, ()
    where = {row: _GUARD[highest[families.numbers[row]]] for row in leaks}
    said = _describe(parts, where, families.pixels, near)
    if on_leak is OnLeak.FAIL:
        first = min(index.paths[row] for row in leaks)
        raise DataError(
            f"no image may stand in two parts, but {said} (the first: {first!r}); remove them, "
            "or write --on-leak drop."
        )
    if on_leak is OnLeak.REPORT:
        return parts, (f"{said}; left as published, so the scores on them are too good",)
    kept: Parts = [None if row in where else part for row, part in enumerate(parts)]
    return kept, (f"{said}; dropped there, so that val and test are unseen",)


def _describe(parts: Parts, where: Mapping[int, Part], pixels: Sequence[str], near: Near) -> str:
    """Say how many images of which part are copies, exact or near, of images in which other."""
    exact = {(pixel, part) for pixel, part in zip(pixels, parts, strict=True)}
    changes = {pixels[row]: pair.change for pair in near for row in pair[:2] if pair.change}
    counts: Counter[tuple[Part, Part, str]] = Counter()
    known: Counter[tuple[Part, Part, str]] = Counter()
    for row, other in where.items():
        part = parts[row] or other
        kind = "exact" if (pixels[row], other) in exact else "near"
        counts[part, other, kind] += 1
        if kind == "near" and pixels[row] in changes:
            known[part, other, changes[pixels[row]]] += 1
    phrases = []
    for part, other, kind in sorted(counts, key=lambda key: (*map(_GUARD.index, key[:2]), key[2])):
        how = [f"{known[key]} {key[2]}" for key in sorted(known) if key[:2] == (part, other)]
        more = f" ({', '.join(how)})" if kind == "near" and how else ""
        count = counts[part, other, kind]
        phrases.append(f"{count} of {part} are {kind} copies of images in {other}{more}")
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
    """Return the published parts with a val part that can be selected on."""
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
