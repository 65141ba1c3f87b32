"""A study in PostgreSQL, shared by processes one of which is killed. The server is real."""

import getpass
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.search import Objective, SearchSettings, Space, search

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BINARIES, reason="PostgreSQL's server is not installed"),
]

SCRIPT = """
import sys, time
from conftest import SPACE, closeness
from benchmark.search import SearchSettings, parse_space, search

def objective(trial):
    print("begun", flush=True)
    time.sleep(float(sys.argv[2]))
    return closeness(trial)

settings = SearchSettings(engine="optuna:random", trials=12, seed=3)
search(parse_space(SPACE, name="small", file="small.yaml"), objective, settings, sys.argv[1])
"""


def as_owner(*command: str) -> list[str]:
    """PostgreSQL refuses to run as root."""
    prefix = {"root": ["runuser", "-u", "postgres", "--"]}.get(getpass.getuser(), [])
    return [*prefix, *command]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Start a server of our own on a free port of the loopback; return its address."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    folder.chmod(0o777)
    programs = BINARIES[-1].parent
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = str(folder / "data")
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
    control = [str(programs / "pg_ctl"), "-D", data, "-w", "-l", str(folder / "log")]
    create = [str(programs / "initdb"), "-D", data, "-U", "searcher", "-A", "trust"]
    subprocess.run(as_owner(*create), check=True, capture_output=True, cwd="/")
    subprocess.run(
        as_owner(*control, "-o", options, "start"), check=True, stdout=subprocess.DEVNULL, cwd="/"
    )
    yield f"postgresql://searcher@127.0.0.1:{port}/postgres"
    subprocess.run(
        as_owner(*control, "-m", "immediate", "stop"), stdout=subprocess.DEVNULL, cwd="/"
    )
    shutil.rmtree(folder, ignore_errors=True)


def start(address: str, pause: float) -> "subprocess.Popen[str]":
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, address, str(pause)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{Path(__file__).parent}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_share_a_study_and_one_is_killed(
    server: str, space: Space, objective: Objective
) -> None:
    processes = [start(server, 0.2) for _ in range(2)]
    assert processes[0].stdout is not None
    assert processes[0].stdout.readline() == "begun\n"
    time.sleep(0.05)
    processes[0].kill()
    processes[0].communicate()
    errors = processes[1].communicate(timeout=120)[1]
    assert processes[1].returncode == 0, errors
    asked = SearchSettings(engine="optuna:random", trials=12, seed=3)
    kept = search(space, objective, asked, server)
    alone = search(space, objective, asked)
    assert [(each.params, each.values) for each in kept.trials] == [
        (each.params, each.values) for each in alone.trials
    ]


def test_a_search_in_postgresql_goes_on(server: str, space: Space, objective: Objective) -> None:
    for trials in (3, 6):
        asked = SearchSettings(engine="optuna:tpe", trials=trials, seed=1, study="more")
        result = search(space, objective, asked, server)
    assert [each.attempts for each in result.trials] == [1] * 6
