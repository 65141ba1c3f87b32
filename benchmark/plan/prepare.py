"""From a request to everything a plan needs: the images read and decoded, the split, the plan."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..cache import Cache
from ..data import (
    Decoded,
    Facts,
    NearPair,
    Pixels,
    ReadOptions,
    SplitOptions,
    decode,
    group_keys,
    make_splits,
    near_copies,
    read_index,
    understood_lines,
    unit_numbers,
)
from ..errors import DataError
from ..evaluation import wanted_point
from ..records import Index, Labels, LeftOut, Picture, Progress, Split
from ..request import Request
from .ranking import Sampling
from .sides import choose_picture
from .specs import Draft, Plan, check_request, draft_plan, make_plan


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """A request with its images read, divided and planned for.

    Attributes:
        request: what was asked for; `cache` where its pixels and features are kept.
        index: the readable images; `pixels` where they lie decoded, `facts` what is known of each.
        splits: one split, or one a fold.
        near: pairs of rows that show nearly the same.
        groups: n keys of what must stay on one side of a fold: patients and duplicates.
        units: (n,) numbers of the images' sampling units.
        picture: how files became pixels.
        plan: what to run.
    """

    request: Request
    cache: Cache
    index: Index
    pixels: Pixels
    facts: Facts
    splits: tuple[Split, ...]
    near: tuple[NearPair, ...]
    groups: tuple[str, ...]
    units: Labels
    picture: Picture
    plan: Plan

    @property
    def understood(self) -> tuple[str, ...]:
        """What the data set was taken for, for a person to check; it goes nowhere else."""
        return understood_lines(self.index, self.facts)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should be told before work begins, in the order of the work."""
        balance = _balance_note(self.index, self.splits[0])
        split_notes = tuple(dict.fromkeys(note for split in self.splits for note in split.notes))
        return (
            *self.index.notes,
            *left_out_notes(self.index.left_out),
            *split_notes,
            balance,
            *self.plan.notes,
        )


def prepare(draft: Draft, cache: Cache, progress: Progress) -> Prepared:
    """Decode, split and plan.

    Raises:
        BenchmarkError: something that a person must mend before any work makes sense.
    """
    request, picture = draft.request, draft.picture
    most = request.max_unreadable / 100
    decoded = decode(draft.index, picture, cache, progress, max_unreadable=most)
    divided = divide(draft, decoded, cache)
    return Prepared(
        request=request,
        cache=cache,
        index=decoded.index,
        pixels=decoded.pixels,
        facts=decoded.facts,
        splits=divided.splits,
        near=divided.near,
        groups=divided.sampling.groups,
        units=divided.sampling.units,
        picture=picture,
        plan=divided.plan,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Divided:
    """How images are divided, and what is planned on that.

    Attributes:
        near: pairs of rows that show nearly the same.
        splits: one split, or one a fold.
        sampling: which images belong together.
        plan: what to run.
    """

    near: tuple[NearPair, ...]
    splits: tuple[Split, ...]
    sampling: Sampling
    plan: Plan


def divide(draft: Draft, decoded: Decoded | None, cache: Cache) -> Divided:
    """Divide images and plan for them, the same in `run` and `plan`.

    Args:
        draft: what was asked for, checked.
        decoded: the images; None where none are decoded, so that only copied files are found.
        cache: where pairs that look alike are found again.
    """
    index, facts = (decoded.index, decoded.facts) if decoded else (draft.index, None)
    near = near_copies(index, decoded.facts, decoded.pixels, cache) if decoded else ()
    splits = make_splits(index, facts, split_options(draft.request), near=near)
    sampling = Sampling(
        units=unit_numbers(index, facts), groups=group_keys(index, facts, near=near)
    )
    plan = make_plan(draft, index, splits, sampling)
    return Divided(near=tuple(near), splits=splits, sampling=sampling, plan=plan)


def _balance_note(index: Index, split: Split) -> str:
    """Say how many training images each class has, and how unequal the classes are."""
    counts = np.bincount(index.labels[split.train], minlength=len(index.classes))
    order = np.argsort(-counts, kind="stable")
    shown = ", ".join(f"{index.classes[label]} {counts[label]}" for label in order)
    least = int(counts.min())
    ratio = f" ({counts.max() / least:.1f} : 1)" if least else ""
    fold = "" if split.fold is None else f" (fold {split.fold})"
    return f"train{fold}: {shown}{ratio}"


def read(request: Request, cache: Cache) -> Draft:
    """Read the index, after whatever can be wrong without it has been checked.

    Raises:
        BenchmarkError: an option or the images are wrong.
    """
    check_request(request)
    index, picture = read_images(request, cache)
    wanted_point(index.classes, request.positive, request.operating_point, request.prevalence)
    return draft_plan(request, index, picture)


def read_images(request: Request, cache: Cache) -> tuple[Index, Picture]:
    """Read the index, and settle how files become pixels.

    Raises:
        BenchmarkError: an option or the images are wrong.
    """
    check_split(split_options(request))
    options = _reading(request, needs_parts=request.split.scheme == "official")
    index = read_index(request.data, options, cache)
    if index.windowless and request.window == "file":
        index = replace(index, notes=(*index.notes, _window_note(index.windowless)))
    picture, notes = choose_picture(request, index)
    return replace(index, notes=(*index.notes, *notes)), picture


def _window_note(count: int) -> str:
    return (
        f"{count} CT files name no window, so each is shown from its own darkest to its brightest "
        "value; --window lung shows lungs the same in all (or mediastinum, bone, CENTER,WIDTH)."
    )


def reading_of(params: Mapping[str, str]) -> ReadOptions:
    """Return how a benchmark read its data set, from the params that it logged.

    Raises:
        UsageError: one of them is not of its option's kind.
    """
    own = {name: params[name] for name in _READING if name in params}
    return _reading(Request.read(own), needs_parts=False)


_READING = ("patient_pattern", "columns", "ignore", "classes", "one_label")


def _reading(request: Request, *, needs_parts: bool) -> ReadOptions:
    return ReadOptions(
        needs_parts=needs_parts, **{name: getattr(request, name) for name in _READING}
    )


def check_split(options: SplitOptions) -> None:
    """See that a split's file is there.

    Raises:
        DataError: it is not.
    """
    path = Path(options.scheme)
    if options.is_file and not path.is_file():
        there = "which is none" if path.exists() else "for there is none"
        raise DataError(f"--split must name a file, not {options.scheme!r}, {there}.")


def split_options(request: Request) -> SplitOptions:
    """Return the options of the split."""
    return replace(request.split, seed=request.split_seed, on_leak=request.on_leak)


def left_out_notes(left_out: tuple[LeftOut, ...], shown: int = 5) -> tuple[str, ...]:
    """Name the images that were left out, the first few by path."""
    if not left_out:
        return ()
    named = "; ".join(f"{each.path!r} ({each.reason})" for each in left_out[:shown])
    more = f"; and {len(left_out) - shown} more" if len(left_out) > shown else ""
    return (f"{len(left_out)} images cannot be read and are left out: {named}{more}",)
