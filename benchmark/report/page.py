"""The page: facts, words and figures put into one file that loads nothing from anywhere."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from ..board import Board, Column, Row, columns, legend, title
from ..evaluation import class_slugs, roc_points
from ..metrics import area_under_roc
from ..pages import markdown, render
from ..records import Part, Predictions
from . import charts, sentences
from .dossier import Dossier, Searched
from .portraits import networks
from .published import beside, read_published

_TEMPLATE = Path(__file__).with_name("page.html.jinja")
_DRAWN = 40  # chosen, not sourced: rows that fit a figure one can read
_LONGEST = 160  # chosen, not sourced: characters of a cell, some three lines
_PANELS = 6  # chosen, not sourced: of classes, the first have ROC curves


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of the board: its text, and what its column is sorted by."""

    text: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A figure with the words above it, and what its colours mean, by the style of each."""

    said: str
    svg: Markup
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What is shown of a search."""

    name: str
    said: tuple[str, ...]
    figures: tuple[Markup, ...]


def page(dossier: Dossier) -> str:
    """Return a report as HTML.

    Args:
        dossier: what it is made of. Where nothing has finished, the page says so.
    """
    board = dossier.board
    subject = board.subject
    same, others = beside(board, read_published())
    shown = networks(dossier)
    return render(
        _TEMPLATE,
        board=board,
        heading=f"{board.data or 'Nothing yet'}{' (SYNTHETIC)' if board.is_synthetic else ''}:"
        " the report",
        verdict=sentences.verdict(board),
        champion=board.verdict.chosen if board.verdict is not None else "",
        measured=sentences.measured(board),
        limits=sentences.limits(board),
        images={} if subject is None else dict(subject.images),
        classes=() if subject is None else subject.classes,
        heads=[column for column in columns(board) if column.heading],
        lines=[_line(board, row) for row in board.rows],
        signs=legend(board),
        anchors=[each.anchor for each in shown],
        whiskers=_whiskers(board),
        written=sentences.written,
        same=same,
        others=others,
        costs=[_cost(board, cost) for cost in sentences.COSTS] if board.ranked else [],
        curves=_curves(dossier),
        heat=_heat(board),
        agreement=_agreement(dossier),
        networks=shown,
        searches=[
            _search(sentences.named(board, row), found)
            for row in board.rows
            if (found := dossier.searches.get(row.representative.spec.digest)) is not None
        ],
        origin=dossier.origin,
        card=markdown(dossier.card),
        holds_pictures=any(mistake.picture for each in shown for mistake in each.mistakes),
    )


def _line(board: Board, row: Row) -> list[Cell]:
    shown = [column for column in columns(board) if column.heading]
    return [Cell(text=_cut(column.write(row)), key=_key(column, row)) for column in shown]


