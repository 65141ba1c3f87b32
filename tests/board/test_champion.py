from dataclasses import replace

import pytest

from benchmark.board import Board
from benchmark.records import Regime
from tests.board.made import Made, board_of, calling, erring, spec, spread


def careful(arch: str, wrong: list[int], *, parameters: int = 1000) -> Made:
    """Make a network that is sure where it is right, and doubts where it errs."""
    sure = [0.55 if place in set(wrong) else 0.95 for place in range(72)]
    return erring(arch, wrong, sure=sure, parameters=parameters)


def champion(board: Board) -> str:
    return board.champion.arch if board.champion is not None else ""


def why(board: Board) -> str:
    return board.verdict.chosen if board.verdict is not None else ""


def test_of_rows_that_tie_the_lowest_log_loss_after_temperature_is_champion() -> None:
    board = board_of(erring("a", spread(6)), careful("b", spread(8, start=5)))
    assert [row.arch for row in board.ranked] == ["a", "b"]  # by macro-F1 all the same
    assert [row.champion for row in board.ranked] == [False, True]
    assert why(board) == (
        "b is the champion: of the 2 networks that cannot be told from the best it has the lowest"
        " log loss after temperature (0.103)."
    )
    losses = [row.log_loss for row in board.ranked]
    assert losses == pytest.approx([0.287, 0.103], abs=0.001)


def test_over_confidence_alone_costs_nothing() -> None:
    board = board_of(
        erring("a", spread(6), sure=0.9999), erring("b", spread(10, start=5), sure=0.9)
    )
    assert champion(board) == "a"


def test_a_row_that_is_called_worse_is_not_champion_whatever_its_log_loss() -> None:
    wrong = spread(20)
    sure = [0.505 if place in wrong else 0.999 for place in range(72)]
    board = board_of(erring("a", spread(4)), erring("b", wrong, sure=sure))
    losses = [row.log_loss or 0.0 for row in board.ranked]
    assert losses[1] < losses[0]
    assert champion(board) == "a"
    assert why(board) == "a is the champion: no other network may be the best."


def test_within_half_a_standard_error_fewer_parameters_win() -> None:
    large = erring("large", spread(6), parameters=9_000_000)
    small = erring("small", spread(7, start=3), parameters=80_000)
    board = board_of(large, small)
    assert [row.arch for row in board.ranked] == ["large", "small"]
    assert champion(board) == "small"
    assert why(board) == (
        "small is the champion: of the 2 networks that cannot be told from the best it has the"
        " fewest parameters within half a standard error of the lowest log loss after temperature"
        " (0.319; large 0.287)."
    )


def test_fewer_parameters_do_not_win_beyond_half_a_standard_error() -> None:
    large = erring("large", spread(6), parameters=9_000_000)
    small = erring("small", spread(12, start=5), parameters=80_000)
    assert champion(board_of(large, small)) == "large"


def test_of_networks_of_one_size_the_lowest_log_loss_wins_however_little_lower() -> None:
    first = erring("first", spread(6), sure=[0.89] * 36 + [0.9] * 36)
    second = erring("second", spread(6, start=3))
    board = board_of(first, second)
    losses = [row.log_loss or 0.0 for row in board.ranked]
    assert losses[1] < losses[0]
    assert champion(board) == "second"
    assert "it has the lowest log loss after temperature" in why(board)


def test_unknown_parameters_do_not_count_as_few() -> None:
    known = erring("known", spread(6), parameters=9_000_000)
    unknown = erring("unknown", spread(7, start=3), parameters=0)
    assert champion(board_of(known, unknown)) == "known"


