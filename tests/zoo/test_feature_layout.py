"""Which columns of the feature matrix a head uses."""

import numpy as np
import pytest

from benchmark.records import Params
from benchmark.zoo import Block, select
from benchmark.zoo.features import layout

BLOCKS = layout(("shallow", "end"), (2, 3))


def test_taps_come_shallow_to_deep_and_averages_before_maxima() -> None:
    assert (
        Block(tap="shallow", pooling="avg", start=0, stop=2),
        Block(tap="shallow", pooling="max", start=2, stop=4),
        Block(tap="end", pooling="avg", start=4, stop=7),
        Block(tap="end", pooling="max", start=7, stop=10),
    ) == BLOCKS


@pytest.mark.parametrize(
    ("depth", "pooling", "columns"),
    [
        ("end", "avg", [4, 5, 6]),
        ("end", "max", [7, 8, 9]),
        ("end", "avg+max", [4, 5, 6, 7, 8, 9]),
        ("multi", "avg", [0, 1, 4, 5, 6]),
        ("multi", "max", [2, 3, 7, 8, 9]),
        ("multi", "avg+max", list(range(10))),
    ],
)
def test_depth_and_pooling_choose_columns(depth: str, pooling: str, columns: list[int]) -> None:
    chosen = select(BLOCKS, Params(feature_depth=depth, pooling=pooling))
    assert chosen.dtype == np.int64
    assert chosen.tolist() == columns
