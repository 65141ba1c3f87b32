from dataclasses import replace

import pytest

from benchmark.board import (
    Board,
    BoardSubject,
    Champion,
    Promotion,
    Refusal,
    model_card,
    promote,
    rank,
)
from benchmark.records import Regime, State
from tests.board.made import Made, board_of, calling, erring, record, spec, spread

PRETRAINED = Champion(version="3", arch="resnet50", weights="imagenet", spec_digest="other")
SUBJECT = BoardSubject(synthetic=True, split="official", classes=("a", "b"))


def good(arch: str = "densenet121", **more: object) -> Made:
    return erring(arch, spread(6), **more)  # type: ignore[arg-type]


def promoted(board: Board, champion: Champion | None = None, *, force: bool = False) -> Promotion:
    decision = promote(board, champion, force=force)
    assert isinstance(decision, Promotion), decision
    return decision


def refused(board: Board, champion: Champion | None = None, *, force: bool = False) -> str:
    decision = promote(board, champion, force=force)
    assert isinstance(decision, Refusal), decision
    return decision.reason


def doubting(arch: str) -> Made:
    """Make a network with two more errors than `good`, of which it is unsure."""
    wrong = spread(8, start=5)
    return erring(arch, wrong, sure=[0.55 if place in wrong else 0.95 for place in range(72)])


def test_the_champion_by_rule_is_promoted_though_it_is_not_the_first() -> None:
    decision = promoted(board_of(good("a"), doubting("b")))
    assert decision.record.spec.arch == "b"
    assert decision.certain
    assert decision.doubt == ""


def test_of_several_seeds_the_one_with_the_lowest_log_loss_is_promoted() -> None:
    wrong = (6, 4, 8)
    made = [erring("a", spread(n), of=spec("a", seed=seed)) for seed, n in enumerate(wrong)]
    assert promoted(board_of(*made)).record.spec.seed == 1


@pytest.mark.parametrize(
    "only", [[], [record(state=State.FAILED)]], ids=["no run", "no finished run"]
)
def test_a_board_on_which_nothing_finished_promotes_nothing(only: list[object]) -> None:
    assert "nothing on the board has finished" in refused(rank(only))  # type: ignore[arg-type]


@pytest.mark.parametrize("force", [False, True])
def test_a_board_without_prediction_tables_promotes_nothing(*, force: bool) -> None:
    assert "no prediction table can be read" in refused(rank([record()]), force=force)


def test_a_run_without_a_model_is_refused() -> None:
    own, proof = good()
    assert "has no model" in refused(board_of((replace(own, model_id=""), proof)))


def test_what_noise_could_reach_is_refused() -> None:
    said = refused(board_of(erring("a", spread(32)), erring("b", spread(34, start=1))))
    assert said.startswith("nothing is promoted: exchanged labels reach the best figure with p = ")
    assert said.endswith("above 0.01.")


def test_the_floor_alone_is_refused() -> None:
    prior = calling("prior", [0] * 72, of=spec("prior", regime=Regime.PRIOR, weights="none"))
    assert refused(board_of(prior)).startswith("nothing is promoted: exchanged labels")


def test_a_shuffled_entrant_alone_is_refused_however_good() -> None:
    check = good(of=replace(spec(), labels="shuffled"))
    assert refused(board_of(check)) == (
        "nothing is promoted. No network that may be the best may be registered: each is flagged."
    )
    assert refused(board_of(check), force=True).startswith("nothing is promoted.")


def test_a_network_that_names_a_single_class_is_refused() -> None:
    assert isinstance(promote(board_of(calling("a", [0] * 72))), Refusal)


BARRED = board_of(erring("a", spread(6), sizes=(36, 36, 0)))


def test_a_validation_part_that_lacks_a_class_promotes_nothing() -> None:
    assert refused(BARRED) == "nothing is promoted: validation has no image of c."


def test_force_promotes_all_the_same_and_says_what_is_missing() -> None:
    decision = promoted(BARRED, force=True)
    card = model_card(BARRED, decision.row, decision.record)
    assert "WARNING: validation has no image of c." in card


def test_where_nothing_can_be_told_apart_the_winner_is_a_candidate() -> None:
    board = board_of(erring("a", [1], sizes=(36, 2)), erring("b", [1, 2], sizes=(36, 2)))
    decision = promoted(board)
    assert not decision.certain
    assert decision.doubt.startswith("nothing can be told apart: every class needs at least 3")
    card = model_card(board, decision.row, decision.record)
    assert f"WARNING: {decision.doubt}." in card
    assert promoted(board, force=True).certain


def test_a_run_that_a_person_chose_is_promoted_whatever_its_rank() -> None:
    worse = erring("a", spread(20))
    board = board_of(worse, good("b"))
    decision = promote(board, PRETRAINED, chosen=worse[0])
    assert isinstance(decision, Promotion)
    assert decision.record.run_id == worse[0].run_id
    assert decision.tags["arch"] == "a"
    card = model_card(board, decision.row, decision.record)
    assert "rank 2 of 2" in card
    assert "is the champion" not in card


