"""Search engines compared over seeds."""

import io

import numpy as np
import pandas as pd
import pytest

from tests.performance.compare_searches import Curves, curve, draw, report

TRIALS = pd.DataFrame(
    {
        "macro_f1": [np.nan, 0.5, 0.4, 0.8],
        "started": [10.0, 11.0, 12.0, 13.0],
        "seconds": [1.0, 1.0, 1.0, 2.0],
    }
)


def test_the_best_so_far_follows_the_trials_as_they_end() -> None:
    found = curve(TRIALS, "macro_f1")
    assert found["seconds"].tolist() == [1.0, 2.0, 3.0, 5.0]
    assert found["best"].tolist()[1:] == [0.5, 0.5, 0.8]
    assert np.isnan(found["best"][0])
    assert curve(TRIALS, "macro_f1", fewer=True)["best"].tolist()[1:] == [0.5, 0.4, 0.4]


@pytest.fixture
def curves() -> Curves:
    return {
        (engine, seed): curve(TRIALS.assign(macro_f1=TRIALS["macro_f1"] + more), "macro_f1")
        for engine, gains in (("optuna:tpe", (0.01, 0.05, 0.01)), ("optuna:random", (0, 0, 0)))
        for seed, more in enumerate(gains)
    }


def test_engines_are_compared_in_a_line_each_and_a_line_a_pair(curves: Curves) -> None:
    assert report(curves) == [
        "optuna:tpe: best 0.823 on average (0.810 to 0.850), 5.0 s a search",
        "optuna:random: best 0.800 on average (0.800 to 0.800), 5.0 s a search",
        "optuna:tpe less optuna:random: +0.0233 [-0.0340, +0.0807], p = 0.250, 3 seeds",
    ]


@pytest.mark.slow
def test_a_comparison_is_drawn(curves: Curves) -> None:
    stream = io.BytesIO()
    draw(curves, "macro_f1").savefig(stream, format="png")
    assert len(stream.getvalue()) > 5000
