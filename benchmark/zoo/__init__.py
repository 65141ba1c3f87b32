"""The zoo: architectures, their preprocessing, their weights and their networks.

Importing it imports no keras; whatever builds a network does. Every network takes raw 0-255
pixels and holds its preprocessing in stock Keras layers.
"""

from .all_architectures import ARCHITECTURES
from .architecture import (
    Architecture,
    Cut,
    Preprocessing,
    WeightFile,
    complete,
)
from .backbone import build_backbone, calibrate, check_scales, see_at_scales
from .composites import (
    FINETUNED,
    average_network,
    chained_network,
    logits_network,
    stacked_network,
)
from .cuts import Halves, split_backbone
from .explained import Explained, Heat
from .features import (
    SCALES,
    SHARES,
    Backbone,
    Block,
    build_extractor,
    columns_of,
    read_scales,
    select,
    shares_in,
)
from .head import (
    HEAD,
    LAYERS,
    LOGISTIC,
    PENALTY_GIVEN,
    PENALTY_PATH,
    assemble,
    build_head,
    floor_variance,
)
from .layers import averaging_factor, build_network, pixels_within
from .own.prior import fix_answer
from .tempering import with_temperature, without_temperature
from .weights import NONE, Weights, resolve_weights
from .weights_choice import (
    WeightsChoice,
    WeightsFrom,
    WeightsPlace,
    read_weights_from,
    split_weights,
)

__all__ = [
    "ARCHITECTURES",
    "FINETUNED",
    "HEAD",
    "LAYERS",
    "LOGISTIC",
    "NONE",
    "PENALTY_GIVEN",
    "PENALTY_PATH",
    "SCALES",
    "SHARES",
    "Architecture",
    "Backbone",
    "Block",
    "Cut",
    "Explained",
    "Halves",
    "Heat",
    "Preprocessing",
    "WeightFile",
    "Weights",
    "WeightsChoice",
    "WeightsFrom",
    "WeightsPlace",
    "assemble",
    "average_network",
    "averaging_factor",
    "build_backbone",
    "build_extractor",
    "build_head",
    "build_network",
    "calibrate",
    "chained_network",
    "check_scales",
    "columns_of",
    "complete",
    "fix_answer",
    "floor_variance",
    "logits_network",
    "pixels_within",
    "read_scales",
    "read_weights_from",
    "resolve_weights",
    "see_at_scales",
    "select",
    "shares_in",
    "split_backbone",
    "split_weights",
    "stacked_network",
    "with_temperature",
    "without_temperature",
]
