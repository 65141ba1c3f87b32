import csv
import io
from dataclasses import replace

import pytest

from benchmark.board import (
    Board,
    BoardSubject,
    rank,
    to_csv,
    to_figure,
    to_markdown,
    to_table,
)
from benchmark.board.report import MARKDOWN_LIMIT
from benchmark.records import Params, State
from tests.board.made import (
    Made,
    board_of,
    calling,
    erring,
    record,
    scored,
    spec,
    spread,
    with_folds,
)
from tests.evaluation.made import truth

SUBJECT = BoardSubject(
    synthetic=True,
    split="official",
    images={"train": (300, 200, 113), "val": (34, 33, 33), "test": (67, 66, 67)},
    classes=("class 0", "class 1", "class 2"),
    findings=("12 test images also stand in train.", "a class has four patients."),
    test_scored=3,
)


def failed() -> Made:
    own = record("vgg19", state=State.FAILED, reason="killed | out of\nmemory")
    return own, scored("vgg19", 1.0)[1]


@pytest.fixture(scope="module")
def board() -> Board:
    """Return a board with a tie, seeds, copies and a failure."""
    made = [
        scored(arch, 2.0, of=spec(arch, seed=seed), noise=seed + 5 * (arch == "b"))
        for arch in ("a", "b")
        for seed in (1, 2)
    ]
    return board_of(*made, failed(), subject=SUBJECT)


def unlike() -> Board:
    """Return a board whose champion is not the first row, with flags and patients."""
    sizes = (30, 30, 8)
    wrong = [0, 1, 30, 31, 60, 61]
    careful = [0.55 if place in wrong else 0.95 for place in range(68)]
    made = [
        erring("first", wrong[:-1], sizes=sizes),
        erring("second", wrong, sizes=sizes, sure=careful),
        calling("blind", [label % 2 for label in truth(*sizes)], sizes=sizes),
    ]
    return board_of(*made, subject=replace(SUBJECT, synthetic=False, classes=("a", "b", "c")))


def printed(board: Board, width: int) -> str:
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=width).print(to_table(board, width))
    return out.getvalue()


def rows(board: Board) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(board))))


def test_csv_keeps_twelve_digits(board: Board) -> None:
    first = rows(board)[0]
    row = board.rows[0]
    for name in ("val_macro_f1", "test_auroc", "val_recall_class_1", "test_specificity_class_2"):
        figure = row.figures[name]
        assert figure.interval is not None
        assert float(first[name]) == pytest.approx(figure.value, rel=1e-11)
        assert float(first[f"{name}_low"]) == pytest.approx(figure.interval.low, rel=1e-11)
        assert float(first[f"{name}_high"]) == pytest.approx(figure.interval.high, rel=1e-11)
        assert float(first[f"{name}_spread"]) == pytest.approx(figure.spread, rel=1e-11)
    assert float(first["log_loss_calibrated"]) == pytest.approx(row.log_loss, rel=1e-11)
    assert float(first["test_clean_mix_macro_f1"]) == pytest.approx(
        row.value("test_clean_mix_macro_f1"), rel=1e-11
    )
    assert float(first["training_seconds"]) == pytest.approx(6.0, rel=1e-11)
    assert float(first["wall_seconds"]) == pytest.approx(4.0, rel=1e-11)


def test_the_sides_at_which_networks_see_the_picture_stand_where_they_differ(board: Board) -> None:
    picture = replace(spec().picture, side_px=448)
    made = [
        scored(arch, 2.0, of=replace(spec(arch), picture=picture, params=Params(scales=scales)))
        for arch, scales in (("a", "0.5+0.75+1"), ("b", "0.5"))
    ]
    unlike = board_of(*made, failed(), subject=SUBJECT)
    assert "| 224+336+448 |" in to_markdown(unlike)
    assert sorted(row["sides_seen_px"] for row in rows(unlike)) == ["", "224", "224+336+448"]
    assert "side (px)" in to_markdown(unlike)
    assert "side (px)" not in to_markdown(board)


def test_csv_has_the_figures_of_each_class_of_the_data_set_in_order(board: Board) -> None:
    names = to_csv(board).splitlines()[0].split(",")
    columns = [f"val_recall_class_{label}{end}" for label in range(3) for end in ENDS]
    start = names.index("val_recall_class_0")
    assert names[start : start + 12] == columns


ENDS = ("", "_low", "_high", "_spread")


