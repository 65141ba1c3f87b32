from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.board import Board
from benchmark.records import Part
from benchmark.report import published as room
from benchmark.report.published import Published, beside, read_published
from tests.board.made import board_of
from tests.report.made import SUBJECT, few

THEIRS = Published(
    data="phantom",
    protocol="official split as published",
    arch="DenseNet121",
    regime="frozen",
    images=72,
    accuracy=0.8,
    source="somebody",
    note="",
)


@pytest.fixture(scope="module")
def board() -> Board:
    return board_of(*few(), subject=SUBJECT)


def test_the_file_reads_and_every_source_is_named() -> None:
    found = read_published()
    assert {"chest-ct", "chest-xray", "pneumoniamnist"} == {each.data for each in found}
    assert all(each.source and each.protocol for each in found)


def test_the_same_images_stand_beside_ours(board: Board) -> None:
    ((found,), others) = beside(board, [THEIRS])
    assert others == ()
    assert found.part is Part.TEST
    assert found.row is not None
    assert found.row.arch == "densenet121"
    assert found.ours == found.row.figures["test_accuracy"]


@pytest.mark.parametrize(
    "other",
    [
        replace(THEIRS, protocol="80/20 own split"),
        replace(THEIRS, images=71),
        replace(THEIRS, images=0),
        replace(THEIRS, accuracy=None),
    ],
)
def test_another_protocol_never_does(board: Board, other: Published) -> None:
    assert beside(board, [other]) == ((), (other,))


def test_ours_on_another_division_stand_beside_nothing() -> None:
    own = board_of(*few(), subject=replace(SUBJECT, split="70/15/15"))
    assert beside(own, [THEIRS]) == ((), (THEIRS,))


def test_other_data_is_not_spoken_of(board: Board) -> None:
    assert beside(board, [replace(THEIRS, data="chest-ct")]) == ((), ())


def test_what_was_not_run_is_said(board: Board) -> None:
    ((found,), _) = beside(board, [replace(THEIRS, arch="ResNet50")])
    assert (found.row, found.ours) == (None, None)


def test_cleared_results_leave_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "__file__", str(tmp_path / "benchmark/report/published.py"))
    assert read_published.__wrapped__() == ()
