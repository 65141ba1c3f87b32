"""The figure of a comparison of engines: how soon each gets how far, and where each seed ends."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .comparing import Comparison
from .figures import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = npt.NDArray[np.float64]

_COLOURS = (BLUE, ORANGE, "#2e8b57", "#a0326e", "#6b5b95", "#7a6a00")


def draw_comparison(compared: Comparison) -> "Figure":
    """Draw the best value so far against trials and seconds, and every seed's end.

    Bold lines are means over the seeds, thin ones the seeds; ranges of several engines would hide
    each other. At the right, a grey line joins what one seed came to with each engine.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 4.0), layout="constrained", dpi=120)
    by_trial, by_second, ends = figure.subplots(1, 3, sharey=True, width_ratios=(3, 3, 2))
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    table = compared.table()
    table["trial"] += 1
    _draw_curves(by_trial, compared, table, "trial")
    _draw_curves(by_second, compared, table, "seconds")
    _draw_ends(ends, compared)
    metric = next(iter(compared.results.values())).goals[0].metric
    by_trial.set(xlabel="trials", ylabel=f"best {metric} so far")
    by_second.set(xlabel="seconds since the search began")
    ends.set_title("at the end, by seed", fontsize=10)
    by_trial.legend(loc="lower right", frameon=False)
    figure.suptitle(f"{len(compared.seeds)} seeds: each (thin) and their mean (bold)", fontsize=11)
    return figure


def _draw_curves(axes: "Axes", compared: Comparison, table: "pd.DataFrame", column: str) -> None:
    for engine, colour in zip(compared.engines, _COLOURS, strict=False):
        own = table[table["engine"] == engine]
        curves = [seed.sort_values(column) for _, seed in own.groupby("seed")]
        at = np.unique(own[column].to_numpy(dtype=np.float64))
        steps = [_step(each[column].to_numpy(), each["best"].to_numpy(), at) for each in curves]
        for each in curves:
            axes.step(
                each[column], each["best"], where="post", color=colour, linewidth=0.7, alpha=0.4
            )
        mean = np.mean(steps, axis=0)  # NaN, and not drawn, until every seed has a value
        axes.step(at, mean, where="post", color=colour, linewidth=2.2, label=engine)


def _draw_ends(axes: "Axes", compared: Comparison) -> None:
    places = range(len(compared.engines))
    best = np.array(
        [
            [compared.results[engine, seed].best.values[0] for engine in compared.engines]
            for seed in compared.seeds
        ]
    )
    axes.plot(places, best.T, color=GREY, linewidth=0.8, zorder=0)
    for place, colour in zip(places, _COLOURS, strict=False):
        axes.scatter([place] * len(best), best[:, place], s=22, color=colour)
        axes.hlines(best[:, place].mean(), place - 0.25, place + 0.25, color=colour, linewidth=2.2)
    names = [engine.replace(":", ":\n") for engine in compared.engines]
    axes.set_xticks(list(places), names, fontsize=8)
    axes.set_xlim(-0.5, len(names) - 0.5)


def _step(x: Numbers, y: Numbers, at: Numbers) -> Numbers:
    """Return a step function's values; NaN before its first step, its last value behind the end."""
    places = np.searchsorted(x, at, side="right") - 1
    return np.where(places < 0, np.nan, y[np.clip(places, 0, None)])
