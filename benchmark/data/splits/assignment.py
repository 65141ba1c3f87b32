"""A part for each image: the published ones mended, leaks treated, and the Split made of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from ...errors import DataError
from ...records import Index, Part, Rows, Split, digest
from ...texts import shown
from .groups import Families, Near, deal, families_of
from .schemes import DEFAULT_SHARES, OnLeak, SplitOptions

Parts = list[Part | None]  # None: the image is left out

DROPPED = "dropped"

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
    """Return the parts with images of two parts treated, None for what is dropped, and notes.

    An image of train that is also in val or test, exactly or nearly, and one of val that is also in
    test, is the leak: val chooses the winner, so a test image in it is seen too early as well. The
    test part stays as published, since others' figures are on it.

    Raises:
        DataError: there are any and `on_leak` is `fail`.
    """
    numbers = families.numbers
    guard = np.array([-1 if part is None else _GUARD.index(part) for part in parts])
    highest = np.full(len(parts), -1)
    np.maximum.at(highest, numbers, guard)
    leaks = np.flatnonzero((guard > -1) & (guard < highest[numbers])).tolist()
    if not leaks:
        return parts, ()
    where = {row: _GUARD[highest[numbers[row]]] for row in leaks}
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
            aside = index.understood.ignored_files
            lost = f" (left aside: {shown(aside, 3)})" if aside else ""
            raise DataError(
                f"the official split needs a {part} part, but {index.name} has only {have}{lost}; "
                f"{anew}."
            )
    without = [path for path, part in zip(index.paths, index.parts, strict=True) if part is None]
    if without:
        raise DataError(
            f"the official split needs a part for every image, but {len(without)} have none "
            f"(the first: {without[0]!r}); {anew}."
        )
    train = [row for row, part in enumerate(index.parts) if part is Part.TRAIN]
    taught = set(index.labels[train].tolist())
    untaught = [repr(name) for label, name in enumerate(index.classes) if label not in taught]
    if untaught:
        raise DataError(
            f"{index.name}: the train part holds no image of {shown(untaught)}; leave the class "
            f"out (--classes names those to use), or {anew}."
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
    by = ", whole patients together" if any(index.patients) else ""
    small = f"val holds {size} images, fewer than the {options.smallest_val} that selection needs"
    if size == 0:
        return mended, (f"there is no val part: {made} images of train were made one{by}",)
    if made <= size:
        return published, (f"{small}, and train is too small to give more",)
    return mended, (f"{small}: train and val were split anew{by}, {made} images in val",)


def _carve(index: Index, parts: Parts, pixels: Sequence[str], seed: int, near: Near) -> Parts:
    rows = [row for row, part in enumerate(parts) if part is not Part.TEST]
    hands = deal(index, rows, pixels, near, _CARVED, seed)
    return [
        (Part.TRAIN, Part.VAL)[hands[row]] if row in hands else part
        for row, part in enumerate(parts)
    ]


def make_split(
    index: Index,
    parts: Sequence[Part | None],
    families: Families,
    *,
    scheme: str,
    fold: int | None = None,
    notes: tuple[str, ...] = (),
    smallest_val: int = 0,
) -> Split:
    """Make a split of a part for each of the n rows.

    Args:
        index: what is split.
        parts: n parts, None for an image that is left out.
        families: which rows show the same image.
        scheme: how it was made; `fold` which fold it is, if any.
        fold: see scheme.
        notes: what else a reader is told.
        smallest_val: fewer images in val are told of.

    Raises:
        DataError: a part is empty, or train holds fewer than two classes.
    """
    rows = {part: _rows_of(index, parts, part) for part in Part}
    _check(index, rows, scheme)
    shown = {part: families.numbers[found] for part, found in rows.items()}
    return Split(
        scheme=scheme,
        fold=fold,
        train=rows[Part.TRAIN],
        val=rows[Part.VAL],
        test=rows[Part.TEST],
        test_is_copy=np.isin(shown[Part.TEST], [*shown[Part.TRAIN], *shown[Part.VAL]]),
        val_is_copy=np.isin(shown[Part.VAL], shown[Part.TRAIN]),
        digest=digest(
            sorted(
                [path, content, part or DROPPED]
                for path, content, part in zip(index.paths, index.hashes, parts, strict=True)
            )
        ),
        notes=(*notes, *_small(len(rows[Part.VAL]), smallest_val), *_missing(index, rows)),
    )


def _rows_of(index: Index, parts: Sequence[Part | None], part: Part) -> Rows:
    found = [row for row, each in enumerate(parts) if each is part]
    return np.array(sorted(found, key=lambda row: index.paths[row]), dtype=np.int64)


def _check(index: Index, rows: dict[Part, Rows], scheme: str) -> None:
    for part, found in rows.items():
        if not len(found):
            raise DataError(
                f"the split {scheme} must leave images in {part}, but leaves none of "
                f"{len(index)}; bring more images or patients, or write another --split."
            )
    if len(set(index.labels[rows[Part.TRAIN]].tolist())) < 2:
        raise DataError(
            f"train must hold at least two classes, but the split {scheme} leaves one; "
            "bring images of another class, or write another --split."
        )


def _small(size: int, least: int) -> tuple[str, ...]:
    """Say where val holds too few images to choose networks and epochs by."""
    if size >= least:
        return ()
    said = f"val holds {size} images, fewer than the {least} that selection needs"
    return (f"{said}; what is chosen on it is in part chosen by chance",)


def _missing(index: Index, rows: dict[Part, Rows]) -> tuple[str, ...]:
    """Say which classes a part lacks."""
    notes = []
    for part, found in rows.items():
        present = set(index.labels[found].tolist())
        lacking = [name for label, name in enumerate(index.classes) if label not in present]
        if lacking:
            notes.append(f"{part} holds no image of {', '.join(lacking)}")
    return tuple(notes)
