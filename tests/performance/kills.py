"""Kills a benchmark again and again, at random times, and sees that nothing is lost or made twice.

    nice python -m tests.performance.kills --kills 50 --work /tmp/kills

draws small images, runs a search, networks and composites to the end once, then in another folder
with the same commands under SIGKILL, and lets that end too. It holds the second store to the first:
the same board, each spec finished once, what was finished at a kill kept, no run RUNNING, no model
PENDING, each trial once. It prints what it met and how long that took.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from tests.jobs.conftest import draw

ROOT = Path(__file__).parents[2]
COUNTS = {"train": 60, "val": 40, "test": 40}
SEARCHED = "--arch mlp,chained --search optuna:random --trials 25 --space smoke"
PLAIN = "--arch prior,mlp,cnn"
COMPOSED = "--arch prior,mlp,cnn,ensemble,chained --seed 0,1"  # the first seed's members are done
RUN = "run --data ../scans --side 32 --epochs 8 --batch 4 --rank-on val"
_OWN = (
    "seconds",
    "memory",
    "_id",
    "commit",
)  # in the names of columns: what no two stores have in common
_FINISHED = (
    "select value, run_uuid from tags join runs using (run_uuid) where key = 'spec_digest'"
    " and status = 'FINISHED' and lifecycle_stage = 'active'"
)


@dataclass
class Store:
    """A folder that benchmarks run in."""

    folder: Path

    def begin(self, words: str) -> "subprocess.Popen[bytes]":
        """Start a benchmark here."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
        own = {"PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder}/mlflow.db"}
        with (self.folder / "said.txt").open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "benchmark", *RUN.split(), *words.split()],
                cwd=self.folder,
                env={**kept, **own},
                stdout=said,
                stderr=said,
            )

    def wait_until_at_work(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait until a benchmark that was just begun is at one of its runs, or has ended."""
        before = self._present()
        while process.poll() is None:
            for token in self._present() - before:
                if self.query(
                    "select 1 from tags join runs using (run_uuid) where key = 'lease'"
                    f" and value like '{token} %' and name not like 'benchmark %'"
                ):
                    return
            time.sleep(0.1)

    def _present(self) -> set[str]:
        return {path.name for path in self.folder.glob("results/*/.alive/[!.]*")}

    def query(self, text: str) -> list[tuple[Any, ...]]:
        """Ask the database; nothing where there is none yet."""
        if not (self.folder / "mlflow.db").is_file():
            return []
        with closing(sqlite3.connect(self.folder / "mlflow.db", timeout=60)) as database:
            there = database.execute("select name from sqlite_master where name = 'tags'")
            return database.execute(text).fetchall() if there.fetchall() else []

    def finished(self) -> list[tuple[str, str]]:
        """Return digest and id of every finished run."""
        return [(str(digest), str(run)) for digest, run in self.query(_FINISHED)]

    def left(self) -> dict[str, float]:
        """Return how long it took to train what is finished and not logged, by digest."""
        found = {}
        for path in self.folder.glob("results/*/.unlogged/*/*/outcome.json"):
            if path.parent.suffix != ".part":  # else it is not complete
                found[path.parent.name] = json.loads(path.read_text())["seconds"]["wall"]
        return found

    def board(self) -> pd.DataFrame:
        """Return the board, but for what a clock says and chance names."""
        (path,) = self.folder.glob("results/*/leaderboard.csv")
        table = pd.read_csv(path)
        own = [name for name in table if any(word in str(name) for word in _OWN)]
        return table.drop(columns=own)

    def trials(self) -> list[tuple[Any, ...]]:
        """Return search, number and objective of every trial that stands in MLflow."""
        return self.query(
            "select p.value, n.value, m.value from runs r"
            " join tags k on k.run_uuid = r.run_uuid and k.key = 'benchmark' and k.value = 'trial'"
            " join params p on p.run_uuid = r.run_uuid and p.key = 'arch'"
            " join params n on n.run_uuid = r.run_uuid and n.key = 'trial'"
            " left join latest_metrics m on m.run_uuid = r.run_uuid and m.key like 'objective_%'"
            " where r.lifecycle_stage = 'active' order by 1, 2"
        )


@dataclass
class Met:
    """What stood at the kills: it must stand at the end."""

    kills: int = 0
    ends: int = 0  # of benchmarks that were at their end before they were killed
    during: Counter[str] = field(default_factory=Counter)
    finished: dict[str, str] = field(default_factory=dict)
    left: dict[str, float] = field(default_factory=dict)

    def note(self, store: Store) -> None:
        """Note what a kill left, and that nothing that was there is gone."""
        found = store.finished()
        assert len(dict(found)) == len(found), f"made twice: {found}"
        lost = {digest for digest in self.finished if dict(found).get(digest) is None}
        assert not lost, f"lost: {lost}"
        self.finished.update(found)
        self.left.update(store.left())
        running = store.query("select name from runs where status = 'RUNNING'")
        self.during.update(str(name).partition(" ")[0] for (name,) in running)
        self.during.update(["a finished outcome not logged"] * bool(store.left()))


def kill_at_random(store: Store, words: str, delays: Sequence[float], met: Met) -> None:
    """Begin a benchmark and kill it, once for each delay.

    Four in five delays count from when it trains or logs, the others from its start.
    """
    for number, delay in enumerate(delays):
        process = store.begin(words)
        if number % 5:
            store.wait_until_at_work(process)
        try:
            assert process.wait(timeout=delay) == 0
            met.ends += 1
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            met.kills += 1
        met.note(store)
        print(f"kill {met.kills}: {len(met.finished)} finished, {dict(met.during)}", flush=True)


def check(store: Store, whole: Store, met: Met) -> None:
    """Hold a store that was killed in to one that was not."""
    pd.testing.assert_frame_equal(store.board(), whole.board())
    found = store.finished()
    assert Counter(digest for digest, _ in found) == Counter(dict(whole.finished()).keys())
    assert met.finished.items() <= dict(found).items(), "a finished run was made again"
    for digest, seconds in met.left.items():
        run = dict(found)[digest]
        said = store.query(
            f"select value from latest_metrics where run_uuid='{run}' and key='wall_seconds'"
        )
        assert said == [(seconds,)], f"{digest} was trained, and trained again"
    assert store.query("select run_uuid from runs where status = 'RUNNING'") == []
    ready = store.query("select distinct status from logged_models")
    assert set(ready) <= {(_status("READY"),), (_status("FAILED"),)}, ready
    assert store.trials() == whole.trials()
    hidden = [*store.folder.glob("results/*/.*"), *store.folder.glob("results/*/checkpoints")]
    assert hidden == [], hidden


def _status(name: str) -> int:
    from mlflow.entities import LoggedModelStatus

    return int(LoggedModelStatus(name).to_int())


def main() -> None:
    """Run once without a kill and once with many; print what was met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--longest", type=float, default=8.0, help="seconds before a kill")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("kills"))
    asked = parser.parse_args()
    whole, killed = Store(asked.work.absolute() / "whole"), Store(asked.work.absolute() / "killed")
    began, met = time.monotonic(), Met()
    chance = random.Random(asked.seed)
    shutil.rmtree(asked.work, ignore_errors=True)
    draw(asked.work / "scans", COUNTS)
    for store in (whole, killed):
        store.folder.mkdir(parents=True)
    phases = (SEARCHED, PLAIN, COMPOSED)
    for words in phases:
        assert whole.begin(words).wait() == 0
        print(f"whole: {words}: {time.monotonic() - began:.0f} s", flush=True)
        delays = [chance.uniform(1.0, asked.longest) for _ in range(-(-asked.kills // len(phases)))]
        kill_at_random(killed, words, delays, met)
        assert killed.begin(words).wait() == 0
        print(f"killed: {words}: {time.monotonic() - began:.0f} s", flush=True)
    check(killed, whole, met)
    print(
        f"{met.kills} kills and {met.ends} ends in {time.monotonic() - began:.0f} s; "
        f"at the kills were open: {dict(met.during)}"
    )


if __name__ == "__main__":
    main()
