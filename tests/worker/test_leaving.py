"""An outcome's folder stands whole under its name, or not at all."""

import errno
import os
from pathlib import Path

import pytest

from benchmark.errors import StoreError
from benchmark.worker.outcomes import _left


def leave(folder: Path, *, fails: Exception | None) -> None:
    with _left(folder) as part:
        (part / "model.keras").write_bytes(bytes(100))
        for error in [fails] if fails else []:
            raise error
        (part / "outcome.json").write_text("{}")


def test_an_outcome_stands_under_its_name_once_it_is_whole(tmp_path: Path) -> None:
    leave(tmp_path / "digest", fails=None)
    assert [path.name for path in tmp_path.iterdir()] == ["digest"]
    names = sorted(path.name for path in (tmp_path / "digest").iterdir())
    assert names == ["model.keras", "outcome.json"]


@pytest.mark.parametrize(
    ("error", "raised", "said"),
    [
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
            StoreError,
            r"cannot be written to .*digest: No space left on device; the next start",
        ),
        (
            OSError("Can't write data (no room)"),
            StoreError,
            r"digest: Can't write data \(no room\);",
        ),
        (ValueError("a fold failed"), ValueError, "a fold failed"),
    ],
)
def test_what_is_half_written_gives_its_room_back(
    error: Exception, raised: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(raised, match=said):
        leave(tmp_path / "digest", fails=error)
    assert list(tmp_path.iterdir()) == []
    leave(tmp_path / "digest", fails=None)
    assert (tmp_path / "digest" / "outcome.json").is_file()
