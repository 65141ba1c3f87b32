"""Figures as SVG that stands in the page: drawn with its colours, so that dark mode has its own.

Each function returns one `<svg>`, with a title that says what it shows to who cannot see it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup, escape

from ..evaluation import Bin, Interval

Pairs = Sequence[tuple[float, float]]

_WIDTH, _HEIGHT = 420, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 44
_COLOURS = 6  # of the page's palette; a further line is drawn in the colour of others


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Where values stand between two ends, by value or by logarithm."""

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        """Return a value's place, from 0 to 1."""
        low, high, own = (
            math.log10(each) if self.log else each for each in (self.low, self.high, value)
        )
        return (own - low) / (high - low)

    def ticks(self) -> tuple[float, ...]:
        """Return round values between the ends, two to eight of them."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            found = [m * 10.0**power for power in powers for m in (1, 2, 5)]
            inside = [each for each in found if self.low <= each <= self.high]
            return tuple(inside if len(inside) <= 8 else inside[::3])
        step = _round_step((self.high - self.low) / 5)
        first = math.ceil(self.low / step - 1e-9)
        return tuple(step * n for n in range(first, math.floor(self.high / step + 1e-9) + 1))


def over(values: Iterable[float], *, log: bool = False) -> Scale:
    """Return a scale that holds some values with room around them."""
    known = [each for each in values if math.isfinite(each)] or [0.0, 1.0]
    low, high = min(known), max(known)
    if log:
        return Scale(low=low / 1.5, high=high * 1.5, log=True)
    room = 0.06 * (high - low) or 0.05 * max(abs(high), 1.0)
    return Scale(low=low - room, high=high + room)


UNIT = Scale(low=0.0, high=1.0)


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of a chart: its name, its points, and its colour by number; None is that of others."""

    name: str
    points: Pairs
    colour: int | None = None
    dashed: bool = False


@dataclass(kw_only=True, eq=False)
class Chart:
    """A chart under way: what is drawn is added piece by piece.

    Attributes:
        title: what it shows.
        x: the scale across; `y` the scale upwards, with their labels.
        y: see x.
        x_label: see x.
        y_label: see x.
        height: in the drawing's own units; `left` the room for what stands left of it.
        left: see height.
    """

    title: str
    x: Scale
    y: Scale
    x_label: str
    y_label: str = ""
    height: float = _HEIGHT
    left: float = _LEFT
    _pieces: list[str] = field(default_factory=list)

    def across(self, value: float) -> float:
        """Return where a value of `x` stands."""
        return self.left + self.x.at(value) * (_WIDTH - self.left - _RIGHT)

    def up(self, value: float) -> float:
        """Return where a value of `y` stands."""
        return self.height - _BOTTOM - self.y.at(value) * (self.height - _TOP - _BOTTOM)

    def line(self, points: Pairs, style: str, title: str = "") -> None:
        """Draw a line through points."""
        path = " ".join(f"{self.across(x):.1f},{self.up(y):.1f}" for x, y in points)
        self._add(f'<polyline class="{style}" points="{path}"', "polyline", title)

    def dot(self, x: float, y: float, style: str, title: str = "", radius: float = 4) -> None:
        """Draw a point."""
        place = f'cx="{self.across(x):.1f}" cy="{self.up(y):.1f}" r="{radius:g}"'
        self._add(f'<circle class="{style}" {place}', "circle", title)

    def text(self, x: float, y: float, words: str, style: str = "", anchor: str = "start") -> None:
        """Write words at a place of the drawing itself."""
        place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
        self._pieces.append(f'<text class="{style}" {place}>{escape(words)}</text>')

    def _add(self, opening: str, name: str, title: str) -> None:
        said = f"<title>{escape(title)}</title>" if title else ""
        self._pieces.append(f"{opening}>{said}</{name}>")

    def svg(self, *, ticks_up: bool = True) -> Markup:
        """Return the whole, with its axes."""
        axes = [*self._across_axis(), *(self._up_axis() if ticks_up else ())]
        return Markup(  # noqa: S704  every text in it was escaped
            f'<svg class="chart" viewBox="0 0 {_WIDTH} {self.height:g}" role="img">'
            f"<title>{escape(self.title)}</title>{''.join(axes)}{''.join(self._pieces)}</svg>"
        )

    def _across_axis(self) -> Iterable[str]:
        floor = self.height - _BOTTOM
        for tick in self.x.ticks():
            at = self.across(tick)
            yield f'<path class="grid" d="M{at:.1f} {_TOP}V{floor:g}"/>'
            where = f'x="{at:.1f}" y="{floor + 16:g}" text-anchor="middle"'
            yield f"<text {where}>{_short(tick)}</text>"
        middle = (self.left + _WIDTH - _RIGHT) / 2
        place = f'x="{middle:g}" y="{self.height - 8:g}" text-anchor="middle"'
        yield f"<text {place}>{escape(self.x_label)}</text>"

    def _up_axis(self) -> Iterable[str]:
        for tick in self.y.ticks():
            place = self.up(tick)
            yield f'<path class="grid" d="M{self.left:g} {place:.1f}H{_WIDTH - _RIGHT}"/>'
            where = f'x="{self.left - 6:g}" y="{place + 4:.1f}" text-anchor="end"'
            yield f"<text {where}>{_short(tick)}</text>"
        middle = (_TOP + self.height - _BOTTOM) / 2
        turned = f'transform="translate(14 {middle:g}) rotate(-90)" text-anchor="middle"'
        yield f"<text {turned}>{escape(self.y_label)}</text>"


