"""Cross-validation folds with whole groups, classes in proportion: one way for every room."""

import warnings

import numpy as np

from .records import Labels, Rows


def grouped_folds(
    labels: Labels, groups: Rows, count: int, seed: int, *, plain_if_alone: bool = False
) -> list[tuple[Rows, Rows]]:
    """Divide rows into folds: (rest, held) positions of each.

    Args:
        labels: (n,) classes, in proportion in each fold where one has as many rows as folds.
        groups: (n,) numbers; rows of one number share a fold.
        count: how many folds.
        seed: the same seed gives the same folds.
        plain_if_alone: whether rows that are all alone are divided without regard to groups: a
            hundred times quicker, and other folds.
    """
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold, StratifiedKFold

    kind = StratifiedGroupKFold
    if plain_if_alone and len(np.unique(groups)) == len(groups):
        kind = StratifiedKFold
    elif int(np.bincount(labels).max()) < count:  # scikit-learn asks it of one class
        kind = GroupKFold
    splitter = kind(n_splits=count, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a class with fewer groups than folds
        return list(splitter.split(np.zeros(len(labels)), labels, groups))
