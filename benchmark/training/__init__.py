"""Training: a spec and its material in, a trained network and its predictions out."""

from .engines import difference_bound
from .epochs import Examples
from .features import Features, open_features, pretrained_features
from .folds import Fold, check_folds, fold_count, folds
from .frozen import Head, Trunk, examples, fit_head, settings_of, standing_head
from .material import Fitted, Material, Member
from .out_of_fold import answer_out_of_fold, rows_in_folds
from .regimes import train
from .settings import class_weights
from .tunables import check, defaults, tunables
from .verifying import Verified, verify

__all__ = [
    "Examples",
    "Features",
    "Fitted",
    "Fold",
    "Head",
    "Material",
    "Member",
    "Trunk",
    "Verified",
    "answer_out_of_fold",
    "check",
    "check_folds",
    "class_weights",
    "defaults",
    "difference_bound",
    "examples",
    "fit_head",
    "fold_count",
    "folds",
    "open_features",
    "pretrained_features",
    "rows_in_folds",
    "settings_of",
    "standing_head",
    "train",
    "tunables",
    "verify",
]
