"""Weights and meta-learners over members' probabilities."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.training.ensembling import (
    WeightedMean,
    cross_fit,
    fit_meta_learner,
    log_probabilities,
    select_weights,
)
from benchmark.training.folds import fitting_folds
from tests.close import assert_close


def members(count: int, images: int, classes: int, seed: int = 0) -> npt.NDArray[np.float64]:
    return np.random.default_rng(seed).dirichlet(np.ones(classes), (count, images))


def labelled(images: int, classes: int) -> npt.NDArray[np.int64]:
    return np.arange(images) % classes


@given(seed=st.integers(0, 1000), count=st.integers(1, 5))
def test_weights_are_shares_and_no_worse_than_the_best_member(seed: int, count: int) -> None:
    some, labels = members(count, 30, 3, seed), labelled(30, 3)
    weights = select_weights(some, labels)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1)
    rows = np.arange(30)
    alone = [-np.log(one[rows, labels]).mean() for one in some]
    assert (
        -np.log(WeightedMean(weights=weights).predict(some)[rows, labels]).mean()
        <= min(alone) + 1e-12
    )


def test_a_perfect_member_among_guessers_gets_all_the_weight() -> None:
    labels = labelled(30, 3)
    some = members(3, 30, 3)
    some[1] = np.eye(3)[labels]
    assert_close(select_weights(some, labels), [0, 1, 0], 1e-6)


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_a_meta_learner_is_the_logistic_regression_of_scikit_learn(classes: int) -> None:
    from sklearn.linear_model import LogisticRegression

    some, labels = members(2, 60, classes), labelled(60, classes)
    inputs = log_probabilities(some)
    scaled = (inputs - inputs.mean(axis=0)) / inputs.std(axis=0)
    model = LogisticRegression(C=0.1, max_iter=2000).fit(scaled, labels)
    found = fit_meta_learner(some, labels).predict(some)
    assert_close(found, model.predict_proba(scaled))


def test_a_class_without_an_image_is_never_chosen() -> None:
    some, labels = members(2, 30, 4), labelled(30, 3)
    found = fit_meta_learner(some, labels).predict(some)
    assert found.shape == (30, 4)
    assert found[:, 3].max() < 0.01


def test_cross_fitting_never_shows_a_group_to_what_predicts_it() -> None:
    some, labels = members(2, 40, 2), np.arange(40) // 2 % 2
    groups = np.array([f"patient {row // 4}" for row in range(40)])
    seen: list[set[float]] = []

    def fit(
        shown: npt.NDArray[np.float64], _: npt.NDArray[np.int64]
    ) -> Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]:
        known = set(shown[0, :, 0].tolist())
        seen.append(known)

        def predict(asked: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            place = {value: row for row, value in enumerate(some[0, :, 0].tolist())}
            asked_groups = {groups[place[value]] for value in asked[0, :, 0].tolist()}
            assert not asked_groups & {groups[place[value]] for value in known}
            same: npt.NDArray[np.float64] = asked[0]
            return same

        return predict

    found = cross_fit(some, labels, fitting_folds(labels, groups.tolist(), 5, 0), fit)
    np.testing.assert_array_equal(found, some[0])
    assert len(seen) == 5


def test_cross_fitting_copes_with_a_class_of_one_image() -> None:
    some = members(2, 20, 2)
    labels = np.array([1] + [0] * 19)
    groups = np.array([str(row) for row in range(20)])
    folds = fitting_folds(labels, groups.tolist(), 5, 0)
    found = cross_fit(some, labels, folds, lambda _s, _l: lambda asked: asked[0])
    np.testing.assert_array_equal(found, some[0])
