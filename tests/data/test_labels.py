"""Labels of a table: told apart by what they say, refused where missing, one an image."""

import re

import pytest

from benchmark.data.labels import LabelCells, LabelNames, name_labels, writing_key
from benchmark.errors import DataError, UsageError


def named(*cells: str, one_label: str | None = None) -> LabelNames:
    rows = range(2, 2 + len(cells))
    return name_labels(LabelCells(called="m.csv", rows=rows, cells=cells), one_label)


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (("Normal", "normal", "NORMAL", "normal"), "normal"),
        (("Normal", "normal", "NORMAL"), "Normal"),
        (("No  Finding", "No Finding", "no finding"), "No Finding"),
        (("0", "0.0", "0.00", "0.0"), "0"),
        (("1", "01", "+1"), "1"),
        (("-1", "-1.0"), "-1"),
        (("0.5", "0.50", "0.500"), "0.5"),
        (("Straße", "STRASSE"), "Straße"),
        (("ａ", "a"), "a"),
    ],
)
def test_labels_that_differ_in_writing_only_are_one_class(
    cells: tuple[str, ...], name: str
) -> None:
    found = named(*cells)
    assert set(found.names) == {name}
    (sentence,) = found.merged
    assert sentence.startswith(f"class {name}: the labels ")


@pytest.mark.parametrize(
    ("one", "other"),
    [("0", "1"), ("1", "-1"), ("1.5", "15"), ("1e3", "1000"), ("a b", "ab"), ("grade 1", "1")],
)
def test_labels_that_say_other_things_stay_apart(one: str, other: str) -> None:
    assert writing_key(one) != writing_key(other)
    assert named(one, other).merged == ()


def test_a_number_written_in_one_way_keeps_it() -> None:
    assert named("1.0", "0.0").names == ("1.0", "0.0")


def test_zeros_without_end_are_no_work_without_end() -> None:
    assert writing_key("0" * 100_000 + "x") == "0" * 100_000 + "x"


@pytest.mark.parametrize(
    "word", ["nan", "NaN", "NA", "None", "null", "N/A", "n/a", "-", "?", "<NA>", "NULL", "#N/A"]
)
def test_a_word_for_nothing_is_no_label(word: str) -> None:
    with pytest.raises(
        DataError, match=rf"^m.csv, row 3: the label is {re.escape(repr(word))}, which"
    ):
        named("a", word, "b")


def test_missing_labels_are_counted_and_their_first_rows_named() -> None:
    with pytest.raises(
        DataError,
        match=r"^m.csv, rows 2, 4, 5, 6, 7 and 2 more \(7 of 8\): the label is empty or 'nan'",
    ):
        named("nan", "a", "", "", "nan", "", "", "")
    with pytest.raises(DataError, match=r"^m.csv, row 3: the label is empty; write it, or remove"):
        named("a", "")


@pytest.mark.parametrize(
    "cell",
    ["A|B", "A | B", "A;B", "A,B", "A, B", "['A', 'B']", '["A","B"]', "B|A|A", "A||B|"],
)
def test_several_findings_in_a_cell_are_refused_with_what_decides(cell: str) -> None:
    with pytest.raises(
        DataError,
        match=r"^m.csv: 1 of 4 labels are several findings, such as .* in row 5, .*"
        r"--one-label drop .*--one-label NAME .*\(A, B, C\)\.$",
    ):
        named("A", "B", "C", cell)


def test_a_bar_parts_findings_that_stand_nowhere_alone() -> None:
    with pytest.raises(DataError, match="1 of 2 labels are several"):
        named("A|B", "C")


def test_commas_join_findings_where_there_are_many_of_the_same_words() -> None:
    with pytest.raises(DataError, match="6 of 7 labels are several"):
        named("A, B", "A, C", "A, D", "B, C", "B, D", "C, D", "none of these")


def test_a_comma_may_stand_in_the_name_of_a_class() -> None:
    cells = ("pneumonia, viral", "pneumonia, bacterial", "normal")
    assert named(*cells).names == cells


def test_one_finding_said_twice_is_one() -> None:
    assert named("A|a", "B", "A", "A").names == ("A", "B", "A", "A")
    assert named("['A']", "['B']").names == ("A", "B")


def test_drop_leaves_out_images_of_several_findings_and_counts_them() -> None:
    found = named("A", "A|B", "C", "B|C", one_label="drop")
    assert found.names == ("A", None, "C", None)
    assert found.notes == (
        "2 of 4 images have several findings and are left out (--one-label drop).",
    )


def test_a_finding_is_told_from_all_else_where_it_is_named() -> None:
    found = named("A", "A|B", "C", "B|C", one_label="b")
    assert found.names == ("no B", "B", "no B", "B")
    assert "2 of 4 images have B, alone or among several findings" in found.notes[0]


def test_a_finding_that_is_not_there_is_said_with_what_is_near() -> None:
    with pytest.raises(UsageError, match=r"no label is 'Effusoin'. Did you mean Effusion\?"):
        named("Effusion", "Mass", one_label="Effusoin")


def test_uncertain_labels_are_said() -> None:
    assert any("1 of 3 labels are -1" in note for note in named("-1.0", "0.0", "1.0").notes)
    assert named("-1", "0", "2").notes == ()


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("x" * 201, "has 201 characters"),
        ("a\0", "holds a character that cannot be seen"),
        ("|", "names no finding"),
        ("[]", "names no finding"),
    ],
)
def test_what_can_be_no_class_is_refused(cell: str, reason: str) -> None:
    with pytest.raises(DataError, match=rf"^m.csv, row 4: the label {re.escape(reason)}"):
        named("A", "B|C", cell, one_label="drop")


def test_a_value_of_its_own_for_each_image_is_no_class() -> None:
    with pytest.raises(DataError, match="the label has 60 different values in 120 rows"):
        named(*[f"{number % 60}" for number in range(120)])
    assert len(set(named(*[f"{number % 60}" for number in range(240)]).names)) == 60
