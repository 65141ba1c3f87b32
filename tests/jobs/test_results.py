from pathlib import Path

import pytest

from benchmark import environment
from benchmark.errors import StoreError
from benchmark.jobs.results import whole_file, writable_file, write_text


def test_a_file_is_written_under_a_name_of_this_process_and_then_put_in_place(
    tmp_path: Path,
) -> None:
    path = tmp_path / "deep" / "board.csv"
    with whole_file(path) as part:
        part.write_text("new")
        assert str(environment.this_process().pid) in part.name
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def write_half(path: Path) -> None:
    with whole_file(path) as part:
        part.write_text("ne")
        raise ValueError("half")


def test_a_file_that_could_not_be_finished_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "board.csv"
    write_text(path, "old")
    with pytest.raises(ValueError, match="half"):
        write_half(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_another_process_at_the_same_file_does_not_disturb(tmp_path: Path) -> None:
    path = tmp_path / "board.csv"
    with whole_file(path) as part:
        part.write_text("mine")
        (tmp_path / f".board.csv.{environment.this_process().pid + 1}.part").write_text("theirs")
    assert path.read_text() == "mine"


def test_asking_whether_a_file_can_be_written_changes_nothing(tmp_path: Path) -> None:
    old = tmp_path / "old.csv"
    old.write_text("text")
    writable_file(old)
    writable_file(tmp_path / "new.csv")
    assert old.read_text() == "text"
    assert list(tmp_path.iterdir()) == [old]


@pytest.mark.parametrize("name", ["", "folder/below a file"])
def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").touch()
    with pytest.raises(StoreError, match="must be writable"):
        writable_file(tmp_path / name)
