"""Studies that cannot be used: which file and why in a line, and the way on; nothing is deleted."""

import errno
import json
import os
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import StoreError
from benchmark.search import (
    Objective,
    SearchSettings,
    Space,
    Trial,
    TrialState,
    check_storage,
    parse_space,
    search,
)
from benchmark.search.journals import DamagedError, Journal

ASKED = SearchSettings(engine="optuna:random", trials=3, seed=3, study="cnn")


@pytest.fixture
def damaged(space: Space, objective: Objective, tmp_path: Path) -> Path:
    """A study's journal in a folder, a line of which is spoilt."""
    search(space, objective, ASKED, f"{tmp_path}/")
    path = tmp_path / f"{ASKED.study_name(space)}.journal"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:7], b"spoilt\n", *lines[8:]]))
    return path


def test_a_damaged_journal_is_named_with_its_line_and_stays(
    damaged: Path, space: Space, objective: Objective
) -> None:
    before = damaged.read_bytes()
    with pytest.raises(DamagedError, match=rf"^the search journal {damaged} is damaged .*line 8: "):
        search(space, objective, ASKED, f"{damaged.parent}/")
    assert damaged.read_bytes() == before


def test_a_damaged_journal_is_moved_aside_and_never_deleted(
    damaged: Path, space: Space, objective: Objective
) -> None:
    for number in (1, 2):
        before = damaged.read_bytes()
        found = search(space, objective, ASKED, f"{damaged.parent}/", anew=True)
        aside = damaged.with_name(f"{damaged.name}.damaged-{number}")
        said = f"the search begins anew: its damaged journal is kept beside it, as {aside.name}."
        assert found.notes == (said,)
        assert aside.read_bytes() == before
        assert [each.state for each in found.trials] == [TrialState.COMPLETE] * 3
        damaged.write_bytes(damaged.read_bytes().replace(b'"values":[', b'"values":[NaN', 1))


def test_a_whole_journal_is_gone_on_with_though_all_is_asked_for_anew(
    space: Space, objective: Objective, journal: str
) -> None:
    search(space, objective, ASKED, journal)
    found = search(space, objective, replace(ASKED, trials=4), journal, anew=True)
    assert (len(found.trials), found.notes) == (4, ())
    assert [path.name for path in Path(journal).parent.glob("s*")] == ["search.journal"]


def test_a_damaged_journal_hinders_its_own_study_only(
    damaged: Path, space: Space, objective: Objective
) -> None:
    found = search(space, objective, replace(ASKED, seed=4), f"{damaged.parent}/")
    assert len(found.complete) == 3
    (note,) = found.notes
    assert note == f"{damaged.name} cannot be read, so that its search is not compared with."


def test_a_line_about_a_trial_that_no_line_begins_is_damage(
    space: Space, objective: Objective, journal: str
) -> None:
    search(space, objective, ASKED, journal)
    lines = Path(journal).read_bytes().splitlines(keepends=True)
    begins = next(at for at, line in enumerate(lines) if json.loads(line)["op_code"] == 4)
    Path(journal).write_bytes(b"".join(lines[:begins] + lines[begins + 1 :]))
    with pytest.raises(DamagedError, match="there is no trial_id"):
        search(space, objective, ASKED, journal)


