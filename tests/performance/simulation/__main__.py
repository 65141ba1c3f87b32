"""Run the simulation.

    python -m tests.performance.simulation --boards 1000 --jobs 2 --out DIR [--only ties]

It judges boards through the project's own functions and writes `rates.json`: a rate for each cell
and what was counted, with the bounds it must keep. Where all is judged, `rates.md` has the tables
and `verdict.png` the picture of docs/metrics.md. 1,000 boards a
cell take some 40 minutes on 2 cores. What was stopped is carried on by the same command.
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
from .outcome import Cell, Judged, Rate, judge, rates_of
from .tables import paste, write
from .world import disagreement

KINDS = {
    "ties": ties.cells,
    "searched": ties.searched_cells,
    "intervals": coverage.cells,
    "floor": choices.floor_cells,
    "champion": choices.champion_cells,
    "falls": choices.falls_cells,
}

_SLICE = 125  # boards judged at once, so that what is there so far is of all cells


def main() -> None:
    """Judge every cell asked for, and write what came of it."""
    found = _arguments()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    kinds = found.only or tuple(KINDS)
    cells = list(chain.from_iterable(KINDS[kind]() for kind in kinds))
    file = found.out / "rates.json"
    judged, story = _before(cells, file)
    began = time.monotonic() - story["wall_seconds"]
    found.out.mkdir(parents=True, exist_ok=True)
    rates = _rates(cells, judged)
    for each in _judged(cells, judged, found.boards, found.jobs):
        judged[each.cell].append(each)
        rates = _rates(cells, judged)
        story["cpu_seconds"] += each.seconds
        story["wall_seconds"] = time.monotonic() - began
        story["rates"] = [{**asdict(rate), "holds": rate.holds} for rate in rates]
        file.write_text(json.dumps(story, indent=1) + "\n")
        _show(cells[each.cell], judged[each.cell])
    _report(rates, story)
    if not found.only:
        draw(rates, found.out / "verdict.png")
        (found.out / "rates.md").write_text(write(rates))
    if found.page:
        paste(write(rates), found.page)
        draw(rates, found.page.parent / "pictures" / "verdict.png")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--boards", type=int, default=1000, help="boards a cell")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, required=True, help="folder of rates.json")
    parser.add_argument("--only", choices=tuple(KINDS), nargs="+", help="only such cells")
    parser.add_argument("--page", type=Path, help="docs/metrics.md, to have its tables renewed")
    return parser.parse_args()


def _before(cells: Sequence[Cell], file: Path) -> tuple[list[list[Judged]], dict[str, Any]]:
    """Return what an earlier run into the same folder has judged, to be carried on."""
    apart = {"0.80 and 0.80": disagreement(), "0.80 and 0.70": disagreement((0.80, 0.70))}
    print(f"Right or wrong apart: {apart}", flush=True)
    if not file.exists():
        story = {"disagreement": apart, "cpu_seconds": 0.0, "wall_seconds": 0.0, "rates": []}
        return [[] for _ in cells], story
    story = json.loads(file.read_text())
    judged: list[list[Judged]] = []
    for place, cell in enumerate(cells):
        own = [each for each in story["rates"] if (each["kind"], each["cell"]) == cell.key]
        sums = {each["name"]: each["mean"] * each["boards"] for each in own}
        boards = own[0]["boards"] if own else 0
        judged.append([Judged(cell=place, boards=boards, sums=sums, seconds=0.0)] if own else [])
    return judged, story


def _judged(
    cells: Sequence[Cell], before: Sequence[Sequence[Judged]], boards: int, jobs: int
) -> Iterator[Judged]:
    """Judge cells in processes: some boards of each cell in turn, the longest first."""
    order = sorted(range(len(cells)), key=lambda place: -cells[place].weight)
    done = [sum(each.boards for each in own) for own in before]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = [
            pool.submit(judge, place, cells[place], range(first, min(first + _SLICE, boards)))
            for first in range(0, boards, _SLICE)
            for place in order
            if first >= done[place]
        ]
        for future in as_completed(futures):
            yield future.result()


def _rates(cells: Sequence[Cell], judged: Sequence[Sequence[Judged]]) -> list[Rate]:
    both = zip(cells, judged, strict=True)
    return [rate for cell, own in both if own for rate in rates_of(cell, own)]


def _show(cell: Cell, judged: Sequence[Judged]) -> None:
    rates = rates_of(cell, judged)
    shown = [each for each in rates if each.least is not None or each.most is not None]
    said = ", ".join(f"{each.name} {each.mean:.3f}{'' if each.holds else ' !'}" for each in shown)
    print(f"{cell.kind} {cell.name}, {rates[0].boards} boards: {said}", flush=True)


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
