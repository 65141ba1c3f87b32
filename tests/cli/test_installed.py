"""What `pip install .` gives: both names of the command, and search spaces in any folder."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
IGNORED = shutil.ignore_patterns("__pycache__")


def test_an_installed_benchmark_lists_its_spaces_from_any_folder(tmp_path: Path) -> None:
    source, site, empty = (tmp_path / name for name in ("source", "site", "empty"))
    for name in ("benchmark", "search_spaces"):
        shutil.copytree(ROOT / name, source / name, ignore=IGNORED)
    (source / "results").mkdir()
    shutil.copy(ROOT / "results" / "published.csv", source / "results")
    for name in ("pyproject.toml", "setup.py", "requirements.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    empty.mkdir()
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    made = subprocess.run(
        [*pip, "--target", str(site), str(source)], capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr
    for name in ("benchmark", "chest-scan-benchmark"):
        shown = subprocess.run(
            [sys.executable, str(site / "bin" / name), "spaces"],
            cwd=empty,
            env={"PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
        )
        assert shown.returncode == 0, shown.stderr
        for space in (ROOT / "search_spaces").glob("*.yaml"):
            assert f"{space.stem}: " in shown.stdout
    assert (site / "benchmark" / "published" / "published.csv").is_file()
