import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.board import BoardEvidence, BoardSubject, Rule, rank
from benchmark.errors import UsageError
from benchmark.records import Record, Regime, State
from tests.board.made import record, scored, spec


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
    both = spec(
        "d",
        regime=Regime.COMPOSITE,
        weights="none",
        members=(pretrained.digest, fallback.digest),
    )
    scratch = spec("e", regime=Regime.SCRATCH, weights="none")
    board = rank([record(of=each) for each in (pretrained, fallback, file, both, scratch)])
    shown = {row.arch: row.weights for row in board.rows}
    wanted = {"a": "imagenet", "b": "random", "c": "file 01234567", "d": "imagenet + random"}
    assert shown == {**wanted, "e": ""}
    assert any("never pretrained" in note for note in board.notes)


def test_a_board_of_nothing_is_empty() -> None:
    assert rank([]).rows == ()


@pytest.mark.parametrize("metric", ["test_macro_f1", "val_loss", "val_brier", "macro_f1"])
def test_a_board_is_not_ranked_on_test_or_on_losses(metric: str) -> None:
    with pytest.raises(UsageError, match="ranked on a validation metric of which more is better"):
        Rule(metric=metric)


def test_another_validation_metric_may_be_ranked_on() -> None:
    records = [
        record("a", scores={"val_macro_f1": 0.9, "val_auroc": 0.6}),
        record("b", scores={"val_macro_f1": 0.1, "val_auroc": 0.7}),
    ]
    assert [row.arch for row in rank(records, Rule(metric="val_auroc")).ranked] == ["b", "a"]


Made = list[tuple[Record, BoardEvidence]]


def board_of(made: Made, rule: Rule | None = None) -> list[tuple[str, bool]]:
    evidence = {each.spec.digest: proof for each, proof in made}
    board = rank([each for each, _ in made], rule or Rule(), evidence)
    return [(row.arch, row.tie) for row in board.ranked]


def test_a_row_that_cannot_be_told_from_the_winner_is_a_tie() -> None:
    made = [scored("a", 2.0), scored("b", 2.0, noise=1), scored("c", 0.0)]
    assert sorted(board_of(made)) == [("a", True), ("b", True), ("c", False)]


def test_a_clear_winner_ties_with_nobody() -> None:
    assert board_of([scored("a", 6.0), scored("b", 0.5)]) == [("a", False), ("b", False)]


def test_auroc_calls_ties_too() -> None:
    made = [scored("a", 2.0), scored("b", 2.0, noise=1), scored("c", -1.0)]
    ties = board_of(made, Rule(metric="val_auroc", draws=200))
    assert sorted(ties) == [("a", True), ("b", True), ("c", False)]


def test_rows_with_evidence_have_intervals_round_their_figures() -> None:
    one, proof = scored("a", 2.0)
    figures = rank([one], evidence={one.spec.digest: proof}).ranked[0].figures
    for name in ("val_macro_f1", "test_macro_f1", "test_clean_macro_f1"):
        interval = figures[name].interval
        assert interval is not None
        assert interval.low < figures[name].value == interval.value < interval.high


def test_rows_without_evidence_have_neither_interval_nor_tie() -> None:
    one, proof = scored("a", 2.0)
    other, _ = scored("b", 2.0, noise=1)
    board = rank([one, other], evidence={one.spec.digest: proof})
    row = next(row for row in board.ranked if row.arch == "b")
    assert row.figures["val_macro_f1"].interval is None
    assert not row.tie


def test_the_interval_of_a_mean_over_seeds_is_of_the_mean() -> None:
    made = [scored("a", 1.0, of=spec("a", seed=n), noise=n) for n in range(4)]
    evidence = {each.spec.digest: proof for each, proof in made}
    mean = rank([each for each, _ in made], evidence=evidence).ranked[0].figures["val_macro_f1"]
    one = rank([made[0][0]], evidence=evidence).ranked[0].figures["val_macro_f1"]
    assert mean.interval is not None
    assert one.interval is not None
    assert mean.interval.value == mean.value
    assert mean.interval.high - mean.interval.low < one.interval.high - one.interval.low


def test_rows_on_other_images_are_never_called_ties() -> None:
    made = [scored("a", 2.0), scored("b", 2.0, noise=1, images=240)]
    assert sorted(board_of(made)) == [("a", False), ("b", False)]


def test_a_score_that_its_predictions_do_not_give_is_doubted() -> None:
    _, proof = scored("a", 2.0)
    row = rank([record(val=0.99)], evidence={spec().digest: proof}).ranked[0]
    assert any(note.startswith("recorded val_macro_f1 0.9900, predictions") for note in row.notes)


def test_a_board_is_the_same_every_time() -> None:
    made = [scored("a", 2.0), scored("b", 2.0, noise=1)]
    evidence = {each.spec.digest: proof for each, proof in made}
    records = [each for each, _ in made]
    assert rank(records, evidence=evidence) == rank(records, evidence=evidence)