def test_of_several_seeds_the_lowest_log_loss_represents_the_row() -> None:
    def of(seed: int, made: Made) -> Made:
        own, proof = made
        return replace(own, spec=replace(own.spec, seed=seed)), proof

    best, sound = of(0, erring("a", spread(6))), of(1, careful("a", spread(8, start=5)))
    row = board_of(best, sound, of(2, erring("a", spread(10)))).ranked[0]
    assert row.representative.spec.seed == 1
    assert [each.spec.seed for each in row.records] == [1, 0, 2]
    assert row.seeds == (0, 1, 2)
    assert row.log_loss == pytest.approx((0.287 + 0.103 + 0.403) / 3, abs=0.01)


def test_the_floor_is_never_champion() -> None:
    prior = spec("prior", regime=Regime.PRIOR, weights="none")
    board = board_of(calling("prior", [0] * 72, of=prior))
    assert champion(board) == ""
    assert board.ranked[0].is_refused
    assert why(board) == "No network that may be the best may be registered: each is flagged."


def test_what_learnt_from_shuffled_labels_is_never_champion() -> None:
    check = replace(spec("check"), labels="shuffled")
    board = board_of(erring("check", spread(4), of=check), erring("a", spread(6)))
    assert [row.is_check for row in board.ranked] == [True, False]
    assert board.ranked[0].flags == ("trained on shuffled labels: a check, never registered",)
    assert champion(board) == "a"


def test_what_names_a_single_class_is_never_champion() -> None:
    # 12 b's among 72: naming a's alone gives an accuracy of 0.83.
    board = board_of(calling("single", [0] * 72, sizes=(60, 12)))
    assert board.ranked[0].flags[0] == "names a single class, a: it is not registered"
    assert board.ranked[0].is_refused
    assert champion(board) == ""


def test_a_seed_that_names_a_single_class_is_enough() -> None:
    seeds = [
        calling("a", [0] * 72, of=spec("a", seed=0)),
        erring("a", spread(4), of=spec("a", seed=1)),
    ]
    assert board_of(*seeds).ranked[0].is_refused


def test_what_noise_could_reach_is_not_champion() -> None:
    board = board_of(erring("a", spread(32)), erring("b", spread(34, start=1)))
    assert champion(board) == ""
    assert why(board).startswith("Noise could be the best here: a's figure is reached by exchanged")
    assert why(board).endswith("above 0.01; nothing is promoted.")


def test_where_nothing_can_be_told_apart_there_is_a_candidate_only() -> None:
    good = erring("good", [1], sizes=(36, 2))  # two units of a class: nothing is told apart
    noise = erring("noise", range(20), sizes=(36, 2), sure=0.51)
    board = board_of(good, noise)
    assert [row.tie for row in board.ranked] == [True, True]
    assert why(board) == (
        "good is a candidate only: of the 2 networks that cannot be told from the best it has the"
        " lowest log loss after temperature (0.122)."
    )


def test_there_is_one_champion_at_most() -> None:
    board = board_of(*(erring(arch, spread(6, start=n)) for n, arch in enumerate("abcd")))
    assert sum(row.champion for row in board.rows) == 1
    assert board.champion is next(row for row in board.rows if row.champion)


def in_folds(arch: str, *wrong: list[int]) -> list[Made]:
    """Make a network's runs on folds of other images: 40 of each class in the first, then 42, …"""
    made = []
    for fold, places in enumerate(wrong):
        record, proof = erring(
            arch,
            places,
            of=spec(arch, fold=fold, split=f"s{fold}"),
            sizes=(40 + 2 * fold, 40 + 2 * fold),
        )
        table = proof.predictions
        others = tuple(f"fold {fold} {each}" for each in table.hashes)
        made.append((record, replace(proof, predictions=replace(table, hashes=others))))
    return made


def test_a_champion_is_chosen_over_folds_of_different_sizes() -> None:
    good = in_folds("good", spread(6), spread(6), spread(6))
    near = in_folds("near", spread(9, start=3), spread(9, start=3), spread(9, start=3))
    board = board_of(*good, *near)
    assert [row.tie for row in board.ranked] == [True, True]
    assert champion(board) == "good"
    assert board.verdict is not None
    assert board.verdict.units == 80 + 84 + 88
