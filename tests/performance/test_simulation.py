"""The simulation's cells, tables and picture; how often the verdict errs is in test_rates.py."""

import json
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.performance.simulation.__main__ import KINDS, main
from tests.performance.simulation.figure import draw
from tests.performance.simulation.outcome import Cell, Rate, judge, rates_of
from tests.performance.simulation.tables import METRICS, paste, write
from tests.performance.simulation.ties import BEST, SPREAD, together
from tests.performance.simulation.world import accuracy_of, signal_of

COUNTED = {
    "ties": ["any called worse"],
    "searched": ["any called worse", "any called worse, trials unknown", "optimism"],
    "intervals": [*METRICS, "recall_d", "specificity_d"],
    "floor": ["promotes", "p <= 0.05"],
    "champion": ["right", "right, greatest macro-F1"],
    "falls": ["warned, healthy", "warned, one fell by 10 points"],
    "power": [
        *("any best called worse", "any wrong direction"),
        *("rows that may be the best", "ranks a row may have"),
        *(f"out {each:.2f}" for each in {*SPREAD, *BEST, 0.70, 0.65}),
    ],
}


@pytest.fixture
def rates() -> list[Rate]:
    """Rates of every cell, all 0.5."""
    cells = chain.from_iterable(kind() for kind in KINDS.values())
    return [
        Rate(kind=cell.kind, cell=cell.name, name=name, mean=0.5, boards=8, least=None, most=0.4)
        for cell in cells
        for name in COUNTED[cell.kind]
    ]


def test_cells_have_names_of_their_own() -> None:
    cells = [cell.key for cell in chain.from_iterable(kind() for kind in KINDS.values())]
    assert len(set(cells)) == len(cells)


def test_equal_rows_have_36_cells(rates: list[Rate]) -> None:
    assert together(rates) == 0.5
    assert sum(rate.kind == "ties" and rate.cell.startswith("K=") for rate in rates) == 36


def test_the_signal_gives_the_accuracy_asked_for() -> None:
    assert accuracy_of(signal_of(0.8)) == pytest.approx(0.8)
    assert accuracy_of(0.0) == pytest.approx(0.25, abs=1e-6)


def test_boards_of_slices_add_up_to_those_of_one_run() -> None:
    cell = Cell(kind="a", name="b", judge=lambda source: {"x": source.random()}, most={"x": 0.1})
    (whole,) = rates_of(cell, [judge(0, cell, range(8))])
    (parts,) = rates_of(cell, [judge(0, cell, range(3)), judge(0, cell, range(3, 8))])
    assert parts.mean == pytest.approx(whole.mean)
    assert (parts.boards, parts.holds) == (8, False)


def test_tables_have_a_row_for_each_setting(rates: list[Rate]) -> None:
    text = write(rates)
    assert "| 8, three seeds | 50.0 | 50.0 | 50.0 | 50.0 | 50.0 | 50.0 |" in text
    assert "| 3 of 20 images | 50.0 |" in text
    assert "nan" not in text


def test_tables_stand_between_the_marks_of_a_page(rates: list[Rate], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- rates -->\nold\n<!-- end of rates -->\nafter\n")
    paste(write(rates), page)
    paste(write(rates), page)
    expected = f"before\n<!-- rates -->\n\n{write(rates)}\n<!-- end of rates -->\nafter\n"
    assert page.read_text() == expected


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text\n")
    with pytest.raises(ValueError, match="must hold the lines"):
        paste("tables", page)


def test_the_picture_has_three_panels(rates: list[Rate], tmp_path: Path) -> None:
    draw(rates, tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as image:
        assert image.width > 900
        assert np.asarray(image.convert("L")).std() > 5


def test_a_run_that_has_all_its_boards_judges_none_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = [
        {"kind": cell.kind, "cell": cell.name, "name": "promotes", "mean": 0.25, "boards": 4}
        for cell in KINDS["floor"]()
    ]
    story = {"disagreement": {}, "cpu_seconds": 1.0, "wall_seconds": 1.0, "rates": kept}
    (tmp_path / "rates.json").write_text(json.dumps(story))
    arguments = ["simulation", "--boards", "4", "--only", "floor", "--out", str(tmp_path)]
    monkeypatch.setattr("sys.argv", arguments)
    main()
    assert "1 CPU seconds" in capsys.readouterr().out
    assert json.loads((tmp_path / "rates.json").read_text()) == story
