"""What a plan's runs leave to be ranked on, settled once for all of them, and the check of labels.

The choice is made by counts of operations at one nominal rate, never by a measured one: the same
request on the same images gives the same specs on every machine.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..data import group_keys, unit_numbers
from ..errors import UsageError
from ..records import Index, Labels, Regime, Spec, Split
from ..request import Request
from ..training import check_folds, fold_count, is_logistic
from .costs import estimate_seconds, in_minutes, nominal_seconds

# chosen, not sourced: 200 show differences of 9 to 14 points of macro-F1, 70 of 15 to 23.
_FEW_UNITS = 200
_DEFAULT = "cv:5"
# Tried in turn: three folds let a network learn from three fifths of the images, five from seven
# tenths, and cost networks from scratch three and five times their training.
_FOLDS = (_DEFAULT, "cv:4", "cv:3")
VAL = "val"
# What trials are scored on, tried in turn: folds drawn twice, or once where a search that is
# repeated in every fold that ranks would cost too much. Rows of trials that were scored on folds
# cannot be ranked on val: what they were chosen on would rank them.
SELECTS = (f"{_DEFAULT}x2", _DEFAULT, VAL)
_LITTLE_SECONDS = 120.0  # chosen, not sourced: what repeating a quick search may take in any case
_MOST_TIMES = 3.0  # chosen, not sourced: what a person may be made to wait for a surer board


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampling:
    """Which images of an index belong together.

    Attributes:
        units: (n,) numbers of the sampling units.
        groups: n keys of what must stay on one side of a fold: patients, copies and near copies.
    """

    units: Labels
    groups: tuple[str, ...]


def sampling_of(index: Index) -> Sampling:
    """Return which images belong together before any is decoded: by patients and equal files."""
    return Sampling(units=unit_numbers(index, None), groups=group_keys(index, None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """What ranks the rows of a plan: `val` or `cv:K`, and a line that says so and why."""

    rank_on: str
    note: str


def choose_ranking(
    request: Request, specs: Sequence[Spec], index: Index, split: Split, sampling: Sampling
) -> Ranking:
    """Settle `--rank-on` for all rows of one board.

    Args:
        request: what was asked for.
        specs: the single networks of the plan on the split, ranked on validation so far.
        index: the images.
        split: the split; of several, the first.
        sampling: which images belong together.

    Raises:
        UsageError: out-of-fold answers are asked for and cannot be had.
    """
    if request.rank_on == 0:
        return Ranking(rank_on="val", note="rows are ranked on validation, as asked for.")
    if request.rank_on:
        check_ranking(request)
        asked = f"cv:{request.rank_on}"
        if split.fold is not None:
            raise _folds_of_folds(asked, split.scheme)
        _check_classes(asked, split, index, sampling)
        return Ranking(rank_on=asked, note=f"{_on_folds(asked, split)}, as asked for.")
    units = len(np.unique(sampling.units[split.val]))
    if units >= _FEW_UNITS:
        return _on_val(f"it has {units} separate patients or images, {_FEW_UNITS} or more")
    reason = _hindrance(split, index, sampling)
    if reason:
        return _on_val(f"{reason}, though it has only {units} separate patients or images")
    few = f"validation has only {units} separate patients or images"
    plain = [(spec, split) for spec in specs]
    cost = sum(nominal_seconds(plain, index))
    most = _MOST_TIMES * cost
    if any(spec.search for spec in specs):
        most = max(most, cost + _LITTLE_SECONDS)
    for folds in _FOLDS:
        if sum(nominal_seconds(_folded(plain, folds), index)) <= most:
            return Ranking(rank_on=folds, note=f"{_on_folds(folds, split)}: {few}.")
    with_folds = sum(estimate_seconds(_folded(plain, _DEFAULT), index))
    seconds = with_folds - sum(estimate_seconds(plain, index))
    return Ranking(
        rank_on="val",
        note=f"rows are ranked on validation. {few[0].upper()}{few[1:]}; ranking on out-of-fold "
        f"answers would take about {in_minutes(seconds)} more: --rank-on {_DEFAULT}.",
    )


def _folded(work: Iterable[tuple[Spec, Split]], rank_on: str) -> list[tuple[Spec, Split]]:
    return [(replace(spec, rank_on=rank_on), split) for spec, split in work]


def chooses_on_folds(spec: Spec, index: Index, split: Split, sampling: Sampling) -> bool:
    """Whether a spec's trials are scored on folds of train and val, where that ranks no row.

    They are where a trial is a head on features that are kept, and validation is small; never on
    test. A trial that computes anything of its own would cost five or ten times as much.
    """
    is_head = spec.regime is Regime.FROZEN and (
        is_logistic(spec.params) or not spec.params.integer("views")
    )
    if not is_head or len(np.unique(sampling.units[split.val])) >= _FEW_UNITS:
        return False
    try:
        _check_classes(_DEFAULT, split, index, sampling)
    except UsageError:
        return False
    return True


def check_ranking(request: Request) -> None:
    """Check `--rank-on cv:K` against the request's other options.

    Raises:
        UsageError: a split of folds is asked for too.
    """
    if request.rank_on and request.split.folds:
        raise _folds_of_folds(f"cv:{request.rank_on}", request.split.scheme)


def check_learning(regimes: Iterable[Regime]) -> None:
    """Check that `--sanity yes` has a network to shuffle the labels of.

    Raises:
        UsageError: none of the networks learns by itself.
    """
    if all(regime in (Regime.PRIOR, Regime.COMPOSITE) for regime in regimes):
        raise UsageError("--sanity yes needs a network that learns, such as --arch prior,mlp.")


def _folds_of_folds(asked: str, scheme: str) -> UsageError:
    return UsageError(
        f"--rank-on {asked} and --split {scheme} exclude each other: folds of folds would answer "
        "for each image several times. Leave one out."
    )


def shuffled_spec(specs: Sequence[Spec], split: Split, index: Index) -> Spec:
    """Return the cheapest spec that learns, its labels shuffled and without a search.

    Raises:
        UsageError: none of them learns.
    """
    check_learning(spec.regime for spec in specs)
    learning = [replace(spec, search=None) for spec in specs if spec.regime is not Regime.PRIOR]
    alone = [nominal_seconds([(replace(spec, rank_on="val"), split)], index) for spec in learning]
    cheapest = learning[alone.index(min(alone))]
    return replace(cheapest, labels="shuffled")


def _hindrance(split: Split, index: Index, sampling: Sampling) -> str:
    """Say why out-of-fold answers are no choice here; empty where they are one."""
    if split.fold is not None:
        return "the split is of folds itself"
    try:
        _check_classes(_DEFAULT, split, index, sampling)
    except UsageError:
        return "a class has too few separate patients or images for folds"
    return ""


def _check_classes(rank_on: str, split: Split, index: Index, sampling: Sampling) -> None:
    rows = np.concatenate([split.train, split.val])
    try:
        check_folds(index.labels[rows], [sampling.groups[row] for row in rows], fold_count(rank_on))
    except UsageError as error:
        raise UsageError(f"--rank-on {rank_on}: {error}") from error


def _on_folds(rank_on: str, split: Split) -> str:
    images = len(split.train) + len(split.val)
    return (
        f"rows are ranked on out-of-fold answers for the {images} images of train and validation "
        f"({fold_count(rank_on)} folds)"
    )


def _on_val(reason: str) -> Ranking:
    return Ranking(rank_on="val", note=f"rows are ranked on validation: {reason}.")
