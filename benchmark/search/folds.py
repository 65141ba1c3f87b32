"""Cross-validation inside a search: what `--select cv:FOLDSxREPEATS` splits by."""

import re
import warnings
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import UsageError
from ..records import Labels, Rows
from ..seeds import derive


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """One fold: positions in the labels it was made from.

    Attributes:
        repeat: which repeat, from 0.
        number: which fold of the repeat, from 0.
        train: rows to train on; `val` the rows to score.
    """

    repeat: int
    number: int
    train: Rows
    val: Rows


def parse_select(words: str) -> tuple[int, int] | None:
    """Turn `--select`'s words into (folds, repeats), None for `val`.

    Raises:
        UsageError: neither `val` nor `cv:FOLDS` nor `cv:FOLDSxREPEATS`.
    """
    if words == "val":
        return None
    match = re.fullmatch(r"cv:(\d+)(?:x(\d+))?", words)
    found = (int(match[1]), int(match[2] or 1)) if match else (0, 0)
    if found[0] < 2 or found[1] < 1:
        raise UsageError(
            f"--select must be val, or cv:FOLDSxREPEATS with at least 2 folds such as cv:5x2, "
            f"not {words!r}."
        )
    return found


def folds(
    labels: Labels, groups: Sequence[Hashable], folds: int, repeats: int, seed: int
) -> tuple[Fold, ...]:
    """Make repeated, stratified, grouped folds.

    Args:
        labels: the (n,) classes of the rows to divide (train and val together).
        groups: n keys; rows of one key (a patient, copies of an image) share a fold. None
            stands for a row of its own.
        folds: how many folds.
        repeats: how often they are drawn anew.
        seed: the same seed gives the same folds.

    Raises:
        UsageError: a class has fewer groups than there are folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    keys = _numbered(groups)
    _check(labels, keys, folds)
    found: list[Fold] = []
    for repeat in range(repeats):
        splitter = StratifiedGroupKFold(
            folds, shuffle=True, random_state=derive(seed, "folds", repeat)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # `_check` said what matters of it
            pairs = list(splitter.split(np.zeros(len(labels)), labels, keys))
        found += [
            Fold(repeat=repeat, number=number, train=train, val=val)
            for number, (train, val) in enumerate(pairs)
        ]
    return tuple(found)


def _numbered(groups: Sequence[Hashable]) -> Rows:
    known: dict[Hashable, int] = {}
    own = [(number,) if key is None else key for number, key in enumerate(groups)]
    return np.array([known.setdefault(key, len(known)) for key in own], dtype=np.int64)


def _check(labels: Labels, keys: Rows, folds: int) -> None:
    for label in np.unique(labels):
        count = len(np.unique(keys[labels == label]))
        if count < folds:
            raise UsageError(
                f"class number {label} has {count} separate patients or images in train and val, "
                f"fewer than {folds} folds; take at most {max(count, 2)} folds, or --select val."
            )
