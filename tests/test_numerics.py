"""Each room's number stands for its results: the one does not change without the other."""

from pathlib import Path

import pytest

from benchmark.numerics import NUMERICS
from tests.numerics.figures import FIGURES
from tests.numerics.reference import Figures, differing, read


def test_every_room_with_a_number_has_a_reference() -> None:
    assert set(FIGURES) == set(NUMERICS)


@pytest.mark.slow
@pytest.mark.parametrize("room", FIGURES)
def test_a_room_gives_the_figures_that_its_number_stands_for(room: str, tmp_path: Path) -> None:
    changed = differing(FIGURES[room](tmp_path), read(room).figures)
    assert not changed, (
        f"the {room} room gives other figures: raise NUMERICS['{room}'] and write the reference "
        f"anew with `python -m tests.numerics.write {room}`. Changed: {', '.join(changed)}"
    )


@pytest.mark.parametrize("room", FIGURES)
def test_a_number_is_not_raised_without_its_reference(room: str) -> None:
    assert read(room).number == NUMERICS[room], (
        f"NUMERICS['{room}'] is {NUMERICS[room]}, and its reference was written at "
        f"{read(room).number}: write it anew with `python -m tests.numerics.write {room}`"
    )


@pytest.mark.parametrize(
    ("found", "changed"),
    [
        ({"a": "x", "b": [1.0, 100.05]}, []),
        ({"a": "x", "b": [1.2, 100.0]}, ["b"]),
        ({"a": "x", "b": [1.0, float("nan")]}, ["b"]),
        ({"a": "x", "b": [1.0]}, ["b"]),
        ({"a": "y", "b": [1.0, 100.0]}, ["a"]),
        ({"a": "x", "b": [1.0, 100.0], "c": 1}, ["c"]),
    ],
    ids=["rounding", "moved", "undefined", "shorter", "another text", "one more"],
)
def test_what_differs_by_more_than_rounding_is_named(found: Figures, changed: list[str]) -> None:
    assert differing(found, {"a": "x", "b": [1.0, 100.0]}) == changed
