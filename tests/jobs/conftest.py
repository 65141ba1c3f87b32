"""A small folder of images, and the command line in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
COUNTS = {"train": 24, "val": 16, "test": 16}
Done = subprocess.CompletedProcess[str]
Command = Callable[..., Done]


def draw(folder: Path, counts: dict[str, int], seed: int = 0) -> Path:
    """Draw two classes that a brightness tells apart, in noise; no two images are equal."""
    random = np.random.default_rng(seed)
    for part, count in counts.items():
        for number in range(count):
            name = ("bright", "dark")[number % 2]
            pixels = random.integers(0, 120, (32, 32)) + (90 if name == "bright" else 0)
            path = folder / part / name / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(path)
    return folder


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {**kept, "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}


def command_in(folder: Path) -> Command:
    def run(*words: str) -> Done:
        return subprocess.run(
            [sys.executable, "-m", "benchmark", *words],
            cwd=folder,
            env=environment(folder),
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def benchmark(tmp_path: Path) -> Command:
    return command_in(tmp_path)


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("data") / "small scans", COUNTS)
