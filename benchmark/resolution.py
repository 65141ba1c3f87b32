"""What so many images can show of two networks, and how few show nothing: one rule everywhere."""

import math

POWER_80 = 0.8416  # the standard normal's 80 % quantile: the difference is found 4 times of 5
TWO_ROWS = 1.96  # the critical value of a comparison of two rows, before a board has its own
# Disagreement in right or wrong of two networks that are equally good: 16 to 17 % in simulation
# (docs/metrics.md) at an accuracy of 0.80.
DISAGREEMENT = 0.17

FEWEST_UNITS = 3
"""Units that every class must have for a macro figure to have an interval: with one or two
patients the interval of a class's own recall covers in 0 to 51 of 100 sets, or says nothing."""


def resolvable_difference(standard_error: float, critical: float = TWO_ROWS) -> float:
    """Return the difference that is called one with a probability of 80 %, at most 1.

    Args:
        standard_error: of the paired difference of two rows.
        critical: how many standard errors a difference must have to be called one.
    """
    return min(1.0, (critical + POWER_80) * standard_error)


def expected_standard_error(units: int) -> float:
    """Return the standard error of a paired difference in accuracy to expect before a run.

    Of two proportions on the same units only those count on which the two disagree (McNemar 1947,
    doi:10.1007/BF02295996).

    Args:
        units: patients, or distinct images where patients are unknown.
    """
    return math.sqrt(DISAGREEMENT / units) if units else 1.0
