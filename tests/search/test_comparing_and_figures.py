"""Engines compared over seeds, and the figures of a search."""

import io
import math

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
    draw_comparison,
    search,
)
from benchmark.search import figures as drawn
from benchmark.search.comparing import best_so_far, compare, sign_flip_p
from benchmark.search.importance import importances

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
    names = {"history", "importances", "parallel", "slices", "contour", "intermediate"}
    assert set(draw(result)) == names
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
def test_a_front_and_a_comparison_are_drawn(space: Space, objective: Objective) -> None:
    goals = (Goal(metric="f1"), Goal(metric="seconds", maximise=False))
    both = search(
        space,
        lambda trial: (objective(trial), trial.params.number("drop")),  # type: ignore[arg-type, return-value]
        SearchSettings(trials=8, goals=goals),
    )
    compared = compare(
        ["optuna:random", "optuna:qmc"],
        space,
        lambda _: objective,
        SearchSettings(trials=6),
        [1, 2],
    )
    for figure in (drawn.pareto(both), draw_comparison(compared)):
        stream = io.BytesIO()
        figure.savefig(stream, format="png")
        assert len(stream.getvalue()) > 5000


def test_the_best_so_far_never_falls(result: SearchResult) -> None:
    seconds, best = best_so_far(result)
    assert np.all(np.diff(seconds) >= 0)
    assert np.all(np.diff(best) >= 0)
    assert best[-1] == result.best.values[0]


def test_a_comparison_pairs_the_seeds(space: Space, objective: Objective) -> None:
    compared = compare(
        ["optuna:random", "optuna:grid"],
        space,
        lambda _: objective,
        SearchSettings(trials=5),
        [1, 2, 3],
    )
    (pair,) = compared.paired()
    assert pair.low <= pair.mean <= pair.high
    assert pair.p >= 2 / 2**3
    assert len(compared.table()) == 2 * 3 * 5
    ends = compared.ends().set_index("engine")
    assert ends["mean"]["optuna:random"] - ends["mean"]["optuna:grid"] == pytest.approx(pair.mean)
    assert (ends["least"] <= ends["mean"]).all()
    assert (ends["mean"] <= ends["greatest"]).all()


def test_sign_flips_count_every_pattern() -> None:
    assert sign_flip_p(np.array([1.0, 1.0, 1.0, 1.0, 1.0])) == 2 / 32
    assert sign_flip_p(np.array([1.0, -1.0])) == 1.0


@pytest.mark.parametrize(
    ("engines", "seeds", "message"),
    [
        (["optuna:tpe"], [1, 2], "two or more different engines"),
        (["optuna:tpe", "optuna:tpe"], [1, 2], "two or more different engines"),
        (["optuna:tpe", "optuna:random"], [1], "two or more different seeds"),
    ],
)
def test_a_comparison_of_nothing_is_refused(
    engines: list[str], seeds: list[int], message: str, space: Space, objective: Objective
) -> None:
    with pytest.raises(UsageError, match=message):
        compare(engines, space, lambda _: objective, SearchSettings(), seeds)
