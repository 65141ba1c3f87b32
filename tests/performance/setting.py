"""What a measurement is of: a folder of images at a side, and the spec and material made of it."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from benchmark.cache import Cache
from benchmark.data import ReadOptions, SplitOptions, decode, group_keys, make_splits, read_index
from benchmark.environment import machine, versions
from benchmark.records import ParamValue, Picture, Regime, Silent, Spec
from benchmark.training import Material, Trunk, defaults
from benchmark.zoo import ARCHITECTURES, LAYERS, read_weights_from, resolve_weights

EPOCHS = 10

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is measured.

    Attributes:
        data: a folder of images; beside plain Keras, one with `train` and `valid`.
        weights: as `--weights`.
        side: in pixels.
        plain_epochs: epochs of plain `fit` that are measured, and scaled to ten.
        tuner_trials: trials of KerasTuner that are measured, and scaled to five.
    """

    data: str
    weights: str
    side: int
    plain_epochs: int = EPOCHS
    tuner_trials: int = 0


def read(setting: Setting, folder: Path, arch: str = "cnn") -> Material:
    """Read, decode and split the images into a cache in a folder."""
    cache = Cache(folder / "cache")
    index = read_index(setting.data, ReadOptions(), cache)
    decoded = decode(index, Picture(side_px=setting.side), cache, Silent())
    return Material(
        classes=decoded.index.classes,
        labels=decoded.index.labels,
        split=make_splits(decoded.index, decoded.facts, SplitOptions())[0],
        hashes=decoded.index.hashes,
        pixels=decoded.pixels,
        weights=resolve_weights(ARCHITECTURES[arch], read_weights_from(setting.weights)),
        cache=cache,
        groups=group_keys(decoded.index, decoded.facts),
    )


def make_spec(
    arch: str,
    setting: Setting,
    material: Material,
    *,
    regime: Regime = Regime.FROZEN,
    seed: int = 0,
    epochs: int = 100,
    patience: int = 15,
    **params: ParamValue,
) -> Spec:
    """Make the spec of a run: the regime's defaults but for some parameters.

    Backbones with random weights have seed 0 whatever is asked, so that they share features.
    """
    return Spec(
        arch=arch,
        data="bench",
        data_digest="bench",
        split_digest=material.split.digest,
        picture=Picture(side_px=setting.side),
        regime=regime,
        weights=material.weights.identity,
        params=defaults(ARCHITECTURES[arch], regime, LAYERS).having(params),
        epochs=epochs,
        patience=patience,
        seed=0 if material.weights.kind == "none" else seed,
    )


def open_trunk(arch: str, setting: Setting, material: Material) -> Trunk:
    """Return the backbone that a run of ours would have."""
    return Trunk(make_spec(arch, setting, material), material)


def timed(work: Callable[[], Found]) -> tuple[float, Found]:
    """Return the seconds that work takes, and what it gives."""
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def save(file: str, story: Mapping[str, Any]) -> None:
    """Save figures as JSON, with the machine and the versions they are of."""
    told = {"machine": machine(), "versions": versions(), **story}
    Path(file).write_text(json.dumps(told, indent=2))
