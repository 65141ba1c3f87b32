"""Every number in a sentence is computed here once more, by other means."""

import re
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score

from benchmark.board import Row
from benchmark.evaluation import in_order, predicted
from benchmark.records import Part, Predictions
from benchmark.report import sentences
from tests.board.made import board_of, calling, erring, record, scored, spec, spread
from tests.evaluation.made import answered, predictions, truth
from tests.report.made import SUBJECT, few

NUMBER = re.compile(r"\d+\.?\d*")


def numbers(text: str) -> list[float]:
    """Return the numbers in a text; those of names, such as vgg16, are none."""
    return [float(each) for each in NUMBER.findall(re.sub(r"\b[a-z]+[0-9]+\b", "", text))]


def f1(rows: Predictions) -> float:
    return float(f1_score(rows.labels, predicted(rows), average="macro"))


def test_the_verdict_names_who_leads_who_ties_and_how_many_images_say_so() -> None:
    made = few()
    said = sentences.verdict(board_of(*made, subject=SUBJECT))
    val, test = (made[0][1].predictions.part(part) for part in (Part.VAL, Part.TEST))
    assert said.startswith("densenet121 leads with validation macro-F1")
    assert "; vgg16 cannot be told from it on 72 distinct images;" in said
    assert said.endswith("agrees with validation.")
    found = numbers(said.replace("macro-F1", ""))
    assert found[0] == round(f1(val), 3)
    assert found[1] < found[0] < found[2]
    assert found[3] == 72 == len(set(val.hashes))
    assert found[4] == round(f1(test), 3)


def test_the_verdict_says_when_test_falls() -> None:
    board = board_of(
        erring("cnn", spread(2), test=spread(34)), calling("mlp", [0] * 72), subject=SUBJECT
    )
    assert any("cnn falls from" in each for each in board.warnings)
    assert "falls below validation by more than chance explains" in sentences.verdict(board)


def test_the_verdict_says_when_all_others_are_worse() -> None:
    board = board_of(erring("cnn", spread(4)), calling("mlp", [0] * 72), subject=SUBJECT)
    assert "; every other row is worse on 72 distinct images;" in sentences.verdict(board)


def test_the_verdict_of_nothing_finished_says_so() -> None:
    failed = replace(record("cnn"), state=record("cnn").state.FAILED, scores={}, reason="killed")
    board = board_of((failed, few()[0][1]))
    assert sentences.verdict(board) == "Nothing can be ranked: 1 rows, of which 0 finished."
    assert sentences.verdict(board_of()) == "Nothing has been run yet."


def test_limits_hold_the_audit_and_random_weights() -> None:
    own, proof = few()[0]
    random = replace(own, spec=replace(own.spec, weights="none"))
    said = sentences.limits(board_of((random, proof), subject=SUBJECT))
    assert "Audit: error: 3 of the 72 images of test stand in train too." in said
    assert said[-1] == "Random weights: the backbone of densenet121 was never pretrained."


@pytest.mark.parametrize("noise", range(4))
def test_confusions_are_the_greatest_cells(noise: int) -> None:
    rows = predictions(images=240, classes=4, skill=0.7, noise=noise)
    counts = confusion_matrix(rows.labels, predicted(rows), labels=range(4))
    wrong = np.sort((counts - np.diag(np.diag(counts))).ravel())[::-1]
    said = sentences.confusions(rows)
    assert [int(each.split()[0]) for each in said] == wrong[:3].tolist()
    for each in said:
        true, called = map(int, re.findall(r"class (\d)", each))
        assert each.startswith(f"{counts[true, called]} of {counts[true].sum()} images of class")


def test_a_class_that_is_never_named_is_said() -> None:
    labels = truth(5, 3)
    assert sentences.confusions(answered(labels, [0] * 8)) == (
        "It never predicts b, which 3 images are.",
        "3 of 3 images of b are called a.",
    )
    assert sentences.confusions(answered(labels, labels)) == ("All 8 images are called right.",)
    once = [1, *labels[1:]]
    assert sentences.confusions(answered(labels, once)) == (
        "1 of 8 images is called wrong, no two alike.",
    )


def test_the_front_is_what_no_row_beats_in_both() -> None:
    board = board_of(*few(), subject=SUBJECT)
    for cost in sentences.COSTS:
        quality = {row.arch: row.figures[board.metric].value for row in board.ranked}
        price = {row.arch: cost.of(row) for row in board.ranked}

        def beaten(arch: str, quality: dict[str, float], price: dict[str, float]) -> bool:
            return any(
                quality[other] >= quality[arch]
                and price[other] <= price[arch]
                and (quality[other], -price[other]) != (quality[arch], -price[arch])
                for other in quality
            )

        expected = [arch for arch in quality if not beaten(arch, quality, price)]
        assert [row.arch for row in sentences.front(board, cost)] == expected
        assert all(arch in sentences.front_said(board, cost) for arch in expected)
    by_size = sentences.front(board, sentences.COSTS[1])
    assert [row.arch for row in by_size] == ["densenet121", "vgg16", "blind"]


def test_agreement_names_the_closest_and_the_farthest() -> None:
    tables = [(own.spec.arch, proof.predictions.part(Part.TEST)) for own, proof in few()]
    found = sentences.agreement(tables)
    assert found is not None
    answers = {name: predicted(in_order(rows)) for name, rows in tables}
    shares = {
        frozenset((one, other)): float((answers[one] == answers[other]).mean())
        for one in answers
        for other in answers
        if one != other
    }
    said = sentences.agreement_said(found, Part.TEST)
    most, least = max(shares.values()), min(shares.values())
    assert numbers(said) == [round(100 * most), 72, round(100 * least)]
    first = re.split(r" and | give ", said)[:2]
    assert shares[frozenset(first)] == most


def test_one_network_agrees_with_nobody() -> None:
    assert sentences.agreement([("cnn", few()[0][1].predictions.part(Part.TEST))]) is None


def test_calibration_says_the_error_and_what_chance_gives() -> None:
    labels = truth(30, 30)
    rows = answered(labels, labels, sure=0.6)
    said = sentences.calibration(rows, 1.0)
    error, images, chance = numbers(said)
    assert error == pytest.approx(0.4)  # always right, 0.6 sure
    assert images == 60
    assert chance < error
    assert ", more than the" in said
    assert "at its temperature of 2.00" in sentences.calibration(rows, 2.0)


def test_rows_of_one_architecture_are_told_apart() -> None:
    made = [scored("cnn", 2.0, of=spec("cnn", side=side), noise=side) for side in (32, 64)]
    board = board_of(*made)
    rows: tuple[Row, ...] = board.ranked
    assert {sentences.named(board, row) for row in rows} == {"cnn (rank 1)", "cnn (rank 2)"}


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("a", "a"),
        ("ab", "a and b"),
        ("abc", "a, b and c"),
        ("abcdefgh", "a, b, c, d, e, f and 2 others"),
    ],
)
def test_lists_are_written_as_people_do(names: str, said: str) -> None:
    assert sentences.listed(list(names)) == said


def test_too_few_trials_say_how_many_it_would_take() -> None:
    assert sentences.trials_said(20, 4) == ""
    assert numbers(sentences.trials_said(19, 4)) == [19, 4, 20]
    assert numbers(sentences.trials_said(1, 0)) == []
    assert "differ in no parameter" in sentences.trials_said(1, 0)
