"""For how many epochs the best frozen network is trained further: as many as a preset has time."""

from dataclasses import replace

import pytest

from benchmark.plan.costs import nominal_seconds
from benchmark.plan.further import (
    composite_spec,
    epochs_further,
    estimate_further,
    further_notes,
    too_long,
)
from benchmark.records import Regime, Spec
from benchmark.request import Request
from tests.plan.test_costs import FROZEN, INDEX, SPLIT, having
from tests.plan.test_rank_on import index_of, record_of, split_of
from tests.worker.acting import spec_of

BEST = Request.read({"preset": "best"})
QUICK = having(replace(FROZEN, arch="mobilenetv2", rank_on="cv:5", epochs=30), penalty="given")
SLOW = replace(QUICK, arch="vgg19")


def seconds(spec: Spec, epochs: int) -> float:
    tuned = replace(spec, regime=Regime.FINETUNE, epochs=epochs)
    return nominal_seconds([(spec, SPLIT), (tuned, SPLIT)], INDEX)[1]


def test_there_are_as_many_epochs_as_ten_minutes_hold_with_every_fold_that_ranks() -> None:
    found = epochs_further(BEST, QUICK, SPLIT, INDEX)
    assert 2 <= found < 30
    assert seconds(QUICK, found) <= 600 < seconds(QUICK, found + 1)
    assert epochs_further(BEST, having(QUICK, scales="0.5"), SPLIT, INDEX) > found
    alone = having(replace(QUICK, rank_on="val"), scales="0.5")
    assert epochs_further(BEST, alone, SPLIT, INDEX) == 30


@pytest.mark.parametrize("more", [{"epochs": "40"}, {"preset": "good", "finetune": "best"}])
def test_nothing_bounds_what_is_said_by_hand(more: dict[str, str]) -> None:
    request = Request.read({"preset": "best", **more})
    assert epochs_further(request, SLOW, SPLIT, INDEX) == request.epochs


def test_what_would_take_too_long_is_not_trained_and_that_is_said() -> None:
    assert epochs_further(BEST, SLOW, SPLIT, INDEX) == 0
    slow = record_of(SLOW)
    found = composite_spec(BEST, "finetuned", index_of(1000), split_of(700, 100), [slow])
    assert found.epochs == 0
    assert too_long(BEST, [slow]) == (
        "2 epochs of vgg19 would take longer than the 10 minutes of the preset; --epochs N trains "
        "it all the same."
    )
    count = epochs_further(BEST, QUICK, SPLIT, INDEX)
    (note,) = further_notes(BEST, [(QUICK, SPLIT), (SLOW, SPLIT)], INDEX)
    assert note.endswith(
        f"as 10 minutes hold by the plan's estimate: mobilenetv2 {count}, vgg19 none."
    )
    assert further_notes(Request.read({}), [(QUICK, SPLIT)], INDEX) == ()
    assert further_notes(BEST, [(spec_of("cnn"), SPLIT)], INDEX) == ()


def test_an_estimate_is_that_of_the_dearest_network_that_is_trained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmark.plan.costs._gflops_per_second", lambda: 290.0)
    unbound = Request.read({"finetune": "best"})
    both = [(SLOW, SPLIT), (QUICK, SPLIT)]
    assert estimate_further(unbound, both, INDEX) == estimate_further(unbound, both[:1], INDEX)
    assert estimate_further(BEST, both, INDEX) == estimate_further(BEST, both[1:], INDEX)
    assert 0 < estimate_further(BEST, both, INDEX) < estimate_further(unbound, both, INDEX)
    assert estimate_further(BEST, [(spec_of("cnn"), SPLIT)], INDEX) == 0
