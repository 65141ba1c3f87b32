"""How cost and memory grow, on the machine at hand: `python -m tests.performance.scaling --help`.

- `files`: 5,000 films of the published X-ray set's size (the sample repeated, each repeat with a
  grain of its own) decoded at 224 px and passed through mobilenetv2 in a child process: seconds
  of each, the greatest resident memory, and the anonymous part of it (mapped pages left out);
- `memory`: the same child over 1,000 and over 20,000 small images at 96 px;
- `growth`: seconds by number of images, trials (linear heads over cached features), seeds and
  architectures, with exponents fitted to them; `--only` takes one of the four, `--figure` draws
  all that are in the JSON file;
- `rates`: the share of the machine's float32 matrix-multiply rate that backbones reach, by
  TensorFlow and by OpenVINO in f32, at batch 32.

Figures are printed as Markdown and saved as JSON with machine and versions. They are worth
something only while nothing else runs.
"""

import argparse
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmark.environment import machine
from benchmark.training.engines import load_openvino

from . import growth, growth_figure, rates, sizes
from .growth import Curve
from .markdown import draw_table
from .setting import Setting, save

TITLES = {
    "images": "Images: films at 224 px, mobilenetv2, each number from nothing",
    "trials": "Trials: linear heads over cached features",
    "seeds": "Seeds: mobilenetv2 at 224 px, from nothing",
    "architectures": "Architectures: frozen, at 96 px, from nothing",
}


def main(words: Sequence[str] | None = None) -> int:
    """Measure what was asked for, print it, and save it as JSON."""
    asked = _parse(words)
    story = {
        "files": _files,
        "memory": _memory,
        "growth": _growth,
        "rates": _rates,
    }[asked.what](asked)
    save(asked.json, {"asked": vars(asked), **story})
    return 0


def _files(asked: argparse.Namespace) -> dict[str, Any]:
    found = sizes.measure_xrays(Path(asked.xrays), "mobilenetv2", asked.weights, asked.count)
    print(f"{machine()}\n\n{sizes.table(found)}")
    return {"sizes": [asdict(each) for each in found]}


def _memory(asked: argparse.Namespace) -> dict[str, Any]:
    found = sizes.measure_memory(Path(asked.xrays), "mobilenetv2", asked.weights)
    print(f"{machine()}\n\n{sizes.table(found)}")
    return {"sizes": [asdict(each) for each in found]}


def _rates(asked: argparse.Namespace) -> dict[str, Any]:
    setting = Setting(data=asked.data, weights="none", side=224)
    found = rates.measure_rates(asked.arch.split(","), setting)
    print(f"{machine()}; sgemm {found[0].sgemm:.0f} GFLOP/s\n\n{rates.table(found)}")
    return {"sgemm_gflops": found[0].sgemm, "rates": rates.story(found)}


def _growth(asked: argparse.Namespace) -> dict[str, Any]:
    file = Path(asked.json)
    kept = json.loads(file.read_text()) if file.is_file() else {}
    story: dict[str, Any] = {"growth": kept.get("growth", {}), "each": kept.get("each", {})}
    for name in asked.only.split(",") if asked.only != "none" else []:
        curves = _GROWTHS[name](asked, story)
        story["growth"][name] = [
            {**asdict(each), "exponent": each.exponent, "one_more": each.further} for each in curves
        ]
    print(f"{machine()}\n\n{growth_table(_curves(story))}")
    if asked.figure:
        curves_by_name = _curves(story)
        panels = {
            name: (title, curves_by_name[name])
            for name, title in TITLES.items()
            if name in curves_by_name
        }
        growth_figure.draw(panels, Path(asked.figure))
    return story


def _curves(story: Mapping[str, Any]) -> dict[str, list[Curve]]:
    """Read the curves back from what is saved."""
    return {
        name: [
            Curve(name=each["name"], counts=tuple(each["counts"]), seconds=tuple(each["seconds"]))
            for each in curves
        ]
        for name, curves in story["growth"].items()
    }


def growth_table(panels: Mapping[str, Sequence[Curve]]) -> str:
    """Draw the curves as a Markdown table: the ends, the exponent, and what one more costs."""
    names = ["grows with", "what", "seconds", "exponent", "one more, seconds"]
    rows = [_cells(name, each) for name, curves in panels.items() for each in curves]
    return draw_table(names, rows)


def _cells(name: str, each: Curve) -> list[str]:
    first = f"{each.counts[0]:,}: {each.seconds[0]:.2f}"
    last = f"{each.counts[-1]:,}: {each.seconds[-1]:.1f}"
    return [name, each.name, f"{first}; {last}", f"{each.exponent:.2f}", f"{each.further:.3g}"]


def _images_growth(asked: argparse.Namespace, _story: dict[str, Any]) -> list[Curve]:
    return growth.measure_images(Path(asked.xrays), asked.weights, "mobilenetv2", 224)


def _trials_growth(asked: argparse.Namespace, _story: dict[str, Any]) -> list[Curve]:
    return growth.measure_trials(_setting(asked, 224), "mobilenetv2")


def _seeds_growth(asked: argparse.Namespace, _story: dict[str, Any]) -> list[Curve]:
    return growth.measure_seeds(_setting(asked, 224), "mobilenetv2")


def _architectures_growth(asked: argparse.Namespace, story: dict[str, Any]) -> list[Curve]:
    setting = Setting(data=asked.data, weights="none", side=96)
    curves, story["each"] = growth.measure_architectures(setting)
    return curves


_GROWTHS: dict[str, Callable[[argparse.Namespace, dict[str, Any]], list[Curve]]] = {
    "images": _images_growth,
    "trials": _trials_growth,
    "seeds": _seeds_growth,
    "architectures": _architectures_growth,
}


def _setting(asked: argparse.Namespace, side: int) -> Setting:
    return Setting(data=asked.data, weights=asked.weights, side=side)


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("files", "memory", "growth", "rates"))
    parser.add_argument("--xrays", default="", help="X-rays (files, memory, growth of images)")
    parser.add_argument("--data", default="", help="images to train on (other growth, rates)")
    parser.add_argument("--weights", default="none", help="auto, none, or a folder")
    parser.add_argument("--count", type=int, default=sizes.XRAYS, help="how many films")
    parser.add_argument("--arch", default=",".join(rates.BACKBONES), help="backbones of rates")
    parser.add_argument(
        "--only", default=",".join(_GROWTHS), help="of growth: some of these, or none to draw only"
    )
    parser.add_argument("--figure", default="", help="of growth: the PNG file to draw")
    parser.add_argument("--json", default="scaling.json", help="where the figures are saved")
    asked = parser.parse_args(words)
    for name in _needed(asked):
        if not Path(getattr(asked, name) or "/nowhere").is_dir():
            parser.error(f"--{name} must name a folder of images for {asked.what}")
    return asked


def _needed(asked: argparse.Namespace) -> list[str]:
    """Return which folders a measurement reads."""
    if asked.what != "growth":
        return ["data"] if asked.what == "rates" else ["xrays"]
    only = set(asked.only.split(","))
    return ["xrays"] * ("images" in only) + ["data"] * bool(only - {"images", "none"})


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    import keras  # noqa: F401  imports are left out of the figures

    load_openvino()

    raise SystemExit(main())
