"""A finished run's recipe with its epochs fixed, so that it needs no validation images any more.

The images that stopped a training, and chose among its epochs, can be learnt from once both are
settled: the recipe is trained on train and validation together, for as many epochs as gave the
network that was kept. A learning rate that falls as a cosine then falls to nothing at the last of
them.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import UsageError
from ..numerics import NUMERICS
from ..records import Epoch, Regime, Spec, Split, digest
from .epochs import Watch
from .tunables import is_logistic


def with_fixed_epochs(spec: Spec, history: Sequence[Epoch]) -> Spec:
    """Return a finished run's recipe as it is trained without validation images.

    Args:
        spec: of the network that was saved, each parameter with one value.
        history: its epochs, as they were logged.

    Raises:
        UsageError: it cannot be repeated without validation images.
    """
    why_not = _why_not(spec, history)
    if why_not:
        raise UsageError(f"{spec.arch} cannot be trained again on train and validation: {why_not}.")
    stages = list(dict.fromkeys(epoch.stage for epoch in history))
    return replace(
        spec,
        epochs=epochs_kept(spec, history).get(stages[-1], 0) if stages else spec.epochs,
        patience=0,
        search=None,
        rank_on="val",
        numerics=NUMERICS,
    )


def _why_not(spec: Spec, history: Sequence[Epoch]) -> str:
    if spec.regime is Regime.COMPOSITE:
        return "it is made of other runs, which would have to be trained again too"
    if spec.labels != "true":
        return "it learnt from exchanged labels"
    is_by_epochs = spec.regime is not Regime.PRIOR and (
        spec.regime is not Regime.FROZEN or not is_logistic(spec.params)
    )
    if is_by_epochs and not history:
        return "its epochs are not known any more"
    if is_by_epochs and spec.params.text("schedule") == "plateau":
        return "its learning rate was halved where validation stood still (schedule=plateau)"
    kept = epochs_kept(spec, history)
    if (
        spec.regime is Regime.FINETUNE
        and not is_logistic(spec.params)
        and len(set(kept.values())) > 1
    ):
        told = " and ".join(f"{number} ({stage})" for stage, number in kept.items())
        return f"its two stages were trained for different numbers of epochs, {told}"
    return ""


def epochs_kept(spec: Spec, history: Sequence[Epoch]) -> dict[str, int]:
    """Return how many epochs of each stage made the network that was kept: to the best one.

    Of a second stage they are 0 where the network was better before it.
    """
    if not history:
        return {}
    watch, counts, kept = Watch(_monitor(spec), 0), dict[str, int](), dict[str, int]()
    for epoch in history:
        counts[epoch.stage] = counts.get(epoch.stage, 0) + 1
        if watch.better(dict(epoch.metrics)) or not kept:
            kept = dict(counts)
    return {stage: kept.get(stage, 0) for stage in counts}


def _monitor(spec: Spec) -> str:
    return str(spec.params.get("monitor", "val_loss"))


def joined(split: Split) -> Split:
    """Return a split whose validation images are learnt from too; its test part stays."""
    return replace(
        split,
        train=np.concatenate([split.train, split.val]),
        val=split.val[:0],
        val_is_copy=None,
        digest=digest(["train and val", split.digest]),
    )
