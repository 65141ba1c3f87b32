"""What every figure stands on: a canvas, its colours, its title and what that says.

Figures are drawn on the Agg canvas through the object-oriented interface: no pyplot state, no
window, safe beside other threads. Colours tell apart for colour-blind readers too: Okabe & Ito's
palette for lines, one blue from light to dark for areas.
"""

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..records import Part, Predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette without black and yellow, which is faint on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
STYLES = ("-", "--", ":", "-.")
TITLE: dict[str, Any] = {"fontsize": 10, "x": 0.01, "ha": "left"}
PART_NAMES = {Part.TRAIN: "training", Part.VAL: "validation", Part.TEST: "test"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What a figure's title says besides the part and its number of images.

    Attributes:
        arch: the architecture.
        data: the data set's name.
        synthetic: whether the images were drawn by a program.
    """

    arch: str
    data: str
    synthetic: bool


def canvas(width: float, height: float) -> tuple["Figure", "Axes"]:
    """Return a figure of that size in inches, on the Agg canvas, with one axes."""
    figure, panels = canvases(width, height, 1)
    return figure, panels[0]


def canvases(width: float, height: float, panels: int) -> tuple["Figure", tuple["Axes", ...]]:
    """Return a figure of that size in inches, on the Agg canvas, with axes side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, tuple(figure.subplots(1, panels, squeeze=False)[0])


def entitle(figure: "Figure", what: str, about: str, caption: Caption) -> None:
    """Title a figure: what it is, the architecture, the data set, what of it, and SYNTHETIC."""
    marked = " · SYNTHETIC images" if caption.synthetic else ""
    text = f"{what} of {caption.arch}\n{caption.data}, {about}{marked}"
    figure.suptitle(plain(text), **TITLE)


def of_part(predictions: Predictions, part: Part) -> str:
    """Return which part a figure is of, and how many images that has."""
    return f"{PART_NAMES[part]}, n={sum(each is part for each in predictions.parts)}"


def short(name: str, width: int = 22) -> str:
    """Fold a long class name over at most two lines, cutting what is longer."""
    spaced = name.replace("_", " ").replace(".", " ")
    return plain("\n".join(textwrap.wrap(spaced, width, max_lines=2, placeholder="…")) or name)


def plain(text: str) -> str:
    """Keep matplotlib from reading what stands between two dollar signs as a formula."""
    return text.replace("$", r"\$")


def tidy(axes: "Axes") -> None:
    """Draw a light grid and no box."""
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
