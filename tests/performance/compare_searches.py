"""Which search engine gets how far? `python -m tests.performance.compare_searches --help`.

Runs one architecture with several engines over the same space, budget and seeds, and writes
`comparison.png` and `trials.csv`. Engines are compared in pairs over the seeds: the mean difference
with its 95 % interval (Student's t), and p by flipping signs exactly.
"""

import argparse
import itertools
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from .commands import run
from .pays import gain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = npt.NDArray[np.float64]
Curves = Mapping[tuple[str, int], pd.DataFrame]

COLOURS = ("#1f5fa8", "#d9730d", "#2e8b57", "#a0326e", "#6b5b95", "#7a6a00")


def curve(trials: pd.DataFrame, metric: str, *, fewer: bool = False) -> pd.DataFrame:
    """Return trial, seconds since the first began, and the best value so far, NaN before one."""
    table = trials.assign(ended=trials["started"] + trials["seconds"]).sort_values("ended")
    best = (np.fmin if fewer else np.fmax).accumulate(table[metric].to_numpy(dtype=np.float64))
    seconds = (table["ended"] - table["started"].min()).to_numpy()
    return pd.DataFrame({"trial": np.arange(1, len(table) + 1), "seconds": seconds, "best": best})


def ends(curves: Curves, column: str) -> dict[str, Numbers]:
    """Return where each search ended, by engine: one value a seed."""
    found: dict[str, list[float]] = {}
    for (engine, _), each in curves.items():
        found.setdefault(engine, []).append(float(each[column].iloc[-1]))
    return {engine: np.array(values) for engine, values in found.items()}


def report(curves: Curves) -> list[str]:
    """Return a line an engine, and a line a pair of them."""
    from scipy.stats import permutation_test

    best, took = ends(curves, "best"), ends(curves, "seconds")
    lines = [
        f"{engine}: best {each.mean():.3f} on average ({each.min():.3f} to {each.max():.3f}), "
        f"{took[engine].mean():.1f} s a search"
        for engine, each in best.items()
    ]
    for first, second in itertools.combinations(best, 2):
        less = gain(best[second].tolist(), best[first].tolist())
        differences = best[first] - best[second]
        p = permutation_test((differences,), np.mean, permutation_type="samples").pvalue
        lines.append(
            f"{first} less {second}: {less.difference:+.4f} [{less.low:+.4f}, {less.high:+.4f}], "
            f"p = {p:.3f}, {len(differences)} seeds"
        )
    return lines


