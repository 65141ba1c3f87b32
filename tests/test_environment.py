import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from benchmark.environment import Process, this_process

ROOT = Path(__file__).parents[1]
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def child() -> Iterator["subprocess.Popen[str]"]:
    code = (
        "from benchmark.environment import this_process; import sys\n"
        "print(this_process().started, flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_a_process_is_alive_until_it_ends_though_nobody_has_waited_for_it(
    child: "subprocess.Popen[str]",
) -> None:
    assert child.stdout is not None
    started = child.stdout.readline().strip()
    found = Process(host=socket.gethostname(), pid=child.pid, started=started)
    assert found.is_alive
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table
    assert not found.is_alive
    child.wait()
    assert not found.is_alive


def test_another_process_of_the_same_number_is_not_taken_for_it() -> None:
    assert this_process().is_alive
    assert not replace(this_process(), started="another").is_alive
    assert not replace(this_process(), started="").is_alive


def test_a_process_elsewhere_counts_as_alive() -> None:
    assert replace(this_process(), host="elsewhere", started="another").is_alive


@ON_LINUX
def test_a_step_of_the_clock_does_not_make_a_process_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = this_process()
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: 1.0)
    assert this_process() == before
    assert before.started.startswith(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
