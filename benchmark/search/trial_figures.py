"""Figures of a search, each a function of its result, and how much each parameter matters."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import UsageError
from ..records import ParamValue
from ..seeds import derive
from .space import Kind, Parameter
from .trials import FEWEST, SearchResult, TrialRecord, TrialState, tells_importances

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = npt.NDArray[np.float64]

BLUE, ORANGE, GREY = "#1f5fa8", "#d9730d", "#8a8f98"
_TREES = 64


def draw(result: SearchResult) -> "dict[str, Figure]":
    """Draw every figure that a search has enough trials, reports and goals for, by name."""
    found = {"history": history(result)}
    if len(result.complete) >= FEWEST:
        found |= {"parallel": parallel(result), "slices": slices(result)}
    searched = len(result.space.searched)
    if tells_importances(len(result.complete), searched):
        found["importances"] = importance(result)
        if searched > 1:
            found["contour"] = contour(result)
    if any(each.steps for each in result.trials):
        found["intermediate"] = intermediate(result)
    if len(result.goals) > 1:
        found["pareto"] = pareto(result)
    return found


def _figure(rows: int = 1, columns: int = 1, width: float = 7.0, height: float = 4.2) -> "Figure":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", dpi=120)
    figure.subplots(rows, columns, squeeze=False)
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def history(result: SearchResult) -> "Figure":
    """Draw each trial's value and the best so far."""
    figure = _figure()
    axes = figure.axes[0]
    complete = result.complete
    axes.scatter(
        [each.number for each in complete],
        [each.values[0] for each in complete],
        s=16,
        color=GREY,
        label="trial",
    )
    _, best = best_so_far(result)
    axes.step(range(len(best)), best, where="post", color=BLUE, label="best so far")
    for state, colour in ((TrialState.PRUNED, ORANGE), (TrialState.FAILED, "#c0392b")):
        numbers = [each.number for each in result.trials if each.state is state]
        if numbers:
            low = min(each.values[0] for each in complete)
            axes.scatter(
                numbers, [low] * len(numbers), marker="x", s=20, color=colour, label=str(state)
            )
    axes.set(xlabel="trial", ylabel=result.goals[0].metric)
    axes.set_title(f"Search of {result.space.name}", loc="left")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, frameon=False)
    return figure


def best_so_far(result: SearchResult) -> tuple[Numbers, Numbers]:
    """Return, after each trial, the seconds since the first began and the best first value.

    The value is NaN until a trial is complete.
    """
    ordered = sorted(result.trials, key=lambda each: each.started + each.seconds)
    began = min(each.started for each in ordered)
    at = np.array([each.started + each.seconds - began for each in ordered])
    values = np.array([each.values[0] if each.values else np.nan for each in ordered])
    best = np.fmax if result.goals[0].maximise else np.fmin
    return at, best.accumulate(values)


def importance(result: SearchResult) -> "Figure":
    """Draw how much of the value's variance each parameter explains."""
    found = importances(result)
    figure = _figure(height=1.2 + 0.3 * len(found))
    axes = figure.axes[0]
    names = list(found)[::-1]
    bars = axes.barh(names, [found[name] for name in names], color=BLUE)
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.set(xlabel="share of the variance explained", title="Parameter importances")
    axes.margins(x=0.12)
    return figure


def importances(result: SearchResult) -> dict[str, float]:
    """Return each searched parameter's share of what a random forest explains, greatest first.

    Impurity importances (Breiman 2001, doi:10.1023/A:1010933404324), summed to 1. Optuna's fANOVA
    leaves out every parameter that is not in all trials; here one that is not there takes
    its median, so that it is not credited with the parameter that it hangs on.

    Raises:
        UsageError: too few complete trials.
    """
    from sklearn.ensemble import RandomForestRegressor

    trials = result.complete
    if len(trials) < FEWEST:
        raise UsageError(
            f"parameter importances need {FEWEST} complete trials at least, not {len(trials)}."
        )
    parameters = result.space.searched
    columns = np.array([[_value(each, trial) for each in parameters] for trial in trials])
    middles = np.nan_to_num(np.nanmedian(columns, axis=0))
    columns = np.where(np.isnan(columns), middles, columns)
    forest = RandomForestRegressor(_TREES, random_state=derive(0, "importances"))
    forest.fit(columns, np.array([trial.values[0] for trial in trials]))
    shares = dict(
        zip([each.name for each in parameters], forest.feature_importances_.tolist(), strict=True)
    )
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def _value(parameter: Parameter, trial: TrialRecord) -> float:
    """Return a parameter's value as a number, NaN where it is not there."""
    if parameter.name not in trial.params:
        return float("nan")
    value = trial.params[parameter.name]
    if parameter.kind in (Kind.FLOAT, Kind.INT):
        return float(value)
    return float(parameter.grid().index(value))


