"""Kills at random moments, one owner a study, and journals that a crash spoilt or others share."""

import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import optuna
import psutil
import pytest

from benchmark.errors import StoreError
from benchmark.search import Objective, SearchSettings, Space, TrialState, search, studies
from benchmark.search.journals import Journal
from benchmark.search.optuna_engines import suggest

pytestmark = pytest.mark.slow

# One process imports the engines, which takes seconds, and forks every search that is killed.
FORKS = """
import json, os, sys, time, traceback
from pathlib import Path
import keras_tuner
from benchmark.search import SearchSettings, parse_space, search
from conftest import SPACE, closeness

def run(storage, engine, trials, out, pause):
    begun = Path(out + ".begun")

    def objective(trial):
        with begun.open("a") as file:
            file.write(json.dumps([trial.number, dict(trial.params)]) + "\\n")
        trial.answers = f"u1:{trial.number}"
        time.sleep(pause)
        return closeness(trial)

    settings = SearchSettings(engine=engine, trials=trials, seed=3)
    space = parse_space(SPACE, name="small", file="small.yaml")
    found = search(space, objective, settings, storage).trials
    told = [[t.number, dict(t.params), t.values, t.answers, t.attempts] for t in found]
    Path(out).write_text(json.dumps(told))

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            run(*json.loads(line))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

Trials = list[list[object]]


class Forks:
    """Searches in processes forked from one that has the engines imported."""

    def __init__(self) -> None:
        root = Path(__file__).parents[2]
        self.process = subprocess.Popen(
            [sys.executable, "-c", FORKS],
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

    def start(self, storage: str, engine: str, trials: int, out: Path, pause: float) -> int:
        """Start a search in a process of its own and return its number."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps([storage, engine, trials, str(out), pause]) + "\n")
        self.process.stdin.flush()
        return self.read()

    def read(self) -> int:
        """Return the number that the process says next: of a new process, or its exit code."""
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    forks = Forks()
    yield forks
    forks.process.communicate(timeout=60)


def begun(out: Path) -> Trials:
    """Return number and parameters of every attempt that was begun."""
    path = out.with_name(out.name + ".begun")
    whole = path.read_text().split("\n")[:-1] if path.exists() else []
    return [json.loads(line) for line in whole]


def killed(forks: Forks, storage: str, engine: str, trials: int, out: Path, kills: int) -> Trials:
    """Search, killed at random moments, and return the trials in the end."""
    rng, pause, met = random.Random(7), 0.03, 0
    for _ in range(kills):
        goal = len(begun(out)) + rng.randint(1, 3)
        process = forks.start(storage, engine, trials, out, pause)
        while len(begun(out)) < goal and psutil.pid_exists(process):
            time.sleep(0.001)
        time.sleep(rng.uniform(0.0, 1.5 * pause))  # between two trials too
        with suppress(ProcessLookupError):  # on a busy machine it may be through before
            os.kill(process, 9)
        met += forks.read() == -9
    assert met >= kills / 2
    forks.start(storage, engine, trials, out, 0.0)
    assert forks.read() == 0
    found: Trials = json.loads(out.read_text())
    return found


ENGINES = ["optuna:random", "optuna:grid", "optuna:tpe", "keras-tuner:random", "keras-tuner:grid"]


# the Gaussian process takes seconds a trial after the first ten
@pytest.mark.parametrize(
    ("engine", "trials", "kills"),
    [*[(engine, 24, 8) for engine in ENGINES], ("keras-tuner:bayesian", 11, 2)],
)
def test_kills_cost_an_attempt_each_and_no_trial(
    engine: str, trials: int, kills: int, forks: Forks, journal: str, tmp_path: Path
) -> None:
    found = killed(forks, journal, engine, trials, tmp_path / "killed", kills)
    attempts = begun(tmp_path / "killed")
    assert [number for number, *_ in found] == list(range(trials))  # the budget, exactly
    assert len({str(params) for _, params, *_ in found}) == trials  # none twice
    assert [answers for *_, answers, _ in found] == [f"u1:{each}" for each in range(trials)]
    assert len(attempts) <= trials + kills  # what was finished is not run again
    numbers = [int(str(number)) for number, _ in attempts]
    assert numbers == sorted(numbers)  # what was interrupted comes first
    for number, params in attempts:
        assert found[int(str(number))][1] == params  # with its parameters
    assert sum(int(str(each)) - 1 for *_, each in found) == len(attempts) - trials


