"""Kills at random moments, several processes at once, and journals that a crash spoilt."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmark.search import Objective, SearchResult, SearchSettings, Space, TrialState, search

pytestmark = pytest.mark.slow

SCRIPT = """
import json, os, sys, time
from pathlib import Path
from benchmark.search import SearchSettings, parse_space, search
from conftest import SPACE, closeness

storage, engine, trials, seed, out, pause = sys.argv[1:7]
peers = os.environ.get("PEERS", "1")  # processes each of which is to have a trial
begun = Path(out + ".begun")

def objective(trial):
    with begun.open("a") as file:
        file.write(f"{trial.number}\\n")
    while sum(each.stat().st_size > 0 for each in begun.parent.glob("*.begun")) < int(peers):
        time.sleep(0.01)
    time.sleep(float(pause))
    return closeness(trial)

if engine.startswith("keras-tuner"):
    import keras_tuner  # seconds, so that kills meet trials rather than imports
begun.touch()
settings = SearchSettings(engine=engine, trials=int(trials), seed=int(seed))
result = search(parse_space(SPACE, name="small", file="small.yaml"), objective, settings, storage)
Path(out).write_text(json.dumps([[t.number, dict(t.params), t.values] for t in result.trials]))
"""


def start(
    storage: str, engine: str, trials: int, out: Path, pause: float = 0.02, peers: int = 1
) -> "subprocess.Popen[str]":
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, storage, engine, str(trials), "3", str(out), str(pause)],
        cwd=root,
        env={
            **os.environ,
            "PYTHONPATH": f"{root}{os.pathsep}{Path(__file__).parent}",
            "PEERS": str(peers),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until_begun(process: "subprocess.Popen[str]", out: Path, lines: int) -> None:
    begun = out.with_name(out.name + ".begun")
    while process.poll() is None and _lines(begun) <= lines:
        time.sleep(0.002)


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else -1


# One process imports the engines, which takes seconds, and forks every search that is killed.
FORKS = """
import json, os, random, signal, sys, time, traceback
from pathlib import Path
import keras_tuner, optuna, benchmark.search.searching

def start(words):
    child = os.fork()
    if child == 0:
        sys.argv = ["-c", *words]
        try:
            exec(compile(script, "script", "exec"), {})
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child

def lines(begun):
    return len(begun.read_text().splitlines()) if begun.exists() else -1

def current(begun):
    return begun.read_text().split()[-1:] if begun.exists() else []

