"""Figures that networks give, compared against their own scale.

Processors round differently, and deep networks amplify it: how far two of them may be apart is a
share of how large the figures are, never a number by itself.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np


def assert_close(found: Any, wanted: Any, share: float = 1e-3) -> None:
    """Raise where some figures differ by more than a share of the greatest wanted one.

    Args:
        found: figures of any shape.
        wanted: figures of the same shape.
        share: of the greatest absolute value in `wanted`.
    """
    wanted = np.asarray(wanted)
    scale = np.abs(wanted).max(initial=0.0)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=share * scale)


def assert_weights_close(found: Iterable[Any], wanted: Iterable[Any], share: float = 1e-3) -> None:
    """Raise where a network's weights differ by more than a share of its greatest one.

    All of them have one scale: what should be nought in one array is rounding of the others.
    """
    found, wanted = list(found), list(wanted)
    assert [np.shape(each) for each in found] == [np.shape(each) for each in wanted]
    assert_close(_joined(found), _joined(wanted), share)


def _joined(weights: Iterable[Any]) -> Any:
    return np.concatenate([np.ravel(each) for each in weights])
