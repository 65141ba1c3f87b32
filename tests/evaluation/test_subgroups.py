"""Subgroups by what a table says of images."""

from collections import Counter

import pytest

from benchmark.evaluation import ordered_subgroups, subgroups


def test_each_value_is_a_group_and_rare_ones_are_joined() -> None:
    values = ["f"] * 12 + ["m"] * 10 + ["x"] * 9 + ["y"] + [""] * 2
    groups = Counter(subgroups(values))
    assert groups == {"f": 12, "m": 10, "2 rarer values": 10, "not stated": 2}


def test_numbers_are_divided_at_their_quartiles_and_named_by_what_they_hold() -> None:
    values = [str(age) for age in range(20, 60)] + [""]
    groups = subgroups(values)
    assert Counter(groups) == {
        "20 to 29": 10,
        "30 to 39": 10,
        "40 to 49": 10,
        "50 to 59": 10,
        "not stated": 1,
    }
    assert ordered_subgroups(groups, values)[-1] == "not stated"
    assert ordered_subgroups(groups, values)[0] == "20 to 29"


def test_a_number_that_repeats_is_in_one_group_only() -> None:
    values = ["1"] * 30 + ["2", "3", "4", "5", "6"] * 2
    by_value = dict(zip(values, subgroups(values), strict=True))
    assert by_value == {"1": "1"} | dict.fromkeys("23456", "2 to 6")


@pytest.mark.parametrize("values", [["0", "1"], ["1", "2", "3", "4"], ["5", "nan", "7", "8", "9"]])
def test_few_numbers_are_codes_and_what_is_no_number_is_a_word(values: list[str]) -> None:
    assert set(subgroups(values * 10)) == set(values)


def test_numbers_are_ordered_as_numbers_and_words_by_name() -> None:
    values = ["10", "9", "b", "a", ""]
    assert ordered_subgroups(values, values) == ("9", "10", "a", "b", "")
