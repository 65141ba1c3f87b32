import math
from dataclasses import replace

import pytest

from benchmark.board import Board, BoardSubject, Row, Rule, verdict
from benchmark.board.report import about, above
from benchmark.records import Regime
from tests.board.made import Made, board_of, erring, record, scored, spec, spread, with_trials
from tests.evaluation.made import missing, truth

PATIENTS = BoardSubject(synthetic=False, split="official", patients_known=True)


def row(board: Board, arch: str) -> Row:
    return next(each for each in board.rows if each.arch == arch)


def standing(board: Board) -> list[tuple[str, bool, int, int]]:
    return [(each.arch, each.tie, each.rank_low, each.rank_high) for each in board.ranked]


def test_rows_that_may_be_the_best_tie_and_have_the_ranks_they_may_have() -> None:
    board = board_of(
        erring("a", spread(6)), erring("b", spread(8, start=5)), erring("c", spread(30))
    )
    assert standing(board) == [("a", True, 1, 2), ("b", True, 1, 2), ("c", False, 3, 3)]


def test_a_clear_winner_ties_with_nobody() -> None:
    board = board_of(erring("a", spread(2)), erring("c", spread(30)))
    assert standing(board) == [("a", False, 1, 1), ("c", False, 2, 2)]


def test_five_errors_of_72_are_not_called_worse_than_none() -> None:
    board = board_of(erring("a", []), erring("b", spread(5)))
    assert standing(board) == [("a", True, 1, 2), ("b", True, 1, 2)]
    assert not board_of(erring("a", []), erring("b", spread(6))).ranked[1].tie


def test_auroc_calls_ties_too() -> None:
    made = [scored("a", 2.0), scored("b", 2.0, noise=1), scored("c", -1.0)]
    board = board_of(*made, rule=Rule(metric="auroc"))
    assert sorted(each[:2] for each in standing(board)) == [
        ("a", True),
        ("b", True),
        ("c", False),
    ]


def test_rows_without_predictions_have_neither_interval_nor_ranks() -> None:
    one, proof = scored("a", 2.0)
    other, _ = scored("b", 2.0, noise=1)
    board = verdict_of((one, proof), without=(other,))
    b = row(board, "b")
    assert b.figures["val_macro_f1"].interval is None
    assert (b.tie, b.rank_low, b.rank_high) == (False, 0, 0)
    assert any(note.startswith("1 ranked row is not compared") for note in board.notes)


def verdict_of(*made: Made, without: tuple[object, ...]) -> Board:
    from benchmark.board import rank

    evidence = {own.spec.digest: proof for own, proof in made}
    records = [*(own for own, _ in made), *without]
    return rank(records, evidence=evidence)  # type: ignore[arg-type]


def test_a_board_without_predictions_has_no_verdict() -> None:
    board = verdict_of(without=(record("a"), record("b")))
    assert board.verdict is None
    assert board.champion is None


def test_rows_on_other_images_are_not_compared() -> None:
    board = board_of(
        erring("a", spread(4)), erring("b", spread(6)), erring("c", spread(8), sizes=(36, 35))
    )
    assert standing(board)[2] == ("c", False, 0, 0)
    assert any("not compared: beyond the first 64, on other images" in note for note in board.notes)


def test_only_the_first_rows_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.board.verdict.MOST_COMPARED", 2)
    board = board_of(erring("a", spread(4)), erring("b", spread(6)), erring("c", spread(8)))
    assert [each.rank_high for each in board.ranked] == [2, 2, 0]
    assert any(note.startswith("1 ranked row is not compared") for note in board.notes)
    assert verdict.MOST_COMPARED == 2


def test_the_verdict_says_what_the_board_can_tell_apart() -> None:
    found = board_of(erring("a", spread(6)), erring("b", spread(12, start=5))).verdict
    assert found is not None
    assert (found.units, found.unit) == (72, "distinct images")
    assert found.critical == pytest.approx(2.0, abs=0.03)
    assert found.resolvable == pytest.approx(0.17, abs=0.005)
    assert found.noise == pytest.approx(1 / 1001)
    assert (found.undecidable, found.barred) == ("", "")


