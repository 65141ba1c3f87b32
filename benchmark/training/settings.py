"""A spec's training parameters, read once into the types that the loops use."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import UsageError
from ..records import Labels, Params
from .optimizers import LBFGS, MOMENTUM, WEIGHT_DECAY


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settings:
    """How weights are found, for any regime.

    Attributes:
        optimizer: a key of `OPTIMIZERS`, or `LBFGS`.
        learning_rate: to begin with; `schedule` says how it goes on.
        batch: images in a step; for `LBFGS` all of them.
        label_smoothing: the share of a label spread over all classes.
        class_weights: (k,) weight of an image's loss by its class.
        clip_norm: the gradient's greatest norm, 0 for no bound.
        monitor: what early stopping watches.
        epochs: the most epochs; `patience` of them without improvement end it.
        warmup_epochs: epochs over which the learning rate rises.
    """

    optimizer: str
    learning_rate: float
    schedule: str
    batch: int
    label_smoothing: float
    class_weights: npt.NDArray[np.float32]
    clip_norm: float
    monitor: str
    epochs: int
    patience: int
    warmup_epochs: int = 0


def read_settings(
    params: Params, *, epochs: int, patience: int, classes: tuple[str, ...], labels: Labels
) -> Settings:
    """Read the training parameters.

    Args:
        params: a spec's parameters.
        epochs: the most epochs.
        patience: epochs without improvement that end it.
        classes: k class names, which `class_weight` may name.
        labels: the (n,) classes of the training images, which `balanced` weighs by.
    """
    return Settings(
        optimizer=params.text("optimizer"),
        learning_rate=params.number("learning_rate"),
        schedule=params.text("schedule"),
        batch=len(labels) if params.text("optimizer") == LBFGS else params.integer("batch"),
        label_smoothing=params.number("label_smoothing"),
        class_weights=class_weights(params.text("class_weight"), classes, labels),
        clip_norm=params.number("clip_norm"),
        monitor=params.text("monitor"),
        epochs=epochs,
        patience=patience,
    )


def class_weights(words: str, classes: tuple[str, ...], labels: Labels) -> npt.NDArray[np.float32]:
    """Turn `none`, `balanced` or `normal=1,adenocarcinoma=3` into (k,) weights.

    `balanced` is n / (k n_class), as in scikit-learn (King and Zeng 2001). Classes not named
    weigh 1.

    Raises:
        UsageError: an unknown class, or a weight that is not a positive number.
    """
    weights = np.ones(len(classes), np.float32)
    if words == "balanced":
        counts = np.bincount(labels, minlength=len(classes))
        return (len(labels) / (len(classes) * np.maximum(counts, 1))).astype(np.float32)
    for pair in [] if words == "none" else words.split(","):
        name, _, value = (word.strip() for word in pair.partition("="))
        if name not in classes:
            raise UsageError(
                f"class_weight must be none, balanced or CLASS=WEIGHT,... with a class of "
                f"{', '.join(classes)}; got {pair!r}."
            )
        weights[classes.index(name)] = _weight(pair, value)
    return weights


def _weight(pair: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not (0 < number < float("inf")):
        raise UsageError(f"a class weight must be a positive number; got {pair!r}.")
    return number


def build_optimizer(settings: Settings) -> Any:
    """Build the Keras optimizer that a NumPy one of the same name equals."""
    import keras

    rate = settings.learning_rate
    norm = {"global_clipnorm": settings.clip_norm} if settings.clip_norm else {}
    if settings.optimizer == "adamw":
        return keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY, **norm)
    if settings.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=MOMENTUM, **norm)
    if settings.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(rate, **norm)
    return keras.optimizers.Adam(rate, **norm)
