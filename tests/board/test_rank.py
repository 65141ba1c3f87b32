import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.board import BoardSubject, RankOn, Rule, compared, rank
from benchmark.board.report import basis
from benchmark.errors import UsageError
from benchmark.records import Params, Record, Regime, SearchSpec, Spec, State
from tests.board.made import (
    Made,
    board_of,
    erring,
    record,
    scored,
    spec,
    spread,
    with_folds,
    with_trials,
)
from tests.evaluation.made import missing, truth


def archs(records: list[Record]) -> list[str]:
    return [row.arch for row in rank(records).ranked]


def test_validation_macro_f1_ranks_whatever_test_says() -> None:
    board = rank([record("a", 0.6, test=0.9), record("b", 0.8, test=0.1), record("c", 0.7)])
    assert [(row.rank, row.arch) for row in board.rows] == [(1, "b"), (2, "c"), (3, "a")]


def test_fewer_parameters_win_between_equals() -> None:
    assert archs([record("a", parameters=900), record("b", parameters=80)]) == ["b", "a"]


def test_the_name_decides_between_equals_of_equal_size() -> None:
    assert archs([record("b"), record("a")]) == ["a", "b"]


def test_unknown_parameters_do_not_count_as_few() -> None:
    assert archs([record("a", parameters=0), record("b", parameters=10**9)]) == ["b", "a"]


def test_the_floor_counts_as_small() -> None:
    floor = record(of=spec("prior", regime=Regime.PRIOR, weights="none"), parameters=0)
    assert archs([record("a"), floor]) == ["prior", "a"]


