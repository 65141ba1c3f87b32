"""The parameters of training that there are, each declared once, and what regimes have of them."""

from collections.abc import Mapping
from dataclasses import replace

from ..metrics import MONITORS
from ..records import ParamValue, Regime, Tunable
from ..zoo import SCALES, SHARES

OPTIMIZERS = ("adam", "adamw", "sgd", "rmsprop")

# The device's own choice, and Keras's mixed-precision policy of each format by name.
AUTO = "auto"
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}

# chosen, not sourced: with the image itself five to draw from, at four more passes over train.
DEFAULT_VIEWS = 4

LABEL_SMOOTHING = Tunable(
    name="label_smoothing",
    default=0.0,
    about="the share of a label spread over all classes (Szegedy et al. 2016)",
    low=0.0,
    high=0.9,
)

OPTIMIZER = Tunable(
    name="optimizer",
    default="adam",
    about="how weights follow their gradient (sgd has momentum 0.9)",
    choices=OPTIMIZERS,
)
LOOP = (
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

PRECISION = (
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

BEHIND_CUT = (
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
OVER_FEATURES: Mapping[str, ParamValue] = {
    "learning_rate": 3e-3,
    "schedule": "cosine",
    "dropout": 0.0,
    "l2": 0.03,
}
# Defaults of a convex head: what it reads is chosen among both depths, and maxima keep small
# findings.
OF_LOGISTIC: Mapping[str, ParamValue] = {"feature_depth": "end/multi", "pooling": "avg+max"}
# What only training by epochs reads; fine-tuning's second stage does, but for these alone.
OF_LAYERS = frozenset(
    {"head_layers", "head_width", "head_activation", "batch_norm", "dropout", "learning_rate"}
)
OF_EPOCHS = frozenset({"optimizer", "schedule", "batch", "clip_norm", "monitor"})
_ONE_SHARE = replace(SCALES, choices=SHARES, alternatives=False)
OVER_BACKBONES = (Regime.FROZEN, Regime.FINETUNE)
COMMON = (*LOOP, LABEL_SMOOTHING, *_AUGMENTATION)

BY_REGIME: dict[Regime, tuple[Tunable, ...]] = {
    Regime.FROZEN: (SCALES, OPTIMIZER, *COMMON, *_VIEWS),
    Regime.FINETUNE: (_ONE_SHARE, OPTIMIZER, *COMMON, *_VIEWS, _FRESH, *BEHIND_CUT, *PRECISION),
    Regime.SCRATCH: (_ONE_SHARE, OPTIMIZER, *COMMON, *PRECISION),
    Regime.PRIOR: (),
}
