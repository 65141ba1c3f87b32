"""Optuna's pruners."""

import warnings
from collections.abc import Callable
from typing import Any

import optuna

from .settings import SearchSettings


def make_pruner(settings: SearchSettings) -> optuna.pruners.BasePruner:
    """Make a pruner."""
    from optuna import pruners

    makers: dict[str, Callable[[], Any]] = {
        "none": pruners.NopPruner,
        "median": lambda: pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2),
        "successive-halving": lambda: pruners.SuccessiveHalvingPruner(reduction_factor=3),
        "hyperband": lambda: pruners.HyperbandPruner(
            max_resource=settings.epochs, reduction_factor=3
        ),
        "wilcoxon": lambda: pruners.WilcoxonPruner(p_threshold=0.1),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return makers[settings.pruner]()
