"""Ratios of times that are measured side by side: `python -m tests.performance.ratios --help`.

- head: a first pass of a backbone over all images, beside a further head over its features, which
  is what a trial of a search costs (the quickest of five heads);
- help: `benchmark run --help` beside an interpreter that imports argparse and ends (the quickest of
  five each).

Seconds differ from machine to machine and with what else runs there; ratios of one run hardly do.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmark.records import Part, Silent
from benchmark.training import Material, fit_head, open_features, settings_of

from .markdown import draw_table
from .setting import Setting, make_spec, open_trunk, read, timed

ROOT = Path(__file__).resolve().parents[2]
REPEATS = 5


def main(words: Sequence[str] | None = None) -> int:
    """Measure both ratios and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="phantom", help="folder of images, or a data set")
    parser.add_argument("--weights", default="none", help="auto, none, or a folder")
    parser.add_argument("--arch", default="mobilenetv2", help="a backbone")
    parser.add_argument("--side", type=int, default=224, help="pixels")
    asked = parser.parse_args(words)
    setting = Setting(data=asked.data, weights=asked.weights, side=asked.side)
    with tempfile.TemporaryDirectory() as folder:
        first, head = measure_head(asked.arch, read(setting, Path(folder), asked.arch), setting)
    bare, told = measure_help()
    rows = [
        ["a first pass over a further head", f"{first:.2f}", f"{head:.3f}", f"{first / head:.0f}"],
        ["run --help over a bare interpreter", f"{told:.2f}", f"{bare:.3f}", f"{told / bare:.1f}"],
    ]
    print(draw_table(["ratio", "seconds of the one", "of the other", "ratio"], rows))
    return 0


def measure_head(arch: str, material: Material, setting: Setting) -> tuple[float, float]:
    """Return seconds of the backbone's pass over all images, and of a further head."""
    spec = make_spec(arch, setting, material)
    trunk = open_trunk(arch, setting, material)
    first, features = timed(lambda: open_features(spec, material, trunk.at, Silent()))

    def trial(seed: int) -> None:
        head = fit_head(
            features,
            spec.params,
            material.examples(Part.TRAIN),
            material.examples(Part.VAL),
            settings_of(spec, material),
            classes=len(material.classes),
            seed=seed,
            report=lambda _: None,
        )
        head.trained.predict(head.inputs, material.pictures(Part.VAL))

    return first, min(timed(partial(trial, seed))[0] for seed in range(REPEATS))


def measure_help() -> tuple[float, float]:
    """Return seconds of an interpreter that imports argparse, and of the command line's help."""
    commands = (["-c", "import argparse"], ["-m", "benchmark", "run", "--help"])
    bare, told = (min(timed(partial(_start, each))[0] for _ in range(REPEATS)) for each in commands)
    return bare, told


def _start(words: Sequence[str]) -> None:
    subprocess.run([sys.executable, *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    raise SystemExit(main())