def _cut(text: str) -> str:
    """Shorten a long note; the network's own section has the whole."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _key(column: Column, row: Row) -> str:
    """Return what a cell is sorted by: a number where its text begins with one."""
    if column.key is not None:
        return repr(float(column.key(row)))
    first = column.write(row).split(" ")[0].split("–")[0]
    try:
        return repr(float(first))
    except ValueError:
        return ""


def _whiskers(board: Board) -> Panel | None:
    if not board.ranked:
        return None
    _, _, metric = board.metric.partition("_")
    drawn = []
    for row in board.ranked[:_DRAWN]:
        test = row.figures.get(f"test_{metric}")
        own = row.figures[board.metric]
        drawn.append((
            sentences.named(board, row),
            own.span,
            None if test is None else test.span,
        ))  # fmt: skip
    name = title(board.metric).partition(" ")[2]
    svg = charts.whiskers(f"{name} of each row, with 95 % intervals", drawn, name)
    legend = ((f"{title(board.metric)}, which ranks", "c0"), (f"test {name}, reported only", "c1"))
    return Panel(said="", svg=svg, legend=legend)


def _cost(board: Board, cost: sentences.Cost) -> Panel:
    best = sentences.front(board, cost)
    points = [
        (cost.of(row), row.figures[board.metric].value, sentences.named(board, row), row in best)
        for row in board.ranked
        if cost.of(row) > 0
    ]
    name = title(board.metric)
    drawn = Markup()
    if points:
        drawn = charts.costs(f"{name} over {cost.label}", points, (cost.label, name))
    return Panel(said=sentences.front_said(board, cost), svg=drawn)


def _said_of(dossier: Dossier) -> tuple[Part, list[tuple[str, Predictions]]]:
    """Return what the ranked rows said of test, or of validation where there is no test."""
    for part in (Part.TEST, Part.VAL):
        found = [
            (sentences.named(dossier.board, row), rows)
            for row in dossier.board.ranked[:_DRAWN]
            if (rows := dossier.rows(row.representative, part)) is not None
        ]
        if found:
            return part, found
    return Part.TEST, []


def _curves(dossier: Dossier) -> list[Panel]:
    """Return a panel of ROC curves a class, of all networks; of two classes, of the last."""
    part, tables = _said_of(dossier)
    if not tables:
        return []
    classes = tables[0][1].classes
    asked = [1] if len(classes) == 2 else range(min(_PANELS, len(classes)))
    panels = []
    for label in asked:
        drawn = []
        for place, (name, rows) in enumerate(tables):
            positive, scores = rows.labels == label, rows.probabilities[:, label]
            if not 0 < positive.sum() < len(positive):
                continue
            points = charts.thinned(*roc_points(positive, scores))
            area = area_under_roc(positive, scores)
            colour = place if place < 6 else None
            drawn.append(charts.Line(name=f"{name} ({area:.3f})", points=points, colour=colour))
        if drawn:
            heading = f"{classes[label]} against the rest, on {part}"
            svg = charts.lines(
                f"ROC curves: {heading}", drawn, ("1 − specificity", "sensitivity"),
                scales=(charts.UNIT, charts.UNIT), diagonal=True,
            )  # fmt: skip
            legend = tuple((each.name, charts.style(each.colour, "")) for each in drawn)
            panels.append(Panel(said=heading, svg=svg, legend=legend))
    return panels


def _heat(board: Board) -> list[tuple[str, list[float | None]]]:
    """Return each ranked row's F1 by class on test."""
    classes = () if board.subject is None else board.subject.classes
    names = [f"test_f1_{slug}" for slug in class_slugs(classes)]
    value: Callable[[Row], list[float | None]] = lambda row: [row.value(name) for name in names]  # noqa: E731
    return [(sentences.named(board, row), value(row)) for row in board.ranked[:_DRAWN]]


def _agreement(dossier: Dossier) -> tuple[str, sentences.Agreement] | None:
    part, tables = _said_of(dossier)
    found = sentences.agreement(tables) if tables else None
    return None if found is None else (sentences.agreement_said(found, part), found)


def _search(name: str, found: Searched) -> Search:
    states = ", ".join(f"{count} {state}" for state, count in found.states.items())
    best = ", ".join(f"{name}={value}" for name, value in found.best.items())
    said = [f"{sum(found.states.values())} trials ({states}) of {len(found.names)} parameters."]
    figures = []
    if found.values:
        top = max(found.values) if found.more_is_better else min(found.values)
        said.append(f"The best {found.metric} was {top:.3f}, with {best}.")
        history = _best_so_far(found)
        figures.append(charts.lines(f"Search of {name}", history, ("complete trial", found.metric)))
    lacking = sentences.trials_said(len(found.values), len(found.names))
    if lacking:
        said.append(lacking)
    if found.importances:
        shares = list(found.importances.items())
        figures.append(
            charts.bars(f"Importances of {name}", shares, "share of the variance explained")
        )
    return Search(name=name, said=tuple(said), figures=tuple(figures))


def _best_so_far(found: Searched) -> list[charts.Line]:
    better = max if found.more_is_better else min
    tried = [(place + 1.0, value) for place, value in enumerate(found.values)]
    best = [(x, better(found.values[: place + 1])) for place, (x, _) in enumerate(tried)]
    return [
        charts.Line(name="best so far", points=best, colour=0),
        charts.Line(name="trial", points=tried),
    ]
