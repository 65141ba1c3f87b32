import csv
import io
from dataclasses import replace

import pytest

from benchmark.board import Board, BoardSubject, rank, to_csv, to_figure, to_markdown, to_table
from benchmark.records import Part, State
from tests.board.made import record, scored, spec

SUBJECT = BoardSubject(
    synthetic=True,
    split="official",
    images={Part.TRAIN: 613, Part.VAL: 100, Part.TEST: 200},
    clean_test=180,
)


@pytest.fixture(scope="module")
def board() -> Board:
    """Give a board with a tie, seeds, copies and a failure."""
    made = [scored("a", 2.0), scored("b", 2.0, noise=1), scored("b", 2.0, of=spec("b", seed=2))]
    failed = record("vgg19", state=State.FAILED, reason="killed | out of\nmemory")
    evidence = {each.spec.digest: proof for each, proof in made}
    return rank([*(each for each, _ in made), failed], evidence=evidence, subject=SUBJECT)


def printed(board: Board, width: int) -> str:
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=width).print(to_table(board, width))
    return out.getvalue()


def rows(board: Board) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(board))))


def test_csv_keeps_every_digit(board: Board) -> None:
    first = rows(board)[0]
    figure = board.rows[0].figures["val_macro_f1"]
    assert figure.interval is not None
    assert float(first["val_macro_f1"]) == figure.value
    assert float(first["val_macro_f1_low"]) == figure.interval.low
    assert float(first["test_auroc"]) == board.rows[0].value("test_auroc")
    assert float(first["training_seconds"]) == 6.0
    assert float(first["wall_seconds"]) == 4.0


def test_csv_has_the_same_columns_for_every_board(board: Board) -> None:
    empty = to_csv(rank([])).splitlines()
    assert empty == [to_csv(board).splitlines()[0]]


def test_csv_leaves_unknown_cells_empty(board: Board) -> None:
    failed = rows(board)[-1]
    assert (failed["rank"], failed["state"], failed["val_macro_f1"]) == ("", "FAILED", "")
    assert failed["reason"] == "killed | out of\nmemory"


def test_markdown_says_what_it_ranks_on_and_of_what(board: Board) -> None:
    text = to_markdown(board)
    assert "# Leaderboard: phantom (SYNTHETIC images)" in text
    assert "Ranked on validation macro-F1" in text
    assert "Test is for reporting only." in text
    assert "613 train, 100 val, 200 test images. 180 test images are no copies" in text
    assert "Differences in accuracy below 0.06 drown in 100 validation images." in text
    assert "Seeds: 1, 2." in text
    assert "≈ cannot be told from the first on validation: it is a tie." in text


def test_markdown_is_one_whole_table(board: Board) -> None:
    lines = [line for line in to_markdown(board).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(board.rows)
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert "killed \\| out of memory" in lines[-1]


def test_scans_are_not_called_synthetic(board: Board) -> None:
    scans = replace(board, subject=replace(SUBJECT, synthetic=False))
    assert "SYNTHETIC" not in to_markdown(scans)
    assert "SYNTHETIC" not in printed(scans, 120)


@pytest.mark.parametrize("limit", [20_000, 3_000])
def test_markdown_that_is_too_long_is_cut_and_says_so(limit: int) -> None:
    board = rank([record(f"arch{n:03d}", n / 300) for n in range(300)])
    text = to_markdown(board, limit)
    shown = sum(line.startswith("| ") for line in text.splitlines()) - 2
    assert len(text) <= limit
    assert f"… and {300 - shown} more rows, cut here." in text
    assert 0 < shown < 300


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_the_terminal_table_fits_and_keeps_what_matters(board: Board, width: int) -> None:
    text = printed(board, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert f"{board.rows[0].figures['val_macro_f1'].value:.3f}" in text
    assert "vgg19: killed" in " ".join(text.split())


def test_a_wide_terminal_shows_more(board: Board) -> None:
    assert "ms/image" in printed(board, 200)
    assert "ms/image" not in printed(board, 80)


def test_another_metric_to_rank_on_is_shown() -> None:
    board = replace(rank([record(scores={"val_macro_f1": 0.5})]), metric="val_auroc")
    assert "val_auroc" in to_markdown(board)
    assert "Ranked on validation AUROC" in to_markdown(board)


def test_an_empty_board_is_shown_all_the_same() -> None:
    assert "Leaderboard" in to_markdown(rank([]))
    assert "Leaderboard" in printed(rank([]), 80)


def test_the_figure_shows_the_ranked_rows_alone(board: Board) -> None:
    labels = [label.get_text() for label in to_figure(board).axes[0].get_yticklabels()]
    assert [label.split()[0] for label in labels] == [row.arch for row in board.ranked]