@given(
    st.lists(
        st.tuples(st.sampled_from([0.1, 0.5, 0.9]), st.sampled_from([0, 10, 20])),
        min_size=1,
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_a_board_does_not_depend_on_the_order_of_records(
    made: list[tuple[float, int]], source: random.Random
) -> None:
    records = [
        record(f"arch{place}", val, parameters=parameters, started=float(place))
        for place, (val, parameters) in enumerate(made)
    ]
    turned = source.sample(records, len(records))
    assert rank(turned) == rank(records)
    scores = [row.value("val_macro_f1") for row in rank(records).ranked]
    assert scores == sorted(scores, key=lambda value: -(value or 0))


@pytest.mark.parametrize(
    ("state", "reason", "said"),
    [
        (State.FAILED, "killed: out of memory", "killed: out of memory"),
        (State.KILLED, "", "no reason recorded"),
        (State.RUNNING, "", "still running"),
    ],
)
def test_an_unfinished_run_is_a_row_below_with_its_reason(
    state: State, reason: str, said: str
) -> None:
    board = rank([record("a", state=state, reason=reason), record("b", 0.01)])
    last = board.rows[-1]
    assert (last.arch, last.rank, last.state, last.reason) == ("a", 0, state, said)


@pytest.mark.parametrize("scores", [{}, {"val_macro_f1": float("nan")}])
def test_a_run_without_a_validation_score_cannot_be_ranked(scores: dict[str, float]) -> None:
    row = rank([record(scores=scores)]).rows[0]
    assert (row.rank, row.reason) == (0, "it has no val_macro_f1 to rank on")


def test_seeds_of_one_architecture_are_one_row_with_mean_and_spread() -> None:
    records = [record(val=val, of=spec(seed=n)) for n, val in enumerate((0.5, 0.9, 0.7))]
    row = rank(records).rows[0]
    figure = row.figures["val_macro_f1"]
    assert figure.value == pytest.approx(0.7)
    assert figure.runs == 3
    assert figure.spread == pytest.approx(0.2)
    assert row.seeds == (0, 1, 2)


def test_the_best_run_on_validation_represents_a_row() -> None:
    records = [record(val=val, of=spec(seed=n)) for n, val in enumerate((0.5, 0.9, 0.7))]
    assert rank(records).rows[0].representative.spec.seed == 1


def test_folds_of_one_architecture_are_one_row() -> None:
    records = [record(of=spec(fold=fold, split=f"fold{fold}")) for fold in range(3)]
    board = rank(records)
    assert [row.folds for row in board.rows] == [(0, 1, 2)]


def test_a_failed_seed_is_noted_on_the_row_of_the_others() -> None:
    failed = record(of=spec(seed=2), state=State.FAILED, reason="out of memory", started=1.0)
    row = rank([record(), failed]).rows[0]
    assert row.rank == 1
    assert "seed 2 FAILED: out of memory" in row.notes


def test_rows_on_different_seeds_are_remarked() -> None:
    board = rank([record("a"), record("b"), record("b", of=spec("b", seed=2))])
    assert "Rows rest on different seeds or folds; compare them with care." in board.notes


def test_a_run_done_again_after_failing_is_one_row() -> None:
    board = rank([record(state=State.FAILED, started=1.0), record(started=2.0)])
    assert [row.state for row in board.rows] == [State.FINISHED]


def test_a_failure_after_success_does_not_hide_it() -> None:
    board = rank([record(started=1.0), record(state=State.FAILED, started=2.0)])
    assert [row.state for row in board.rows] == [State.FINISHED]


def test_runs_on_other_data_are_not_compared() -> None:
    board = rank([record("a", 0.9, of=spec("a", data="old")), record("b", started=1.0)])
    assert [row.arch for row in board.rows] == ["b"]
    assert board.notes == ("Not shown, being on other data or another split: 1 of the runs.",)


def test_runs_on_another_split_are_not_compared() -> None:
    board = rank([record("a", of=spec("a", split="old")), record("b", started=1.0)])
    assert [row.arch for row in board.rows] == ["b"]


def test_splits_that_the_subject_names_share_a_board() -> None:
    subject = BoardSubject(synthetic=True, split="70/15/15", splits=("s1", "s2"))
    records = [record(of=spec(seed=n, split=f"s{n}"), started=float(n)) for n in (1, 2, 3)]
    board = rank(records, subject=subject)
    assert [row.seeds for row in board.rows] == [(1, 2)]


def test_rows_of_one_architecture_say_what_tells_them_apart() -> None:
    board = rank(
        [
            record(of=spec(side=64, params={"units": 8})),
            record(val=0.4, of=spec(side=128, params={"units": 16})),
        ]
    )
    assert [row.notes for row in board.rows] == [("side 64, units 8",), ("side 128, units 16",)]


def test_a_composite_of_other_members_has_a_row_of_its_own() -> None:
    composites = [
        record(of=spec("ensemble", regime=Regime.COMPOSITE, weights="none", members=members))
        for members in (("x",), ("x", "y"))
    ]
    assert len(rank(composites).rows) == 2


def test_a_composite_over_seeds_is_one_row_though_its_members_differ() -> None:
    composites = [
        record(of=spec("ensemble", regime=Regime.COMPOSITE, seed=n, members=(f"m{n}",)))
        for n in (1, 2)
    ]
    assert [row.seeds for row in rank(composites).rows] == [(1, 2)]


def test_weights_are_named_as_they_are() -> None:
    pretrained, fallback = spec("a"), spec("b", weights="none")
    file = spec("c", weights=f"sha256:{'0123456789abcdef' * 4}")
    other = spec("f", weights=f"{file.weights}+radimagenet")
    both = spec(
        "d",
        regime=Regime.COMPOSITE,
        weights="none",
        members=(pretrained.digest, fallback.digest),
    )
    scratch = spec("e", regime=Regime.SCRATCH, weights="none")
    board = rank([record(of=each) for each in (pretrained, fallback, file, other, both, scratch)])
    shown = {row.arch: row.weights for row in board.rows}
    wanted = {"a": "imagenet", "b": "random", "c": "file 01234567", "d": "imagenet + random"}
    assert shown == {**wanted, "e": "", "f": "file 01234567+radimagenet"}
    assert any("never pretrained" in note for note in board.notes)


def test_a_board_of_nothing_is_empty() -> None:
    assert rank([]).rows == ()


@pytest.mark.parametrize("metric", ["test_macro_f1", "val_macro_f1", "loss", "brier", "mcc"])
def test_a_board_is_not_ranked_on_test_or_on_losses(metric: str) -> None:
    with pytest.raises(UsageError, match=r"ranked on one of macro_f1, .* never on test"):
        Rule(metric=metric)


def test_another_metric_may_be_ranked_on() -> None:
    records = [
        record("a", scores={"val_macro_f1": 0.9, "val_auroc": 0.6}),
        record("b", scores={"val_macro_f1": 0.1, "val_auroc": 0.7}),
    ]
    assert [row.arch for row in rank(records, Rule(metric="auroc")).ranked] == ["b", "a"]


def test_figures_are_those_that_the_predictions_give() -> None:
    _, proof = scored("a", 2.0)
    own, _ = scored("a", 2.0)
    board = rank([record("a", val=0.99)], evidence={spec("a").digest: proof})
    row = board.ranked[0]
    assert row.value("val_macro_f1") == own.scores["val_macro_f1"]
    assert any(note.startswith("recorded val_macro_f1 0.9900, predictions") for note in row.notes)


def test_figures_that_the_predictions_give_too_are_not_noted() -> None:
    assert board_of(scored("a", 2.0)).ranked[0].notes == ()


def test_a_board_is_the_same_every_time() -> None:
    made = [scored("a", 2.0), scored("b", 2.0, noise=1)]
    assert board_of(*made) == board_of(*made)


def test_a_board_with_its_verdict_does_not_depend_on_the_order_of_records() -> None:
    made = [erring("a", spread(6)), erring("b", spread(8, start=5)), erring("c", spread(30))]
    assert board_of(*made) == board_of(*reversed(made))


def of_folds(arch: str = "a", *, folds: str = "cv:5") -> Spec:
    return replace(spec(arch), rank_on=folds)


FOLDED = with_folds(erring("a", spread(20)), spread(12, (72, 72)))
BETTER = with_folds(erring("b", spread(30)), spread(6, (72, 72)))


def test_out_of_fold_answers_rank_where_the_latest_benchmark_ranked_on_them() -> None:
    board = board_of(FOLDED, BETTER)
    assert board.metric == "cv_macro_f1"
    assert [row.arch for row in board.ranked] == ["b", "a"]
    values = [row.value("cv_macro_f1") for row in board.ranked]
    assert values == pytest.approx([1 - 6 / 144, 1 - 12 / 144])
    assert board.verdict is not None
    assert board.verdict.units == 144
    figure = board.ranked[0].figures["cv_macro_f1"]
    assert figure.interval is not None
    assert basis(board) == "macro-F1 of out-of-fold answers over train and validation (cv:5)"


def test_a_row_without_out_of_fold_answers_stands_below_with_its_reason() -> None:
    own, proof = erring("c", spread(2))
    board = board_of((replace(own, started=-1.0), proof), FOLDED, BETTER)
    assert [row.arch for row in board.rows] == ["b", "a", "c"]
    assert board.rows[2].rank == 0
    assert board.rows[2].reason.startswith("it has no out-of-fold answers of cv:5: run it again")


def test_answers_of_other_folds_do_not_rank_beside_these() -> None:
    own, proof = with_folds(erring("c", []), [], "cv:3")
    board = board_of((replace(own, started=-1.0), proof), FOLDED, BETTER)
    assert [row.arch for row in board.ranked] == ["b", "a"]


def test_validation_ranks_all_rows_where_it_is_asked_for() -> None:
    board = board_of(erring("c", spread(2)), FOLDED, BETTER, rule=Rule(rank_on=RankOn.VAL))
    assert board.metric == "val_macro_f1"
    assert [row.arch for row in board.ranked] == ["c", "a", "b"]


def test_out_of_fold_answers_rank_where_they_are_asked_for() -> None:
    own, proof = erring("c", spread(2))
    made = [FOLDED, BETTER, (replace(own, started=9.0), proof)]
    assert board_of(*made).metric == "val_macro_f1"  # the latest benchmark ranked on validation
    assert board_of(*made, rule=Rule(rank_on=RankOn.CV)).metric == "cv_macro_f1"


def test_what_the_subject_ranked_on_goes_before_what_the_latest_run_left() -> None:
    subject = BoardSubject(synthetic=False, split="official", rank_on="val")
    assert board_of(FOLDED, BETTER, subject=subject).metric == "val_macro_f1"
    folds = replace(subject, rank_on="cv:5")
    assert board_of(FOLDED, BETTER, subject=folds).metric == "cv_macro_f1"


def test_out_of_fold_answers_that_nobody_has_cannot_be_ranked_on() -> None:
    with pytest.raises(UsageError, match="no run on this board has out-of-fold answers"):
        board_of(erring("a", spread(2)), rule=Rule(rank_on=RankOn.CV))


def test_a_run_with_and_one_without_out_of_fold_answers_are_one_row() -> None:
    plain = record("a", started=2.0)
    folded = record(of=of_folds(), started=1.0, scores={"val_macro_f1": 0.5, "cv_macro_f1": 0.7})
    board = rank([plain, folded], Rule(rank_on=RankOn.CV))
    assert [row.value("cv_macro_f1") for row in board.rows] == [0.7]
    assert [row.rank for row in rank([plain, folded]).rows] == [1]


SEARCH = SearchSpec(engine="optuna:tpe", space="head", space_digest="d", trials=3)
TRIALS = [missing(truth(36, 36), spread(n)) for n in (4, 8, 12)]


def searched(arch: str, wrong: int) -> Made:
    return erring(arch, spread(wrong), of=replace(spec(arch), search=SEARCH))


def test_a_searched_row_is_ranked_with_its_trials_answers() -> None:
    board = board_of(with_trials(searched("a", 4), TRIALS), erring("b", spread(6)))
    assert [(row.arch, row.rank) for row in board.rows] == [("a", 1), ("b", 2)]


def test_a_searched_row_without_its_trials_answers_is_not_ranked_and_says_why() -> None:
    board = board_of(searched("a", 4), erring("b", spread(6)))
    assert [(row.arch, row.rank) for row in board.rows] == [("b", 1), ("a", 0)]
    assert board.rows[1].reason == (
        "not ranked: its settings were chosen on the images that would rank it"
    )
    assert not board.rows[1].tie


def test_a_searched_row_is_not_ranked_on_what_its_trials_answers_do_not_give() -> None:
    made = [with_trials(searched("a", 4), TRIALS), erring("b", spread(6))]
    assert len(board_of(*made, rule=Rule(metric="accuracy")).ranked) == 2
    assert [row.arch for row in board_of(*made, rule=Rule(metric="auroc")).ranked] == ["b"]


def test_a_searched_row_is_ranked_on_answers_out_of_fold_and_says_what_it_promised() -> None:
    own, proof = with_folds(searched("a", 4), spread(9))
    own = replace(own, scores={**own.scores, "selection_optimism": 0.0449})
    member = spec("ensemble", regime=Regime.COMPOSITE, members=(own.spec.digest,))
    others = [
        with_folds(erring("b", spread(6)), spread(12)),
        with_folds(erring("ensemble", spread(2), of=member), spread(8)),
    ]
    board = board_of((own, proof), *others)
    assert [row.arch for row in board.ranked] == ["ensemble", "a", "b"]
    (note,) = [each for each in board.ranked[1].notes if "promised" in each]
    assert note == "its search promised 0.045 of macro_f1 too much, by answers out of fold"
    assert not any("promised" in each for each in board.ranked[2].notes)


def test_a_composite_of_a_searched_member_is_not_ranked_and_says_why() -> None:
    member = with_trials(searched("a", 4), TRIALS)
    own = spec("ensemble", regime=Regime.COMPOSITE, members=(member[0].spec.digest,))
    board = board_of(member, erring("ensemble", spread(2), of=own))
    assert [(row.arch, row.rank) for row in board.rows] == [("a", 1), ("ensemble", 0)]
    assert board.rows[1].reason == (
        "not ranked: a member's settings were chosen on the images that would rank it"
    )


def test_rows_of_several_versions_of_the_code_are_remarked() -> None:
    made = [
        replace(record("a"), version="0.2.0", commit="81a3a47f00"),
        replace(record("b"), version="0.3.0", commit="8f952c7f00"),
        record("c"),
    ]
    said = "Rows were made by different versions of the code: 0.2.0 (81a3a47), 0.3.0 (8f952c7);"
    assert any(note.startswith(said) for note in rank(made).notes)
    assert rank(made[1:]).notes == ()


def test_rows_of_rooms_at_other_numbers_say_so() -> None:
    numbers = [Params({"data": n, "zoo": 1}) for n in (1, 2)]
    board = rank([record(of=replace(spec(), numerics=each)) for each in numbers])
    assert {row.notes for row in board.rows} == {("code data 1 zoo 1",), ("code data 2 zoo 1",)}


def test_the_runs_whose_predictions_are_compared_are_those_of_the_first_rows() -> None:
    records = [record(f"arch{n:02d}", val=1 - n / 100) for n in range(70)]
    seeds = [record("arch00", val=0.99, of=spec("arch00", seed=n), started=1.0) for n in (2, 3)]
    failed = record("arch01", of=spec("arch01", seed=2), state=State.FAILED, started=1.0)
    found = compared([*records, *seeds, failed])
    assert {each.spec.arch for each in found} == {f"arch{n:02d}" for n in range(64)}
    assert len(found) == 66
    assert all(each.state is State.FINISHED for each in found)


def test_the_runs_that_are_compared_are_enough_for_the_same_board() -> None:
    made = [erring("a", spread(6)), erring("b", spread(8, start=5)), erring("c", spread(30))]
    records = [own for own, _ in made]
    evidence = {own.spec.digest: proof for own, proof in made}
    opened = {each.spec.digest: evidence[each.spec.digest] for each in compared(records)}
    assert rank(records, evidence=opened) == rank(records, evidence=evidence)


def test_a_subject_reads_back_from_json() -> None:
    import json

    subject = BoardSubject(
        synthetic=True,
        split="70/15/15",
        split_seed=3,
        images={"train": (10, 20), "val": (3, 4)},
        classes=("a", "b"),
        patients_known=True,
        findings=("3 copies",),
        splits=("s1", "s2"),
        rank_on="cv:5",
        test_scored=2,
    )
    assert BoardSubject.from_json(json.loads(json.dumps(subject.to_json()))) == subject