@pytest.mark.parametrize("engine", ENGINES)
def test_kills_leave_the_trials_that_a_seed_gives(
    engine: str, forks: Forks, journal: str, tmp_path: Path
) -> None:
    found = killed(forks, journal, engine, 12, tmp_path / "killed", 3)
    alone = killed(forks, "", engine, 12, tmp_path / "undisturbed", 0)
    assert [each[:3] for each in found] == [each[:3] for each in alone]


@pytest.mark.parametrize("address", ["{}/s.journal", "sqlite:///{}/s.db", "{}/studies/"])
def test_one_process_owns_a_study(
    address: str,
    space: Space,
    objective: Objective,
    forks: Forks,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(studies, "PATIENCE_SECONDS", 0.1)
    storage = address.format(tmp_path)
    asked = SearchSettings(engine="optuna:random", trials=3, seed=3)
    owner = forks.start(storage, asked.engine, 3, tmp_path / "out", 60.0)
    while not begun(tmp_path / "out"):
        time.sleep(0.01)
    with pytest.raises(
        StoreError, match=r"^another process is at the search search-\w+ in"
    ) as said:
        search(space, objective, asked, storage)
    name = re.search(r"and (\S+) beside it", str(said.value))
    assert name
    signed = next(tmp_path.rglob(name[1])).read_text()
    assert signed.startswith(f"process {owner} on ")
    other = search(space, objective, replace(asked, study="other"), storage)  # is nobody's
    assert len(other.trials) == 3
    os.kill(owner, 9)
    assert forks.read() == -9
    result = search(space, objective, asked, storage)
    assert [each.attempts for each in result.trials] == [2, 1, 1]


def test_a_half_written_line_is_cut_off(space: Space, objective: Objective, journal: str) -> None:
    asked = SearchSettings(engine="optuna:random", trials=3, seed=3)
    search(space, objective, asked, journal)
    with Path(journal).open("a") as file:
        file.write('{"op_code":4,"worker')
    result = search(space, objective, replace(asked, trials=5), journal)
    assert [each.state for each in result.trials] == [TrialState.COMPLETE] * 5


def test_a_journal_path_is_that_of_its_first_study_and_others_stand_beside(
    space: Space, objective: Objective, journal: str
) -> None:
    asked = SearchSettings(engine="optuna:random", trials=2)
    names = [
        search(space, objective, replace(asked, study=study), journal).study
        for study in ("cnn", "mlp", "cnn")
    ]
    folder = Path(journal).parent
    assert sorted(path.name for path in folder.glob("*.journal")) == [
        f"search-{names[1]}.journal",
        "search.journal",
    ]


@pytest.mark.parametrize("name", ["", "s.journal"], ids=["folder", "path"])
def test_a_journal_of_several_studies_is_named_and_not_read(
    name: str, space: Space, objective: Objective, tmp_path: Path
) -> None:
    asked = SearchSettings(engine="optuna:random", trials=2)
    journal = tmp_path / (name or "studies.journal")
    kept = optuna.storages.JournalStorage(Journal(journal))
    for study in ("first", asked.study_name(space)):
        optuna.create_study(storage=kept, study_name=study)
    result = search(space, objective, asked, f"{tmp_path}/{name}")
    (note,) = result.notes
    assert note.startswith(
        f"the search begins anew: the trials of {result.study} in {journal.name} "
    )
    assert [each.number for each in result.trials] == [0, 1]
    assert search(space, objective, asked, f"{tmp_path}/{name}").notes == ()


def test_a_study_of_the_version_before_goes_on(
    space: Space, objective: Objective, journal: str
) -> None:
    asked = SearchSettings(engine="optuna:random", trials=3, seed=3)
    Path(journal).parent.mkdir()
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(Journal(Path(journal))),
        study_name=asked.study_name(space),
        direction="maximize",
    )
    rows = [study.ask() for _ in range(2)]  # of two workers, one of which was killed
    params = [suggest(row, space) for row in rows]
    rows[1].set_user_attr("facts", {"answers": "u1:AAE="})
    study.tell(rows[1], 0.5)
    found = search(space, objective, asked, journal).trials
    assert [each.params for each in found[:2]] == params[::-1]
    assert [(each.attempts, each.answers) for each in found[:2]] == [(1, "u1:AAE="), (2, "")]
    assert len(found) == 3