def draw(curves: Curves, metric: str) -> "Figure":
    """Draw the best value so far against trials and seconds, and every seed's end.

    Bold lines are means over the seeds, thin ones the seeds. At the right, a grey line joins what
    one seed came to with each engine.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 4.0), layout="constrained", dpi=120)
    by_trial, by_second, at_end = figure.subplots(1, 3, sharey=True, width_ratios=(3, 3, 2))
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    engines = list(dict.fromkeys(engine for engine, _ in curves))
    for engine, colour in zip(engines, COLOURS, strict=False):
        own = [each for (name, _), each in curves.items() if name == engine]
        _draw_curves(by_trial, own, "trial", engine, colour)
        _draw_curves(by_second, own, "seconds", engine, colour)
    _draw_ends(at_end, ends(curves, "best"))
    by_trial.set(xlabel="trials", ylabel=f"best {metric} so far")
    by_second.set(xlabel="seconds since the search began")
    by_trial.legend(loc="lower right", frameon=False)
    seeds = len({seed for _, seed in curves})
    figure.suptitle(f"{seeds} seeds: each (thin) and their mean (bold)", fontsize=11)
    return figure


def _draw_curves(
    axes: "Axes", curves: Sequence[pd.DataFrame], column: str, engine: str, colour: str
) -> None:
    at = np.unique(np.concatenate([each[column].to_numpy(dtype=np.float64) for each in curves]))
    steps = []
    for each in curves:
        x, y = each[column].to_numpy(), each["best"].to_numpy()
        axes.step(x, y, where="post", color=colour, linewidth=0.7, alpha=0.4)
        places = np.searchsorted(x, at, side="right") - 1
        steps.append(np.where(places < 0, np.nan, y[np.clip(places, 0, None)]))
    # NaN, and not drawn, until every seed has a value
    axes.step(at, np.mean(steps, axis=0), where="post", color=colour, linewidth=2.2, label=engine)


def _draw_ends(axes: "Axes", best: Mapping[str, Numbers]) -> None:
    rows = list(best.values())
    axes.plot(range(len(rows)), np.array(rows), color="#8a8f98", linewidth=0.8, zorder=0)
    for place, (row, colour) in enumerate(zip(rows, COLOURS, strict=False)):
        axes.scatter([place] * len(row), row, s=22, color=colour)
        axes.hlines(row.mean(), place - 0.25, place + 0.25, color=colour, linewidth=2.2)
    names = [engine.replace(":", ":\n") for engine in best]
    axes.set_xticks(range(len(names)), names, fontsize=8)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_title("at the end, by seed", fontsize=10)


def search(asked: argparse.Namespace, engine: str, folder: Path) -> dict[int, pd.DataFrame]:
    """Search with an engine, and return its trials by seed, as MLflow has them."""
    import mlflow

    name = engine.replace(":", "-")
    words = [sys.executable, "-m", "benchmark", "run", "--quiet", "--arch", asked.arch]
    words += ["--data", asked.data, "--weights", asked.weights, "--seed", asked.seeds]
    words += ["--search", engine, "--space", asked.space, "--trials", str(asked.trials)]
    words += ["--objective", asked.objective, "--experiment", name, "--register", "none"]
    words += ["--output", str(folder / "results"), "--cache", str(folder / "cache")]
    run([*words, *asked.more.split()], folder)
    store = f"sqlite:///{folder / 'mlflow.db'}"
    mlflow.set_tracking_uri(store)
    runs = mlflow.search_runs(
        experiment_names=[name],
        filter_string="tags.benchmark = 'run' and attributes.status = 'FINISHED'",
        output_format="list",
    )
    found = {}
    for each in runs:
        path = mlflow.artifacts.download_artifacts(
            run_id=each.info.run_id, artifact_path="trials.parquet", tracking_uri=store
        )
        found[int(each.data.params["seed"])] = pd.read_parquet(path)
    return dict(sorted(found.items()))


def main(words: Sequence[str] | None = None) -> int:
    """Search with every engine, write the figure and the table, and print how they compare."""
    asked = _parse(words)
    with tempfile.TemporaryDirectory() as folder:
        curves = {
            (engine, seed): curve(trials, asked.objective, fewer=asked.fewer)
            for engine in asked.engines.split(",")
            for seed, trials in search(asked, engine, Path(folder)).items()
        }
    output = Path(asked.output)
    output.mkdir(parents=True, exist_ok=True)
    tables = [each.assign(engine=engine, seed=seed) for (engine, seed), each in curves.items()]
    pd.concat(tables).to_csv(output / "trials.csv", index=False)
    draw(curves, asked.objective).savefig(output / "comparison.png", dpi=110, bbox_inches="tight")
    print("\n".join([*report(curves), f"Figure: {output / 'comparison.png'}"]))
    return 0


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--engines", default="optuna:tpe,optuna:random", help="two or more")
    parser.add_argument("--data", default="phantom", help="as in benchmark run")
    parser.add_argument("--weights", default="auto", help="as in benchmark run")
    parser.add_argument("--arch", default="mobilenetv2")
    parser.add_argument("--seeds", default="0,1,2", help="two or more")
    parser.add_argument("--space", default="head")
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--objective", default="macro_f1", help="one metric")
    parser.add_argument("--fewer", action="store_true", help="less of the metric is better")
    parser.add_argument("--more", default="", help="further options of benchmark run, in quotes")
    parser.add_argument("--output", default="compare-searches", help="the folder for both files")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
