"""Answers for every image of train and val by networks that did not learn from it.

The folds are the same for every spec of a split, so that all rows of a board answer alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ..environment import release_memory
from ..records import Part, Probabilities, Progress, Regime, Rows, Silent, Spec
from ..seeds import derive
from .composites import composite_in_folds
from .folds import Fold, fold_count, folds, set_aside
from .frozen import open_head
from .material import Material
from .regimes import make_deterministic, taught, train


def rows_in_folds(material: Material) -> Rows:
    """Return the rows of the index that the folds divide: those of train, then those of val."""
    return np.concatenate([material.split.train, material.split.val])


def answer_out_of_fold(
    spec: Spec,
    material: Material,
    progress: Progress,
    *,
    engine: str | None = None,
) -> Probabilities:
    """Return (n, k) probabilities of the images of `rows_in_folds`, each from the other folds.

    Heads are trained over the features that are there; networks from scratch and fine-tuned ones
    anew for each fold. An untrained backbone has its batch statistics from the split's training
    images, as in the run itself: pixels without labels, the same for all folds.

    Args:
        spec: the recipe; its `rank_on` says how many folds.
        material: the images and the split.
        progress: told of every fold, not of the epochs in it.
        engine: who computes features in place of the spec's engine.
    """
    make_deterministic()
    made = folds_of(material, fold_count(spec.rank_on))
    rows = rows_in_folds(material)
    progress.stage("out-of-fold", total=len(made), unit="folds")
    answer = _answerer(spec, replace(material, whole=material.split), engine)
    found = np.zeros((len(rows), len(material.classes)))
    for fold in made:
        try:
            found[fold.val] = answer(taught(spec, in_fold(material, fold)))
        except Exception as error:
            error.add_note(f"in fold {fold.number + 1} of {len(made)}, for answers out of fold")
            raise
        progress.advance()
    return found


def folds_of(material: Material, count: int) -> Sequence[Fold]:
    """Return the folds of a split: positions in `rows_in_folds`, the same for all its specs."""
    rows, keys = rows_in_folds(material), material.groups or material.hashes
    seed = derive(0, "out-of-fold", material.split.digest)
    return folds(material.labels[rows], [keys[row] for row in rows], count, 1, seed)


def in_fold(material: Material, fold: Fold) -> Material:
    """Return the material of one fold: what is held out stands in test's place.

    What stops the training early is set aside from the fold's own training images, about as large
    a share of them as val is of train and val.
    """
    split, keys = material.split, material.groups or material.hashes
    rows = rows_in_folds(material)
    learnt = rows[fold.train]
    aside = set_aside(
        material.labels[learnt],
        [keys[row] for row in learnt],
        len(split.val) / len(rows),
        derive(0, "out-of-fold", split.digest, fold.number),
    )
    own = replace(
        split,
        train=learnt[aside.train],
        val=learnt[aside.val],
        test=rows[fold.val],
        val_is_copy=None,
        test_is_copy=np.zeros(len(fold.val), dtype=bool),
    )
    # No checkpoints: a training that goes on would go on with another fold's.
    return replace(material, split=own, whole=split, scratch=None, seen=None)


def _answerer(
    spec: Spec, material: Material, engine: str | None
) -> Callable[[Material], Probabilities]:
    """Return what trains in a fold and answers for the images that are held out."""
    if spec.regime is Regime.PRIOR:
        return _frequencies
    if spec.regime is Regime.COMPOSITE:
        return composite_in_folds(spec, material)
    if spec.regime is Regime.FROZEN:
        fit = open_head(spec, material, Silent(), engine)

        def answer(fold: Material) -> Probabilities:
            head = fit(fold)
            return head.trained.predict(head.inputs, fold.pictures(Part.TEST))

        return answer

    def train_whole(fold: Material) -> Probabilities:
        found = train(spec, fold, Silent(), engine=engine).test
        release_memory()
        return found

    return train_whole


def _frequencies(fold: Material) -> Probabilities:
    """Return the class frequencies of all that a fold may learn from: nothing stops it early."""
    learnt = np.concatenate([fold.truth(Part.TRAIN), fold.truth(Part.VAL)])
    counts = np.bincount(learnt, minlength=len(fold.classes))
    return np.tile(counts / counts.sum(), (len(fold.split.test), 1))