@pytest.mark.parametrize(
    ("board", "said"),
    [
        (
            board_of(erring("a", spread(32))),
            "exchanged labels reach the board's best figure with p",
        ),
        (BARRED, "validation has no image of c"),
        (rank([record("a")]), "no prediction table can be read"),
    ],
    ids=["noise", "class missing", "no tables"],
)
def test_a_chosen_run_is_a_candidate_where_nothing_may_be_promoted(board: Board, said: str) -> None:
    decision = promote(board, chosen=board.ranked[0].records[0])
    assert isinstance(decision, Promotion)
    assert not decision.certain
    assert decision.doubt.startswith(said)
    forced = promote(board, chosen=board.ranked[0].records[0], force=True)
    assert isinstance(forced, Promotion)
    assert forced.certain


def test_a_chosen_run_that_names_a_single_class_needs_force() -> None:
    made = calling("a", [0] * 72)
    decision = promote(board_of(made), chosen=made[0])
    assert isinstance(decision, Refusal)
    assert decision.reason.startswith("a is not registered: names a single class, a: it is not reg")
    assert isinstance(promote(board_of(made), chosen=made[0], force=True), Promotion)


@pytest.mark.parametrize("force", [False, True])
def test_a_chosen_run_that_learnt_from_shuffled_labels_is_refused(*, force: bool) -> None:
    made = good(of=replace(spec(), labels="shuffled"))
    decision = promote(board_of(made), chosen=made[0], force=force)
    assert decision == Refusal(
        reason="densenet121 is not registered: trained on shuffled labels: a check, never"
        " registered."
    )


def test_a_chosen_run_that_did_not_finish_is_refused() -> None:
    failed = record("a", state=State.FAILED)
    decision = promote(rank([failed, record("b")]), chosen=failed)
    assert decision == Refusal(reason="the run run-a-1-0 is not ranked on this board.")


@pytest.mark.parametrize("force", [False, True])
def test_the_present_champion_is_kept_not_registered_again(*, force: bool) -> None:
    champion = Champion(version="3", spec_digest=spec().digest)
    decision = promote(board_of(good()), champion, force=force)
    assert decision == Refusal(reason="densenet121 is the champion already, version 3.")


@pytest.mark.parametrize("force", [False, True])
def test_other_classes_under_the_same_name_are_refused(*, force: bool) -> None:
    champion = replace(PRETRAINED, classes=("covid", "normal"))
    assert refused(board_of(good(), subject=SUBJECT), champion, force=force) == (
        "the registered model's champion tells covid, normal apart, not a, b: register these under"
        " a name of their own with --register NAME."
    )


@pytest.mark.parametrize("classes", [("a", "b"), ()])
def test_the_same_or_unknown_classes_are_not_refused(classes: tuple[str, ...]) -> None:
    champion = replace(PRETRAINED, classes=classes)
    assert promoted(board_of(good(), subject=SUBJECT), champion).certain


def test_random_weights_are_a_candidate_beside_a_pretrained_champion() -> None:
    board = board_of(good(of=spec(weights="none")))
    decision = promoted(board, PRETRAINED)
    assert not decision.certain
    assert decision.doubt == (
        "it has random weights, and the champion resnet50, version 3, has imagenet weights"
    )
    assert promoted(board).certain
    assert promoted(board, replace(PRETRAINED, weights="random")).certain


def test_an_ensemble_with_a_random_member_is_a_candidate_too() -> None:
    members = [erring("a", spread(20)), erring("b", spread(22), of=spec("b", weights="none"))]
    digests = tuple(own.spec.digest for own, _ in members)
    own = spec("ensemble", regime=Regime.COMPOSITE, weights="none", members=digests)
    assert not promoted(board_of(*members, good("ensemble", of=own)), PRETRAINED).certain


def test_force_makes_random_weights_champion_and_says_so() -> None:
    decision = promoted(board_of(good(of=spec(weights="none"))), PRETRAINED, force=True)
    assert decision.certain
    assert "Its backbone has random weights: it was never pretrained." in decision.notes


def test_a_network_trained_from_scratch_may_replace_a_pretrained_champion() -> None:
    own = spec("cnn", regime=Regime.SCRATCH, weights="none")
    assert promoted(board_of(good("cnn", of=own)), PRETRAINED).certain


def test_the_tags_read_back_as_the_champion() -> None:
    decision = promoted(board_of(good(), subject=SUBJECT))
    assert Champion.from_tags("4", decision.tags) == Champion(
        version="4",
        spec_digest=spec().digest,
        arch="densenet121",
        weights="imagenet",
        classes=("a", "b"),
    )


def test_a_version_registered_by_something_else_is_a_champion_too() -> None:
    assert Champion.from_tags("1", {"val_macro_f1": "good"}) == Champion(version="1")
    assert promoted(board_of(good()), Champion(version="1")).certain


def test_no_tag_is_empty() -> None:
    own = spec("cnn", regime=Regime.SCRATCH, weights="none")
    assert "" not in promoted(board_of(good("cnn", of=own))).tags.values()


def test_a_tie_is_told() -> None:
    decision = promoted(board_of(good("a"), erring("b", spread(8, start=5))))
    assert "On validation it cannot be told from b." in decision.notes