@pytest.mark.parametrize("left", [b"", b'{"op_code":0,"worker_id":"a', bytes(4096)])
def test_what_a_crash_left_of_a_first_line_is_no_damage(
    left: bytes, space: Space, objective: Objective, journal: str
) -> None:
    Path(journal).parent.mkdir()
    Path(journal).write_bytes(left)
    assert len(search(space, objective, ASKED, journal).complete) == 3


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo, lambda path: path.write_text("mine")])
def test_whatever_stands_in_a_study_s_own_place_is_moved_aside(
    make: Any, space: Space, objective: Objective, tmp_path: Path
) -> None:
    path = tmp_path / f"{ASKED.study_name(space)}.journal"
    make(path)
    with pytest.raises(DamagedError, match=r"\(it is something else\)"):
        search(space, objective, ASKED, f"{tmp_path}/")
    assert len(search(space, objective, ASKED, f"{tmp_path}/", anew=True).complete) == 3
    assert path.with_name(f"{path.name}.damaged-1").exists()


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
@pytest.mark.parametrize("name", ["s.journal", ".s.journal.owner", "s.db"])
def test_what_is_no_file_is_refused_and_not_waited_for(
    name: str, make: Any, space: Space, objective: Objective, tmp_path: Path
) -> None:
    make(tmp_path / name)
    storage = f"sqlite:///{tmp_path}/s.db" if name == "s.db" else f"{tmp_path}/s.journal"
    with pytest.raises(StoreError, match=r"is something else|it is no file"):
        search(space, objective, ASKED, storage)


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ("mysql://ann:geheim@db/x", r"not mysql://ann:\*\*\*@db/x\.$"),
        ("sqlite://", "not sqlite://"),
        ("sqlite:///:memory:", "kept in a journal file or in SQLite"),
        ("sqlite:///file:x.db?uri=true", "kept in a journal file or in SQLite"),
        ("sqlite://host/x.db", "kept in a journal file or in SQLite"),
        ("http://[::1", "kept in a journal file or in SQLite"),
        ("pg://host:port/x", "kept in a journal file or in SQLite"),
        ("sqlite:///{}/x.db?nonsense=1", "cannot be opened: .*nonsense"),
        ("sqlite:///{}/text.db", "cannot be opened: file is not a database"),
        ("sqlite:///{}/other.db", "is a database of something else and stays as it was"),
        ("{}/text.db", "is something else"),
        ("{}/text.db/studies/", "cannot keep a search: Not a directory"),
        ("{}/" + "n" * 240, "cannot keep a search: File name too long"),
        ("{}/" + "n" * 300 + "/", "cannot keep a search: File name too long"),
    ],
)
def test_a_storage_that_cannot_be_is_refused_before_any_work(
    storage: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "text.db").write_text("a text, long enough to be no empty database at all" * 20)
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("create table runs (id)")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(StoreError, match=message) as refused:
        check_storage(storage.format(tmp_path))
    assert "\n" not in str(refused.value)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_damaged_database_is_told_in_a_line(
    space: Space, objective: Objective, tmp_path: Path
) -> None:
    address = f"sqlite:///{tmp_path}/s.db"
    search(space, objective, ASKED, address)
    content = bytearray((tmp_path / "s.db").read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    (tmp_path / "s.db").write_bytes(content)
    with pytest.raises(StoreError, match=r"s\.db (cannot be opened|ended): .*malformed\.$"):
        search(space, objective, ASKED, address)


class Disk:
    """A journal's file on a disk that takes so many bytes more."""

    def __init__(self, file: Any, room: int) -> None:
        self.file, self.room = file, room

    def write(self, data: memoryview) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = self.file.write(data[: self.room])
        self.room -= taken
        return int(taken)

    def truncate(self, size: int) -> None:
        self.file.truncate(size)


def test_a_full_disk_costs_no_finished_trial_and_leaves_no_half_line(
    space: Space, objective: Objective, journal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Journal._write
    room = [2000]

    def full(self: Journal, file: Any, data: bytes) -> None:
        disk = Disk(file, room[0])
        try:
            write(self, disk, data)
        finally:
            room[0] = disk.room

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "_write", full)
        with pytest.raises(
            StoreError, match=r"No space left on device; its trials so far are kept"
        ):
            search(space, objective, ASKED, journal)
    assert Path(journal).read_bytes().endswith(b"\n")
    assert 1500 < Path(journal).stat().st_size <= 2000
    alone = search(space, objective, ASKED)
    assert [each.params for each in search(space, objective, ASKED, journal).trials] == [
        each.params for each in alone.trials
    ]


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (Path.unlink, "cannot be read: No such file or directory; somebody removed or renamed it"),
        (
            lambda path: path.write_bytes(path.read_bytes() + b"x\n"),
            "was changed by another program",
        ),
    ],
)
def test_a_journal_that_is_taken_away_ends_its_search_in_a_line(
    harm: Any, message: str, space: Space, journal: str
) -> None:
    def objective(trial: Trial) -> float:
        for path in [Path(journal)] * (trial.number == 1):
            harm(path)
        return 0.5

    with pytest.raises(StoreError, match=message):
        search(space, objective, ASKED, journal)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("o: {type: choice, choices: [adam, rmsprop]}", "o: sgd gone, rmsprop new"),
        ("o: {type: choice, choices: [sgd, adam]}", "o: choices in another order"),
        ("p: {type: choice, choices: [adam, sgd]}", "p new; o gone"),
        ("o: {type: float, low: 0.5, high: 2}", "o: kind float, not choice, low 0.5, not none, "),
    ],
)
def test_what_changed_in_a_space_is_said_and_nothing_else(
    line: str, said: str, objective: Objective, journal: str
) -> None:
    head = "parameters:\n  rate: {type: float, low: 1.0e-4, high: 1.0e-2}\n  "
    tail = "\n  layers: {type: fixed, value: 1}\n  pool: {type: fixed, value: max}"
    for material, own in (("a", "o: {type: choice, choices: [adam, sgd]}"), ("b", line)):
        space = parse_space(head + own + tail, name="mine", file="mine.yaml")
        spec = {"data": "x", "search": {"space": "mine", "space_digest": space.digest}}
        asked = replace(ASKED, material=material, asked=spec)
        found = search(space, objective, asked, journal)
    (note,) = found.notes
    assert note.startswith(f"a new study begins, for the space changed ({said}")
    assert "data set" not in note


def test_what_changed_in_a_spec_is_said(space: Space, objective: Objective, journal: str) -> None:
    specs = (
        {"data_digest": "1", "params": {"drop": 0.5}, "search": {"pruner": "none", "trials": 0}},
        {"data_digest": "2", "params": {"drop": 0.3}, "search": {"pruner": "median", "trials": 1}},
    )
    for number, spec in enumerate(specs):
        asked = replace(ASKED, material=str(number), asked=spec)
        found = search(space, objective, asked, journal)
    assert found.notes[0].startswith(
        "a new study begins, for the data set and parameters and pruner changed "
        "(drop 0.3, not 0.5; pruner median, not none); the trials of cnn-"
    )
