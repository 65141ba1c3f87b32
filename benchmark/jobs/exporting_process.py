"""Processes that write and ask formats: one that crashes or hangs costs one format only."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..records import Probabilities
from ..serving import EXPORTS_SCRIPT
from ..texts import last_parts, printable

THREADS = 1
"""Each runtime's, so that they compare: they differ in how they share work out among more."""

_SECONDS = 3600.0  # chosen: EfficientNetV2L's slowest converter takes minutes on two cores
_LONGEST = 300  # characters of a fault


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replies:
    """What a format says of the images, or in `fault` why it does not.

    Attributes:
        probabilities: (n, k).
        milliseconds: of an image by itself, the median.
        runtime: what answered, with its version.
    """

    probabilities: Probabilities = field(default_factory=lambda: np.empty((0, 0)))
    milliseconds: float = 0.0
    runtime: str = ""
    fault: str = ""


def write(network: Path, names: Sequence[str], work: Path) -> Mapping[str, str]:
    """Write a network in some formats into a folder; return what went wrong with each, or ""."""
    found: dict[str, str] = {}
    while left := [name for name in names if name not in found]:
        job = {"do": "write", "network": str(network), "names": left, "into": str(work)}
        told, died = _run(job, work, {})
        found |= {each["name"]: _shown(each["fault"]) for each in told}
        if len(told) < len(left):  # it died at the next one
            found[left[len(told)]] = died
    return found


def ask(name: str, file: Path, work: Path) -> Replies:
    """Let a format classify the images in `pixels.npy` in a folder, in a process of its own."""
    job = {"do": "ask", "name": name, "file": str(file), "threads": THREADS}
    job["pixels"] = str(work / "pixels.npy")
    told, died = _run(job, work, dict.fromkeys(_THREADS, str(THREADS)))
    answer: dict[str, Any] = told[0] if told else {"fault": died}
    if "fault" in answer:
        return Replies(fault=_shown(answer["fault"]))
    return Replies(
        probabilities=np.array(answer["rows"], dtype=np.float64),
        milliseconds=answer["milliseconds"],
        runtime=answer["runtime"],
    )


_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def _run(
    job: dict[str, Any], work: Path, more: Mapping[str, str]
) -> tuple[list[dict[str, Any]], str]:
    """Run the script in a process; return what it told, and how it ended if not well."""
    told = work / "told.jsonl"
    told.unlink(missing_ok=True)
    # Converters write to the folder for temporary files, and a card is not one thread.
    own = {"TMPDIR": str(work), "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    try:
        done = subprocess.run(
            # -P keeps the script's folder out of the way of the packages' own modules.
            [sys.executable, "-P", str(EXPORTS_SCRIPT)],
            input=json.dumps({**job, "told": str(told)}),
            capture_output=True,
            text=True,
            errors="replace",
            cwd=work,
            env={**os.environ, **own, **more},
            timeout=_SECONDS,
            check=False,
        )
        died = _end(done)
    except subprocess.TimeoutExpired:
        died = f"it took longer than {_SECONDS / 60:.0f} minutes and was ended"
    lines = told.read_text(encoding="utf-8").split("\n") if told.exists() else [""]
    return [json.loads(line) for line in lines[:-1]], died


def _end(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        return f"its process was ended by signal {-done.returncode}"
    said = [line for line in done.stderr.splitlines() if line.strip()]
    return f"its process ended with exit code {done.returncode}: {said[-1] if said else 'silent'}"


def _shown(fault: str) -> str:
    """Return a fault in one line without the folders of this machine."""
    return last_parts(printable(" ".join(fault.split())))[:_LONGEST]
