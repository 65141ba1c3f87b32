"""What the model card and the draft of CLAIM 2024 say, and what they leave open."""

import re
from dataclasses import replace

import pytest

from benchmark.board import Board, BoardSubject, PaperFacts, claim_draft, model_card
from benchmark.evaluation import Interval, OperatingPoint
from tests.board.made import Made, board_of, calling, erring, spec, spread

SUBJECT = BoardSubject(
    synthetic=False,
    split="official",
    classes=("a|b", "normal"),
    images={"train": (90, 60), "val": (36, 36), "test": (36, 36)},
    findings=("error: 12 test images are also in train",),
)
FACTS = PaperFacts(
    temperature=1.25,
    point=OperatingPoint(positive=("a|b",), rule="sensitivity=0.95", threshold=0.37),
    judged={"sensitivity": Interval(value=0.9, low=0.8, high=0.95)},
    made_on={"machine": "x86_64, 2 cores", "keras": "3.15.1"},
    decided=("It replaced version 1: it is better.",),
)


def good(arch: str = "densenet121", **more: object) -> Made:
    return erring(arch, spread(6), **more)  # type: ignore[arg-type]


def card(board: Board, facts: PaperFacts | None = None) -> str:
    row = board.champion or board.ranked[0]
    return model_card(board, row, row.representative, facts or PaperFacts())


def draft(board: Board, facts: PaperFacts | None = None) -> str:
    row = board.champion or board.ranked[0]
    return claim_draft(board, row, row.representative, facts or PaperFacts())


def test_the_card_names_the_row_and_why_it_was_chosen() -> None:
    said = card(board_of(good("a"), erring("b", spread(20))))
    assert "**a** (frozen, imagenet weights), rank 1 of 2 on the phantom board." in said
    assert "a is the champion" in said


def test_the_card_gives_the_rows_mean_and_interval_and_no_seeds_own_figure() -> None:
    wrong = (6, 4, 8)
    made = [erring("a", spread(n), of=spec("a", seed=seed)) for seed, n in enumerate(wrong)]
    board = board_of(*made)
    expected = card(board).split("\n\n")[1]
    interval = board.ranked[0].figures["val_macro_f1"].interval
    assert interval is not None
    assert f"val macro-F1 0.917 ±0.028 [{interval.low:.2f}, " in expected
    assert "Mean of 3 runs; the one registered is seed 1." in expected
    assert "0.944" not in expected  # the seed's own macro-F1 on val and test


def test_the_card_names_data_findings_and_what_ranked() -> None:
    said = card(board_of(good(), subject=SUBJECT))
    assert "| a\\|b | 90 | 36 | 36 |" in said
    assert "Audit: error: 12 test images are also in train" in said
    assert "Ranked on validation macro-F1; test was scored for reporting only." in said
    assert "Patients are not known" in said


def test_the_card_gives_each_class_its_sensitivity_and_specificity_on_test() -> None:
    said = card(board_of(good(), subject=replace(SUBJECT, classes=("a", "b"))))
    assert re.search(r"\| a \| 0\.917 \[0\.\d\d, 0\.\d\d\] \| 0\.917 \[", said)


def test_the_card_of_synthetic_images_is_for_trying_out_only() -> None:
    said = card(board_of(good(), subject=replace(SUBJECT, synthetic=True)))
    assert "SYNTHETIC images: drawn by a program, of no clinical meaning." in said
    assert "For trying out the machinery only" in said
    assert "second reader" not in said
    assert "A second reader, in research." in card(board_of(good(), subject=SUBJECT))


def test_the_card_tells_calibration_and_operating_point_where_known() -> None:
    own, proof = good()
    scores = {**own.scores, "test_ece": 0.021, "test_raw_ece": 0.08}
    said = card(board_of((replace(own, scores=scores), proof), subject=SUBJECT), FACTS)
    assert "at a temperature of 1.25" in said
    assert "(0.080 before)" in said
    assert "a|b: called so from a probability of 0.370 on (sensitivity=0.95" in said
    assert "On test: sensitivity 0.900 [0.80, 0.95]." in said
    assert "It replaced version 1: it is better." in said
    assert "None was chosen: the most probable class is its answer." in card(board_of(good()))


def test_the_card_names_the_code_that_made_the_run() -> None:
    own, proof = good()
    made = replace(own, version="0.2.0", commit="81a3a47f00"), proof
    assert "code 0.2.0 (81a3a47)." in card(board_of(made))
    assert "code unknown." in card(board_of((own, proof)))


def test_flags_and_a_fall_are_on_the_card() -> None:
    sizes = (30, 30, 8)
    called = [place % 2 for place in [0] * 30 + [1] * 30 + [0] * 8]
    said = card(board_of(calling("a", called, sizes=sizes, test=[0] * 68)))
    assert "never names c (8 units)" in said
    assert "WARNING: validation cannot be trusted here: a falls from" in said


@pytest.mark.parametrize("subject", [None, SUBJECT], ids=["nothing known", "known"])
def test_the_draft_has_the_44_items_in_their_order(subject: BoardSubject | None) -> None:
    said = draft(board_of(good(), subject=subject))
    numbers = [int(each) for each in re.findall(r"^\*\*(\d+)\. ", said, re.MULTILINE)]
    assert numbers == list(range(1, 45))


def test_the_draft_is_filled_from_what_was_logged_and_shows_what_was_not() -> None:
    said = draft(board_of(good(), subject=SUBJECT), FACTS)
    items = dict(
        re.findall(r"^\*\*(\d+)\. (.*?)(?=^\*\*\d+\. |^## |\Z)", said, re.MULTILINE | re.DOTALL)
    )
    assert "train 90, 60; val 36, 36; test 36, 36" in items["19"]
    assert "keras: 3.15.1" in items["23"]
    assert "It replaced version 1" in items["26"]
    assert "12 test images are also in train" in items["36"]
    assert "sensitivity 0.900 [0.80, 0.95] (test)" in items["38"]
    blank = {number for number, text in items.items() if "- [ ] TO FILL IN: " in text}
    assert {"1", "2", "3", "7", "13", "16", "33", "36", "44"} <= blank
    assert blank.isdisjoint({"9", "19", "22", "23", "25", "26", "29", "37", "38"})


def test_the_draft_of_a_composite_names_its_members() -> None:
    members = [erring("a", spread(20)), erring("b", spread(22))]
    digests = tuple(own.spec.digest for own, _ in members)
    own = spec("ensemble", members=digests)
    assert f"`ensemble` of 2 runs: `{digests[0][:12]}`" in draft(
        board_of(*members, good("ensemble", of=own))
    )
