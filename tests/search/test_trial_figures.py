"""The figures of a search."""

import io
import math
from dataclasses import replace

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.search import (
    Goal,
    Objective,
    SearchResult,
    SearchSettings,
    Space,
    Trial,
    draw,
    search,
    tells_importances,
)
from benchmark.search import trial_figures as drawn
from benchmark.search.trial_figures import best_so_far, importances

from_result = [drawn.history, drawn.importance, drawn.parallel, drawn.slices, drawn.contour]


def reporting(trial: Trial) -> float:
    score = -abs(math.log10(trial.params.number("rate")) + 3)
    trial.report(0, score - 1)
    trial.report(1, score)
    return score


@pytest.fixture
def result(space: Space) -> SearchResult:
    return search(space, reporting, SearchSettings(trials=25, seed=1, engine="optuna:random"))


@pytest.mark.slow
@pytest.mark.parametrize("figure", [*from_result, drawn.intermediate])
def test_a_figure_is_drawn_without_a_warning(figure: object, result: SearchResult) -> None:
    stream = io.BytesIO()
    figure(result).savefig(stream, format="png")  # type: ignore[operator]
    assert len(stream.getvalue()) > 5000


@pytest.mark.slow
def test_the_parameter_that_matters_comes_first(result: SearchResult) -> None:
    found = importances(result)
    assert next(iter(found)) == "rate"
    assert found["rate"] > 0.8
    assert sum(found.values()) == pytest.approx(1.0)


@pytest.mark.slow
def test_all_figures_that_apply_are_drawn_at_once(
    result: SearchResult, space: Space, objective: Objective
) -> None:
    fewer = {"history", "parallel", "slices", "intermediate"}
    assert set(draw(result)) == fewer  # 25 trials are too few for importances of 7 parameters
    assert len(space.searched) == 7
    trials = (*result.trials, *result.trials[:10])
    assert set(draw(replace(result, trials=trials))) == {*fewer, "importances", "contour"}
    assert set(draw(search(space, objective, SearchSettings(trials=2)))) == {"history"}


def test_importances_need_some_trials(space: Space) -> None:
    few = search(space, reporting, SearchSettings(trials=2))
    with pytest.raises(UsageError, match="need 4 complete trials at least, not 2"):
        importances(few)


def test_a_front_needs_two_goals(result: SearchResult) -> None:
    with pytest.raises(UsageError, match="a Pareto front needs two goals"):
        drawn.pareto(result)


def test_nothing_reported_is_nothing_drawn(space: Space, objective: Objective) -> None:
    silent = search(space, objective, SearchSettings(trials=2))
    with pytest.raises(UsageError, match="no trial reported anything on its way"):
        drawn.intermediate(silent)


@pytest.mark.slow
def test_a_front_is_drawn(space: Space, objective: Objective) -> None:
    goals = (Goal(metric="f1"), Goal(metric="seconds", maximise=False))
    both = search(
        space,
        lambda trial: (objective(trial), trial.params.number("drop")),  # type: ignore[arg-type, return-value]
        SearchSettings(trials=8, goals=goals),
    )
    stream = io.BytesIO()
    drawn.pareto(both).savefig(stream, format="png")
    assert len(stream.getvalue()) > 5000


def test_the_best_so_far_never_falls(result: SearchResult) -> None:
    seconds, best = best_so_far(result)
    assert np.all(np.diff(seconds) >= 0)
    assert np.all(np.diff(best) >= 0)
    assert best[-1] == result.best.values[0]


@pytest.mark.parametrize(
    ("complete", "parameters", "tells"),
    [(1, 0, False), (9, 0, False), (4, 1, False), (5, 1, True), (19, 4, False), (20, 4, True)],
)
def test_importances_need_five_complete_trials_a_parameter(
    complete: int, parameters: int, *, tells: bool
) -> None:
    assert tells_importances(complete, parameters) is tells
