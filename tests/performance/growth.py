"""How cost grows with images, trials, seeds and architectures: seconds from nothing, by number."""

import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.records import SearchSpec, Silent
from benchmark.search import parse_space
from benchmark.training import train
from benchmark.worker.objective import Study

from .copies import write_copies
from .setting import Setting, make_spec, read, timed

IMAGES = (125, 250, 500, 1000, 2000)
TRIALS = (10, 32, 100, 320, 1000)
SEEDS = (1, 2, 3, 4, 5, 6, 7, 8)
ARCHITECTURES = (
    "mobilenetv2",
    "densenet121",
    "resnet50",
    "inceptionv3",
    "xception",
    "vgg16",
    "vgg19",
    "convnexttiny",
)
SEARCHERS = ("optuna:random", "optuna:tpe")
# Four parameters of the linear head; all others stay at their defaults, so that a trial is a
# linear head over cached features.
SPACE = """
about: the linear head
parameters:
  learning_rate: {type: float, low: 3.0e-4, high: 3.0e-2, log: true, source: about the default}
  l2: {type: float, low: 1.0e-4, high: 1.0e-1, log: true, source: about the default}
  batch: {type: choice, choices: [32, 64, 128], source: about the default}
  label_smoothing: {type: float, low: 0.0, high: 0.2, source: about the default}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Seconds by number.

    Attributes:
        name: what was timed.
        counts: how many images, trials, seeds or architectures.
        seconds: what so many took together, from nothing.
    """

    name: str
    counts: tuple[int, ...]
    seconds: tuple[float, ...]

    @property
    def exponent(self) -> float:
        """The slope of log seconds over log counts by least squares: 1 is linear.

        A fixed cost that many share makes it less than 1.
        """
        slope, _ = np.polyfit(np.log(self.counts), np.log(self.seconds), 1)
        return float(slope)

    @property
    def further(self) -> float:
        """Seconds of one more: the slope between the upper half's ends."""
        middle = (len(self.counts) - 1) // 2
        rise = self.seconds[-1] - self.seconds[middle]
        return rise / (self.counts[-1] - self.counts[middle])


def measure_images(
    source: Path, weights: str, arch: str, side: int, counts: Sequence[int] = IMAGES
) -> list[Curve]:
    """Measure decoding, features and head over films, each number from nothing.

    Args:
        source: X-ray images in class folders, which are repeated at a film's size.
        weights: as `--weights`.
        arch: a backbone.
        side: in pixels.
        counts: how many films, rising.
    """
    found: dict[str, list[float]] = {"decode": [], "features": [], "head": [], "all": []}
    with tempfile.TemporaryDirectory() as folder:
        films = Path(folder) / "all"
        write_copies(source, films, counts[-1])
        # The first is a rehearsal: threads start, files are read.
        for count in (counts[0], *counts):
            some = _link_some(films, Path(folder) / "some", count)
            setting = Setting(data=str(some), weights=weights, side=side)
            for name, seconds in _stages(arch, setting).items():
                found[name].append(seconds)
    return [
        Curve(name=name, counts=tuple(counts), seconds=tuple(seconds[1:]))
        for name, seconds in found.items()
    ]


def _stages(arch: str, setting: Setting) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        reading, material = timed(lambda: read(setting, Path(folder), arch))
        spec = make_spec(arch, setting, material)
        training, fitted = timed(lambda: train(spec, material, Silent()))
    return {
        "decode": fitted.seconds.decode,
        "features": fitted.seconds.features,
        "head": fitted.seconds.head,
        "all": reading + training,
    }


def _link_some(films: Path, into: Path, count: int) -> Path:
    """Return a folder with the first so many films."""
    some = into / str(count)
    for film in sorted(films.rglob("*.jpeg"), key=lambda each: each.name)[:count]:
        place = some / film.parent.name / film.name
        place.parent.mkdir(parents=True, exist_ok=True)
        if not place.exists():
            os.link(film, place)
    return some


def measure_trials(
    setting: Setting,
    arch: str,
    counts: Sequence[int] = TRIALS,
    searchers: Sequence[str] = SEARCHERS,
) -> list[Curve]:
    """Measure searches for a linear head over cached features, from pixels on disk."""
    with tempfile.TemporaryDirectory() as folder:
        material = read(setting, Path(folder), arch)
        train(make_spec(arch, setting, material), material, Silent())  # features into the cache
        return [
            Curve(
                name=f"{searcher}, linear head",
                counts=tuple(counts),
                seconds=tuple(stamps[count - 1] for count in counts),
            )
            for searcher in searchers
            for stamps in [_searched(setting, arch, material, searcher, max(counts), Path(folder))]
        ]


def _searched(
    setting: Setting, arch: str, material: Any, searcher: str, trials: int, folder: Path
) -> list[float]:
    """Return the seconds after which each trial of a search was finished."""
    space = parse_space(SPACE, name="linear", file="linear.yaml")
    wanted = SearchSpec(engine=searcher, space=space.name, space_digest=space.digest, trials=trials)
    spec = replace(make_spec(arch, setting, material), search=wanted)
    stamps: list[float] = []
    began = time.perf_counter()
    study = Study(spec, space, material, Silent())
    journal = folder / f"{searcher.replace(':', '-')}.journal"
    study.run(str(journal), lambda _: stamps.append(time.perf_counter() - began))
    return stamps


def measure_seeds(setting: Setting, arch: str, counts: Sequence[int] = SEEDS) -> list[Curve]:
    """Measure runs of a frozen backbone with one seed after another, from nothing."""
    stamps = _run_in_turn(setting, [(arch, seed) for seed in range(max(counts))])
    return [
        Curve(
            name=f"{arch}, frozen",
            counts=tuple(counts),
            seconds=tuple(stamps[count - 1] for count in counts),
        )
    ]


def measure_architectures(
    setting: Setting, archs: Sequence[str] = ARCHITECTURES
) -> tuple[list[Curve], Mapping[str, float]]:
    """Measure one backbone after another, random weights, from nothing; return each one's too."""
    stamps = _run_in_turn(setting, [(arch, 0) for arch in archs])
    each = dict(zip(archs, np.diff([0.0, *stamps]).tolist(), strict=True))
    counts = tuple(range(1, len(archs) + 1))
    return [Curve(name="frozen backbones", counts=counts, seconds=tuple(stamps))], each


def _run_in_turn(setting: Setting, runs: Sequence[tuple[str, int]]) -> list[float]:
    """Return the seconds after which each run of an architecture and a seed was finished."""
    began = time.perf_counter()
    stamps = []
    with tempfile.TemporaryDirectory() as folder:
        for arch, seed in runs:
            material = read(setting, Path(folder), arch)
            train(make_spec(arch, setting, material, seed=seed), material, Silent())
            stamps.append(time.perf_counter() - began)
    return stamps