def parallel(result: SearchResult, most: int = 8) -> "Figure":
    """Draw every complete trial as a line through its values of the `most` important parameters."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    names = list(importances(result))[:most]
    parameters = [result.space[name] for name in names]
    trials = sorted(result.complete, key=_score(result))
    values = [each.values[0] for each in trials]
    figure = _figure(width=1.6 + 1.3 * len(names), height=4.6)
    axes = figure.axes[0]
    shade = ScalarMappable(Normalize(min(values), max(values)), "viridis")
    for each in trials:
        heights = [_place(parameter, each) for parameter in parameters]
        axes.plot(heights, color=shade.to_rgba(np.array(each.values[0])), alpha=0.6, linewidth=1.0)
    axes.set_xticks(range(len(names)), [name.replace("_", "\n") for name in names])
    axes.set_yticks([])
    axes.set_ylim(-0.12, 1.08)
    axes.spines[:].set_visible(False)
    for position, parameter in enumerate(parameters):
        axes.axvline(position, color=GREY, linewidth=0.8, zorder=0)
        for height, text in _marks(parameter):
            axes.text(position + 0.04, height, text, fontsize=7.5, color="black", va="center")
    axes.set_title("Parallel coordinates; a line ends where a parameter is not there")
    figure.colorbar(shade, ax=axes, label=result.goals[0].metric)
    return figure


def slices(result: SearchResult) -> "Figure":
    """Draw the value against each parameter by itself."""
    names = list(importances(result))
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure = _figure(rows, columns, width=3.0 * columns, height=2.5 * rows)
    for axes, name in zip(figure.axes, names, strict=False):
        _slice(axes, result, result.space[name])
    for axes in figure.axes[len(names) :]:
        axes.set_visible(False)
    for axes in figure.axes[::columns]:
        axes.set_ylabel(result.goals[0].metric)
    return figure


def _slice(axes: "Axes", result: SearchResult, parameter: Parameter) -> None:
    trials = [each for each in result.complete if parameter.name in each.params]
    numbers = [each.number for each in trials]
    jitter = np.random.default_rng(0).uniform(-0.12, 0.12, len(trials))
    is_range = parameter.kind in (Kind.FLOAT, Kind.INT)
    choices = parameter.grid()
    places = [
        float(each.params[parameter.name])
        if is_range
        else choices.index(each.params[parameter.name]) + shift
        for each, shift in zip(trials, jitter, strict=True)
    ]
    values = [each.values[0] for each in trials]
    axes.scatter(places, values, s=12, c=numbers, cmap="Blues", edgecolor=GREY, linewidth=0.3)
    axes.set_xlabel(parameter.name)
    if parameter.log:
        axes.set_xscale("log")
    if is_range:
        axes.set_xticks([float(value) for value in parameter.grid(5)], _texts(parameter))
    else:
        axes.set_xticks(range(len(choices)), _texts(parameter))
    axes.minorticks_off()
    axes.tick_params(axis="x", labelsize=7.5)


def contour(result: SearchResult) -> "Figure":
    """Draw the value over the two most important parameters, interpolated between trials."""
    first, second = [result.space[name] for name in list(importances(result))[:2]]
    trials = [
        each for each in result.complete if first.name in each.params and second.name in each.params
    ]
    x, y = (np.array([_place(which, each) for each in trials]) for which in (first, second))
    z = np.array([each.values[0] for each in trials])
    figure = _figure(width=6.4, height=4.8)
    axes = figure.axes[0]
    grid = np.linspace(0, 1, 60)
    drawn = axes.contourf(grid, grid, _smooth(x, y, z, grid), levels=12, cmap="viridis")
    axes.scatter(x, y, s=14, color="white", edgecolor="black", linewidth=0.6)
    for axis, parameter in ((axes.xaxis, first), (axes.yaxis, second)):
        marks = _marks(parameter)
        axis.set_ticks([place for place, _ in marks], [text for _, text in marks])
        axis.set_label_text(parameter.name)
    axes.set_title("The two most important parameters (smoothed)")
    figure.colorbar(drawn, ax=axes, label=result.goals[0].metric)
    return figure


def _smooth(x: Numbers, y: Numbers, z: Numbers, grid: Numbers) -> Numbers:
    """Weigh the trials' values by a Gaussian of a tenth of the range (Nadaraya and Watson 1964)."""
    gaps = (grid[None, :, None] - x) ** 2 + (grid[:, None, None] - y) ** 2
    weights = np.exp(-gaps / (2 * 0.1**2)) + 1e-9
    return np.asarray((weights * z).sum(-1) / weights.sum(-1), dtype=np.float64)


