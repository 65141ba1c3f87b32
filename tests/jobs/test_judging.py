"""A run's tables at its temperature, with its operating point."""

import numpy as np
import pytest

from benchmark.evaluation import OperatingPoint, WantedPoint, at_temperature, choose_point, score
from benchmark.jobs.judging import Judged
from benchmark.records import Part
from tests.evaluation.made import predictions

SICK = WantedPoint(positive=("class 1",), rule="youden", prevalence=0.1)


def test_what_is_scored_and_chosen_is_at_the_temperature() -> None:
    kept = predictions(images=90, skill=2.0)
    after = at_temperature(kept, 3.0)
    judged = Judged.at(3.0, kept, kept, SICK)
    scores = judged.scores()
    assert judged.point == choose_point(after.part(Part.VAL), ("class 1",), "youden")
    assert scores["test_brier"] == score(after)["test_brier"]
    assert scores["test_raw_brier"] == score(kept)["test_brier"]
    assert scores["cv_brier"] == scores["val_brier"]  # of all rows but test
    assert {"val_ppv_at_prevalence", "test_npv_at_prevalence_high"} <= set(scores)
    assert "operating_point.csv" in judged.tables()


def test_patients_are_scored_where_they_have_several_images() -> None:
    judged = Judged.at(1.0, predictions(images=90, per_unit=3), None, None)
    assert {"val_patient_macro_f1", "test_patient_accuracy_low"} <= set(judged.scores())
    assert judged.point is None
    alone = Judged.at(1.0, predictions(images=90, per_unit=1), None, None)
    assert not [name for name in alone.scores() if "patient" in name]


def test_a_point_that_was_fixed_is_not_chosen_anew() -> None:
    fixed = OperatingPoint(positive=("class 1",), rule="youden", threshold=0.123)
    judged = Judged.at(1.0, predictions(images=90), None, fixed, 0.2)
    assert (judged.point, judged.prevalence) == (fixed, 0.2)


def test_validation_without_positives_has_no_point_and_says_so() -> None:
    rows = predictions(images=90)
    val = np.array([part is Part.VAL for part in rows.parts])
    judged = Judged.at(1.0, rows.where(~(val & (rows.labels == 1))), None, SICK)
    assert judged.point is None
    assert judged.lacks == "no operating point: validation lacks images of class 1, or any others"
    assert "operating_point.csv" not in judged.tables()


@pytest.mark.slow
def test_each_part_has_its_figures() -> None:
    from benchmark.evaluation import Caption

    judged = Judged.at(1.0, predictions(images=60), None, None)
    found = judged.figures((), Caption(arch="cnn", data="scans", synthetic=True))
    assert {"reliability_val.png", "reliability_test.png", "confusion_test.png"} <= set(found)
