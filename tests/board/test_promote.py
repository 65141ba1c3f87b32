from dataclasses import replace

import pytest

from benchmark.board import (
    BoardSubject,
    Champion,
    Kept,
    Promotion,
    Refusal,
    promote,
    rank,
)
from benchmark.records import Regime, State
from tests.board.made import record, scored, spec

PRETRAINED = Champion(
    version="3", arch="resnet50", weights="imagenet", spec_digest="other", data_digest="older"
)


def test_the_best_on_validation_is_promoted() -> None:
    decision = promote(rank([record("a", 0.6, test=0.9), record("b", 0.8, test=0.1)]))
    assert isinstance(decision, Promotion)
    assert decision.record.spec.arch == "b"


def test_of_several_seeds_the_best_on_validation_is_promoted() -> None:
    board = rank([record(val=val, of=spec(seed=n)) for n, val in enumerate((0.5, 0.9, 0.7))])
    decision = promote(board)
    assert isinstance(decision, Promotion)
    assert decision.record.spec.seed == 1


@pytest.mark.parametrize(
    ("only", "said"),
    [
        ([], "nothing on the board has finished"),
        ([record(state=State.FAILED)], "nothing on the board has finished"),
        ([record(of=spec("prior", regime=Regime.PRIOR))], "no network beats prior"),
        ([record(model_id="")], "has no model"),
    ],
)
def test_what_may_not_be_promoted_is_refused(only: list[object], said: str) -> None:
    decision = promote(rank(only))  # type: ignore[arg-type]
    assert isinstance(decision, Refusal)
    assert said in decision.reason


def test_a_run_that_a_person_chose_is_promoted_whatever_its_rank() -> None:
    worse = record("a", 0.6)
    decision = promote(rank([worse, record("b", 0.8)]), PRETRAINED, chosen=worse)
    assert isinstance(decision, Promotion)
    assert decision.record == worse
    assert decision.tags["arch"] == "a"
    assert "rank 2 of 2" in decision.description


def test_a_chosen_run_that_did_not_finish_is_refused() -> None:
    failed = record("a", state=State.FAILED)
    decision = promote(rank([failed, record("b")]), chosen=failed)
    assert decision == Refusal(reason="the run run-a-1-0 is not ranked on this board.")


def test_the_present_champion_is_kept_not_registered_again() -> None:
    champion = Champion(version="3", spec_digest=spec().digest)
    decision = promote(rank([record()]), champion)
    assert decision == Kept(reason="densenet121 is the champion already, version 3.")


def test_the_present_champion_is_kept_even_by_force() -> None:
    champion = Champion(version="3", spec_digest=spec().digest)
    assert isinstance(promote(rank([record()]), champion, force=True), Kept)


def test_random_weights_do_not_replace_a_pretrained_champion() -> None:
    decision = promote(rank([record(of=spec(weights="none"))]), PRETRAINED)
    assert isinstance(decision, Refusal)
    assert "random weights and would replace a champion with imagenet" in decision.reason


def test_an_ensemble_with_a_random_member_does_not_either() -> None:
    members = [record("a", 0.1), record("b", 0.2, of=spec("b", weights="none"))]
    digests = tuple(each.spec.digest for each in members)
    ensemble = record(of=spec("ensemble", regime=Regime.COMPOSITE, weights="none", members=digests))
    assert isinstance(promote(rank([*members, ensemble]), PRETRAINED), Refusal)


def test_force_promotes_random_weights_and_says_so() -> None:
    decision = promote(rank([record(of=spec(weights="none"))]), PRETRAINED, force=True)
    assert isinstance(decision, Promotion)
    assert "Its backbone has random weights: it was never pretrained." in decision.notes


def test_a_network_trained_from_scratch_may_replace_a_pretrained_champion() -> None:
    own = spec("cnn", regime=Regime.SCRATCH, weights="none")
    assert isinstance(promote(rank([record(of=own)]), PRETRAINED), Promotion)


@pytest.mark.parametrize("score", [0.5, 0.7])
def test_a_champion_as_good_on_the_same_images_is_kept(score: float) -> None:
    champion = replace(PRETRAINED, data_digest="a", split_digest="s", score=score)
    decision = promote(rank([record(val=0.5)]), champion)
    assert isinstance(decision, Kept)
    assert f"val_macro_f1 {score:.4f} on the same images" in decision.reason


@pytest.mark.parametrize(
    "champion",
    [
        replace(PRETRAINED, data_digest="a", split_digest="s", score=0.4),
        replace(PRETRAINED, data_digest="a", split_digest="s", score=None),
        replace(PRETRAINED, data_digest="a", split_digest="other", score=0.9),
        replace(PRETRAINED, score=0.9),
    ],
)
def test_a_worse_or_incomparable_champion_is_replaced(champion: Champion) -> None:
    assert isinstance(promote(rank([record(val=0.5)]), champion), Promotion)


def test_a_better_champion_is_replaced_by_force() -> None:
    champion = replace(PRETRAINED, data_digest="a", split_digest="s", score=0.9)
    assert isinstance(promote(rank([record(val=0.5)]), champion, force=True), Promotion)


def test_the_tags_read_back_as_the_champion() -> None:
    decision = promote(rank([record(val=0.625)]))
    assert isinstance(decision, Promotion)
    own = spec()
    assert Champion.from_tags("4", decision.tags) == Champion(
        version="4",
        spec_digest=own.digest,
        arch="densenet121",
        weights="imagenet",
        data_digest="a",
        split_digest="s",
        score=0.625,
    )


def test_a_version_registered_by_something_else_is_a_champion_too() -> None:
    assert Champion.from_tags("1", {"val_macro_f1": "good"}) == Champion(version="1")
    assert isinstance(promote(rank([record()]), Champion(version="1")), Promotion)


def test_no_tag_is_empty() -> None:
    decision = promote(rank([record(of=spec("cnn", regime=Regime.SCRATCH, weights="none"))]))
    assert isinstance(decision, Promotion)
    assert "" not in decision.tags.values()


def test_the_description_names_data_scores_and_synthetic_images() -> None:
    board = rank([record(val=0.625)], subject=BoardSubject(synthetic=True, split="official"))
    decision = promote(board)
    assert isinstance(decision, Promotion)
    assert "phantom" in decision.description
    assert "val_macro_f1 0.6250" in decision.description
    assert "SYNTHETIC" in decision.description
    assert decision.tags["synthetic"] == "true"


def test_a_tie_is_told() -> None:
    made = [scored("a", 2.0), scored("b", 2.0, noise=1)]
    evidence = {each.spec.digest: proof for each, proof in made}
    decision = promote(rank([each for each, _ in made], evidence=evidence))
    assert isinstance(decision, Promotion)
    assert any(note.startswith("On validation it cannot be told from") for note in decision.notes)
