"""What a judged model's answers say, as tables for people and programs."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ..evaluation import (
    ASSESSED,
    POINT_TITLES,
    Entrant,
    Interval,
    OperatingPoint,
    Sample,
    class_slugs,
    compare,
    ece_if_calibrated,
    intervals,
    judge,
    ordered_subgroups,
    overall,
    score,
    subgroups,
)
from ..metrics import METRICS
from ..records import Predictions
from ..texts import markdown_cell

if TYPE_CHECKING:
    from rich.console import RenderableType

Cell = Interval | float | int | str | None

MEASURED = ("macro_f1", "accuracy", "balanced_accuracy", "auroc", "brier", "log_loss", "ece")
"""What is shown of a model; every other metric is in its run."""
_COMPARED = ("macro_f1", "accuracy", "auroc", "brier")
_OF_SUBGROUPS = ("macro_f1", "accuracy", "auroc", "brier")
_BY_CHANCE = "ECE that calibrated answers would have by chance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table: a figure's cell has its interval, or is a plain number where there is none.

    Attributes:
        name: what its files are called; `title` what stands above it.
        columns: the columns' names.
        rows: a cell a column.
        hidden: columns for which a terminal has no room.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    hidden: frozenset[str] = frozenset()

    def to_csv(self) -> str:
        """Return it as CSV with twelve digits; NAME_low and NAME_high stand beside a figure."""
        ranged = [any(isinstance(row[at], Interval) for row in self.rows) for at in self._places]
        heads = [
            (name, f"{name}_low", f"{name}_high") if has else (name,)
            for name, has in zip(self.columns, ranged, strict=True)
        ]
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([name for head in heads for name in head])
        for row in self.rows:
            cells = zip(row, ranged, strict=True)
            writer.writerow([text for cell, has in cells for text in _plain(cell, ranged=has)])
        return out.getvalue()

    def to_markdown(self) -> str:
        """Return it as Markdown, its title above it."""
        lines = [self.columns, ["---"] * len(self.columns)]
        lines += [[markdown_cell(shown(cell)) for cell in row] for row in self.rows]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"## {self.title}\n\n{body}\n"

    def to_rich(self) -> "RenderableType":
        """Return it for a terminal."""
        from rich import box
        from rich.console import Group
        from rich.table import Table as Drawn
        from rich.text import Text

        drawn = Drawn(box=box.SIMPLE_HEAD)
        places = [at for at in self._places if self.columns[at] not in self.hidden]
        for at in places:
            is_text = all(isinstance(row[at], str) for row in self.rows)
            drawn.add_column(self.columns[at], justify="left" if is_text else "right")
        for row in self.rows:
            drawn.add_row(*(Text(shown(row[at])) for at in places))
        return Group(Text(self.title, style="bold"), drawn)

    @property
    def _places(self) -> range:
        return range(len(self.columns))


def shown(cell: Cell) -> str:
    """Return a cell as people read it: `0.728 [0.68, 0.77]`."""
    if isinstance(cell, Interval):
        return str(cell)
    if isinstance(cell, float):
        return f"{cell:.3f}"
    return "" if cell is None else str(cell)


def _plain(cell: Cell, *, ranged: bool) -> list[str]:
    """Return a cell as it stands in a CSV: three of them where its column has intervals."""
    if isinstance(cell, Interval):
        return [f"{each:.12g}" for each in (cell.value, cell.low, cell.high)]
    text = f"{cell:.12g}" if isinstance(cell, float) else "" if cell is None else str(cell)
    return [text, "", ""] if ranged else [text]


def figures(rows: Predictions, names: Sequence[str] = MEASURED) -> dict[str, Cell]:
    """Return metrics by name, with their intervals where units allow any."""
    if not rows.hashes:
        return {}
    values = overall(rows)
    ranged = intervals([rows], [name for name in names if name in ASSESSED])
    return {name: ranged.get(name, values[name]) for name in names if name in values}


def measured(rows: Predictions, patients: Predictions | None) -> Table:
    """Return the metrics by image and by patient; also of the images that no model knows."""
    views = {"by image": rows}
    if patients is not None:
        views["by patient"] = patients
    if rows.is_copy.any() and not rows.is_copy.all():
        views["by image, known ones left out"] = rows.where(~rows.is_copy)
    found = [figures(each) for each in views.values()]
    lines: list[tuple[Cell, ...]] = [
        (_title(name), *(own.get(name) for own in found)) for name in MEASURED if name in found[0]
    ]
    lines.append((_BY_CHANCE, *map(ece_if_calibrated, views.values())))
    columns = ("metric", *views)
    return Table(name="metrics", title="Metrics", columns=columns, rows=tuple(lines))


def _title(metric: str) -> str:
    return METRICS[metric].title or metric.replace("_", " ").capitalize()


def by_class(rows: Predictions, patients: Predictions | None) -> Table:
    """Return sensitivity, specificity, precision and F1 of each class that has images."""
    lines: list[tuple[Cell, ...]] = []
    for unit, each in {"image": rows, "patient": patients}.items():
        if each is None:
            continue
        found = _of_classes(each)
        counts = np.bincount(each.labels, minlength=len(each.classes)).tolist()
        for name, slug, count in zip(each.classes, class_slugs(each.classes), counts, strict=True):
            cells = (found.get(f"{figure}_{slug}") for figure in _OF_A_CLASS)
            lines.append((name, unit, count, *cells))
    columns = ("class", "by", "number", "sensitivity", "specificity", "precision", "F1")
    return Table(name="classes", title="Classes", columns=columns, rows=tuple(lines))


_OF_A_CLASS = ("recall", "specificity", "precision", "f1")


def _of_classes(rows: Predictions) -> dict[str, Cell]:
    scores = score(rows)
    ranged = intervals([rows], ("recall", "specificity"))
    return {name.removeprefix("test_"): value for name, value in scores.items()} | {**ranged}


def at_point(
    point: OperatingPoint,
    rows: Predictions,
    patients: Predictions | None,
    prevalence: float | None,
) -> Table:
    """Return what an operating point gives, by image and by patient."""
    found = [judge(point, each, prevalence) for each in (rows, patients) if each is not None]
    lines = tuple(
        (title, *(own.get(name) for own in found)) for name, title in POINT_TITLES.items()
    )
    share = "that of the images" if prevalence is None else f"{prevalence:g}"
    title = (
        f"Operating point: {' + '.join(point.positive)} from {point.threshold:.4g} on "
        f"({point.rule}), prevalence {share}"
    )
    columns = ("figure", "by image", "by patient")[: 1 + len(found)]
    return Table(name="operating_point", title=title, columns=columns, rows=lines)


def of_subgroups(
    rows: Predictions, cells: Mapping[str, Sequence[str]], point: OperatingPoint | None
) -> Table:
    """Return a row for each subgroup of each column.

    Args:
        rows: n answers.
        cells: n cells by column.
        point: the operating point, if there is one.
    """
    slugs = class_slugs(rows.classes)
    at = ("sensitivity", "specificity") if point is not None else ()
    lines: list[tuple[Cell, ...]] = []
    for column, values in cells.items():
        groups = subgroups(values)
        for group in ordered_subgroups(groups, values):
            some = rows.where(np.array([each == group for each in groups], dtype=bool))
            counts = np.bincount(some.labels, minlength=len(rows.classes)).tolist()
            own = figures(some, _OF_SUBGROUPS)
            judged = {} if point is None else judge(point, some)
            lines.append(
                (
                    *(column, group, len(some.hashes), len(Sample.of(some)), *counts),
                    *(own.get(name) for name in _OF_SUBGROUPS),
                    *(judged.get(name) for name in at),
                )
            )
    each = tuple(f"images of {slug}" for slug in slugs)
    measures = tuple(map(_title, _OF_SUBGROUPS))
    return Table(
        name="subgroups",
        title="Subgroups",
        columns=("column", "value", "images", "units", *each, *measures, *at),
        rows=tuple(lines),
        hidden=frozenset((*each, "units", "Accuracy")),
    )


def compared(tables: Mapping[str, Predictions], seed: int = 0) -> Table:
    """Return the differences of each two models on the same images, and whether they are told.

    Intervals of one metric hold for all pairs together; models are told apart where theirs leaves
    out 0 and they differ on six units or more.
    """
    rows = [line for metric in _COMPARED for line in _differences(tables, metric, seed)]
    return Table(
        name="comparison",
        title="Comparison on the same images",
        columns=("metric", "model", "other", "value", "of the other", "difference", "verdict"),
        rows=tuple(rows),
    )


def _differences(
    tables: Mapping[str, Predictions], metric: str, seed: int
) -> Iterator[tuple[Cell, ...]]:
    measures = {name: overall(rows) for name, rows in tables.items()}
    values = {name: own[metric] for name, own in measures.items() if metric in own}
    if len(values) < len(tables):
        return
    entrants = [Entrant(runs=(rows,), regime=name) for name, rows in tables.items()]
    told = compare(entrants, seed=seed, metric=metric)
    sign = 1 if METRICS[metric].more_is_better else -1
    for (first, one), (second, two) in combinations(enumerate(tables), 2):
        mine, other = values[one], values[two]
        gap, reach = mine - other, told.critical * float(told.errors[first, second])
        ahead = int(told.better[first, second]) - int(told.better[second, first])
        verdict = {1: f"{one} is better", -1: f"{two} is better", 0: "not told apart"}
        ranged = Interval(value=gap, low=gap - reach, high=gap + reach)
        difference = ranged if reach > 0 or gap == 0 else gap  # nothing varies: no interval
        yield (_title(metric), one, two, mine, other, difference, verdict[sign * ahead])
