import os
from pathlib import Path

import pytest

from benchmark.errors import StoreError
from benchmark.jobs.results import writable, writable_file


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


@pytest.mark.parametrize("name", ["", "new", "new/deep/er", "link/new"])
def test_asking_whether_a_folder_can_be_written_makes_none(name: str, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    writable(tmp_path / name)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["link", "there"]


@pytest.mark.parametrize("name", ["file", "file/below", "gone", "gone/below", "pipe"])
def test_a_folder_that_cannot_be_made_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "gone").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="the cache folder must be writable"):
        writable(tmp_path / name, "cache")


def test_a_pipe_with_a_name_is_no_place_for_a_table(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="it is a pipe"):
        writable_file(tmp_path / "pipe")
    writable_file(Path("/dev/stdout"))
