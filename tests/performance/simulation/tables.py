"""Writes the rates as the tables of docs/metrics.md."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ..markdown import draw_table
from . import coverage, ties
from .outcome import Rate

_BEGIN, _END = "<!-- rates -->", "<!-- end of rates -->"
_SIZES = (72, 101, 315)
_DRAWS = ("2,000", "20,000")
METRICS = {
    "macro_f1": "macro-F1",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "auroc": "AUROC",
    "brier": "Brier",
}
_SAMPLED = {
    "images": "images seeds=1",
    "patients of 3": "patients seeds=1",
    "mean of 3 seeds": "images seeds=3",
    "of 5 seeds": "images seeds=5",
    "of 3 seeds, patients of 3": "patients seeds=3",
}


class Rates:
    """Rates by kind, cell and name, in %."""

    def __init__(self, rates: Sequence[Rate]) -> None:
        self._rates = {(each.kind, each.cell, each.name): each.mean for each in rates}

    def of(self, kind: str, cell: str, name: str) -> float:
        """Return one rate as it is."""
        return self._rates[kind, cell, name]

    def percent(self, kind: str, cell: str, name: str, digits: int = 1) -> str:
        """Return one rate in %."""
        return f"{100 * self.of(kind, cell, name):.{digits}f}"

    def range(self, kind: str, name: str, fits: Callable[[str], bool]) -> str:
        """Return the least and greatest of some cells in %; `recall_` stands for all classes."""
        found = [
            100 * mean
            for (own, cell, each), mean in self._rates.items()
            if own == kind and fits(cell) and (each == name or _is_of_class(each, name))
        ]
        low, high = f"{min(found):.1f}", f"{max(found):.1f}"
        return low if low == high else f"{low} to {high}"


def _is_of_class(name: str, prefix: str) -> bool:
    return prefix.endswith("_") and name.startswith(prefix) and " " not in name


def write(rates: Sequence[Rate]) -> str:
    """Return all tables and the sentences between them, as Markdown."""
    found = Rates(rates)
    parts = [_sure(rates), _equal(found, ties.together(rates)), _unequal(found)]
    parts += [_searched(found)]
    parts += [_covered(found), _few(found), _noise(found), _champion(found)]
    return "\n\n".join(parts) + "\n"


def paste(tables: str, page: Path) -> None:
    """Put the tables between a page's marks."""
    text = page.read_text()
    head, begin, rest = text.partition(_BEGIN)
    _, end, tail = rest.partition(_END)
    if not end:
        raise ValueError(f"{page} must hold the lines {_BEGIN!r} and {_END!r}.")
    page.write_text(f"{head}{begin}\n\n{tables}\n{end}{tail}")


def _sure(rates: Sequence[Rate]) -> str:
    boards = min(each.boards for each in rates)
    errors = [100 * (rate * (1 - rate) / boards) ** 0.5 for rate in (0.05, 0.5)]
    return (
        f"{boards:,} boards a cell: the standard error of a rate of 5 or 95 % is {errors[0]:.1f}"
        f" points, of 50 % {errors[1]:.1f}."
    )


def _equal(rates: Rates, together: float | None) -> str:
    rows = []
    for count in (2, 8, 16):
        for seeds in (1, 3):
            cells = [
                rates.percent("ties", f"K={count} n={size} seeds={seeds} {units}", _ANY)
                for units in ("images", "patients of 3")
                for size in _SIZES
            ]
            rows.append([f"{count}{', three seeds' if seeds > 1 else ''}", *cells])
    names = ["networks", "72 images", "101", "315", "72 in patients of 3", "101", "315"]
    further = {
        "four twins beside four others": "twins",
        "half of the rows deterministic, half with seeds that differ": "half",
        "accuracy 0.97": "accuracy",
    }
    said = "; ".join(
        f"{name}: {rates.range('ties', _ANY, _begins(cell))}" for name, cell in further.items()
    )
    few, all_ = (rates.percent("ties", f"{draws} draws K=8 n=72", _ANY) for draws in _DRAWS)
    said += f". With {_DRAWS[0]} draws of the null a board {few}, with {_DRAWS[1]} {all_}"
    return (
        "**Equal networks**: boards on which any row is called worse, in %; all cells of the table"
        f" together {100 * (together or 0):.1f}.\n\n{draw_table(names, rows)}\n\n{_upper(said)}."
    )


_ANY = "any called worse"


def _begins(start: str) -> Callable[[str], bool]:
    return lambda cell: cell.startswith(start)


def _upper(said: str) -> str:
    return said[0].upper() + said[1:]


