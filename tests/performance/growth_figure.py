"""Draws how cost grows: a panel a kind of growth, both axes logarithmic."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from .growth import Curve

_COLOURS = ("#1f5fa8", "#d9730d", "#2e8b57", "#3a3f45")
_MARKS = ("o", "s", "^", "D")


def draw(panels: Mapping[str, tuple[str, Sequence[Curve]]], path: Path) -> None:
    """Draw curves to a PNG file.

    Args:
        panels: the axis's name, such as `images`, to the panel's title and its curves.
        path: the file.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(5.6 * columns, 4.2 * rows), layout="constrained", dpi=130)
    figure.subplots(rows, columns, squeeze=False)
    for axes, (name, (title, curves)) in zip(figure.axes, panels.items(), strict=False):
        for curve, colour, mark in zip(curves, _COLOURS, _MARKS, strict=False):
            axes.plot(curve.counts, curve.seconds, marker=mark, color=colour, label=_label(curve))
        _draw_linear(axes, curves)
        axes.set(xscale="log", yscale="log", xlabel=name, ylabel="seconds", title=title)
        axes.set_xticks(curves[0].counts)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(which="major", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=8, frameon=False)
    for axes in figure.axes[len(panels) :]:
        axes.remove()
    figure.savefig(path)


def _label(curve: Curve) -> str:
    return f"{curve.name}: n$^{{{curve.exponent:.2f}}}$, one more {_seconds(curve.further)}"


def _seconds(value: float) -> str:
    return f"{value:.2g} s" if value >= 0.1 else f"{1000 * value:.2g} ms"


def _draw_linear(axes: object, curves: Sequence[Curve]) -> None:
    """Draw what growth in proportion would look like, up to the greatest curve's last point."""
    last = max(curves, key=lambda curve: curve.seconds[-1])
    counts = last.counts
    line = [last.seconds[-1] * count / counts[-1] for count in counts]
    axes.plot(  # type: ignore[attr-defined]
        counts, line, color="#8a8f98", linewidth=1, linestyle=":", label="in proportion"
    )
