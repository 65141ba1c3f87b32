from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmark.plan.costs import estimate_seconds
from benchmark.records import Regime, SearchSpec, Spec
from tests.worker.acting import spec_of

INDEX = cast("Any", range(1000))
SPLIT = cast("Any", SimpleNamespace(train=range(700)))


def cost(spec: Spec, trials: int, monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr("benchmark.plan.costs._gflops_per_second", lambda: 10.0)
    search = cast("SearchSpec", SimpleNamespace(trials=trials)) if trials else None
    return estimate_seconds(replace(spec, search=search), SPLIT, INDEX)


def test_a_search_costs_a_training_a_trial_where_networks_are_trained_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = replace(spec_of("cnn"), epochs=30)
    alone, searched = cost(spec, 0, monkeypatch), cost(spec, 20, monkeypatch)
    fixed = cost(replace(spec, epochs=0), 0, monkeypatch)
    assert searched - fixed == pytest.approx(21 * (alone - fixed))


def test_a_search_of_heads_costs_the_features_once(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = replace(spec_of("densenet121"), regime=Regime.FROZEN)
    assert 0 < cost(spec, 20, monkeypatch) - cost(spec, 0, monkeypatch) < 10
