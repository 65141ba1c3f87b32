"""The zoo: architectures, their preprocessing, their weights and their networks.

Importing it imports no keras; whatever builds a network does. Every network takes raw 0-255
pixels and holds its preprocessing in stock Keras layers.
"""

from .architecture import Architecture, Cut, Preprocessing, WeightFile, complete
from .backbone import build_backbone, check_side
from .calibration import calibrate
from .catalog import ARCHITECTURES
from .combining import average_network, chained_network, logits_network, stacked_network
from .features import Backbone, Block, build_extractor, select
from .halves import Halves, split_backbone
from .head import HEAD, assemble, build_head, floor_variance
from .keras_applications import keras_classes
from .networks import build_network
from .pyramid import SCALES, check_scales, read_scales, see_at_scales
from .weights import NONE, Weights, resolve_weights

__all__ = [
    "ARCHITECTURES",
    "HEAD",
    "NONE",
    "SCALES",
    "Architecture",
    "Backbone",
    "Block",
    "Cut",
    "Halves",
    "Preprocessing",
    "WeightFile",
    "Weights",
    "assemble",
    "average_network",
    "build_backbone",
    "build_extractor",
    "build_head",
    "build_network",
    "calibrate",
    "chained_network",
    "check_scales",
    "check_side",
    "complete",
    "floor_variance",
    "keras_classes",
    "logits_network",
    "read_scales",
    "resolve_weights",
    "see_at_scales",
    "select",
    "split_backbone",
    "stacked_network",
]
