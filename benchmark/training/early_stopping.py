"""When to stop, which epoch was the best, and when to lower the learning rate."""

import math
from typing import Any

from ..metrics import MONITORS


class Watch:
    """Watches one quantity over the epochs and keeps the weights of its best epoch.

    Args:
        monitor: which metric, a key of `MONITORS`.
        patience: how many epochs without improvement end the training; 0 for never.
    """

    def __init__(self, monitor: str, patience: int) -> None:
        self.monitor = monitor
        self.patience = patience
        self.best_metrics: dict[str, float] = {}
        self.best_value = math.nan
        self.best_weights: Any = None
        self.waited = 0

    def better(self, metrics: dict[str, float]) -> bool:
        """Take an epoch's metrics; say whether it is the best so far (undefined never is)."""
        value = metrics.get(self.monitor, math.nan)
        sign = 1.0 if MONITORS[self.monitor] else -1.0
        if math.isnan(value):
            improved = False
        else:
            improved = math.isnan(self.best_value) or sign * value > sign * self.best_value
        self.waited = 0 if improved else self.waited + 1
        if improved:
            self.best_value = value
        if improved or not self.best_metrics:
            self.best_metrics = dict(metrics)
        return improved

    @property
    def is_over(self) -> bool:
        """Whether patience has run out."""
        return bool(self.patience) and self.waited >= self.patience


PLATEAU_FACTOR = 0.5  # chosen, not sourced: gentler than Keras's 0.1 for runs of tens of epochs


class Schedule:
    """The learning rate over the steps of a training.

    Args:
        kind: `constant`; `cosine`, falling to 0 at the last step (Loshchilov and Hutter 2017);
            or `plateau`, halved after half the patience without improvement.
        base: the learning rate to begin with, after warm-up.
        steps: how many steps all epochs have together.
        warmup: over how many steps the rate rises from 0 to `base` in a line.
    """

    def __init__(self, kind: str, base: float, steps: int, warmup: int = 0) -> None:
        self.kind = kind
        self.base = base
        self.steps = max(steps, 1)
        self.warmup = warmup
        self.factor = 1.0

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.base * (step + 1) / (self.warmup + 1)
        if self.kind == "cosine":
            share = (step - self.warmup) / max(self.steps - self.warmup, 1)
            return self.base * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
        return self.base * self.factor

    def after(self, watch: Watch) -> None:
        """Take note of an epoch: on a plateau, halve the rate after half the patience."""
        wait = max(1, watch.patience // 2)
        if self.kind == "plateau" and watch.waited and watch.waited % wait == 0:
            self.factor *= PLATEAU_FACTOR
