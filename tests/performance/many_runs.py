"""How long `leaderboard` takes, and what memory, in a store of many runs of which few rank.

    python tests/performance/many_runs.py STORE_FOLDER --runs 10000 --rows 16

takes a folder that `python -m benchmark run` left, copies its runs within the database until there
are enough (as trials, as runs on other splits, and as further seeds and networks of the board), and
runs `leaderboard` on a copy of it. It prints the seconds and the peak resident memory.
"""

import argparse
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).parents[2]
_TABLES = ("latest_metrics", "metrics", "tags", "params")
_KINDS = ("trial", "other split", "same test part")


def main() -> None:
    """Make the store, show its board, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path, help="a folder with mlflow.db and mlruns")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--work", type=Path, default=Path("many-runs"))
    found = parser.parse_args()
    if not (found.work / "mlflow.db").is_file():
        found.work.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found.store / "mlflow.db", found.work / "mlflow.db")
        fill(found.work / "mlflow.db", found.runs, found.rows)
    print(f"{found.runs} runs: {show_board(found.work)}")


def fill(path: Path, runs: int, rows: int) -> None:
    """Copy runs in a database until it has as many; `rows` networks stand on the board."""
    database = sqlite3.connect(path)
    query = (
        "select runs.run_uuid from runs join tags using (run_uuid) where tags.key = 'benchmark'"
        " and tags.value = 'run' and runs.status = 'FINISHED'"
    )
    sources = [str(row[0]) for row in database.execute(query)]
    there = int(database.execute("select count(*) from runs").fetchone()[0])
    for number in range(len(sources), rows):
        _copy(database, sources[number % len(sources)], {"arch": f"network{number:02}"})
    for number in range(runs - there - max(0, rows - len(sources))):
        source = sources[number % len(sources)]
        kind = _KINDS[number % len(_KINDS)]
        if kind == "trial":
            _copy(database, source, {}, {"benchmark": "trial"})
        else:
            split = f"{number:064d}"
            _copy(database, source, {"split_digest": split}, {"split_digest": split})
    database.commit()
    database.close()


def _copy(
    database: sqlite3.Connection,
    source: str,
    spec: dict[str, str],
    tags: dict[str, str] | None = None,
) -> None:
    run = uuid.uuid4().hex
    columns = [row[1] for row in database.execute("pragma table_info(runs)")]
    shown = ", ".join("?" if each == "run_uuid" else each for each in columns)
    database.execute(f"insert into runs select {shown} from runs where run_uuid = ?", (run, source))
    for table in _TABLES:
        columns = [row[1] for row in database.execute(f"pragma table_info({table})")]
        shown = ", ".join("?" if each == "run_uuid" else each for each in columns)
        query = f"insert into {table} select {shown} from {table} where run_uuid = ?"
        database.execute(query, (run, source))
    text = "select value from tags where run_uuid = ? and key = 'spec'"
    changed = {**json.loads(database.execute(text, (run,)).fetchone()[0]), **spec}
    written = {**(tags or {}), "spec": json.dumps(changed)}
    written["spec_digest"] = _digest(changed)
    for key, value in written.items():
        update = "update tags set value = ? where run_uuid = ? and key = ?"
        database.execute(update, (value, run, key))


def _digest(spec: dict[str, object]) -> str:
    from benchmark.records import Spec

    return Spec.from_json(spec).digest


def show_board(folder: Path) -> str:
    """Run `leaderboard` in a process of its own; return what it took."""
    uri = f"sqlite:///{(folder / 'mlflow.db').absolute()}"
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": uri}
    began = time.perf_counter()
    words = [sys.executable, "-m", "benchmark", "leaderboard"]
    done = subprocess.run(words, cwd=folder, env=environ, check=False)
    seconds = time.perf_counter() - began
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    computed = spent.ru_utime + spent.ru_stime
    return (
        f"leaderboard in {seconds:.1f} s, {computed:.1f} s of them computing, "
        f"{spent.ru_maxrss / 1024:.0f} MiB at most, exit code {done.returncode}"
    )


if __name__ == "__main__":
    main()
