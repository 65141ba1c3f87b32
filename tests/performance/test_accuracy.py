"""What a step gives: its operating point, its paired gain, its table and its commands."""

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli import COMMANDS
from benchmark.cli.parser import read_command_line
from benchmark.records import Part
from benchmark.request import read_config, request_of
from tests.evaluation.made import predictions

from .accuracy import STEPS, Row, commands, gain, table


def test_a_gain_is_the_difference_with_its_paired_interval() -> None:
    weak, strong = (predictions(600, 2, seed=1, skill=skill) for skill in (0.5, 3.0))
    found = gain([weak], [strong], "accuracy")
    shares = [np.mean(each.probabilities.argmax(1) == each.labels) for each in (weak, strong)]
    assert found.value == pytest.approx(shares[1] - shares[0])
    assert 0 < found.low < found.value < found.high


def test_the_same_answers_gain_nothing_for_certain() -> None:
    rows = predictions(60, 2, seed=1)
    found = gain([rows, rows], [rows, rows], "macro_f1")
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_two_classes_have_a_figure_at_the_operating_point_chosen_elsewhere() -> None:
    run = predictions(300, 2, seed=2, skill=1.5)
    chooses = run.part(Part.VAL)
    row = Row(
        preset="quick: cnn",
        asked={"scales": "0.5/1", "pooling": "avg"},
        runs=(run,),
        chooses=(chooses,),
        trained={"scales": "1", "l2": 0.1},
        seconds=2.0,
    )
    point = row.at_operating_point[0]
    right = (point.probabilities.argmax(axis=1) == point.labels).mean()
    other = replace(row, asked={"scales": "1", "pooling": "avg"})
    drawn = table([row, other]).splitlines()
    assert set(point.parts) == {Part.TEST}
    assert drawn[0].count("accuracy at the operating point") == 1
    assert f"{right:.3f} (" in drawn[2]
    assert [line.split(" | ")[1] for line in drawn[2:]] == ["scales=0.5/1", "scales=1"]
    assert drawn[3].count("+0.000 (+0.000 to +0.000)") == 4
    assert drawn[3].endswith("| scales=1, l2=0.1 | 2.0 |")


def test_every_step_is_an_entry_of_a_command_that_can_be_read(tmp_path: Path) -> None:
    lines = commands("phantom", "accuracy", "--on-leak report", tmp_path)
    read = [read_command_line(shlex.split(line)[3:], COMMANDS)[1].texts for line in lines]
    asked = [request_of(each, read_config(each["config"])) for each in read]
    assert [each["experiment"] for each in read] == [f"accuracy-{preset}" for preset in STEPS]
    assert [len(each.entries) for each in asked] == [len(steps) for steps in STEPS.values()]
    assert {each["on_leak"] for each in read} == {"report"}
