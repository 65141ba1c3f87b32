from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmark.plan.costs import (
    estimate_seconds,
    in_minutes,
    nominal_pass_seconds,
    nominal_seconds,
)
from benchmark.records import Picture, Regime, SearchSpec, Spec
from benchmark.training import defaults
from benchmark.zoo import ARCHITECTURES
from tests.worker.acting import spec_of

INDEX = cast("Any", range(1000))
SPLIT = cast("Any", SimpleNamespace(train=range(700), val=range(100), digest="split"))
BACKBONE = ARCHITECTURES["densenet121"]
FROZEN = replace(
    spec_of("densenet121"),
    regime=Regime.FROZEN,
    weights="imagenet",
    picture=Picture(side_px=448),
    params=defaults(BACKBONE, Regime.FROZEN).having(
        feature_depth="end", penalty="given", scales="1"
    ),
)


def searched(spec: Spec, trials: int) -> Spec:
    search = SearchSpec(engine="optuna:tpe", space="head", space_digest="", trials=trials)
    return replace(spec, search=search)


def cost(*specs: Spec) -> float:
    return sum(nominal_seconds([(spec, SPLIT) for spec in specs], INDEX))


def having(spec: Spec, **params: str) -> Spec:
    return replace(spec, params=spec.params.having(params))


def test_a_search_costs_a_training_a_trial_where_networks_are_trained_whole() -> None:
    spec = replace(spec_of("cnn"), epochs=30)
    fixed = cost(replace(spec, epochs=0))
    assert cost(searched(spec, 20)) - fixed == pytest.approx(21 * (cost(spec) - fixed))


@pytest.mark.parametrize("arch", ["cnn", "mlp"])
def test_what_averages_its_images_down_costs_as_much_at_a_larger_side(arch: str) -> None:
    usual = defaults(ARCHITECTURES[arch], Regime.SCRATCH)
    small, large = (
        replace(spec_of(arch), params=usual, epochs=30, picture=Picture(side_px=side))
        for side in (224, 448)
    )
    fixed = cost(replace(small, epochs=0))
    assert cost(large) - fixed == pytest.approx(cost(small) - fixed, rel=0.35)  # factors are whole
    about = float(str(usual["input_side_px"]))
    wide = replace(large, params=usual.having(input_side_px=int(2 * about)))
    assert cost(wide) - fixed == pytest.approx(4 * (cost(large) - fixed), rel=0.35)


def test_a_search_of_heads_costs_the_features_once() -> None:
    assert 0 < cost(searched(FROZEN, 20)) - cost(FROZEN) < 10


def test_each_side_that_a_network_reads_is_passed_once_in_whatever_alternatives() -> None:
    spec = having(FROZEN, scales="0.5/0.75/1/0.5+0.75+1")
    assert spec.sides_px == (224, 336, 448)
    passes = [nominal_pass_seconds(BACKBONE, [side], 1000) for side in (224, 336)]
    assert passes[1] == pytest.approx(1.5**2 * passes[0])
    without = cost(having(FROZEN, scales="0.5/0.75/1"))
    assert cost(spec) - without == pytest.approx(0.15)  # four to choose among rather than three
    two, one = having(FROZEN, scales="0.5+0.75"), having(FROZEN, scales="0.5")
    assert cost(two) - cost(one) == pytest.approx(passes[1])


def test_a_choice_is_made_anew_in_every_fold() -> None:
    spec = having(FROZEN, penalty="path", pooling="avg/avg+max")
    chosen, folded = cost(spec), cost(replace(spec, rank_on="cv:5"))
    alone = cost(having(FROZEN, pooling="avg"))
    assert chosen - alone == pytest.approx(2 * 0.15)
    assert folded - alone == pytest.approx(6 * 2 * 0.15 * 800 / 700 + 5 * 0.2)


def test_what_seeds_share_is_counted_with_the_first() -> None:
    spec = having(FROZEN, scales="0.5", penalty="path")
    alone, several = cost(spec), cost(spec, replace(spec, seed=1), replace(spec, seed=2))
    assert several == pytest.approx(alone + 2 * 6)
    other = cost(spec, having(replace(spec, seed=1), scales="0.75"))
    assert other > 2 * alone


def test_random_backbones_share_nothing() -> None:
    spec = replace(FROZEN, weights="none")
    assert cost(spec, replace(spec, seed=1)) == pytest.approx(2 * cost(spec) - 5)  # decoding


def test_augmented_views_are_passed_too() -> None:
    spec = having(FROZEN, scales="0.5")
    alone = nominal_pass_seconds(BACKBONE, [224], 700)
    viewed = replace(spec, params=spec.params.having(views=4))
    assert cost(viewed) - cost(spec) == pytest.approx(4 * alone)


def test_this_machines_pace_is_measured_for_an_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for rate in (290.0, 29.0):
        monkeypatch.setattr("benchmark.plan.costs._gflops_per_second", lambda rate=rate: rate)
        found += estimate_seconds([(FROZEN, SPLIT)], INDEX)
    assert found[0] == pytest.approx(cost(FROZEN))
    fixed = 6 + 5
    assert found[1] - fixed == pytest.approx(10 * (found[0] - fixed))


def test_minutes_are_whole() -> None:
    assert [in_minutes(each) for each in (3, 89, 91, 600)] == [
        "a minute",
        "a minute",
        "2 minutes",
        "10 minutes",
    ]


def test_a_trial_on_folds_costs_a_head_each_and_once_more_in_every_fold_that_ranks() -> None:
    spec = having(FROZEN, penalty="given")

    def heads(select: str, rank_on: str) -> float:
        search = SearchSpec(
            engine="optuna:tpe", space="head", space_digest="", trials=7, select=select
        )
        return cost(replace(spec, search=search, rank_on=rank_on)) - cost(spec)

    assert heads("cv:5x2", "val") == pytest.approx(10 * heads("val", "val"))
    assert heads("val", "cv:3") == pytest.approx((4 * 7 + 3) / 7 * heads("val", "val"))


def test_fine_tuning_costs_a_frozen_network_a_further_pass_and_what_is_behind_the_cut() -> None:
    alone = nominal_pass_seconds(ARCHITECTURES["densenet121"], [448], 1000)
    frozen = having(FROZEN, penalty="given")
    tuned = replace(frozen, regime=Regime.FINETUNE, epochs=0)
    assert cost(tuned) == pytest.approx(cost(frozen) + alone)
    assert cost(frozen, tuned) - cost(frozen) == pytest.approx(6 + alone)
    whole = replace(frozen, regime=Regime.SCRATCH, epochs=30)
    trained = cost(replace(tuned, epochs=30)) - cost(tuned)
    assert trained == pytest.approx(0.1 * (cost(whole) - cost(replace(whole, epochs=0))))
