"""Files: whole or not there, whoever else writes; locked between processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.errors import StoreError, UsageError
from benchmark.files import (
    allocate,
    file_digest,
    is_waited_for,
    lock,
    path_of,
    read_plain,
    whole_file,
    write_text,
)

PROJECT = Path(__file__).parents[1]


def test_a_file_is_written_under_another_name_and_then_put_in_place(
    tmp_path: Path,
) -> None:
    path = tmp_path / "deep" / "board.csv"
    with whole_file(path) as part:
        part.write_text("new")
        assert part != path
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
    with whole_file(path) as part, whole_file(path) as other:  # of one number, in two containers
        part.write_text("mine")
        other.write_text("theirs")
        assert part.read_text() == "mine"
    assert path.read_text() == "mine"


def test_a_file_where_the_folder_should_be_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"board\.csv cannot be written"):
        write_text(tmp_path / "file" / "board.csv", "new")


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_text(tmp_path / "pipe", "new")
    assert os.read(reader, 9) == b"new"
    assert (tmp_path / "pipe").is_fifo()


def test_a_files_digest_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert file_digest(tmp_path / "file").startswith("ba7816bf8f01cfea414140de5dae2223b00361a396")


TRY = """
import sys
from pathlib import Path
from benchmark.files import lock
try:
    lock(Path(sys.argv[1]), shared=sys.argv[2] == "shared", wait=False)
    print("held")
except BlockingIOError:
    print("busy")
"""


@pytest.mark.parametrize(
    ("mine", "theirs", "said"),
    [
        ("alone", "alone", "busy"),
        ("alone", "shared", "busy"),
        ("shared", "alone", "busy"),
        ("shared", "shared", "held"),
    ],
)
def test_a_lock_is_held_alone_or_shared(tmp_path: Path, mine: str, theirs: str, said: str) -> None:
    path = tmp_path / "locks" / "entry"
    code = [sys.executable, "-c", TRY, str(path), theirs]
    with lock(path, shared=mine == "shared"):
        held = subprocess.run(code, cwd=PROJECT, capture_output=True, text=True, check=True)
    after = subprocess.run(code, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert (held.stdout.strip(), after.stdout.strip()) == (said, "held")


def test_threads_and_folders_are_kept_apart_too(tmp_path: Path) -> None:
    with lock(tmp_path), pytest.raises(BlockingIOError):
        lock(tmp_path, wait=False)
    lock(tmp_path, wait=False).close()
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_that_nobody_reads_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StoreError, match="it is a pipe that nobody reads"):
        write_text(tmp_path / "pipe", "new")
    assert is_waited_for(tmp_path / "pipe")
    assert not is_waited_for(tmp_path / "none")


def test_a_plain_file_is_read_up_to_its_limit_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_plain(tmp_path / "file", 5) == b"12345"
    os.mkfifo(tmp_path / "pipe")
    for name, limit, why in (
        ("file", 4, "it has 5 bytes, and may have 4"),
        ("pipe", 9, "it is no plain file"),
        ("/dev/zero", 9, "it is no plain file"),
        (".", 9, "Is a directory"),
        ("none", 9, "No such file"),
    ):
        with pytest.raises(OSError, match=why):
            read_plain(tmp_path / name, limit)


def test_a_path_is_what_a_person_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~$letter.doc").touch()
    assert path_of("~/scans") == Path("/home/me/scans")
    assert path_of("a/~b") == Path("a/~b")
    assert path_of("~$letter.doc") == Path("~$letter.doc")
    assert path_of("\udcff.png") == Path("\udcff.png")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("~nobody-here/x", "there is no user 'nobody-here' here"),
        ("a\0b", "holds a NUL"),
        ("\ud800", "holds what no file's name can"),
        ("é" * 128, "may have 255 bytes and its path 4,095, not 256 and 256"),
        ("x/" * 2049, "not 1 and 4,097"),
    ],
)
def test_what_no_path_can_be_is_refused(words: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        path_of(words)


def test_the_room_of_a_file_is_taken_and_its_size_and_contents_stay(tmp_path: Path) -> None:
    path = tmp_path / "map.npy"
    path.write_bytes(b"header" + bytes(10_000))
    allocate(path)
    assert path.read_bytes() == b"header" + bytes(10_000)