def _unequal(rates: Rates) -> str:
    def row(said: str, cell: str, name: str, digits: int = 0) -> list[str]:
        return [
            said,
            *(rates.percent("power", f"{cell} n={size}", name, digits) for size in _SIZES),
        ]

    def mean(said: str, cell: str, name: str) -> list[str]:
        return [said, *(f"{rates.of('power', f'{cell} n={size}', name):.1f}" for size in _SIZES)]

    six, spread = "6 x 0.80 + 0.70 + 0.65", "0.85 to 0.50"
    rows = [
        row("six of 0.80, one of 0.70, one of 0.65: 0.70 is called worse, %", six, "out 0.70"),
        row("0.65 is called worse, %", six, "out 0.65"),
        row("any of the six is called worse, %", six, "any best called worse", 1),
        row("any pair in the wrong order, %", six, "any wrong direction", 1),
        mean("0.85 to 0.50: rows that may be the best", spread, "rows that may be the best"),
        mean("ranks that a row may have", spread, "ranks a row may have"),
        row("any pair in the wrong order, %", spread, "any wrong direction", 1),
    ]
    names = ["board of eight", "72 images", "101", "315"]
    return f"**Unequal networks**.\n\n{draw_table(names, rows)}"


def _searched(rates: Rates) -> str:
    rows = []
    for seeds, name in ((1, "one seed"), (3, "three seeds, each searched")):
        cells = [f"best of {ties.TRIALS} beside 3 n={size} seeds={seeds}" for size in _SIZES]
        rows += [
            [
                f"{name}, with its trials",
                *(rates.percent("searched", each, _ANY) for each in cells),
            ],
            [
                f"{name}, without",
                *(rates.percent("searched", each, f"{_ANY}, trials unknown") for each in cells),
            ],
        ]
    one = [f"best of {ties.TRIALS} beside 3 n={size} seeds=1" for size in _SIZES]
    better = [f"{rates.of('searched', cell, 'optimism'):.3f}" for cell in one]
    rows.append(["macro-F1 above the plain rows", *better])
    return (
        "**The best of 20 equal trials beside three plain rows**: boards on which any row is called"
        f" worse, in %.\n\n{draw_table(['row', '72 images', '101', '315'], rows)}"
    )


def _covered(rates: Rates) -> str:
    names = {**METRICS, "recall_": "sensitivity of a class", "specificity_": "specificity of one"}
    rows = [
        [said, *(rates.range("intervals", name, _sized(end)) for end in _SAMPLED.values())]
        for name, said in names.items()
    ]
    accuracies = ", ".join(f"{each:.2f}" for each in coverage.ACCURACIES)
    return (
        "**Intervals that hold the truth**, of 95: least and greatest of the cells (accuracies of"
        f" {accuracies}; 72, 101 and 315 images), in %.\n\n"
        f"{draw_table(['figure', *_SAMPLED], rows)}"
    )


def _sized(end: str) -> Callable[[str], bool]:
    return lambda cell: cell.startswith("n=") and cell.endswith(end)


def _few(rates: Rates) -> str:
    rows = []
    for patients, images in coverage.FEW:
        cell = f"a class of {patients} patients accuracy=0.80 patients seeds=1"
        own = [rates.percent("intervals", cell, name) for name in (*METRICS, "recall_d")]
        rows.append([f"{patients} of {images} images", *own])
    names = ["smallest class (others: 20 of 3)", *METRICS.values(), "its sensitivity"]
    return f"{draw_table(names, rows)}"


def _noise(rates: Rates) -> str:
    eight = rates.range("floor", "promotes", _begins("8"))
    one = rates.range("floor", "p <= 0.05", _begins("1"))
    healthy = rates.range("falls", "warned, healthy", _begins("val"))
    fell = "warned, one fell by 10 points"
    found = ", ".join(
        f"{rates.range('falls', fell, _begins(f'val {val} test {test} '))} ({val}, {test} images)"
        for val, test in ((72, 315), (101, 315), (315, 315))
    )
    return (
        f"**Noise**: of boards of eight random rows, with and without `prior`, {eight} % promote"
        f" one; a single random row has p ≤ 0.05 on {one} %.\n\n"
        f"**Test below validation**: {healthy} % of healthy boards of 1 to 16 rows are warned of. A"
        f" row that falls by 10 points is found on {found} of 100."
    )


def _champion(rates: Rates) -> str:
    worlds = {
        "calibrated n=72": "equally calibrated, 72 images",
        "temperatures differ n=72": "of temperatures that differ, 72",
        "the good over-confident n=72": "the best three times over-confident, 72",
        "the good over-confident n=315": "the same, 315",
    }
    rows = [
        [
            said,
            rates.percent("champion", cell, "right"),
            rates.percent("champion", cell, "right, greatest macro-F1"),
        ]
        for cell, said in worlds.items()
    ]
    names = ["networks", "by the rule", "by the greatest macro-F1"]
    return (
        "**The champion** of 0.80, 0.80, 0.74 and 0.68 is one of the two best, in %.\n\n"
        f"{draw_table(names, rows)}"
    )