def test_csv_has_the_columns_that_all_boards_have(board: Board) -> None:
    empty = to_csv(rank([])).splitlines()
    assert len(empty) == 1
    names = empty[0].split(",")
    assert set(names) <= set(to_csv(board).splitlines()[0].split(","))
    assert {"val_macro_f1_low", "test_clean_macro_f1", "champion", "version", "commit"} <= {*names}


def test_csv_marks_the_champion_and_says_why() -> None:
    first, second, blind = rows(unlike())
    assert (first["architecture"], first["champion"], first["why_champion"]) == (
        "first",
        "false",
        "",
    )
    assert (second["champion"], second["tie"], second["rank_low"], second["rank_high"]) == (
        *("true", "true", "1", "2"),
    )
    assert second["why_champion"].startswith("second is the champion: of the 2 networks")
    assert blind["flags"] == "never names c (8 units)"


def test_csv_says_which_code_made_a_row() -> None:
    own, proof = erring("a", spread(4))
    made = replace(own, version="0.2.0", commit="81a3a47f00"), proof
    found = rows(board_of(made))[0]
    assert (found["version"], found["commit"]) == ("0.2.0", "81a3a47f00")


def test_a_board_says_what_auto_stood_for() -> None:
    made = [erring(arch, spread(4)) for arch in "abc"]
    one = [(replace(own, preset="good"), proof) for own, proof in made]
    assert "\nPreset: good.  \n" in to_markdown(board_of(*one))
    assert {row["preset"] for row in rows(board_of(*one))} == {"good"}
    names = zip(("quick", "", "good"), made, strict=True)
    several = board_of(*[(replace(own, preset=name), proof) for name, (own, proof) in names])
    assert "\nPresets: unknown (b); good (c); quick (a).  \n" in to_markdown(several)
    assert "Preset" not in to_markdown(board_of(*made))


def test_csv_leaves_unknown_cells_empty(board: Board) -> None:
    last = rows(board)[-1]
    assert (last["rank"], last["state"], last["val_macro_f1"]) == ("", "FAILED", "")
    assert (last["rank_low"], last["log_loss_calibrated"]) == ("", "")
    assert last["reason"] == "killed | out of\nmemory"


def test_csv_leaves_the_limits_of_a_class_of_few_units_empty() -> None:
    found = rows(board_of(erring("a", [1], sizes=(36, 2))))[0]
    assert float(found["val_macro_f1"]) == pytest.approx(0.893, abs=0.001)
    assert (found["val_macro_f1_low"], found["val_recall_b_low"]) == ("", "")
    assert float(found["val_recall_a_low"]) < float(found["val_recall_a"])


@pytest.mark.parametrize("show", [to_csv, to_markdown])
def test_a_board_is_written_the_same_twice(show: object, board: Board) -> None:
    made = [
        scored(arch, 2.0, of=spec(arch, seed=seed), noise=seed + 5 * (arch == "b"))
        for arch in ("a", "b")
        for seed in (1, 2)
    ]
    again = board_of(failed(), *reversed(made), subject=SUBJECT)
    assert show(again) == show(board)  # type: ignore[operator]


def test_markdown_says_what_it_ranks_on_and_of_what(board: Board) -> None:
    text = to_markdown(board)
    assert "# Leaderboard: phantom (SYNTHETIC images)" in text
    assert "Ranked on validation macro-F1. Test is for reporting only." in text
    assert (
        "Split official: train 613 (class 0 300, class 1 200, class 2 113); val 100 (class 0 34,"
        " class 1 33, class 2 33); test 200 (class 0 67, class 1 66, class 2 67) images."
    ) in text
    assert "The test part has been scored 3 times in this store." in text
    assert "Seeds: 1, 2." in text
    assert "≈ may be the best. Ranks are those that a row may have" in text
    assert "★ is the champion by rule." in text
    assert "“same mix” weighs the others to the class mix of the whole part." in text


@pytest.mark.parametrize("width", [80, 160])
def test_findings_and_warnings_stand_above_the_board(width: int) -> None:
    made = erring("a", spread(2), sizes=(36, 36, 0), test=spread(30))
    found = board_of(made, subject=SUBJECT)
    said = [
        "WARNING: validation cannot be trusted here: a falls from",
        "WARNING: validation has no image of c.",
        "Audit: 12 test images also stand in train.",
        "Audit: a class has four patients.",
    ]
    markdown, terminal = to_markdown(found), " ".join(printed(found, width).split())
    places = [markdown.index(each) for each in said]
    assert places == sorted(places)
    assert places[-1] < markdown.index("| # |")
    places = [terminal.index(each) for each in said]
    assert places == sorted(places)
    assert places[-1] < terminal.index("architecture")


