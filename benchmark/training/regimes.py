"""The one way in: trains whatever a spec says, and checks a saved network against its board."""

import os

import numpy as np

from ..records import Part, Probabilities, Progress, Regime, Rows, Spec
from .composites import train_composite
from .finetune import train_finetune
from .frozen import train_frozen
from .material import Fitted, Material
from .scratch import train_prior, train_scratch


def train(
    spec: Spec, material: Material, progress: Progress, *, engine: str | None = None
) -> Fitted:
    """Train what a spec says.

    Test images are predicted once, at the end, with the best epoch's weights.

    Args:
        spec: what to train; its params hold all that `defaults` names.
        material: images, classes, split, weights, cache, members.
        progress: told of stages, batches and epochs; what `epoch` raises ends the training.
        engine: who computes features in place of the spec's engine, such as `tensorflow` after
            `verify` found a network too far from its board.
    """
    make_deterministic()
    match spec.regime:
        case Regime.PRIOR:
            return train_prior(spec, material)
        case Regime.SCRATCH:
            return train_scratch(spec, material, progress)
        case Regime.FROZEN:
            return train_frozen(spec, material, progress, engine)
        case Regime.FINETUNE:
            return train_finetune(spec, material, progress, engine)
        case Regime.COMPOSITE:
            return train_composite(spec, material, progress)


def make_deterministic() -> None:
    """Make the backend's operations give the same bits again, where it has a switch for it."""
    import keras

    if keras.config.backend() == "tensorflow":
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def verify(fitted: Fitted, material: Material, rows: Rows) -> tuple[Probabilities, float]:
    """Let a network itself predict validation images, and compare with what training says.

    Args:
        fitted: what `train` gave.
        material: what it was trained on.
        rows: positions within the validation part.

    Returns:
        (len(rows), k) probabilities, and the largest absolute difference from what training
        says of this very network: `fitted.val`, or `fitted.own_val` where that was cross-fitted.
    """
    pictures = material.pictures(Part.VAL)[rows]
    images = material.pixels.array
    batches = [pictures[start : start + 32] for start in range(0, len(pictures), 32)]
    found = np.concatenate(
        [np.asarray(fitted.network.predict_on_batch(images[batch])) for batch in batches]
    ).astype(np.float64)
    said = fitted.val if fitted.own_val is None else fitted.own_val
    return found, float(np.abs(found - said[rows]).max())
