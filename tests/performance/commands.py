"""Whole commands, start and imports included: `python -m benchmark run` beside a plain script."""

import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

from benchmark.zoo import ARCHITECTURES, read_weights_from, resolve_weights

from .markdown import draw_table

ROOT = Path(__file__).resolve().parents[2]
SAMPLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a command cost.

    Attributes:
        name: what was run.
        seconds: from start to exit.
        peak_mib: the greatest sum of resident memory over its processes, sampled ten times a
            second; pages that processes share count in each.
        test_macro_f1: on the official test part, None where it says none.
    """

    name: str
    seconds: float
    peak_mib: float
    test_macro_f1: float | None


def measure_commands(
    arch: str, data: str, weights: str, side: int, *, plain_epochs: int, more: Sequence[str] = ()
) -> list[Command]:
    """Measure ours cold, the same again, another seed warm, and a plain script of 10 epochs.

    Args:
        arch: a published architecture.
        data: a folder with train/, valid/ and test/.
        weights: as `--weights`.
        side: in pixels.
        plain_epochs: epochs of the plain script; other than 10, its time is of so many.
        more: further options of `benchmark run`.
    """
    options = ["--data", data, "--weights", weights, "--side", str(side), *more]
    with tempfile.TemporaryDirectory() as folder:
        found = [
            run_ours(name, arch, [*options, "--seed", seed], Path(folder))
            for name, seed in (("cold", "0"), ("again", "0"), ("another seed", "1"))
        ]
    return [*found, run_plain(arch, data, weights, side, plain_epochs)]


def measure_phantom(arch: str, more: Sequence[str] = ()) -> list[Command]:
    """Measure the benchmark of some architectures on the phantom, cold and again."""
    with tempfile.TemporaryDirectory() as folder:
        return [
            run_ours(f"phantom {name}", arch, ["--data", "phantom", *more], Path(folder))
            for name in ("cold", "again")
        ]


def run_ours(name: str, arch: str, options: Sequence[str], folder: Path) -> Command:
    """Run the main job with everything it keeps in a folder."""
    words = [sys.executable, "-m", "benchmark", "run", "--quiet", "--arch", arch, *options]
    words += ["--output", str(folder / "results"), "--cache", str(folder / "cache")]
    seconds, peak, _ = run(words, folder)
    return Command(name=name, seconds=seconds, peak_mib=peak, test_macro_f1=_score(folder, arch))


def run_plain(arch: str, data: str, weights: str, side: int, epochs: int) -> Command:
    """Run the plain script."""
    architecture = ARCHITECTURES[arch]
    file = resolve_weights(architecture, read_weights_from(weights)).path
    words = [sys.executable, str(ROOT / "tests/performance/plain.py"), "--data", data]
    words += ["--keras-class", architecture.keras_class, "--side", str(side)]
    words += ["--epochs", str(epochs)]
    words += ["--weights", str(file)] if file else []
    with tempfile.TemporaryDirectory() as folder:
        seconds, peak, said = run(words, Path(folder))
    score = json.loads(said.splitlines()[-1])["test_macro_f1"]
    name = f"plain, {epochs} epochs"
    return Command(name=name, seconds=seconds, peak_mib=peak, test_macro_f1=score)


def run(words: Sequence[str], folder: Path) -> tuple[float, float, str]:
    """Run a command; return its seconds, its tree's peak memory in MiB, and what it printed."""
    store = f"sqlite:///{folder / 'mlflow.db'}"
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": store}
    began = perf_counter()
    with subprocess.Popen(
        words, cwd=folder, env=surroundings, stdout=subprocess.PIPE, text=True
    ) as process:
        peaks = [0.0]
        sampler = threading.Thread(target=_sample, args=(process.pid, peaks), daemon=True)
        sampler.start()
        said, _ = process.communicate()
        seconds = perf_counter() - began
    sampler.join()
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with code {process.returncode}.\n{said}")
    return seconds, peaks[0], said


def _sample(pid: int, peaks: list[float]) -> None:
    """Note the greatest memory of a process and all below it until it ends."""
    import psutil

    root = psutil.Process(pid)
    ended = threading.Event()
    while not ended.wait(SAMPLE_SECONDS):
        total = 0.0
        try:
            if root.status() == psutil.STATUS_ZOMBIE:
                return
            tree = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return
        for process in tree:
            try:
                total += process.memory_info().rss / 2**20
            except psutil.NoSuchProcess:  # it ended between two looks
                continue
        peaks[0] = max(peaks[0], total)


def _score(folder: Path, arch: str) -> float | None:
    """Read an architecture's macro-F1 on test from the board, None for several architectures."""
    for board in sorted(folder.glob("results/**/leaderboard.csv")):
        with board.open(newline="") as file:
            for row in csv.DictReader(file):
                if row["architecture"] == arch and row["test_macro_f1"]:
                    return float(row["test_macro_f1"])
    return None


def table(commands: Sequence[Command]) -> str:
    """Draw the commands as a Markdown table, with the last one's time over each."""
    last = commands[-1].seconds
    names = ["command", "seconds", "peak MiB", "test macro-F1", f"{commands[-1].name} / this"]
    rows = []
    for each in commands:
        score = "" if each.test_macro_f1 is None else f"{each.test_macro_f1:.3f}"
        costs = [f"{each.seconds:.1f}", f"{each.peak_mib:.0f}"]
        rows.append([each.name, *costs, score, f"{last / each.seconds:.1f}"])
    return draw_table(names, rows)


def story(commands: Sequence[Command]) -> list[dict[str, object]]:
    """Return the commands for JSON, each with the last one's time over its own."""
    last = commands[-1].seconds
    return [{**asdict(each), "last_over_this": last / each.seconds} for each in commands]
