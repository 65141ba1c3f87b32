import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark import environment
from benchmark.presence import Presence

ROOT = Path(__file__).parents[1]


def test_a_process_is_alive_until_it_ends_though_nobody_has_waited_for_it(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from benchmark.presence import Presence\n"
        "here = Presence(Path(sys.argv[1])); print(here.token, flush=True); sys.stdin.read()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    token = child.stdout.readline().strip()
    own = Presence(tmp_path)
    assert own.is_alive(token) is True
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table
    assert own.is_alive(token) is False
    child.communicate()


def test_one_sees_itself_and_another_of_the_same_process(tmp_path: Path) -> None:
    one, other = Presence(tmp_path), Presence(tmp_path)
    assert [one.is_alive(each) for each in (one.token, other.token)] == [True, True]
    assert one.gone() == frozenset()


def test_whoever_ended_well_leaves_nothing_and_cannot_be_told_any_more(tmp_path: Path) -> None:
    folder = tmp_path / "alive"
    with Presence(folder) as one, Presence(folder) as other:
        token = other.token
    assert not folder.exists()
    assert one.is_alive(token) is None


def test_the_files_of_the_dead_are_told_and_forgotten(tmp_path: Path) -> None:
    dead = Presence(tmp_path)
    assert dead._held is not None
    dead._held.close()  # as the system does when a process is killed
    here = Presence(tmp_path)
    assert here.gone() == {dead.token}
    here.forget(here.gone())
    assert [path.name for path in tmp_path.iterdir()] == [here.token]


def test_a_file_of_another_system_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(environment, "boot", lambda: "another system")
        dead = Presence(tmp_path)
        assert dead._held is not None
        dead._held.close()
    here = Presence(tmp_path)
    assert here.is_alive(dead.token) is None
    assert here.gone() == frozenset()


def test_a_system_without_a_name_trusts_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "boot", lambda: "")
    other = Presence(tmp_path)
    assert Presence(tmp_path).is_alive(other.token) is None


@pytest.mark.parametrize("folder", [None, "file"], ids=["no folder", "no place for one"])
def test_without_a_file_nobody_can_tell(folder: str | None, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Presence(None if folder is None else tmp_path / folder) as here:
        assert here.is_alive(here.token) is True
        assert here.is_alive("0123456789abcdef") is None
        assert here.gone() == frozenset()


def test_a_token_says_nothing_of_the_machine(tmp_path: Path) -> None:
    tokens = {Presence().token for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(token) == 16 and int(token, 16) >= 0 for token in tokens)
