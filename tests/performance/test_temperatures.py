"""The simulation of temperatures draws what it says, and writes a line a cell."""

import numpy as np

from .temperatures import coverage, drawn, temperatures


def test_what_is_drawn_is_calibrated_at_its_temperature() -> None:
    rows = drawn(20_000, 2.0, 1.0, np.random.default_rng(0))
    sure = rows.probabilities.max(axis=1)
    right = rows.probabilities.argmax(axis=1) == rows.labels
    assert abs(right.mean() - sure.mean()) < 0.01


def test_a_line_says_how_far_the_temperature_errs_and_how_often_limits_hold() -> None:
    line = temperatures(72, 2.0, 2.0, boards=3)
    assert line[:3] == ["72", "0.84", "2"]
    assert len(line) == 9
    assert coverage(72, (0.95, 0.8), 0.1, boards=3)[:4] == ["72", "0.95", "0.8", "0.1"]
