"""Equal rows called worse, worse rows found, and rows that were chosen among trials."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from benchmark.evaluation import Comparison, Entrant, compare, overall, predicted

from .outcome import Cell, Rate, Seen
from .world import Images, Network, draw, entrants

MOST = 0.07
MOST_TOGETHER = 0.053
DRAWS = 2_000  # of the null: ten times fewer than a board's, of which the rates are the same
BEST = (0.80,) * 6
SPREAD = (0.85, 0.83, 0.80, 0.78, 0.74, 0.70, 0.60, 0.50)
TRIALS = 20


def cells() -> Iterator[Cell]:
    """Return the 36 cells of equal rows, further such cells, and those of power."""
    for count in (2, 8, 16):
        for size in (72, 101, 315):
            for seeds in (1, 3):
                for a_patient in (1, 3):
                    row = Network(seeds=seeds, between=2.0 if seeds > 1 else 0.0)
                    units = f"patients of {a_patient}" if a_patient > 1 else "images"
                    yield _equal(
                        f"K={count} n={size} seeds={seeds} {units}",
                        Images.sized(size, a_patient),
                        (row,) * count,
                    )
    yield from _further()
    yield from _power()


def _further() -> Iterator[Cell]:
    noisy = Network(seeds=3, between=2.0, regime="fine-tuned")
    fixed = Network(seeds=3, of_seed=0.0)
    for size in (72, 315):
        images = Images.sized(size)
        yield _equal(f"twins n={size}", images, (Network(twins=True),) * 4 + (Network(),) * 4)
        yield _equal(f"half deterministic n={size}", images, (fixed,) * 4 + (noisy,) * 4)
        for count in (2, 8, 16):
            yield _equal(
                f"accuracy 0.97 K={count} n={size}", images, (Network(accuracy=0.97),) * count
            )
    images, eight = Images.sized(72), (Network(),) * 8
    for draws in (DRAWS, 20_000):
        name = f"{draws:,} draws K=8 n=72"
        yield Cell(
            kind="ties",
            name=name,
            judge=partial(judge_equal, images, eight, draws=draws),
            most={"any called worse": MOST},
            weight=4.0,
        )


def _power() -> Iterator[Cell]:
    bounds = {72: (0.25, 0.58), 101: (0.0, 0.0), 315: (0.95, 0.99)}
    for size, (ten, fifteen) in bounds.items():
        rows = tuple(Network(accuracy=each) for each in (*BEST, 0.70, 0.65))
        yield Cell(
            kind="power",
            name=f"6 x 0.80 + 0.70 + 0.65 n={size}",
            judge=partial(judge_mixed, Images.sized(size), rows),
            least={"out 0.70": ten, "out 0.65": fifteen},
            most={"any best called worse": MOST, "any wrong direction": MOST},
            weight=3.0,
        )
        rows = tuple(Network(accuracy=each) for each in SPREAD)
        yield Cell(
            kind="power",
            name=f"0.85 to 0.50 n={size}",
            judge=partial(judge_mixed, Images.sized(size), rows),
            most={"any best called worse": MOST, "any wrong direction": MOST},
            weight=3.0,
        )


def _equal(name: str, images: Images, rows: Sequence[Network]) -> Cell:
    return Cell(
        kind="ties",
        name=name,
        judge=partial(judge_equal, images, tuple(rows)),
        most={"any called worse": MOST},
        weight=len(rows) * (0.4 + rows[0].seeds * (1 + len(images.labels) / 300) / 3),
    )


def judge_equal(
    images: Images, rows: Sequence[Network], source: np.random.Generator, draws: int = DRAWS
) -> Seen:
    """Return whether any of equal rows is called worse, and whether the greatest leads alone."""
    found = _compared(entrants(images, rows, source), source, draws)
    return {
        "any called worse": float(found.is_worse.any()),
        "any pair called apart": float(found.better.any()),
    }


def judge_mixed(images: Images, rows: Sequence[Network], source: np.random.Generator) -> Seen:
    """Return which of unequal rows are called worse, and whether any wrongly."""
    found = _compared(entrants(images, rows, source), source)
    true = np.array([row.accuracy for row in rows])
    wrong = found.better & (true[:, None] <= true[None, :])
    best = true == true.max()
    out = {
        f"out {each:.2f}": float(found.is_worse[true == each].mean()) for each in np.unique(true)
    }
    return {
        **out,
        "any best called worse": float(found.is_worse[best].any()),
        "any wrong direction": float(wrong.any()),
        "rows that may be the best": float((~found.is_worse).sum()),
        "ranks a row may have": float((found.highs - found.lows + 1).mean()),
    }


def _compared(
    rows: Sequence[Entrant], source: np.random.Generator, draws: int = DRAWS
) -> Comparison:
    return compare(rows, seed=int(source.integers(2**31)), draws=draws)


def searched_cells() -> Iterator[Cell]:
    """Return cells of a row that is the best of 20 equal trials, beside three plain equal rows."""
    for seeds in (1, 3):
        for size in (72, 101, 315):
            yield Cell(
                kind="searched",
                name=f"best of {TRIALS} beside 3 n={size} seeds={seeds}",
                judge=partial(judge_searched, Images.sized(size), seeds),
                most={"any called worse": MOST},
                weight=4.0 * seeds,
            )


def judge_searched(images: Images, seeds: int, source: np.random.Generator) -> Seen:
    """Return whether any row is called worse, with the trials known and without."""
    trial = Network(seeds=seeds, of_seed=1.0)  # each seed searches on its own
    *plain, searched = _searched(images, (Network(seeds=seeds),) * 3 + (trial,) * TRIALS, source)
    seed = int(source.integers(2**31))
    known = compare([*plain, searched], seed=seed, draws=DRAWS)
    blind = Entrant(runs=searched.runs, regime=searched.regime)
    unknown = compare([*plain, blind], seed=seed, draws=DRAWS)
    return {
        "any called worse": float(known.is_worse.any()),
        "any called worse, trials unknown": float(unknown.is_worse.any()),
        "searched called worse": float(known.is_worse[-1]),
        "optimism": float(np.mean([overall(run)["macro_f1"] for run in searched.runs]))
        - float(np.mean([overall(run)["macro_f1"] for each in plain for run in each.runs])),
    }


def _searched(
    images: Images, networks: Sequence[Network], source: np.random.Generator
) -> list[Entrant]:
    """Return plain rows, and last the row of each run's best trial."""
    drawn = draw(images, networks, source)
    trials, runs = drawn[-TRIALS:], []
    answers = []
    for seed in range(networks[0].seeds):
        own = [trial[seed] for trial in trials]
        figures = [overall(each)["macro_f1"] for each in own]
        runs.append(own[int(np.argmax(figures))])
        answers.append(np.stack([predicted(each) for each in own]))
    plain = [Entrant(runs=each, regime="frozen") for each in drawn[:-TRIALS]]
    return [*plain, Entrant(runs=tuple(runs), regime="frozen", trials=tuple(answers))]


def together(rates: Sequence[Rate]) -> float | None:
    """Return the share of all boards of the 36 cells of equal rows with any called worse."""
    found = [
        rate.mean
        for rate in rates
        if rate.kind == "ties" and rate.cell.startswith("K=") and rate.name == "any called worse"
    ]
    return float(np.mean(found)) if found else None
