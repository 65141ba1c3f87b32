"""The one way in: trains whatever a spec says."""

import os
from dataclasses import replace

import numpy as np

from ..records import Labels, Progress, Regime, Spec
from ..seeds import generator
from .composites import train_composite
from .finetune import train_finetune
from .frozen import Trunk, train_frozen
from .material import Fitted, Material
from .scratch import train_prior, train_scratch


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
