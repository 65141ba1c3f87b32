"""Training: a spec and its material in, a trained network and its predictions out."""

from .engines import difference_bound
from .epochs import Examples
from .features import Features, open_features
from .frozen import Head, Trunk, examples, fit_head, settings_of, standing_head
from .material import Fitted, Material, Member
from .regimes import train
from .settings import class_weights
from .tunables import check, defaults, tunables
from .verifying import Verified, verify

__all__ = [
    "Examples",
    "Features",
    "Fitted",
    "Head",
    "Material",
    "Member",
    "Trunk",
    "Verified",
    "check",
    "class_weights",
    "defaults",
    "difference_bound",
    "examples",
    "fit_head",
    "open_features",
    "settings_of",
    "standing_head",
    "train",
    "tunables",
    "verify",
]
