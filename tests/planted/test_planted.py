"""Benchmarks with a known fault planted: each is said in words on the board and on the card."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
SIDE = 32
COUNTS = {"train": 80, "val": 60, "test": 60}

pytestmark = pytest.mark.slow

Pixels = npt.NDArray[np.uint8]
Draw = Callable[[Path], None]


def picture(number: int, *, ill: bool, seen: bool = True) -> Pixels:
    """Draw soft blobs, and on an ill one a bright spot that a perceptron sees, if it is `seen`."""
    random = np.random.default_rng(number)
    coarse = Image.fromarray(random.integers(40, 160, (6, 6)).astype(np.uint8))
    pixels = np.array(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.int64)
    pixels[4:14, 4:14] += 70 * (ill and seen)
    found: Pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    return found


def save(folder: Path, part: str, name: str, pixels: Pixels, *, ill: bool) -> None:
    path = folder / part / ("ill" if ill else "well") / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def each_image() -> Iterator[tuple[int, str, bool]]:
    """Number every image: its part, and whether it is ill; both classes in turn."""
    parts = [part for part, count in COUNTS.items() for _ in range(count)]
    return ((number, part, number % 2 == 1) for number, part in enumerate(parts))


def healthy(folder: Path) -> None:
    for number, part, ill in each_image():
        save(folder, part, str(number), picture(number, ill=ill), ill=ill)


def noise(folder: Path) -> None:
    for number, part, ill in each_image():
        save(folder, part, str(number), picture(number, ill=ill, seen=False), ill=ill)


def one_patient(folder: Path) -> None:
    """All ill images of validation are of one patient; every other image is of its own."""
    for number, part, ill in each_image():
        who = 9999 if part == "val" and ill else number
        save(folder, part, f"p{who}_{number}", picture(number, ill=ill), ill=ill)


def missing_class(folder: Path) -> None:
    """Validation has no ill image."""
    for number, part, ill in each_image():
        is_there = not (part == "val" and ill)
        save(folder, part, str(number), picture(number, ill=ill and is_there), ill=ill and is_there)


def mirrored_leak(folder: Path) -> None:
    """Every test image stands mirrored in train."""
    healthy(folder)
    for path in sorted((folder / "test").rglob("*.png")):
        turned = np.asarray(Image.open(path))[:, ::-1]
        save(folder, "train", f"m{path.stem}", turned, ill=path.parent.name == "ill")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What came of a benchmark: its board as text and table, and the registered version."""

    code: int
    said: str
    markdown: str
    board: pd.DataFrame
    aliases: dict[str, str]
    card: str


def environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {**kept, "PYTHONPATH": str(ROOT), "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}


def registered(folder: Path) -> tuple[dict[str, str], str]:
    """Read the aliases and the descriptions off the registry's tables: quicker than its client."""
    with sqlite3.connect(folder / "mlflow.db") as database:
        aliases = database.execute("select alias, version from registered_model_aliases")
        cards = database.execute("select description from model_versions")
        found = {alias: str(version) for alias, version in aliases}
        return found, "".join(card or "" for (card,) in cards)


def plant(folder: Path, draw_images: Draw, *words: str) -> Planted:
    """Draw images, run a benchmark over them and read what it left."""
    draw_images(folder / "scans")
    command = [sys.executable, "-m", "benchmark", "run", "--data", "scans", "--side", str(SIDE)]
    done = subprocess.run(
        [*command, "--arch", "prior,mlp", "--epochs", "15", *words],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
    )
    aliases, card = registered(folder)
    results = folder / "results" / "scans"
    return Planted(
        code=done.returncode,
        said=done.stdout + done.stderr,
        markdown=(results / "leaderboard.md").read_text(),
        board=pd.read_csv(results / "leaderboard.csv", keep_default_na=False),
        aliases=aliases,
        card=card,
    )


def row(found: Planted, architecture: str = "mlp") -> pd.Series:
    return found.board[found.board["architecture"] == architecture].iloc[0]


def test_a_healthy_benchmark_is_flagged_nowhere(tmp_path: Path) -> None:
    found = plant(tmp_path, healthy)
    assert found.code == 0, found.said
    assert row(found)["flags"] == ""
    assert "WARNING" not in found.markdown
    assert "champion" in found.aliases
    assert "mlp is the champion" in found.card


def test_noise_is_not_promoted(tmp_path: Path) -> None:
    found = plant(tmp_path, noise, "--sanity", "yes")
    assert found.code == 0, found.said
    assert found.aliases == {}
    assert "nothing is promoted" in found.said
    assert "its AUROC may be chance" in row(found)["flags"]
    assert "trained on shuffled labels" in found.markdown


def test_a_network_of_one_answer_is_refused(tmp_path: Path) -> None:
    found = plant(tmp_path, healthy, "--class-weight", "ill=100000,well=0.00001", "--epochs", "2")
    assert found.code == 0, found.said
    assert "names a single class, ill" in row(found)["flags"]
    assert found.aliases == {}


def test_one_patient_of_a_class_leaves_nothing_to_tell_apart(tmp_path: Path) -> None:
    words = ("--patient-pattern", r"p(\d+)_", "--rank-on", "val")
    found = plant(tmp_path, one_patient, *words)
    assert found.code == 0, found.said
    assert "nothing can be told apart" in found.markdown
    assert "ill has 1" in found.markdown
    assert row(found)["val_macro_f1_low"] == ""
    assert set(found.board["tie"]) == {True}
    assert list(found.aliases) == ["candidate"]
    assert "nothing can be told apart" in found.card


def test_a_class_that_validation_lacks_bars_promotion(tmp_path: Path) -> None:
    found = plant(tmp_path, missing_class, "--rank-on", "val")
    assert found.code == 0, found.said
    assert "validation has no image of ill" in found.markdown
    assert found.aliases == {}


def test_a_mirrored_leak_is_dropped_and_said(tmp_path: Path) -> None:
    found = plant(tmp_path, mirrored_leak, "--register", "none")
    assert found.code == 0, found.said
    assert "60" in next(line for line in found.markdown.splitlines() if line.startswith("Audit: "))
    assert "dropped" in found.markdown
    assert "test clean" not in found.markdown


def test_a_mirrored_leak_that_is_left_shows_both_figures(tmp_path: Path) -> None:
    found = plant(tmp_path, mirrored_leak, "--on-leak", "report")
    assert found.code == 0, found.said
    assert "Audit: " in found.markdown
    assert "Audit: " in found.card
