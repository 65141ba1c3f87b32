"""What a spec will cost, estimated before it starts from its floating-point operations."""

from functools import cache

from .. import environment
from ..records import Index, Regime, Spec, Split
from ..training import fold_count
from ..zoo import ARCHITECTURES

# How much of the machine's matrix-multiply rate a family's backbone reaches on a CPU; measured
# once on two cores with TensorFlow 2.21 at 224 px, batch 32. Depthwise convolutions wait for
# memory.
_SHARE_OF_PEAK = {"mobilenet": 0.3, "convnext": 0.15, "densenet": 0.6, "efficientnet": 0.4}
_USUAL_SHARE = 0.8
_BACKWARD = 3.0  # a training step costs three forward passes
_FIXED_SECONDS = 6.0  # building, compiling, saving and logging
_HEAD_SECONDS = 0.2  # chosen, not sourced: a head on kept features, and the search's own work
_DECODE_PER_SECOND = 200.0
_NOMINAL_RATE = 100.0  # GFLOP/s; chosen, not sourced: a machine of two cores
_SET_ASIDE = 0.1  # of a fold's training images, for early stopping; as where val is a tenth


def estimate_seconds(spec: Spec, split: Split, index: Index) -> float:
    """Estimate the seconds that a spec takes on this machine, nothing being cached."""
    return _seconds(spec, split, index, _gflops_per_second())


def nominal_seconds(spec: Spec, split: Split, index: Index) -> float:
    """Return the seconds that a spec would take at a nominal rate: the same on every machine."""
    return _seconds(spec, split, index, _NOMINAL_RATE)


def _seconds(spec: Spec, split: Split, index: Index, rate: float) -> float:
    architecture = ARCHITECTURES[spec.arch]
    native = architecture.native_side_px or spec.picture.side_px
    gflops = architecture.gflops * (spec.picture.side_px / native) ** 2
    share = _SHARE_OF_PEAK.get(architecture.family, _USUAL_SHARE)
    images = len(index) / _DECODE_PER_SECOND
    trials, folds = spec.search.trials if spec.search else 0, fold_count(spec.rank_on)
    heads = 0.0
    if spec.regime is Regime.FROZEN:  # features are computed once, whatever is searched
        passes = float(len(index))
        heads = (trials + folds) * _HEAD_SECONDS
    else:  # each trial is a whole training, and the winner is trained once more; so is each fold
        learnt = float((trials + 1) * len(split.train))
        if folds:
            learnt += (1 - _SET_ASIDE) * (folds - 1) * (len(split.train) + len(split.val))
        passes = _BACKWARD * spec.epochs * learnt
    return _FIXED_SECONDS + heads + images + passes * gflops / (share * rate)


@cache
def _gflops_per_second() -> float:
    """Measure how quick this machine multiplies matrices: a fifth of a second."""
    import numpy as np

    side = 1024
    matrix = np.ones((side, side), dtype=np.float32)
    matrix @ matrix
    began = environment.seconds()
    times = 4
    for _ in range(times):
        matrix @ matrix
    return 2e-9 * times * side**3 / (environment.seconds() - began)
