"""Registered models in environments made of nothing but their own requirements.

    nice python -m tests.performance.fresh_environments --work /tmp/fresh

trains a model of each kind on phantom with tiny epochs, registers each with its light version,
makes an environment for the full ones and one for the light ones by `pip install -r` of the
requirements that lie beside them, and lets them classify all test images there. It prints how far
their probabilities are from those of the same models here, what `mlflow.keras.load_model` gives,
how large the environments are and how long a process takes from its start to its first answer.
What stands in the folder already is not made again.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.cache import Cache
from benchmark.data import ReadOptions, read_index
from benchmark.jobs import Registry, register_best
from benchmark.records import Part, Record
from benchmark.tracking import Tracker
from tests.performance.markdown import draw_table

ROOT = Path(__file__).parents[2]
KINDS = {
    "frozen": "mobilenetv2",
    "scratch": "cnn",
    "ensemble": "ensemble",
    "stacked": "stacked",
    "chained": "chained",
}
# 96 px is the side of phantom's images, so that their pixels are the network's input.
RUN = "run --data phantom --preset quick --weights none --side 96 --epochs 2 --register none"
STARTS = 3  # processes whose start is timed; the quickest counts, for others are at work beside it

# Given the addresses of models and the images, leaves the probabilities; nothing of the project.
ASK = """
import json, sys, time
import mlflow, mlflow.pyfunc, numpy
job = json.load(sys.stdin)
images = numpy.load(job["images"])["pixels"][: job["first"]]
table = numpy.empty(len(images), dtype=object)
table[:] = list(images)
found = {}
for name, uri in job["models"].items():
    if job["keras"]:
        import mlflow.keras
        found[name] = mlflow.keras.load_model(uri).predict(images, verbose=0).tolist()
    else:
        answer = mlflow.pyfunc.load_model(uri).predict(table)
        found[name] = answer.drop(columns="label").to_numpy().tolist()
heavy = [name for name in ("tensorflow", "keras", "openvino", "benchmark") if name in sys.modules]
print(json.dumps({"found": found, "loaded": heavy, "cpu_seconds": time.process_time()}))
"""


@dataclass(frozen=True)
class Place:
    """A Python, and the alias of the models that are asked in it."""

    python: Path
    alias: str

    def ask(
        self, work: Path, kinds: Sequence[str], *, first: int | None = None, keras: bool = False
    ) -> dict[str, Any]:
        """Let models classify the first images, all of them by default, in a process of its own.

        Args:
            work: the folder of everything.
            kinds: the models' names, or their folders.
            first: how many images.
            keras: whether `mlflow.keras` loads the models, which then see pixels alone.
        """
        job = {
            "images": str(work / "images.npz"),
            "models": {
                each: each if Path(each).is_dir() else f"models:/{each}@{self.alias}"
                for each in kinds
            },
            "first": first,
            "keras": keras,
        }
        done = subprocess.run(
            [self.python, "-P", "-c", ASK],
            input=json.dumps(job),
            env=environment(work, PATH=os.environ["PATH"], HOME=os.environ["HOME"]),
            cwd="/",
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    def start(self, work: Path) -> tuple[float, float]:
        """Return the least seconds from a process's start to its first answer, and its CPU's.

        It loads the model's folder: what MLflow takes to ask a database is not the model's.
        """
        from mlflow.artifacts import download_artifacts

        folder = download_artifacts(f"models:/frozen@{self.alias}")
        found = []
        for _ in range(STARTS):
            began = time.perf_counter()
            answer = self.ask(work, [folder], first=1)
            found.append((time.perf_counter() - began, answer["cpu_seconds"]))
        return min(found)


def environment(work: Path, **kept: str) -> dict[str, str]:
    """Return the variables of a process that sees the store in a folder."""
    own = {"MLFLOW_TRACKING_URI": f"sqlite:///{work}/mlflow.db", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return {**kept, **own}


def train(work: Path) -> dict[str, Record]:
    """Train a model of each kind; return the runs."""
    archs = ",".join(KINDS.values())
    subprocess.run(
        [sys.executable, "-m", "benchmark", *RUN.split(), "--arch", archs],
        cwd=work,
        env=environment(work, **{**os.environ, "PYTHONPATH": str(ROOT)}),
        check=True,
    )
    tracker = Tracker.find(None, None)
    assert tracker is not None
    by_arch = {record.spec.arch: record for record in tracker.records()}
    return {kind: by_arch[arch] for kind, arch in KINDS.items()}


def register(records: Mapping[str, Record]) -> None:
    """Register each run by its kind's name, and its light version."""
    for kind, record in records.items():
        for flavour in ("keras", "openvino"):
            wanted = Registry(
                experiment=None,
                register=kind,
                data=None,
                run=record.run_id,
                promote=flavour == "keras",
                flavour=flavour,
                cache="cache",
                store_patience=1.0,
            )
            if register_best(wanted):
                raise SystemExit(f"{kind} cannot be registered as {flavour}")