def intermediate(result: SearchResult) -> "Figure":
    """Draw what trials reported on their way; pruned ones end early.

    Raises:
        UsageError: no trial reported anything.
    """
    trials = [each for each in result.trials if each.steps]
    if not trials:
        raise UsageError("no trial reported anything on its way; there is nothing to draw.")
    figure = _figure()
    axes = figure.axes[0]
    for each in trials:
        steps = sorted(each.steps)
        pruned = each.state is TrialState.PRUNED
        axes.plot(
            steps,
            [each.steps[step] for step in steps],
            color=ORANGE if pruned else BLUE,
            alpha=0.5,
            linewidth=1.0,
            marker="x" if pruned else None,
            markevery=[len(steps) - 1],
        )
    axes.plot([], color=BLUE, label="complete")
    axes.plot([], color=ORANGE, marker="x", label="pruned")
    axes.legend(frameon=False)
    axes.set(xlabel="step", ylabel=result.goals[0].metric, title="Intermediate values")
    return figure


def pareto(result: SearchResult) -> "Figure":
    """Draw the first two goals against each other, and the front.

    Raises:
        UsageError: the search had one goal.
    """
    if len(result.goals) < 2:
        raise UsageError("a Pareto front needs two goals; this search had one.")
    figure = _figure()
    axes = figure.axes[0]
    front = sorted(result.front, key=lambda each: each.values[1])
    axes.scatter(*_two(result.complete), s=16, color=GREY, label="trial")
    axes.plot(*_two(front), color=ORANGE, marker="o", markersize=5, label="Pareto front")
    axes.set(xlabel=result.goals[1].metric, ylabel=result.goals[0].metric, title="Pareto front")
    axes.legend(frameon=False)
    return figure


def _two(trials: Sequence[TrialRecord]) -> tuple[list[float], list[float]]:
    return [each.values[1] for each in trials], [each.values[0] for each in trials]


def _score(result: SearchResult) -> Callable[[TrialRecord], float]:
    sign = 1.0 if result.goals[0].maximise else -1.0
    return lambda each: sign * each.values[0]


def _place(parameter: Parameter, trial: TrialRecord) -> float:
    """Return where a trial's value stands in a parameter's range, from 0 to 1; NaN if not there."""
    if parameter.name not in trial.params:
        return float("nan")
    return _height(parameter, trial.params[parameter.name])


def _height(parameter: Parameter, value: ParamValue) -> float:
    if parameter.kind not in (Kind.FLOAT, Kind.INT):
        choices = parameter.grid()
        return choices.index(value) / max(len(choices) - 1, 1)
    low, high = parameter.bounds
    if low == high:
        return 0.5
    if parameter.log:
        return float(np.log(float(value) / low) / np.log(high / low))
    return (float(value) - low) / (high - low)


def _marks(parameter: Parameter) -> list[tuple[float, str]]:
    """Return places from 0 to 1 and the values that stand there."""
    heights = [_height(parameter, value) for value in parameter.grid(5)]
    return list(zip(heights, _texts(parameter), strict=True))


def _texts(parameter: Parameter) -> list[str]:
    values = parameter.grid(5)
    return [f"{value:.2g}" if isinstance(value, float) else str(value)[:18] for value in values]