def test_a_healthy_board_has_nothing_above_it() -> None:
    made = [erring("a", spread(4)), erring("b", spread(6))]
    text = to_markdown(board_of(*made, subject=replace(SUBJECT, findings=())))
    assert "WARNING" not in text
    assert "Audit" not in text


@pytest.mark.parametrize("width", [80, 160])
def test_the_champion_is_marked_and_the_rule_said(width: int) -> None:
    found = unlike()
    markdown, terminal = to_markdown(found), printed(found, width)
    assert "| 1 ≈ | 1–2 | first |" in markdown
    assert "| 2 ★ ≈ | 1–2 | second |" in markdown
    assert "| 3 | 3 | blind |" in markdown
    assert "2 ★ ≈" in terminal
    why = "second is the champion: of the 2 networks that cannot be told from the best"
    assert why in markdown
    assert why in " ".join(terminal.split())
    assert "never names c (8 units)" in markdown
    assert "blind: never names c (8 units)." in terminal


def test_where_there_is_no_champion_the_reason_is_said() -> None:
    found = board_of(erring("a", spread(32)))
    assert "Noise could be the best here: a's figure is reached" in to_markdown(found)
    assert "★" not in to_markdown(found)


def test_a_figure_that_no_interval_can_be_given_for_says_so() -> None:
    found = board_of(erring("a", [1], sizes=(36, 2)))
    assert "0.893 [–]" in to_markdown(found)
    assert "[–]: no interval can be given, a class having fewer than 3 units." in to_markdown(found)
    assert "[–]" in printed(found, 160)


def test_clean_figures_stand_beside_those_at_the_same_mix(board: Board) -> None:
    text = to_markdown(board)
    assert "| val clean | val clean, same mix | test clean | test clean, same mix |" in text
    assert "clean" not in to_markdown(board_of(erring("a", spread(4))))


def test_out_of_fold_answers_lead_the_columns_where_they_rank() -> None:
    made = with_folds(erring("a", spread(20)), spread(12, (72, 72)))
    text = to_markdown(board_of(made))
    assert "| weights | out-of-fold macro-F1 | val macro-F1 | test macro-F1 |" in text
    assert "Ranked on macro-F1 of out-of-fold answers over train and validation (cv:5)." in text
    assert "out-of-fold" in printed(board_of(made), 80)


def test_a_board_whose_rows_scatter_too_much_promises_no_difference() -> None:
    made = [erring("a", spread(6))]
    made += [erring("b", spread(n), of=spec("b", seed=n)) for n in (2, 20)]
    text = to_markdown(board_of(*made))
    assert "On 72 distinct images no difference between rows is sure to be found." in text


def test_markdown_is_one_whole_table(board: Board) -> None:
    lines = [line for line in to_markdown(board).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(board.rows)
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert "killed \\| out of memory" in lines[-1]


def test_scans_are_not_called_synthetic(board: Board) -> None:
    scans = replace(board, subject=replace(SUBJECT, synthetic=False))
    assert "SYNTHETIC" not in to_markdown(scans)
    assert "SYNTHETIC" not in printed(scans, 120)


@pytest.mark.parametrize("limit", [MARKDOWN_LIMIT, 3_000])
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
    assert "val_auroc" in to_csv(board)
    assert "Ranked on validation AUROC" in to_markdown(board)


def test_an_empty_board_is_shown_all_the_same() -> None:
    assert "Leaderboard" in to_markdown(rank([]))
    assert "Leaderboard" in printed(rank([]), 80)


def test_the_figure_shows_the_ranked_rows_alone(board: Board) -> None:
    figure = to_figure(board)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert [label.split()[0] for label in labels] == [row.arch for row in board.ranked]
    assert sorted(label.partition(" ")[2] for label in labels) == ["≈", "★ ≈"]
    assert "(SYNTHETIC images)" in figure.get_suptitle()
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == [
        *("validation (ranked on)", "test (reporting only)"),
        *("≈ may be the best", "★ the champion by rule"),
    ]


def test_the_figure_draws_no_more_rows_than_can_be_read() -> None:
    figure = to_figure(rank([record(f"arch{n:03d}", n / 300) for n in range(60)]))
    assert len(figure.axes[0].get_yticklabels()) == 40
    assert figure.get_suptitle().endswith(", the first 40 rows")


def test_the_figure_names_out_of_fold_answers() -> None:
    figure = to_figure(board_of(with_folds(erring("a", spread(20)), spread(12, (72, 72)))))
    assert figure.legends[0].get_texts()[0].get_text() == "out-of-fold (ranked on)"
