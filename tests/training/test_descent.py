"""Several losses at once: each to its own minimum, on its own way."""

from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from benchmark.training.descent import minimise
from benchmark.training.penalties import Walk

CURVATURES = np.array([[1.0, 1.0, 1.0], [0.01, 1.0, 4.0], [300.0, 1.0, 0.1]])
CENTRES = np.array([[0.0, 0.0, 0.0], [2.0, -1.0, 3.0], [5.0, 0.5, -4.0]])


def bowls(points: Any, which: Any) -> tuple[Any, Any]:
    """Bowls whose walls grow straight, as those of logistic regression do."""
    away = points - CENTRES[which]
    walls = np.logaddexp(0, away) + np.logaddexp(0, -away)
    return (CURVATURES[which] * walls).sum(axis=1), CURVATURES[which] * np.tanh(away / 2)


def test_each_loss_is_followed_to_its_own_minimum() -> None:
    found = minimise(bowls, np.zeros((3, 3)), slope=1e-9, decrease=0.0, evaluations=500)
    np.testing.assert_allclose(found, CENTRES, atol=1e-6)


@pytest.mark.parametrize("problem", range(3))
def test_a_loss_alone_comes_to_what_scipy_finds(problem: int) -> None:
    which = np.array([problem])

    def alone(points: Any, _: Any) -> tuple[Any, Any]:
        return bowls(points, which)

    found = minimise(alone, np.ones((1, 3)), slope=1e-9, decrease=0.0, evaluations=500)
    reference = minimize(
        lambda point: bowls(point[None], which)[0][0],
        np.ones(3),
        jac=lambda point: bowls(point[None], which)[1][0],
        method="L-BFGS-B",
        options={"ftol": 0.0, "gtol": 1e-9},
    )
    np.testing.assert_allclose(found[0], reference.x, atol=1e-6)


def test_evaluations_are_bounded_and_the_best_so_far_is_returned() -> None:
    found = minimise(bowls, np.zeros((3, 3)), slope=0.0, decrease=0.0, evaluations=3)
    before, _ = bowls(np.zeros((3, 3)), np.arange(3))
    after, _ = bowls(found, np.arange(3))
    assert (after <= before).all()
    assert not np.allclose(found[2], CENTRES[2])


@pytest.mark.parametrize("valley", range(13))
def test_a_walk_from_the_middle_of_a_path_finds_its_valley(valley: int) -> None:
    walk = Walk(path=[10.0**-place for place in range(13)], state=np.zeros(1), held=np.arange(1))
    tried = []
    while (place := walk.next) is not None:
        tried.append(place)
        walk.note(place, np.array([abs(place - valley)]), np.array([float(place)]))
    assert walk.best == valley == walk.state[0]
    assert {valley - 1, valley + 1} & set(range(13)) <= set(tried)
    assert len(tried) == len(set(tried)) <= abs(valley - 6) + 3


def test_a_walk_where_no_penalty_matters_ends_at_the_strongest() -> None:
    walk = Walk(path=[1.0, 0.1, 0.01], state=np.zeros(1), held=np.arange(1))
    while (place := walk.next) is not None:
        walk.note(place, np.array([0.5]), np.zeros(1))
    assert walk.best == 0
