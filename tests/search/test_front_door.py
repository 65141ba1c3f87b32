"""What importing the room costs, and what it refuses."""

import subprocess
import sys
from pathlib import Path

import pytest

import benchmark.search


@pytest.mark.slow  # a process of its own
@pytest.mark.parametrize("room", ["benchmark.search", "benchmark.jobs"])
def test_importing_a_room_imports_no_engine(room: str) -> None:
    code = f"import sys, {room}; print(sorted({{'optuna', 'keras_tuner'}} & set(sys.modules)))"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.slow  # optuna takes a second to import
@pytest.mark.parametrize("name", benchmark.search.__all__)
def test_every_name_of_the_front_door_is_there(name: str) -> None:
    assert getattr(benchmark.search, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"'benchmark\.search' has no attribute 'serch'"):
        benchmark.search.serch  # type: ignore[attr-defined]  # noqa: B018
