"""Does a search pay? `python -m tests.performance.pays --help`.

Runs an architecture with its defaults and with a search, over the same seeds, and compares macro-F1
on the test images that are no copies of training images: the mean over the seeds of the paired
difference, with its 95 % interval (Student's t). Test is read once both are finished.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmark.environment import machine

from .commands import run
from .markdown import draw_table
from .setting import save

CLEAN, PUBLISHED, CHOSEN_ON = "test_clean_macro_f1", "test_macro_f1", "val_macro_f1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """The second of two lists of figures less the first, paired.

    Attributes:
        first: the first's mean; `second` the other's.
        difference: the mean difference.
        low: lower end of its 95 % interval, `high` the upper one.
    """

    first: float
    second: float
    difference: float
    low: float
    high: float


def gain(first: Sequence[float], second: Sequence[float]) -> Gain:
    """Compare figures that belong together two by two; at least two pairs."""
    from scipy.stats import ttest_1samp

    differences = np.subtract(second, first)
    low, high = ttest_1samp(differences, 0.0).confidence_interval()
    return Gain(
        first=float(np.mean(first)),
        second=float(np.mean(second)),
        difference=float(np.mean(differences)),
        low=float(low),
        high=float(high),
    )


def scores(store: str, experiment: str, arch: str) -> dict[int, dict[str, float]]:
    """Read the figures of an architecture's finished runs from MLflow, by seed."""
    import mlflow

    mlflow.set_tracking_uri(store)
    runs = mlflow.search_runs(
        experiment_names=[experiment],
        filter_string=f"params.arch = '{arch}' and attributes.status = 'FINISHED'",
        output_format="list",
    )
    found = {}
    for each in runs:
        metrics = each.data.metrics
        if CHOSEN_ON in metrics and "seed" in each.data.params:
            # Without copies there is no figure without them: the published one is that.
            own = {CLEAN: metrics[PUBLISHED], **metrics}
            kept = {name: own[name] for name in (CHOSEN_ON, PUBLISHED, CLEAN)}
            found[int(each.data.params["seed"])] = kept
    return found


def measure(asked: argparse.Namespace, folder: Path) -> dict[str, dict[int, dict[str, float]]]:
    """Run both, and give their figures by seed."""
    search = ["--search", asked.search, "--space", asked.space, "--trials", str(asked.trials)]
    found = {}
    for name, more in (("default", []), ("searched", [*search, "--select", asked.select])):
        words = [sys.executable, "-m", "benchmark", "run", "--quiet", "--arch", asked.arch]
        words += ["--data", asked.data, "--weights", asked.weights, "--seed", asked.seeds]
        words += ["--experiment", name, "--register", "none", *asked.more.split(), *more]
        words += ["--output", str(folder / "results"), "--cache", str(folder / "cache")]
        seconds, _, _ = run(words, folder)
        found[name] = scores(f"sqlite:///{folder / 'mlflow.db'}", name, asked.arch)
        print(f"{name}: {seconds:.0f} s, {found[name]}", flush=True)
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Run both, print how they compare, and save all figures as JSON."""
    asked = _parse(words)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(asked, Path(folder))
    seeds = sorted(found["default"].keys() & found["searched"].keys())
    gains = {
        name: gain(*([found[which][seed][name] for seed in seeds] for which in found))
        for name in (CHOSEN_ON, PUBLISHED, CLEAN)
    }
    print(f"\n{len(seeds)} seeds; {machine()}\n\n{table(gains)}")
    told = {name: asdict(each) for name, each in gains.items()}
    save(asked.json, {"asked": vars(asked), "by_seed": found, "gains": told})
    return 0


def table(gains: dict[str, Gain]) -> str:
    """Draw the comparison as a Markdown table."""
    rows = [
        [
            *(name, f"{each.first:.3f}", f"{each.second:.3f}", f"{each.difference:+.3f}"),
            f"{each.low:+.3f} to {each.high:+.3f}",
        ]
        for name, each in gains.items()
    ]
    return draw_table(["macro-F1", "default", "searched", "difference", "95 %"], rows)


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", required=True, help="folder with train/, valid/ and test/")
    parser.add_argument("--weights", default="auto", help="as in benchmark run")
    parser.add_argument("--arch", default="mobilenetv2")
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--search", default="optuna:tpe")
    parser.add_argument("--space", default="head")
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--select", default="val", help="val, or cv:5x2")
    parser.add_argument("--more", default="", help="further options of benchmark run, in quotes")
    parser.add_argument("--json", default="pays.json", help="where the figures are saved")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
