"""Intervals and comparisons beside those of statsmodels, where it has the same."""

from typing import Any

import numpy as np
import pytest

from benchmark.evaluation import Entrant, compare, intervals
from benchmark.records import Part, Predictions

N = 72


def answers(wrong: Any) -> Predictions:
    """Make one network's answers for 36 images of each of two classes, wrong at some places."""
    labels = np.arange(N) % 2
    chosen = np.where(np.isin(np.arange(N), wrong), 1 - labels, labels)
    return Predictions(
        classes=("a", "b"),
        hashes=tuple(f"{number:03}" for number in range(N)),
        paths=tuple(map(str, range(N))),
        parts=(Part.VAL,) * N,
        labels=labels,
        probabilities=np.eye(2)[chosen] * 0.8 + 0.1,
        is_copy=np.zeros(N, dtype=bool),
    )


@pytest.mark.parametrize("errors", [8, 14, 20, 36])
def test_accuracy_has_the_limits_of_wilson_with_students_quantile(errors: int) -> None:
    from scipy.stats import norm
    from scipy.stats import t as student
    from statsmodels.stats.proportion import proportion_confint

    found = intervals([answers(np.arange(errors))], ("accuracy",))["accuracy"]
    # The level at which the normal's quantile is Student's for the units less the classes.
    level = 2 * norm.sf(student.ppf(0.975, N - 2))
    low, high = proportion_confint(N - errors, N, alpha=level, method="wilson")
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.006)


@pytest.mark.parametrize("errors", range(1, 13))
def test_two_rows_are_told_apart_where_the_exact_test_of_mcnemar_tells_them(errors: int) -> None:
    from statsmodels.stats.contingency_tables import mcnemar

    rows = [answers(np.arange(wrong)) for wrong in (0, errors)]
    found = compare([Entrant(runs=(each,), regime="") for each in rows], seed=0)
    exact = mcnemar([[N - errors, errors], [0, 0]], exact=True).pvalue
    assert bool(found.is_worse[1]) == (exact < 0.05)
