from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.errors import UsageError
from benchmark.records import Params, Picture, Regime, SearchSpec, Seconds, Spec, Tunable

SPEC = Spec(
    arch="cnn",
    data="phantom",
    data_digest="d" * 64,
    split_digest="s" * 64,
    picture=Picture(side_px=96),
    regime=Regime.SCRATCH,
    weights="none",
    params=Params(blocks=3, dropout=0.3),
    epochs=30,
    patience=5,
    seed=0,
)
CHANGES: dict[str, Any] = {
    "arch": "mlp",
    "data": "chest-ct",
    "data_digest": "x",
    "split_digest": "x",
    "fold": 1,
    "picture": Picture(side_px=97),
    "regime": Regime.FROZEN,
    "weights": "imagenet",
    "params": Params(blocks=4, dropout=0.3),
    "epochs": 31,
    "patience": 6,
    "seed": 1,
    "engine": "tensorflow",
    "search": SearchSpec(engine="optuna:tpe", space="head", space_digest="x", trials=3),
    "members": ("x",),
    "rank_on": "cv:5",
    "labels": "shuffled",
    "numerics": Params(data=2, zoo=1),
}


def test_every_field_of_a_spec_is_tried_below() -> None:
    assert {item.name for item in fields(Spec)} == set(CHANGES)


@pytest.mark.parametrize("name", CHANGES)
def test_every_field_of_a_spec_changes_its_digest(name: str) -> None:
    changed = replace(SPEC, **{name: CHANGES[name]})
    assert changed.digest != SPEC.digest


@pytest.mark.parametrize("name", CHANGES)
def test_a_spec_survives_json(name: str) -> None:
    changed = replace(SPEC, **{name: CHANGES[name]})
    assert Spec.from_json(changed.to_json()) == changed


def test_the_digest_is_the_same_in_every_version() -> None:
    assert SPEC.digest.startswith("ed389dc966c55377")


def test_the_range_of_16_bit_grey_is_written_where_it_is_a_part_only() -> None:
    assert "grey_range" not in SPEC.to_json()["picture"]
    part = replace(SPEC, picture=replace(SPEC.picture, grey_range="0-4095"))
    assert part.digest != SPEC.digest
    assert Spec.from_json(part.to_json()) == part


names = st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=1, max_size=5)
values = st.one_of(st.integers(-9, 9), st.floats(-1, 1), st.booleans(), st.text(max_size=3))


@given(st.dictionaries(names, values))
def test_params_do_not_depend_on_the_order_they_were_given_in(given: dict[str, str]) -> None:
    backwards = Params(dict(reversed(given.items())))
    assert Params(given) == backwards
    assert hash(Params(given)) == hash(backwards)
    assert list(backwards) == sorted(given)


def test_params_change_by_giving_new_ones() -> None:
    params = Params(dropout=0.3, width=32)
    assert params.having(dropout=0.5) == Params(dropout=0.5, width=32)
    assert params == Params(dropout=0.3, width=32)


def test_total_seconds_leave_out_the_wall() -> None:
    assert Seconds(decode=1, features=2, head=3, search=4, wall=100).total == 10


DROPOUT = Tunable(name="dropout", default=0.3, about="share dropped", low=0, high=0.9)
POOLING = Tunable(name="pooling", default="avg", about="how", choices=("avg", "max"))


def test_a_whole_number_is_taken_where_a_real_one_is_meant() -> None:
    value = DROPOUT.check(0)
    assert value == 0.0
    assert isinstance(value, float)


@pytest.mark.parametrize(
    ("tunable", "value", "message"),
    [
        (DROPOUT, "0.3", "dropout must be of type float, such as 0.3, not '0.3'"),
        (DROPOUT, True, "dropout must be of type float"),
        (DROPOUT, -0.1, "dropout must be at least 0, not -0.1"),
        (DROPOUT, 0.95, "dropout must be at most 0.9, not 0.95"),
        (POOLING, "mean", "pooling must be one of avg, max, not 'mean'"),
    ],
)
def test_a_value_outside_what_a_tunable_allows_is_refused(
    tunable: Tunable, value: str | float, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        tunable.check(value)


@pytest.mark.parametrize(
    ("default", "text", "value"),
    [(0.5, "1e-3", 1e-3), (3, "4", 4), (True, "no", False), (False, "true", True), ("a", "4", "4")],
)
def test_a_parameter_is_read_from_what_a_person_wrote(
    default: float | str, text: str, value: float | str
) -> None:
    found = Tunable(name="x", default=default, about="x").read(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("default", "text"), [(0.5, "much"), (3, "1.5"), (True, "perhaps")])
def test_a_text_that_is_no_value_is_refused(default: float, text: str) -> None:
    with pytest.raises(UsageError, match=f"x must be of type {type(default).__name__}"):
        Tunable(name="x", default=default, about="x").read(text)