def code(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def run(words, outs, kills):
    rng, met = random.Random(7), 0
    # Nobody must be through before the last kill.
    pause = 0.1 if kills else 0.0
    children = [start([*words, out, str(pause)]) for out in outs]
    killed = []
    for _ in range(kills):
        victim = rng.randrange(len(outs))
        begun = Path(outs[victim] + ".begun")
        count = lambda: sum(lines(Path(out + ".begun")) for out in outs)
        goal = count() + rng.randint(1, 2) + (len(outs) == 1)
        # A trial whose every attempt dies is given up: no trial is killed that often here.
        ready = lambda: count() >= goal and killed.count(current(begun)) < 2
        while not ready() and os.waitid(os.P_PID, children[victim], WAIT) is None:
            time.sleep(0.001)
        killed.append(current(begun))
        time.sleep(rng.uniform(0.0, 1.5 * pause))  # between two trials too
        os.kill(children[victim], signal.SIGKILL)
        met += code(children[victim]) == -signal.SIGKILL
        children[victim] = start([*words, outs[victim], str(pause)])
    return [met, *[code(child) for child in children]]

WAIT = os.WEXITED | os.WNOHANG | os.WNOWAIT

script = sys.argv[1]
for line in sys.stdin:
    print(json.dumps(run(*json.loads(line))), flush=True)
"""


class Forks:
    """Searches forked from one process that has the engines imported, killed as often as asked."""

    def __init__(self) -> None:
        root = Path(__file__).parents[2]
        self.process = subprocess.Popen(
            [sys.executable, "-c", FORKS, SCRIPT],
            cwd=root,
            env={
                **os.environ,
                "PYTHONPATH": f"{root}{os.pathsep}{Path(__file__).parent}",
                "TF_CPP_MIN_LOG_LEVEL": "3",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def search(
        self, storage: str, engine: str, trials: int, *outs: Path, kills: int = 0
    ) -> list[list[object]]:
        """Search in a process for each file, kill one, start it again; return the trials."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        words = [storage, engine, str(trials), "3"]
        self.process.stdin.write(json.dumps([words, list(map(str, outs)), kills]) + "\n")
        self.process.stdin.flush()
        met, *codes = json.loads(self.process.stdout.readline())
        assert codes == [0] * len(outs)
        assert kills / 2 <= met <= kills  # on a busy machine a victim may be through before
        found: list[list[object]] = json.loads(outs[0].read_text())
        assert all(json.loads(out.read_text()) == found for out in outs)
        return found


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    forks = Forks()
    yield forks
    forks.process.communicate(timeout=60)


Undisturbed = Callable[[str, int], list[list[object]]]


@pytest.fixture
def undisturbed(space: Space, objective: Objective) -> Undisturbed:
    def trials_of(engine: str, trials: int) -> list[list[object]]:
        return as_json(
            search(space, objective, SearchSettings(engine=engine, trials=trials, seed=3))
        )

    return trials_of


def as_json(result: SearchResult) -> list[list[object]]:
    plain = [[each.number, dict(each.params), each.values] for each in result.trials]
    found: list[list[object]] = json.loads(json.dumps(plain))
    return found


@pytest.mark.parametrize(
    ("engine", "trials", "kills"),
    [
        ("optuna:random", 60, 20),
        ("keras-tuner:random", 60, 20),
        ("optuna:grid", 15, 3),
        ("optuna:tpe", 15, 3),
        ("keras-tuner:grid", 15, 3),
    ],
)
def test_kills_leave_the_trials_of_an_undisturbed_search(
    engine: str, trials: int, kills: int, forks: Forks, journal: str, tmp_path: Path
) -> None:
    found = forks.search(journal, engine, trials, tmp_path / "killed", kills=kills)
    (tmp_path / "alone").mkdir()
    assert found == forks.search("", engine, trials, tmp_path / "alone" / "undisturbed")
    assert len({str(trial) for trial in found}) == trials


@pytest.mark.parametrize("engine", ["optuna:random", "keras-tuner:random"])
def test_kills_of_one_of_two_workers_leave_the_trials_of_an_undisturbed_search(
    engine: str, forks: Forks, journal: str, tmp_path: Path
) -> None:
    outs = [tmp_path / "a", tmp_path / "b"]
    found = forks.search(journal, engine, 60, *outs, kills=20)
    (tmp_path / "alone").mkdir()
    assert found == forks.search("", engine, 60, tmp_path / "alone" / "undisturbed")
    assert len({str(trial) for trial in found}) == 60
    begun = sum(_lines(out.with_name(out.name + ".begun")) for out in outs)
    assert 60 <= begun <= 80  # a kill costs the one trial of the worker that it meets


def test_an_interrupted_trial_is_run_again_once(
    space: Space, objective: Objective, journal: str, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    process = start(journal, "optuna:random", 6, out, pause=0.3)
    wait_until_begun(process, out, 2)
    process.kill()
    process.communicate()
    result = search(
        space, objective, SearchSettings(engine="optuna:random", trials=6, seed=3), journal
    )
    attempts = [each.attempts for each in result.trials]
    assert attempts == [1, 1, 2, 1, 1, 1]


@pytest.mark.parametrize("storage", ["journal", "sqlite"])
def test_two_processes_share_a_study_without_doubles(
    storage: str, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    address = {"journal": str(tmp_path / "s.journal"), "sqlite": f"sqlite:///{tmp_path}/s.db"}
    outs = [tmp_path / "a.json", tmp_path / "b.json"]
    processes = [start(address[storage], "optuna:random", 30, out, peers=2) for out in outs]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    both = [json.loads(out.read_text()) for out in outs]
    assert both[0] == both[1] == undisturbed("optuna:random", 30)
    shares = [_lines(out.with_name(out.name + ".begun")) for out in outs]
    assert sum(shares) == 30
    assert min(shares) > 0


def test_a_dead_workers_trial_is_finished_by_the_other(
    undisturbed: Undisturbed, journal: str, tmp_path: Path
) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    doomed = start(journal, "optuna:random", 8, first, pause=1.0)
    wait_until_begun(doomed, first, 0)
    other = start(journal, "optuna:random", 8, second, pause=0.05)
    wait_until_begun(other, second, 0)
    doomed.kill()
    doomed.communicate()
    other.communicate(timeout=60)
    assert json.loads(second.read_text()) == undisturbed("optuna:random", 8)


def test_a_half_written_line_is_cut_off(space: Space, objective: Objective, journal: str) -> None:
    settings = SearchSettings(engine="optuna:random", trials=3, seed=3)
    search(space, objective, settings, journal)
    with Path(journal).open("a") as file:
        file.write('{"op_code":4,"worker')
    more = SearchSettings(engine="optuna:random", trials=5, seed=3)
    result = search(space, objective, more, journal)
    assert [each.state for each in result.trials] == [TrialState.COMPLETE] * 5