def test_units_are_called_patients_where_those_are_known() -> None:
    units = [number // 2 for number in range(72)]
    made = [erring(arch, spread(n), units=units) for arch, n in (("a", 6), ("b", 12))]
    found = board_of(*made, subject=PATIENTS).verdict
    assert found is not None
    assert (found.units, found.unit) == (36, "patients")
    assert " patients would tell the first two apart." in found.separate


@pytest.mark.parametrize("few", [1, 2])
def test_one_or_two_units_of_a_class_make_all_rows_tie(few: int) -> None:
    board = board_of(erring("a", [1], sizes=(36, few)), erring("b", range(20), sizes=(36, few)))
    assert standing(board) == [("a", True, 1, 2), ("b", True, 1, 2)]
    assert board.verdict is not None
    assert board.verdict.undecidable == (
        "nothing can be told apart: every class needs at least 3 distinct images in validation,"
        f" and b has {few}"
    )
    assert math.isinf(board.verdict.critical)
    assert f"WARNING: {board.verdict.undecidable}." in above(board)
    figure = board.ranked[0].figures["val_macro_f1"]
    assert (figure.interval, figure.few) == (None, True)
    assert board.ranked[0].figures["val_accuracy"].interval is not None


def test_many_images_of_one_patient_make_all_rows_tie() -> None:
    units = [*range(36), *[36] * 36]
    made = [erring(arch, spread(n), units=units) for arch, n in (("a", 4), ("b", 30))]
    board = board_of(*made, subject=PATIENTS)
    assert [each.tie for each in board.ranked] == [True, True]
    assert board.verdict is not None
    assert board.verdict.undecidable.endswith("at least 3 patients in validation, and b has 1")


def test_a_class_without_validation_images_bars_what_leads() -> None:
    made = [erring(arch, wrong, sizes=(36, 36, 0)) for arch, wrong in (("a", [1]), ("b", [1, 2]))]
    board = board_of(*made)
    assert board.verdict is not None
    assert board.verdict.barred == "validation has no image of c"
    assert "WARNING: validation has no image of c." in above(board)
    assert board.ranked[0].figures["val_macro_f1"].interval is not None


def test_how_many_images_would_tell_the_first_two_apart_is_said() -> None:
    found = board_of(erring("a", spread(6)), erring("b", spread(12, start=5))).verdict
    assert found is not None
    # The gap is 0.0833, found 4 times of 5 at 0.170: 72 (0.170 / 0.0833)² = 300.
    wanted = math.ceil(72 * (found.resolvable / (6 / 72)) ** 2)
    assert wanted == pytest.approx(300, abs=8)
    assert found.separate == f"About {wanted:,} distinct images would tell the first two apart."


def test_rows_that_are_too_close_cannot_be_told_apart_in_sight() -> None:
    found = board_of(erring("a", spread(6)), erring("b", spread(6, start=5))).verdict
    assert found is not None
    assert found.separate == (
        "What would tell the first two apart cannot be foreseen: they are too close."
    )


def test_nothing_is_said_of_rows_that_are_told_apart() -> None:
    found = board_of(erring("a", spread(2)), erring("c", spread(30))).verdict
    assert found is not None
    assert found.separate == ""


def seeds(arch: str, *wrong: int, half: int = 200) -> list[Made]:
    """Make a run a number of errors, of seeds 0, 1, 2, ..."""
    sizes = (half, half)
    return [
        erring(arch, spread(each, sizes), of=spec(arch, seed=seed), sizes=sizes)
        for seed, each in enumerate(wrong)
    ]


def test_how_many_seeds_would_tell_the_first_two_apart_is_said() -> None:
    found = board_of(*seeds("a", 40, 60, 80), *seeds("b", 80, 100, 120)).verdict
    assert found is not None
    assert found.separate.startswith("About 1,5")
    assert found.separate.endswith("; so would 13 seeds each.")


def test_where_images_are_too_few_no_number_of_seeds_helps() -> None:
    found = board_of(*seeds("a", 8, 10, 12, half=36), *seeds("b", 12, 14, 16, half=36)).verdict
    assert found is not None
    assert found.separate.endswith("; no number of seeds would.")


def test_a_fall_from_validation_to_test_is_a_warning() -> None:
    board = board_of(erring("a", spread(2), test=spread(30)), erring("b", spread(4)))
    assert [each for each in board.warnings if "validation cannot be trusted here" in each] == [
        next(each for each in board.warnings if ": a falls from 0.972 to 0.583 on test" in each)
    ]


@pytest.mark.parametrize("test", [2, 6, 10])
def test_a_fall_that_chance_explains_is_none(test: int) -> None:
    assert board_of(erring("a", spread(4), test=spread(test))).warnings == ()


def test_a_test_part_of_few_units_warns_of_nothing() -> None:
    own, proof = erring("a", spread(2), test=spread(30))
    table = replace(proof.predictions, units=None)
    one = [f"val-{n}" if n < 72 else f"test-{n // 18}" for n in range(144)]
    assert (
        board_of((own, replace(proof, predictions=replace(table, hashes=tuple(one))))).warnings
        == ()
    )


def test_a_shuffled_entrant_that_may_be_the_best_is_a_warning() -> None:
    check = replace(spec("check"), labels="shuffled")
    board = board_of(erring("a", spread(30)), erring("check", spread(32), of=check))
    assert any(
        each.startswith("check trained on shuffled labels cannot be told from the best")
        for each in board.warnings
    )
    healthy = board_of(erring("a", spread(4)), erring("check", spread(36), of=check))
    assert healthy.warnings == ()


def test_trials_of_a_search_are_in_the_family() -> None:
    labels = truth(36, 36)
    trials = [missing(labels, spread(12, start=start)) for start in range(0, 30, 3)]
    first, second = erring("a", spread(4)), erring("b", spread(14, start=1))
    plain = board_of(first, second).verdict
    searched = board_of(with_trials(first, trials), second).verdict
    assert plain is not None
    assert searched is not None
    assert searched.critical > plain.critical + 0.2


def test_intervals_stand_round_every_figure_that_has_one() -> None:
    figures = board_of(scored("a", 2.0)).ranked[0].figures
    for name in (
        *("val_macro_f1", "val_accuracy", "val_balanced_accuracy", "val_auroc", "val_brier"),
        *("test_macro_f1", "test_clean_macro_f1", "test_recall_class_0", "val_specificity_class_2"),
    ):
        interval = figures[name].interval
        assert interval is not None, name
        assert interval.low < figures[name].value < interval.high
        assert interval.value == pytest.approx(figures[name].value)


def test_the_interval_of_a_mean_over_seeds_holds_their_variance() -> None:
    mean = board_of(*seeds("a", 20, 60, 100)).ranked[0].figures["val_macro_f1"]
    alike = board_of(*seeds("a", 60, 60, 60)).ranked[0].figures["val_macro_f1"]
    assert mean.interval is not None
    assert alike.interval is not None
    assert mean.value == pytest.approx(alike.value)
    assert mean.interval.value == mean.value
    assert mean.interval.high - mean.interval.low > 2 * (alike.interval.high - alike.interval.low)


def test_the_board_says_how_sure_it_is_below_itself() -> None:
    board = board_of(erring("a", spread(6)), erring("b", spread(12, start=5)), subject=PATIENTS)
    text = "\n".join(about(board))
    assert "On 72 patients a difference of 17.0 points is found 4 times of 5." in text
    assert "Exchanged labels reach the best figure with p = 0.001." in text
    assert "Patients unknown" not in text
    unknown = replace(board, subject=replace(PATIENTS, patients_known=False))
    assert "Patients unknown: too narrow if several images are of one patient." in about(unknown)


def test_a_row_alone_resolves_no_difference_and_none_is_claimed() -> None:
    assert "points is found" not in "\n".join(about(board_of(erring("a", spread(6)))))


def test_the_floor_ties_like_any_row() -> None:
    prior = spec("prior", regime=Regime.PRIOR, weights="none")
    board = board_of(erring("a", spread(34)), erring("prior", range(36, 72), of=prior))
    assert row(board, "prior").rank_high == 2
