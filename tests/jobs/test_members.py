"""Members of composites: networks that cannot be told from the best, unless a person names them."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import cast

from benchmark.jobs.composing import Networks
from benchmark.plan import Plan
from benchmark.records import Regime
from tests.board.made import Made, board_of, erring, spec, spread


def networks(*made: Made) -> Networks:
    return Networks.of(board_of(*made))


def names(networks: Networks, composite: str, wanted: Sequence[str] = (), seed: int = 1) -> str:
    return ",".join(each.spec.arch for each in networks.members(composite, wanted, seed))


GOOD = [erring(name, spread(wrong)) for name, wrong in zip("abcd", (4, 5, 6, 7), strict=True)]
WORSE = erring("worse", spread(32))


def test_members_are_the_best_three_that_cannot_be_told_from_the_best() -> None:
    assert names(networks(*GOOD, WORSE), "ensemble") == "a,b,c"


def test_a_network_that_is_called_worse_is_no_member() -> None:
    assert names(networks(*GOOD[:2], WORSE), "ensemble") == "a,b"


def test_a_composite_of_one_network_is_not_made_and_says_why() -> None:
    found = networks(GOOD[0], WORSE)
    assert names(found, "ensemble") == ""
    said = found.lacking("ensemble", ())
    assert said.startswith("only a may be the best network here, and ensemble needs two")


def test_a_chained_network_takes_the_best_one() -> None:
    assert names(networks(GOOD[0], WORSE), "chained") == "a"


def test_members_that_a_person_names_are_taken_and_the_run_says_that_they_are_worse() -> None:
    found = networks(*GOOD[:2], WORSE)
    chosen = found.members("ensemble", ("worse", "a"), 1)
    assert [each.spec.arch for each in chosen] == ["worse", "a"]
    assert found.notes(chosen) == (
        "members named though they are called worse than the best: worse",
    )


def test_members_that_may_be_the_best_need_no_word() -> None:
    found = networks(*GOOD, WORSE)
    assert found.notes(found.members("ensemble", ("a", "d"), 1)) == ()


def test_members_are_of_the_seed_asked_for_and_ranked_over_all_seeds() -> None:
    made = [
        erring(name, spread(wrong), of=spec(name, seed=seed))
        for name, wrongs in (("a", (4, 9)), ("b", (6, 5)))
        for seed, wrong in enumerate(wrongs)
    ]
    found = networks(*made)
    chosen = found.members("ensemble", (), 1)
    assert [(each.spec.arch, each.spec.seed) for each in chosen] == [("b", 1), ("a", 1)]
    assert names(found, "ensemble", seed=2) == ""


def test_a_named_network_that_is_not_there_is_told() -> None:
    said = networks(*GOOD).lacking("ensemble", ("a", "nobody"))
    assert said == (
        "ensemble needs at least two finished networks among a, nobody on the same images, split "
        "and seed."
    )


def test_a_network_is_trained_further_from_the_best_frozen_one_whatever_stands_before_it() -> None:
    made = [
        erring(name, spread(wrong), of=spec(name, regime=regime))
        for name, wrong, regime in (
            ("cnn", 4, Regime.SCRATCH),
            ("mobilenetv2", 5, Regime.FINETUNE),
            ("densenet121", 30, Regime.FROZEN),
            ("resnet50", 33, Regime.FROZEN),
        )
    ]
    assert names(networks(*made), "finetuned") == "densenet121"
    found = networks(*made[:2])
    assert names(found, "finetuned") == ""
    assert found.lacking("finetuned", ()).startswith("finetuned needs a finished frozen network")


def test_what_is_trained_further_is_of_the_plan_however_good_an_earlier_one_was() -> None:
    earlier = erring("densenet121", spread(4), of=spec("densenet121"))
    own = erring("mobilenetv2", spread(9), of=spec("mobilenetv2"))
    plan = cast("Plan", SimpleNamespace(jobs=[SimpleNamespace(spec=own[0].spec)]))
    assert names(networks(earlier, own).of_plan(plan), "finetuned") == "mobilenetv2"
