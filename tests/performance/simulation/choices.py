"""What is promoted: noise, the right row, and healthy boards that are warned of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial

import numpy as np

from benchmark.board import BoardEvidence
from benchmark.board.entries import Board, Figure, Row
from benchmark.board.verdict import falls, with_verdict
from benchmark.evaluation import PASSES, Entrant, estimate, floor, overall
from benchmark.records import Part, Predictions, Regime, State
from tests.board.made import record

from .outcome import Cell, Seen
from .world import CLASSES, Images, Network, draw, said

FLOOR_MOST = 0.02
WARNED_MOST = 0.037
RIGHT_LEAST = 0.97
GOOD = (0.80, 0.80, 0.74, 0.68)


def floor_cells() -> Iterator[Cell]:
    """Return benchmarks of random answers: eight rows, with and without the prior, and one."""
    for size in (72, 315):
        for prior in (False, True):
            yield Cell(
                kind="floor",
                name=f"8 random rows{' and the prior' if prior else ''} n={size}",
                judge=partial(judge_noise, Images.sized(size), 8, prior=prior),
                most={"promotes": FLOOR_MOST, "p <= 0.05": 0.07},
                weight=4.0,
            )
    for patients in (1, 3):
        yield Cell(
            kind="floor",
            name=f"1 random row n=101 patients of {patients}",
            judge=partial(judge_noise, Images.sized(101, patients), 1),
            most={"promotes": FLOOR_MOST, "p <= 0.05": 0.07},
        )


def judge_noise(
    images: Images, count: int, source: np.random.Generator, *, prior: bool = False
) -> Seen:
    """Return whether noise may be promoted: answers that have nothing to do with the labels.

    Each row has a leaning of its own towards classes, as networks that learnt nothing have, and
    images of a patient resemble each other.
    """
    leaning = source.standard_normal((count, 1, len(CLASSES)))
    scores = leaning + images.noise((), source) + images.noise((count,), source)
    raised = np.exp(scores)
    rows = [said(images, each) for each in raised / raised.sum(axis=2, keepdims=True)]
    if prior:
        rows.append(said(images, np.tile(images.counts / images.counts.sum(), (len(scores[0]), 1))))
    found = floor(
        [Entrant(runs=(row,), regime="") for row in rows], seed=int(source.integers(2**31))
    )
    least = float(found.of_rows[:count].min())
    return {
        "promotes": float(least <= PASSES),
        "p <= 0.05": float(found.p <= 0.05),
        "p <= 0.5": float(found.p <= 0.5),
    }


def champion_cells() -> Iterator[Cell]:
    """Return boards of two good networks, a lesser one and a poor one."""
    worlds = ("calibrated", "temperatures differ", "the good over-confident")
    for size, world in (*((72, world) for world in worlds), (315, worlds[2])):
        yield Cell(
            kind="champion",
            name=f"{world} n={size}",
            judge=partial(judge_choice, Images.sized(size), world),
            least={"right": RIGHT_LEAST},
            weight=5.0,
        )


def judge_choice(images: Images, world: str, source: np.random.Generator) -> Seen:
    """Return whether the rule chooses a truly best row, and whether the greatest figure does."""
    sharpness = {
        "calibrated": np.ones(4),
        "temperatures differ": np.exp(source.normal(0, 0.6, 4)),
        "the good over-confident": np.array([3.0, 3.0, 1.0, 1.0]),
    }[world]
    networks = [
        Network(accuracy=accuracy, sharpness=float(sharp))
        for accuracy, sharp in zip(GOOD, sharpness, strict=True)
    ]
    sizes = source.permutation(4) + 1
    if world == "the good over-confident":
        sizes = np.array([4, 3, 2, 1])  # the smaller, the worse
    tables = [run for (run,) in draw(images, networks, source)]
    figures = [overall(table)["macro_f1"] for table in tables]
    order = np.argsort(-np.array(figures), kind="stable")
    rows = [
        replace(
            _row(int(each)),
            rank=rank + 1,
            parameters=1000 * int(sizes[each]),
            figures={"val_macro_f1": Figure(value=figures[each])},
        )
        for rank, each in enumerate(order)
    ]
    evidence = _evidence(rows, [tables[each] for each in order])
    board = Board(metric="val_macro_f1", data="", data_digest="", subject=None, rows=tuple(rows))
    chosen = with_verdict(board, evidence, int(source.integers(2**31))).champion
    place = int(chosen.arch) if chosen is not None else int(order[0])
    return {
        "right": float(GOOD[place] == max(GOOD)),
        "regret": max(GOOD) - GOOD[place],
        "right, greatest macro-F1": float(GOOD[order[0]] == max(GOOD)),
        "regret, greatest macro-F1": max(GOOD) - GOOD[order[0]],
        "none chosen": float(chosen is None),
    }


@lru_cache
def _row(number: int) -> Row:
    own = record(str(number))
    return Row(
        rank=1,
        arch=str(number),
        regime=Regime.FROZEN,
        weights="imagenet",
        state=State.FINISHED,
        figures={},
        total_seconds=1.0,
        wall_seconds=1.0,
        parameters=1000,
        milliseconds_per_image=1.0,
        model_bytes=1,
        seeds=(1,),
        records=(own,),
        scored_runs=1,
    )


@lru_cache
def _digest(number: int) -> str:
    return _row(number).records[0].spec.digest


def _evidence(rows: Sequence[Row], tables: Sequence[Predictions]) -> Mapping[str, BoardEvidence]:
    return {
        _digest(int(row.arch)): BoardEvidence(predictions=table)
        for row, table in zip(rows, tables, strict=True)
    }


def falls_cells() -> Iterator[Cell]:
    """Return boards on which test is like validation, and ones on which it falls by 10 points."""
    for val, test in ((72, 315), (101, 315), (315, 315)):
        for count in (1, 8, 16) if val == 72 else (1, 8):
            yield Cell(
                kind="falls",
                name=f"val {val} test {test} K={count}",
                judge=partial(judge_fall, Images.sized(val), Images.sized(test), count),
                most={"warned, healthy": WARNED_MOST},
                weight=0.5 * count,
            )


def judge_fall(val: Images, test: Images, count: int, source: np.random.Generator) -> Seen:
    """Return whether a healthy board is warned of, and one whose first row falls by 10 points."""
    rows = [replace(_row(number), rank=number + 1) for number in range(count)]
    chosen = [run for (run,) in draw(val, (Network(),) * count, source)]
    networks = (Network(),) * count + (Network(accuracy=0.70),)
    *healthy, fallen = [
        replace(run, parts=(Part.TEST,) * len(run.hashes))
        for (run,) in draw(test, networks, source)
    ]
    estimates = [estimate((run,), ("macro_f1",))["macro_f1"] for run in chosen]
    plain = falls(rows, estimates, _evidence(rows, healthy), "macro_f1")
    silent = fallen.take(np.array([], dtype=np.int64))  # rows without a test part are passed over
    tables = [fallen, *[silent] * (count - 1)]
    first = falls(rows, estimates, _evidence(rows, tables), "macro_f1")
    return {
        "warned, healthy": float(bool(plain)),
        "warned, one fell by 10 points": float(bool(first)),
    }
