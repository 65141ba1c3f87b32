"""Training: a spec and its material in, a trained network and its predictions out."""

from .conversion import write_openvino
from .engines import difference_bound, this_device, verify
from .finetuning import Choose
from .folds import check_folds, fold_count, folds
from .frozen import OverFeatures, Trunk
from .halving import noting
from .heads import Head, Lesson, evidence_at, fit_head, fit_logistic, settings_of
from .inputs import Views
from .kept_features import Features, pretrained_features
from .loop_settings import class_weights
from .material import Considered, Examples, Fitted, Material, Member
from .passes import Passes, open_features
from .regimes import answer_out_of_fold, rows_in_folds, train
from .repeating import joined, with_fixed_epochs
from .tunables import (
    among,
    check,
    combinations,
    defaults,
    head_having,
    is_choosing,
    is_logistic,
    other_head,
    policies,
    tunables,
)

__all__ = [
    "Choose",
    "Considered",
    "Examples",
    "Features",
    "Fitted",
    "Head",
    "Lesson",
    "Material",
    "Member",
    "OverFeatures",
    "Passes",
    "Trunk",
    "Views",
    "among",
    "answer_out_of_fold",
    "check",
    "check_folds",
    "class_weights",
    "combinations",
    "defaults",
    "difference_bound",
    "evidence_at",
    "fit_head",
    "fit_logistic",
    "fold_count",
    "folds",
    "head_having",
    "is_choosing",
    "is_logistic",
    "joined",
    "noting",
    "open_features",
    "other_head",
    "policies",
    "pretrained_features",
    "rows_in_folds",
    "settings_of",
    "this_device",
    "train",
    "tunables",
    "verify",
    "with_fixed_epochs",
    "write_openvino",
]
