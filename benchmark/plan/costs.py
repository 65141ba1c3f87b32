"""What specs will cost, estimated before they start from their floating-point operations."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from .. import environment
from ..records import Index, Params, Regime, SearchSpec, Spec, Split
from ..search import parse_select
from ..training import combinations, fold_count, is_choosing
from ..zoo import ARCHITECTURES, Architecture, averaging_factor

# How much of the machine's matrix-multiply rate a family's backbone reaches on a CPU; measured
# once on two cores at 224 px, batch 32, in float32: trained with TensorFlow 2.21, and frozen with
# OpenVINO 2026.4 (efficientnet there: chosen, not sourced). Depthwise convolutions wait for memory.
_SHARE_TRAINED = {"mobilenet": 0.3, "convnext": 0.15, "densenet": 0.6, "efficientnet": 0.4}
_SHARE_FROZEN = {"mobilenet": 0.45, "convnext": 0.62, "densenet": 0.62, "efficientnet": 0.45}
_USUAL_SHARE = 0.8
_BACKWARD = 3.0  # a training step costs three forward passes
# Of a backbone's operations, behind the cut `last-block`: counted from 0.003 (DenseNet121) to 0.14
# (MobileNetV2), most about 0.05.
_SHARE_BEHIND_CUT = 0.1
_FIXED_SECONDS = 6.0  # building, compiling, saving and logging
_HEAD_SECONDS = 0.2  # chosen, not sourced: a head on kept features, and the search's own work
# A combination of alternatives and its path of penalties over 700 images, 3,072 to 9,216 columns.
_CHOICE_SECONDS = 0.15
_CHOICE_IMAGES = 700
_DECODE_PER_SECOND = 200.0
_AVERAGED = "input_side_px"  # the parameter of what averages its images down itself
_SET_ASIDE = 0.1  # of a fold's training images, for early stopping; as where val is a tenth


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pace:
    """GFLOP/s of whole networks as they are trained, and of frozen ones as images pass."""

    trained: float
    frozen: float


# chosen: a machine of two cores, that on which the shares were measured, and a third of it for
# networks that are trained, whose layers are small.
_NOMINAL = _Pace(trained=100.0, frozen=290.0)

Work = Iterable[tuple[Spec, Split]]
_Key = tuple[object, ...]


def estimate_seconds(work: Work, index: Index) -> list[float]:
    """Estimate the seconds that each of several specs takes on this machine, one after the other.

    What several share stands with the first of them: the decoded images, a frozen backbone's
    features, what a head chose. Nothing is cached before.
    """
    measured = _gflops_per_second()
    return _seconds(work, index, _Pace(trained=measured, frozen=measured))


def nominal_seconds(work: Work, index: Index) -> list[float]:
    """Return the seconds at a nominal rate, as `estimate_seconds`: the same on every machine."""
    return _seconds(work, index, _NOMINAL)


def nominal_pass_seconds(architecture: Architecture, sides_px: Iterable[int], images: int) -> float:
    """Return the seconds of a pass through a frozen backbone at each side, at the nominal rate."""
    gflops = sum(_gflops(architecture, side) for side in sides_px)
    return images * gflops / _frozen_rate(architecture, _NOMINAL)


def in_minutes(seconds: float) -> str:
    """Return seconds as whole minutes, in words."""
    minutes = max(1, round(seconds / 60))
    return "a minute" if minutes == 1 else f"{minutes} minutes"


def _seconds(work: Work, index: Index, pace: _Pace) -> list[float]:
    done: set[_Key] = set()
    found = []
    for spec, split in work:
        parts: dict[_Key, float] = {("pixels", spec.picture): len(index) / _DECODE_PER_SECOND}
        if spec.regime in (Regime.FROZEN, Regime.FINETUNE):
            parts |= _frozen(spec, split, index, pace)
        if spec.regime is Regime.FINETUNE:  # once more, up to the cut
            parts["cut", spec.digest] = _pass_seconds(spec, len(index), pace)
        if spec.regime is not Regime.FROZEN:
            parts["trained", spec.digest] = _trained(spec, split, pace)
        found.append(_FIXED_SECONDS + sum(parts[key] for key in parts if key not in done))
        done |= parts.keys()
    return found


def _pass_seconds(spec: Spec, images: int, pace: _Pace) -> float:
    architecture = ARCHITECTURES[spec.arch]
    gflops = sum(_gflops(architecture, side) for side in spec.sides_px)
    return images * gflops / _frozen_rate(architecture, pace)


def _trained(spec: Spec, split: Split, pace: _Pace) -> float:
    """Return the cost of what is trained by epochs: in trials, as the winner, and in each fold."""
    architecture = ARCHITECTURES[spec.arch]
    learnt = float(len(split.train))
    if folds := fold_count(spec.rank_on):
        learnt += (1 - _SET_ASIDE) * (folds - 1) * (len(split.train) + len(split.val))
    learnt *= _fits(spec.search) + 1
    share = _SHARE_TRAINED.get(architecture.family, _USUAL_SHARE)
    sides = spec.sides_px or (spec.picture.side_px,)
    gflops = sum(_gflops(architecture, side, spec.params) for side in sides)
    gflops *= _SHARE_BEHIND_CUT if spec.regime is Regime.FINETUNE else 1.0
    return _BACKWARD * spec.epochs * learnt * gflops / (share * pace.trained)


def _frozen(spec: Spec, split: Split, index: Index, pace: _Pace) -> dict[_Key, float]:
    """Return what a frozen network costs: features once at each side, choosing once, and heads."""
    architecture = ARCHITECTURES[spec.arch]
    views = int(spec.params.get("views", 0))
    images = len(index) + views * len(split.train)
    backbone = (spec.arch, spec.weights, spec.seed if spec.weights == "none" else None)
    rate = _frozen_rate(architecture, pace)
    parts: dict[_Key, float] = {
        ("features", *backbone, side, views): images * _gflops(architecture, side) / rate
        for side in spec.sides_px or (spec.picture.side_px,)
    }
    folds = fold_count(spec.rank_on)
    chosen = ("choice", *backbone, spec.params, split.digest, spec.rank_on)
    learnt = len(split.train) + (len(split.val) if folds else 0)
    choices = len(combinations(spec.params)) if is_choosing(spec.params) else 0
    parts[chosen] = _CHOICE_SECONDS * choices * (folds + 1) * learnt / _CHOICE_IMAGES
    fits = _fits(spec.search)
    parts["heads", spec.digest] = (fits + folds * (fits + 1)) * _HEAD_SECONDS
    return parts


def _gflops(architecture: Architecture, side_px: int, params: Params | None = None) -> float:
    """Return the operations for an image; what averages it down itself computes at about one side.

    Args:
        architecture: whose operations are known at its native side, with its defaults.
        side_px: of the image.
        params: the network's; None for those of a backbone, which averages nothing.
    """
    native = architecture.native_side_px or side_px
    usual = {each.name: each.default for each in architecture.tunables}.get(_AVERAGED)
    if params is not None and usual is not None:
        native = _left_px(native, float(usual))
        side_px = _left_px(side_px, float(params.get(_AVERAGED, usual)))
    return architecture.gflops * (side_px / native) ** 2


def _left_px(side_px: int, about_px: float) -> int:
    """Return the side that averaging down to about another leaves; the border is kept."""
    return -(-side_px // averaging_factor(side_px, round(about_px)))


def _frozen_rate(architecture: Architecture, pace: _Pace) -> float:
    return _SHARE_FROZEN.get(architecture.family, _USUAL_SHARE) * pace.frozen


def _fits(search: SearchSpec | None) -> int:
    """Return how many trainings a search's trials are."""
    if search is None:
        return 0
    folds, repeats = parse_select(search.select) or (1, 1)
    return search.trials * folds * repeats


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
