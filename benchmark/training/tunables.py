"""The parameters of training: declared and checked once, and read into the loops' types."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..data.augmentation import read_policy
from ..errors import UsageError
from ..metrics import MONITORS
from ..records import Labels, Params, ParamValue, Regime, Spec, Tunable
from ..zoo import (
    FINETUNED,
    HEAD,
    LAYERS,
    LOGISTIC,
    PENALTY_GIVEN,
    PENALTY_PATH,
    SCALES,
    SHARES,
    Architecture,
)

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")
MOMENTUM = 0.9  # of sgd
WEIGHT_DECAY = 0.004  # of adamw: Keras's default

# The device's own choice, and Keras's mixed-precision policy of each format by name.
AUTO = "auto"
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}

# chosen, not sourced: with the image itself five to draw from, at four more passes over train.
DEFAULT_VIEWS = 4
_MOST_WEIGHT = 1e6  # chosen, not sourced: a class of one image in a million

_LABEL_SMOOTHING = Tunable(
    name="label_smoothing",
    default=0.0,
    about="the share of a label spread over all classes (Szegedy et al. 2016)",
    low=0.0,
    high=0.9,
)

_OPTIMIZER = Tunable(
    name="optimizer",
    default="adam",
    about="how weights follow their gradient (sgd has momentum 0.9)",
    choices=OPTIMIZERS,
)
_LOOP = (
    Tunable(
        name="learning_rate",
        default=1e-3,
        about="the optimizer's learning rate to begin with",
        low=1e-7,
        high=10.0,
    ),
    Tunable(
        name="schedule",
        default="constant",
        about="how the learning rate goes on; a cosine from scratch goes on to the last epoch, "
        "whatever the patience",
        choices=("constant", "cosine", "plateau"),
    ),
    Tunable(name="batch", default=32, about="images in a training step", low=1, high=4096),
    Tunable(
        name="class_weight",
        default="none",
        about="weight of a class's loss: none, balanced, or CLASS=WEIGHT,...",
        alternatives=True,
        words=("none", "balanced"),
    ),
    Tunable(
        name="clip_norm",
        default=0.0,
        about="the gradient's greatest norm, 0 for no bound",
        low=0.0,
        high=1e6,
    ),
    Tunable(
        name="monitor",
        default="val_loss",
        about="what early stopping watches",
        choices=tuple(MONITORS),
    ),
)

_AUGMENTATION = (
    Tunable(
        name="augmentation",
        default="none",
        about="the policy that training images are varied by: none, ct, xray, or a YAML file",
        alternatives=True,
    ),
)

_VIEWS = (
    Tunable(
        name="views",
        default=0,
        about="augmented views computed of each training image, rows beside it or drawn from per "
        "epoch; 0 with augmentation: 4",
        low=0,
        high=64,
    ),
)

_PRECISION = (
    Tunable(
        name="precision",
        default=AUTO,
        about="the format that layers compute in while they are trained; auto: float32 on a "
        "processor, bfloat16 or float16 on a GPU, as it has it",
        choices=(AUTO, *POLICIES),
    ),
)

_FRESH = Tunable(
    name="fresh_augmentation",
    default=False,
    about="whether the second stage varies training images afresh every epoch, through the whole "
    "network, in place of drawing from views",
)

_BEHIND_CUT = (
    Tunable(
        name="cut",
        default="last-block",
        about="behind which the backbone is trained too",
        choices=("last-block", "last-two-blocks", "last-stage"),
    ),
    Tunable(
        name="finetune_learning_rate",
        default=1e-5,
        about="the learning rate of the second stage",
        low=1e-8,
        high=10.0,
    ),
    Tunable(
        name="warmup_epochs",
        default=1,
        about="epochs over which the second stage's learning rate rises",
        low=0,
        high=100,
    ),
    Tunable(
        name="unfreeze_batch_norm",
        default=False,
        about="whether batch statistics are learnt in the second stage (they suffer from it)",
    ),
)

# Defaults of a linear head over standardised features. Chosen on folds of chest CT's train and
# val, MobileNetV2 at 224 px: log-loss 0.41 and macro-F1 0.886, against 0.51 and 0.861 for a rate
# of 1e-3 with dropout 0.3 and an L2 of 1e-4, in half the epochs. A strong penalty also makes the
# loss convex enough that seeds agree.
_OVER_FEATURES: Mapping[str, ParamValue] = {
    "learning_rate": 3e-3,
    "schedule": "cosine",
    "dropout": 0.0,
    "l2": 0.03,
}
# Defaults of a convex head: what it reads is chosen among both depths, and maxima keep small
# findings.
_LOGISTIC: Mapping[str, ParamValue] = {"feature_depth": "end/multi", "pooling": "avg+max"}
# What only training by epochs reads; fine-tuning's second stage does, but for these alone.
_OF_LAYERS = frozenset(
    {"head_layers", "head_width", "head_activation", "batch_norm", "dropout", "learning_rate"}
)
_OF_EPOCHS = frozenset({"optimizer", "schedule", "batch", "clip_norm", "monitor"})
_ONE_SHARE = replace(SCALES, choices=SHARES, alternatives=False)
_OVER_BACKBONES = (Regime.FROZEN, Regime.FINETUNE)
_COMMON = (*_LOOP, _LABEL_SMOOTHING, *_AUGMENTATION)

_BY_REGIME: dict[Regime, tuple[Tunable, ...]] = {
    Regime.FROZEN: (SCALES, _OPTIMIZER, *_COMMON, *_VIEWS),
    Regime.FINETUNE: (_ONE_SHARE, _OPTIMIZER, *_COMMON, *_VIEWS, _FRESH, *_BEHIND_CUT, *_PRECISION),
    Regime.SCRATCH: (_ONE_SHARE, _OPTIMIZER, *_COMMON, *_PRECISION),
    Regime.PRIOR: (),
}


def tunables(
    architecture: Architecture, regime: Regime, head: str = LOGISTIC
) -> tuple[Tunable, ...]:
    """List every parameter that an architecture has when trained in a regime.

    Over a backbone it depends on the head which there are, and what their defaults are.
    """
    own = architecture.tunables
    if architecture.name == FINETUNED:  # all else is as the network has it that it begins from
        return (*_BEHIND_CUT, *_PRECISION)
    if regime is Regime.COMPOSITE:  # one that trains a head of its own has parameters, and a loop
        return (*own, _OPTIMIZER, *_LOOP, _LABEL_SMOOTHING) if own else ()
    found = (*own, *_BY_REGIME[regime])
    if regime not in _OVER_BACKBONES:
        return _having_defaults(found, architecture.recipe)
    unread, usual = frozenset({"penalty"}), {**_OVER_FEATURES, "head": head}
    if head == LOGISTIC:
        unread = _OF_LAYERS | (_OF_EPOCHS if regime is Regime.FROZEN else frozenset())
        usual = {**usual, **_LOGISTIC}
    return _having_defaults((each for each in found if each.name not in unread), usual)


def _having_defaults(
    found: Iterable[Tunable], usual: Mapping[str, ParamValue]
) -> tuple[Tunable, ...]:
    return tuple(replace(each, default=usual.get(each.name, each.default)) for each in found)


def head_having(names: Iterable[str], architecture: Architecture, regime: Regime) -> str:
    """Return the head that reads parameters: layers only for what nothing else would read."""
    if regime not in _OVER_BACKBONES:
        return LOGISTIC
    known, others = (defaults(architecture, regime, head) for head in (LOGISTIC, LAYERS))
    return LAYERS if any(name in others and name not in known for name in names) else LOGISTIC


def defaults(architecture: Architecture, regime: Regime, head: str = LOGISTIC) -> Params:
    """Return every parameter its default."""
    return Params({each.name: each.default for each in tunables(architecture, regime, head)})


def is_logistic(params: Mapping[str, ParamValue]) -> bool:
    """Whether parameters of a network with a backbone are those of a convex head."""
    return params.get("head") == LOGISTIC


def check(values: Mapping[str, ParamValue], architecture: Architecture, regime: Regime) -> Params:
    """Complete some parameters by the defaults; augmentation without views gets some.

    Raises:
        UsageError: a parameter that the architecture does not have, a wrong value, or values
            that do not go together.
    """
    head = str(values.get("head", LOGISTIC))
    known = {each.name: each for each in tunables(architecture, regime, head)}
    for name in values:
        if name not in known:
            raise UsageError(
                f"{architecture.name}, trained {regime}, has no parameter {name!r}"
                f"{other_head(name, architecture, regime, head)}; it has: {', '.join(known)}."
            )
    checked = {name: known[name].check(value) for name, value in values.items()}
    params = defaults(architecture, regime, head).having(checked)
    if "l2" in values and "penalty" in known and "penalty" not in values:
        params = params.having(penalty=PENALTY_GIVEN)
    _check_fresh(params)
    _check_choosing(params, defaults(architecture, regime, head))
    # Written down, so that a run shows and its digest holds what was used.
    views = views_of(params) if "views" in known else 0
    return params.having(views=views) if views else params


def other_head(name: str, architecture: Architecture, regime: Regime, head: str) -> str:
    """Return words on which other head reads a parameter, none where none does."""
    if regime not in _OVER_BACKBONES:
        return ""
    other = LAYERS if head == LOGISTIC else LOGISTIC
    known = defaults(architecture, regime, other)
    return (
        f" with head={head}, where nothing would read it (head={other} does)"
        if name in known
        else ""
    )


def _check_choosing(params: Params, usual: Params) -> None:
    """Make sure that somebody chooses where several values are given, or the penalty is to be.

    Raises:
        UsageError: nobody would.
    """
    several = [name for name, value in params.items() if len(among(params, name)) > 1 and value]
    if several and not is_logistic(params):
        named = ", ".join(f"{name}={params[name]}" for name in several)
        raise UsageError(
            f"only a network with head={LOGISTIC} chooses among alternatives, and {named} names "
            "several: name one."
        )
    if params.get("penalty") == PENALTY_PATH and params["l2"] != usual["l2"]:
        raise UsageError(
            f"penalty={PENALTY_PATH} chooses l2 itself, and nothing would read "
            f"l2={params.number('l2'):g}: leave one of the two out."
        )


_MAY_BE_SEVERAL = {each.name: each for each in (SCALES, *HEAD, *_COMMON) if each.alternatives}


def among(params: Mapping[str, ParamValue], name: str) -> tuple[str, ...]:
    """Return the values that a parameter may get: those it names where it may name several."""
    if name not in _MAY_BE_SEVERAL:
        return (str(params[name]),)
    return tuple(map(str, _MAY_BE_SEVERAL[name].several(params[name])))


def combinations(params: Params) -> tuple[Params, ...]:
    """Return every combination of the alternatives that parameters name, the first ones first."""
    names = [name for name in _MAY_BE_SEVERAL if name in params]
    chosen = itertools.product(*(among(params, name) for name in names))
    return tuple(params.having(dict(zip(names, each, strict=True))) for each in chosen)


def is_choosing(params: Params) -> bool:
    """Whether anything of a convex head is left to be chosen."""
    return is_logistic(params) and (
        params["penalty"] == PENALTY_PATH or len(combinations(params)) > 1
    )


def policies(params: Params) -> tuple[str, ...]:
    """Return the augmentation policies in use, by their words: one, several, or none."""
    return tuple(each for each in among(params, "augmentation") if read_policy(each).in_use)


def views_of(params: Params) -> int:
    """Return how many augmented views each training image has over a frozen backbone; 0 for none.

    A policy without a number of views would otherwise do nothing there: it means `DEFAULT_VIEWS`.
    """
    return (params.integer("views") or DEFAULT_VIEWS) if policies(params) else 0


def is_fresh(params: Params) -> bool:
    """Say whether fine-tuning's second stage varies its images afresh every epoch."""
    return bool(params.get("fresh_augmentation", False))


def _check_fresh(params: Params) -> None:
    """Make sure that there is something to vary images by, where they are to be varied afresh.

    Raises:
        UsageError: there is no policy.
    """
    if is_fresh(params) and not policies(params):
        raise UsageError(
            "fresh_augmentation needs a policy to vary training images by, and augmentation is "
            f"{params.text('augmentation')!r}: name one, such as ct or xray, or leave "
            "fresh_augmentation out."
        )


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
