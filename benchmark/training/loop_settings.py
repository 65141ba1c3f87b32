"""How weights are found: a spec's training parameters, read into the loops' types."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import UsageError
from ..records import Labels, Regime, Spec

MOMENTUM = 0.9  # of sgd
WEIGHT_DECAY = 0.004  # of adamw: Keras's default
_MOST_WEIGHT = 1e6  # chosen, not sourced: a class of one image in a million


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settings:
    """How weights are found, for any regime.

    Attributes:
        optimizer: one of `OPTIMIZERS`.
        learning_rate: to begin with; `schedule` says how it goes on.
        batch: images in a step.
        label_smoothing: the share of a label spread over all classes.
        class_weights: (k,) weight of an image's loss by its class.
        clip_norm: the gradient's greatest norm, 0 for no bound.
        monitor: what early stopping watches.
        epochs: the most epochs; `patience` of them without improvement end it, 0 for never.
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


def read_settings(spec: Spec, classes: tuple[str, ...], labels: Labels) -> Settings:
    """Read a spec's training parameters; class weights are those of the (n,) labels trained on."""
    params = spec.params
    # From scratch the loss falls with the rate: of three seeds of `cnn` on chest CT, patience ended
    # one after 10 of 30 epochs, at a validation loss of 1.14 in place of 0.73.
    to_the_end = spec.regime is Regime.SCRATCH and params.text("schedule") == "cosine"
    return Settings(
        optimizer=params.text("optimizer"),
        # fine-tuning behind a convex head has one rate, of its second stage
        learning_rate=float(params.get("learning_rate", params.get("finetune_learning_rate", 0))),
        schedule=params.text("schedule"),
        batch=params.integer("batch"),
        label_smoothing=params.number("label_smoothing"),
        class_weights=class_weights(params.text("class_weight"), classes, labels),
        clip_norm=params.number("clip_norm"),
        monitor=params.text("monitor"),
        epochs=spec.epochs,
        patience=0 if to_the_end else spec.patience,
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
    named: set[str] = set()
    for pair in [] if words == "none" else words.split(","):
        name, _, value = (word.strip() for word in pair.rpartition("="))
        if name not in classes or name in named:
            raise UsageError(
                f"class_weight must be none, balanced or CLASS=WEIGHT,... with a class of "
                f"{', '.join(classes)}, each at most once; got {pair!r}."
            )
        named.add(name)
        weights[classes.index(name)] = _weight(pair, value)
    return weights


def _weight(pair: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 < number <= _MOST_WEIGHT:
        raise UsageError(
            f"a class weight must be a positive number up to {_MOST_WEIGHT:g}; got {pair!r}."
        )
    return number
