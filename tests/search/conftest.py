"""A small space, a quick objective, and settings for searches that take milliseconds."""

import math
from pathlib import Path

import pytest

from benchmark.search import Objective, Space, Trial, parse_space

SPACE = """
about: every kind of parameter, and a condition on a condition
parameters:
  rate: {type: float, low: 1.0e-5, high: 1.0e-1, log: true}
  drop: {type: float, low: 0.0, high: 0.5, step: 0.1}
  layers: {type: int, low: 0, high: 2}
  width: {type: int, low: 16, high: 256, log: true, when: {layers: [1, 2]}}
  norm: {type: bool, when: {layers: [1, 2]}}
  scale: {type: choice, choices: [0.5, 1.0], when: {norm: true}}
  pool: {type: choice, choices: [avg, max]}
  optimizer: {type: fixed, value: adam}
  momentum: {type: default}
"""


@pytest.fixture
def space() -> Space:
    return parse_space(SPACE, name="small", file="small.yaml")


@pytest.fixture
def journal(tmp_path: Path) -> str:
    return str(tmp_path / "studies" / "search.journal")


def closeness(trial: Trial) -> float:
    """Score a trial by how near its rate is to 1e-3; at most 1.2."""
    params = trial.params
    score = 1 - abs(math.log10(params.number("rate")) + 3) / 4 - 0.1 * params.integer("layers")
    return score + (0.2 if params.text("pool") == "max" else 0.0)


@pytest.fixture
def objective() -> Objective:
    return closeness