def _short(value: float) -> str:
    for size, sign in ((1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:g}{sign}"
    return f"{value:.3g}"


def style(colour: int | None, kind: str = "line") -> str:
    """Return the classes of a line or a point: its colour's, or that of others."""
    own = "other" if colour is None or colour >= _COLOURS else f"c{colour}"
    return f"{kind} {own}"


def lines(
    title: str,
    drawn: Sequence[Line],
    labels: tuple[str, str],
    *,
    scales: tuple[Scale, Scale] | None = None,
    marked: tuple[float, str] | None = None,
    diagonal: bool = False,
) -> Markup:
    """Draw lines, the first on top.

    Args:
        title: what they show.
        drawn: the lines.
        labels: what stands across and upwards.
        scales: those of both, else as the points need.
        marked: a place across that is marked, and the words there.
        diagonal: whether the line from corner to corner is drawn, as of a guess.
    """
    every = [point for each in drawn for point in each.points]
    x, y = scales or (over(x for x, _ in every), over(y for _, y in every))
    chart = Chart(title=title, x=x, y=y, x_label=labels[0], y_label=labels[1])
    if diagonal:
        chart.line([(0, 0), (1, 1)], "guide")
    if marked is not None:
        at, words = marked
        chart.line([(at, y.low), (at, y.high)], "guide")
        is_right = x.at(at) > 0.6
        place = chart.across(at) + (-5 if is_right else 5)
        chart.text(place, _TOP + 10, words, anchor="end" if is_right else "start")
    for each in drawn[::-1]:
        dashes = " dashed" if each.dashed else ""
        if len(each.points) == 1:
            chart.dot(*each.points[0], style(each.colour, "dot"), each.name)
        chart.line(each.points, style(each.colour) + dashes, each.name)
    return chart.svg()


def thinned(x: np.ndarray, y: np.ndarray, most: int = 200) -> Pairs:
    """Return the points of a curve, evenly thinned to `most`, with both its ends."""
    kept = np.unique(np.linspace(0, len(x) - 1, most).round().astype(int))
    return list(zip(x[kept].tolist(), y[kept].tolist(), strict=True))


def costs(
    title: str, points: Sequence[tuple[float, float, str, bool]], labels: tuple[str, str]
) -> Markup:
    """Draw quality over cost, on a logarithmic axis; what is on the front in colour, with its name.

    Args:
        title: what it shows.
        points: cost, quality, name, and whether nothing beats it in both.
        labels: what stands across and upwards.
    """
    x = over((cost for cost, *_ in points), log=True)
    chart = Chart(
        title=title, x=x, y=over(y for _, y, *_ in points), x_label=labels[0], y_label=labels[1]
    )
    best = sorted((cost, quality) for cost, quality, _, is_front in points if is_front)
    chart.line(best, "guide")
    taken: list[float] = []
    for cost, quality, name, is_front in sorted(points, key=lambda each: (not each[3], -each[1])):
        chart.dot(cost, quality, style(0 if is_front else None, "dot"), f"{name}: {quality:.3f}")
        if is_front:
            is_right = x.at(cost) > 0.55
            at = _free(chart.up(quality) - 8, taken)
            place = chart.across(cost) + (4 if is_right else -4)
            chart.text(place, at, name, anchor="end" if is_right else "start")
    return chart.svg()


def _free(wanted: float, taken: list[float]) -> float:
    """Return a height at which words hide no others, as near to the wanted one as may be."""
    tried = sorted((wanted + 13 * step for step in range(-20, 21)), key=lambda at: abs(at - wanted))
    fits = (at for at in tried if at > _TOP and all(abs(at - other) >= 12 for other in taken))
    found = next(fits, wanted)
    taken.append(found)
    return found


def whiskers(
    title: str, rows: Sequence[tuple[str, Interval, Interval | None]], label: str
) -> Markup:
    """Draw what ranks (above) and test (below) of each row with their 95 % intervals.

    Args:
        title: what it shows.
        rows: their names, what ranks and test, best first.
        label: what stands across.
    """
    ends = [
        each for _, *both in rows for known in both if known for each in (known.low, known.high)
    ]
    left = min(170, 12 + 7 * max(len(_cut(name)) for name, *_ in rows))
    chart = Chart(
        title=title,
        x=over(ends),
        y=Scale(low=0, high=len(rows)),
        x_label=label,
        height=_TOP + _BOTTOM + 26 * len(rows),
        left=left,
    )
    for place, (name, own, test) in enumerate(rows):
        middle = len(rows) - place - 0.5
        chart.text(left - 8, chart.up(middle) + 4, _cut(name), anchor="end")
        for known, shift, colour in ((own, 0.15, 0), (test, -0.15, 1)):
            if known is not None:
                at = middle + shift
                chart.line([(known.low, at), (known.high, at)], style(colour))
                said = f"{name}: {known}"
                chart.dot(known.value, at, style(colour, "dot"), said)
    return chart.svg(ticks_up=False)


def _cut(name: str) -> str:
    return name if len(name) <= 22 else f"{name[:21]}…"


def reliability(title: str, bins: Sequence[Bin]) -> Markup:
    """Draw how often answers are right over how sure they are, with 95 % intervals."""
    chart = Chart(title=title, x=UNIT, y=UNIT, x_label="how sure it is", y_label="share right")
    chart.line([(0, 0), (1, 1)], "guide")
    for each in bins:
        chart.line(
            [(each.confidence, each.accuracy.low), (each.confidence, each.accuracy.high)], style(0)
        )
        said = f"{each.images} images, {each.confidence:.2f} sure, {each.accuracy.value:.2f} right"
        chart.dot(each.confidence, each.accuracy.value, style(0, "dot"), said)
    return chart.svg()


def bars(title: str, shares: Sequence[tuple[str, float]], label: str) -> Markup:
    """Draw shares as bars, the greatest on top."""
    left = min(190, 12 + 7 * max(len(_cut(name)) for name, _ in shares))
    chart = Chart(
        title=title,
        x=Scale(low=0.0, high=max(value for _, value in shares) * 1.1 or 1.0),
        y=Scale(low=0, high=len(shares)),
        x_label=label,
        height=_TOP + _BOTTOM + 22 * len(shares),
        left=left,
    )
    for place, (name, value) in enumerate(shares):
        middle = len(shares) - place - 0.5
        chart.text(left - 8, chart.up(middle) + 4, _cut(name), anchor="end")
        chart.line([(0, middle), (value, middle)], "bar c0", f"{name}: {value:.2f}")
    return chart.svg(ticks_up=False)
