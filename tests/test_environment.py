"""What Linux tells of processes that were killed, and what TensorFlow is not let to tell."""

import os
from pathlib import Path

import pytest

from benchmark import environment
from benchmark.environment import memory_kills


@pytest.mark.parametrize(
    ("groups", "file", "count"),
    [
        ("0::/box\n", "box/memory.events", 3),
        ("4:cpu:/\n2:memory:/box\n", "memory/box/memory.oom_control", 3),
        ("2:cpu,memory:/of/the/host\n0::/\n", "memory/memory.oom_control", 3),
        ("0::/elsewhere\n", "box/memory.events", None),
        ("", "memory.events", None),
    ],
)
def test_kills_for_want_of_memory_are_counted_where_either_version_of_groups_has_them(
    groups: str, file: str, count: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, root, machine = (tmp_path / name for name in ("cgroup", "groups", "vmstat"))
    own.write_text(groups)
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text("low 0\noom 9\noom_kill_disable 0\noom_kill 3\n")
    machine.write_text("nr_free_pages 5\noom_kill 8\n")
    for name, path in (("_CGROUP", own), ("_GROUPS", root), ("_VMSTAT", machine)):
        monkeypatch.setattr(environment, name, path)
    assert memory_kills() == (count, 8)


def test_a_system_that_counts_nothing_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("_CGROUP", "_GROUPS", "_VMSTAT"):
        monkeypatch.setattr(environment, name, tmp_path / "none")
    assert memory_kills() == (None, None)


def test_what_a_framework_says_while_it_is_loaded_is_not_shown(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with environment.without_chatter():
        os.write(2, b"I0000 00:00:1 1 port.cc:153] oneDNN custom operations are on.\n")
        os.write(2, b"E0000 00:00:1 1 cuda.cc:1] no device\n")
        os.write(2, b"a warning\n")
    assert capfd.readouterr().err == "E0000 00:00:1 1 cuda.cc:1] no device\na warning\n"


def test_where_loading_fails_all_that_was_said_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    @environment.without_chatter()
    def load() -> None:
        os.write(2, b"W0000 00:00:1 1 loader.cc:1] no library\n")
        raise ImportError

    with pytest.raises(ImportError):
        load()
    assert capfd.readouterr().err == "W0000 00:00:1 1 loader.cc:1] no library\n"
