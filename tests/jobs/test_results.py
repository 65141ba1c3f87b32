from pathlib import Path

import pytest

from benchmark.errors import StoreError
from benchmark.jobs.results import writable_file


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