def keep_images(work: Path, record: Record) -> int:
    """Keep the pixels of all test images; return how many there are."""
    tracker = Tracker.find(None, None)
    assert tracker is not None
    paths = tracker.predictions(record).part(Part.TEST).paths
    reader = read_index("phantom", ReadOptions(), Cache(work / "cache")).reader
    pixels = np.stack([np.asarray(reader.read(path)) for path in paths])
    if pixels.ndim == 3:
        pixels = pixels[..., None].repeat(3, axis=-1)
    np.savez(work / "images.npz", pixels=pixels)
    return len(paths)


def install(work: Path, alias: str) -> Place:
    """Make an environment of the requirements of the models under an alias; all have the same."""
    from mlflow.artifacts import download_artifacts

    uris = [f"models:/{kind}@{alias}/requirements.txt" for kind in KINDS]
    (text,) = {Path(download_artifacts(uri)).read_text() for uri in uris}
    folder = work / alias
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        asked = work / f"{alias}.txt"
        asked.write_text(text)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(asked)], check=True, stderr=subprocess.DEVNULL)
    return Place(python, alias)


def apart(one: Any, other: Any) -> str:
    """Return the largest difference of two tables of probabilities."""
    found: npt.NDArray[np.float64] = np.abs(np.asarray(one) - np.asarray(other))
    return f"{found.max():.1e}"


def size(folder: Path) -> tuple[int, int]:
    """Return how many packages an environment has, and its megabytes."""
    packages = len(list(folder.glob("lib/python*/site-packages/*.dist-info")))
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return packages, sum(path.stat().st_size for path in files) // 1_000_000


def main(words: Sequence[str] | None = None) -> None:
    """Do all of it and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="a folder for everything")
    work = parser.parse_args(words).work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    os.chdir(work)
    os.environ.update(environment(work))
    records = train(work)
    register(records)
    count = keep_images(work, records["frozen"])
    full, light = install(work, "champion"), install(work, "champion-light")
    here = Place(Path(sys.executable), "champion").ask(work, list(KINDS))["found"]
    by_keras = full.ask(work, list(KINDS), keras=True)["found"]
    answers = {place.alias: place.ask(work, list(KINDS)) for place in (full, light)}
    print(f"\nLargest difference of {count} test images' probabilities from those here:\n")
    rows = [
        [
            kind,
            apart(answers["champion"]["found"][kind], here[kind]),
            apart(by_keras[kind], here[kind]),
            apart(answers["champion-light"]["found"][kind], here[kind]),
        ]
        for kind in KINDS
    ]
    print(draw_table(["kind", "full, pyfunc", "full, mlflow.keras", "light, pyfunc"], rows))
    places = []
    for place in (full, light):
        packages, megabytes = size(work / place.alias)
        wall, cpu = place.start(work)
        loaded = ", ".join(answers[place.alias]["loaded"])
        seconds = [f"{wall:.1f}", f"{cpu:.1f}"]
        places.append([place.alias, str(packages), str(megabytes), *seconds, loaded])
    heading = ["environment", "packages", "MB", "first answer, s", "of the CPU, s", "loaded"]
    print("\n" + draw_table(heading, places))


if __name__ == "__main__":
    main()
