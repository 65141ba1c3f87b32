"""How the benchmark of whole commands measures."""

import sys
from pathlib import Path

import pytest

from .commands import Command, run, story, table


def test_a_command_is_timed_with_the_memory_of_all_its_processes(tmp_path: Path) -> None:
    child = "import time; held = bytearray(b'x') * (150 * 2**20); time.sleep(1)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); print(7)"
    seconds, peak_mib, said = run([sys.executable, "-c", parent], tmp_path)
    assert said == "7\n"
    assert 1 < seconds < 60
    assert 150 < peak_mib < 1000


def test_a_command_that_fails_ends_the_measurement(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="ended with code 3"):
        run([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


def test_ratios_are_of_the_last_command_over_each() -> None:
    rows = [
        Command(name=name, seconds=seconds, peak_mib=100.0, test_macro_f1=score)
        for name, seconds, score in (("ours", 5.0, 0.9), ("plain", 20.0, None))
    ]
    assert [each["last_over_this"] for each in story(rows)] == [4.0, 1.0]
    assert "| ours | 5.0 | 100 | 0.900 | 4.0 |" in table(rows)
