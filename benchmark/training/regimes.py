"""The ways in: trains whatever a spec says, once, or in every fold of train and val."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ..environment import release_memory
from ..records import Labels, Part, Probabilities, Progress, Regime, Rows, Silent, Spec
from ..seeds import derive, generator
from ..zoo import FINETUNED
from .ensembling import composite_in_folds, train_composite
from .finetuning import Choose, further_in_fold, train_further
from .folds import Fold, fold_count, folds, set_aside
from .frozen import OverFeatures, Trunk, train_frozen
from .material import Fitted, Material
from .whole_networks import train_finetune, train_prior, train_scratch


def train(
    spec: Spec,
    material: Material,
    progress: Progress,
    *,
    engine: str | None = None,
    trunk: Trunk | None = None,
) -> Fitted:
    """Train what a spec says.

    Test images are predicted once, at the end, with the best epoch's weights.

    Args:
        spec: what to train; its params hold all that `defaults` names.
        material: images, classes, split, weights, cache, members; with shuffled labels the
            network is taught exchanged ones.
        progress: told of stages, batches and epochs; what `epoch` raises ends the training.
        engine: who computes features in place of the spec's engine, such as `tensorflow` after
            `verify` found a network too far from its board.
        trunk: the spec's frozen backbone where it is built already; it is not changed. Others
            than the frozen regime build their own.
    """
    make_deterministic()
    material = taught(spec, material)
    match spec.regime:
        case Regime.PRIOR:
            return train_prior(spec, material)
        case Regime.SCRATCH:
            return train_scratch(spec, material, progress)
        case Regime.FROZEN:
            return train_frozen(spec, material, progress, engine, trunk)
        case Regime.FINETUNE:
            return train_finetune(spec, material, progress, engine)
        case Regime.COMPOSITE if spec.arch == FINETUNED:
            return train_further(spec, material, progress, engine)
        case Regime.COMPOSITE:
            return train_composite(spec, material, progress)


def taught(spec: Spec, material: Material) -> Material:
    """Return the material with the classes that a spec's labels have it taught."""
    if spec.labels != "shuffled":
        return material
    train, labels = material.split.train, material.labels.copy()
    units = train if material.units is None else material.units[train]
    labels[train] = exchanged(material.labels[train], units, spec.seed)
    return replace(material, taught=labels)


def exchanged(labels: Labels, units: Labels, seed: int) -> Labels:
    """Return (n,) labels exchanged between units: all images of a unit get those of another.

    Args:
        labels: (n,) classes; a unit of several counts as the one that most of its images have.
        units: (n,) numbers of the sampling units.
        seed: the same seed exchanges the same.
    """
    numbers, places = np.unique(units, return_inverse=True)
    counts = np.zeros((len(numbers), int(labels.max()) + 1), np.int64)
    np.add.at(counts, (places, labels), 1)
    order = generator(seed, "shuffled").permutation(len(numbers))
    found: Labels = counts.argmax(axis=1)[order][places]
    return found


def make_deterministic() -> None:
    """Make the backend's operations give the same bits again, where it has a switch for it."""
    import keras

    if keras.config.backend() == "tensorflow":
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def rows_in_folds(material: Material) -> Rows:
    """Return the rows of the index that the folds divide: those of train, then those of val."""
    return np.concatenate([material.split.train, material.split.val])


def answer_out_of_fold(
    spec: Spec,
    material: Material,
    progress: Progress,
    *,
    engine: str | None = None,
    choose: Choose | None = None,
) -> Probabilities:
    """Return (n, k) probabilities of the images of `rows_in_folds`, each from the other folds.

    The folds are the same for every spec of a split, so that all rows of a board answer alike.
    Heads are trained over the features that are there; networks from scratch and fine-tuned ones
    anew for each fold. An untrained backbone has its batch statistics from the split's training
    images, as in the run itself: pixels without labels, the same for all folds.

    Args:
        spec: the recipe; its `rank_on` says how many folds.
        material: the images and the split.
        progress: told of every fold, not of the epochs in it.
        engine: in place of the spec's engine.
        choose: finds a fold's own recipe on what the fold may learn from, as a search does; None
            where all folds have the spec's. Of a network that is fine-tuned further, it is the
            recipe of the network that it begins from.
    """
    make_deterministic()
    made = folds_of(material, fold_count(spec.rank_on))
    rows = rows_in_folds(material)
    progress.stage("out-of-fold", total=len(made), unit="folds")
    answer = _answerer(spec, replace(material, whole=material.split), engine, choose)
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
    a share of them as val is of train and val; a convex head learns from it too.
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
    spec: Spec, material: Material, engine: str | None, choose: Choose | None
) -> Callable[[Material], Probabilities]:
    """Return what trains in a fold and answers for the images that are held out."""
    if spec.regime is Regime.PRIOR:
        return _frequencies
    if spec.arch == FINETUNED:
        return _freed(lambda fold: further_in_fold(spec, fold, engine, choose))
    if spec.regime is Regime.COMPOSITE:
        return composite_in_folds(spec, material)
    if choose is not None:  # a recipe of its own, over features that are kept all the same
        return lambda fold: _answerer(choose(fold), material, engine, None)(fold)
    if spec.regime is Regime.FROZEN:
        over = OverFeatures(spec, material, Silent(), engine)
        return lambda fold: over.head(fold, in_fold=True).predict(fold.pictures(Part.TEST))

    return _freed(lambda fold: train(spec, fold, Silent(), engine=engine).test)


def _freed(answer: Callable[[Material], Probabilities]) -> Callable[[Material], Probabilities]:
    """Return what answers likewise, and gives back the memory of the network that it trained."""

    def then_free(fold: Material) -> Probabilities:
        found = answer(fold)
        release_memory()
        return found

    return then_free


def _frequencies(fold: Material) -> Probabilities:
    """Return the class frequencies of all that a fold may learn from: nothing stops it early."""
    learnt = np.concatenate([fold.truth(Part.TRAIN), fold.truth(Part.VAL)])
    counts = np.bincount(learnt, minlength=len(fold.classes))
    return np.tile(counts / counts.sum(), (len(fold.split.test), 1))
