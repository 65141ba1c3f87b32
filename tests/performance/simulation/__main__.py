"""Run the simulation.

    python -m tests.performance.simulation --boards 1000 --jobs 2 --out DIR [--only ties]

It judges boards through the project's own functions and writes `rates.json`: a rate for each cell
and what was counted, with the bounds it must keep. `verdict.png` shows the main ones. 1,000 boards
a cell take some 40 minutes on 2 cores.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from . import choices, coverage, ties
from .figure import draw
from .outcome import Cell, Rate, timed
from .world import disagreement

KINDS = {
    "ties": ties.cells,
    "searched": ties.searched_cells,
    "intervals": coverage.cells,
    "floor": choices.floor_cells,
    "champion": choices.champion_cells,
    "falls": choices.falls_cells,
}


def main() -> None:
    """Judge every cell asked for, and write what came of it."""
    found = _arguments()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    began = time.monotonic()
    apart = {"0.80 and 0.80": disagreement(), "0.80 and 0.70": disagreement((0.80, 0.70))}
    print(f"Right or wrong apart: {apart}", flush=True)
    kinds = found.only or tuple(KINDS)
    cells = list(chain.from_iterable(KINDS[kind]() for kind in kinds))
    story: dict[str, Any] = {"boards": found.boards, "disagreement": apart, "cpu_seconds": 0.0}
    rates: list[Rate] = []
    found.out.mkdir(parents=True, exist_ok=True)
    for place, (own, took) in enumerate(_judged(cells, found.boards, found.jobs)):
        rates += own
        story["cpu_seconds"] += took
        story["wall_seconds"] = time.monotonic() - began
        story["rates"] = [{**asdict(each), "holds": each.holds} for each in rates]
        (found.out / "rates.json").write_text(json.dumps(story, indent=1) + "\n")
        print(f"{place + 1}/{len(cells)} {_line(own)} [{took:.0f} s]", flush=True)
    _report(rates, story)
    if not found.only:
        draw(rates, found.out / "verdict.png")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--boards", type=int, default=1000, help="boards a cell")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, required=True, help="folder of rates.json")
    parser.add_argument("--only", choices=tuple(KINDS), nargs="+", help="only such cells")
    return parser.parse_args()


def _judged(cells: Sequence[Cell], boards: int, jobs: int) -> Iterator[tuple[list[Rate], float]]:
    """Judge cells in processes, the longest first."""
    order = sorted(cells, key=lambda cell: -cell.weight)
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(timed, cell, boards) for cell in order]):
            yield future.result()


def _line(rates: Sequence[Rate]) -> str:
    shown = [each for each in rates if each.least is not None or each.most is not None]
    said = ", ".join(f"{each.name} {each.mean:.3f}{'' if each.holds else ' !'}" for each in shown)
    return f"{rates[0].kind} {rates[0].cell}: {said}"


def _report(rates: Sequence[Rate], story: Mapping[str, object]) -> None:
    equal = ties.together(rates)
    if equal is not None:
        print(f"The 36 cells of ties together: {equal:.4f} (at most {ties.MOST_TOGETHER})")
    for each in rates:
        if not each.holds:
            bounds = f"{each.least} to {each.most}"
            print(f"outside {bounds}: {each.kind} {each.cell}, {each.name} {each.mean:.3f}")
    print(f"{story['cpu_seconds']:.0f} CPU seconds, {story['wall_seconds']:.0f} s")


if __name__ == "__main__":
    main()
