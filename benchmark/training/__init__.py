"""Training: a spec and its material in, a trained network and its predictions out."""

from .engines import difference_bound, this_device, verify
from .folds import check_folds, fold_count, folds
from .frozen import OverFeatures, Trunk, fit_head, settings_of
from .halving import noting
from .material import Examples, Fitted, Material, Member
from .passes import Features, open_features, pretrained_features
from .regimes import answer_out_of_fold, rows_in_folds, train
from .tunables import check, class_weights, defaults, tunables

__all__ = [
    "Examples",
    "Features",
    "Fitted",
    "Material",
    "Member",
    "OverFeatures",
    "Trunk",
    "answer_out_of_fold",
    "check",
    "check_folds",
    "class_weights",
    "defaults",
    "difference_bound",
    "fit_head",
    "fold_count",
    "folds",
    "noting",
    "open_features",
    "pretrained_features",
    "rows_in_folds",
    "settings_of",
    "this_device",
    "train",
    "tunables",
    "verify",
]
