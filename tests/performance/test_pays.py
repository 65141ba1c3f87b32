"""Paired comparison of a search with the defaults."""

import pytest

from tests.performance.pays import gain, table


def test_a_gain_is_the_mean_of_paired_differences_with_students_interval() -> None:
    found = gain([0.70, 0.72, 0.74], [0.71, 0.75, 0.75])
    assert found.difference == pytest.approx(0.05 / 3)
    # standard deviation 0.011547, times t(2) = 4.3027, over the root of 3
    assert found.low == pytest.approx(0.05 / 3 - 0.028684, abs=1e-5)
    assert found.high == pytest.approx(0.05 / 3 + 0.028684, abs=1e-5)


def test_the_table_has_a_line_a_metric() -> None:
    drawn = table({"test_macro_f1": gain([0.5, 0.6], [0.6, 0.65])})
    assert drawn.splitlines()[2].startswith("| test_macro_f1 | 0.550 | 0.625 | +0.075 |")
