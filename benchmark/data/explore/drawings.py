"""The figures of a data set, each a function of what was gathered."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ...records import Index, Rows, Split
from ...seeds import derive, generator
from ..audit.subject import ALL, in_order, part_names
from ..augmentation import Policy, augment
from ..facts import Facts
from ..pixels import Decoded, Pixels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 2_000  # images a class and part that histograms and means are computed from

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gathered:
    """The rows of an index that stand in a part.

    Attributes:
        index: the index; `pixels` and `facts` as decoding gave them.
        part_of: (n,) each row's part, empty for none.
        pixel_rows: (n,) each row's row in pixels and facts.
        parts: the parts that have rows, in the order train, val, test.
        seed: which images are drawn, and how they are changed.
    """

    index: Index
    pixels: Pixels
    facts: Facts
    part_of: npt.NDArray[np.str_]
    pixel_rows: Rows
    parts: tuple[str, ...]
    seed: int

    def rows(self, label: int, part: str) -> Rows:
        """Return the rows of one class in one part."""
        return np.flatnonzero((self.index.labels == label) & (self.part_of == part))

    def distinct(self, label: int, part: str | None = None) -> Rows:
        """Return one row for each distinct image of a class in a part or in all, drawn if many."""
        inside = self.part_of == part if part is not None else self.part_of != ""
        rows = np.flatnonzero((self.index.labels == label) & inside)
        hashes = self.facts["pixel_hash"][self.pixel_rows[rows]]
        rows = rows[np.sort(np.unique(hashes, return_index=True)[1])]
        if len(rows) > MOST:
            draw = generator(self.seed, "explore", label, part or "")
            rows = np.sort(draw.choice(rows, MOST, replace=False))
        return rows

    def sample(self, label: int, count: int, part: str | None = None) -> Rows:
        """Draw distinct images of a class."""
        rows = self.distinct(label, part)
        draw = generator(self.seed, "explore", "sample", label)
        return np.sort(draw.permutation(rows)[:count])

    def images(self, rows: Rows) -> Images:
        """Return the (n, side, side, channels) pixels of some rows."""
        return self.pixels.array[self.pixel_rows[rows]]

    def grey(self, rows: Rows) -> Iterator[npt.NDArray[np.uint8]]:
        """Return (side, side) grey pictures of some rows, one at a time."""
        return (np.asarray(self.pixels.grey(row)) for row in self.pixel_rows[rows])


def gather(decoded: Decoded, split: Split | None, seed: int) -> Gathered:
    """Join a decoded data set with the parts of a split, or with the official ones."""
    index = decoded.index
    part_of = part_names(index, split)
    return Gathered(
        index=index,
        pixels=decoded.pixels,
        facts=decoded.facts,
        part_of=part_of,
        pixel_rows=decoded.pixels.rows(index.hashes),
        parts=in_order(part_of),
        seed=seed,
    )


# Okabe and Ito's colours, which colour-blind readers can tell apart.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#555555")
_PART_COLOURS = {"train": "#0072B2", "val": "#E69F00", "test": "#D55E00", ALL: "#0072B2"}
_SAMPLES, _VIEWS, _SUBJECTS = 8, 3, 2


def samples(seen: Gathered) -> "Figure":
    """Show some distinct images of each class, with the part they stand in."""
    classes = seen.index.classes
    figure = _figure(seen, 1.35 * _SAMPLES, 1.75 * len(classes) + 0.2)
    strips = figure.subfigures(len(classes), 1, squeeze=False)[:, 0]
    for label, (strip, name) in enumerate(zip(strips, classes, strict=True)):
        rows = seen.sample(label, _SAMPLES)
        strip.suptitle(name, x=0.006, ha="left", fontsize=10, weight="bold")
        for place, axes in enumerate(strip.subplots(1, _SAMPLES)):
            axes.axis("off")
            if place < len(rows):
                _show(axes, seen.images(rows[place : place + 1])[0])
                axes.set_title(str(seen.part_of[rows[place]]), fontsize=7, color="#666", pad=2)
    return figure


def counts(seen: Gathered) -> "Figure":
    """Show how many images each class has in each part."""
    classes = seen.index.classes
    figure = _figure(seen, max(6.0, 2.1 * len(classes)), 3.4)
    axes = figure.subplots()
    width = 0.8 / len(seen.parts)
    for place, part in enumerate(seen.parts):
        heights = [len(seen.rows(label, part)) for label in range(len(classes))]
        middles = np.arange(len(classes)) + (place - (len(seen.parts) - 1) / 2) * width
        bars = axes.bar(middles, heights, 0.92 * width, label=part, color=_PART_COLOURS[part])
        axes.bar_label(bars, fontsize=8, padding=2)
    axes.set_xticks(np.arange(len(classes)), classes)
    axes.set_ylabel("images")
    axes.margins(y=0.12)
    axes.legend(
        frameon=False, fontsize=8, ncols=min(4, len(seen.parts)), loc="lower left",
        bbox_to_anchor=(-0.02, 1.0), borderaxespad=0.2,
    )  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def sizes(seen: Gathered) -> "Figure":
    """Show widths and heights as stored, and aspect ratios, by class."""
    shown = np.flatnonzero(seen.part_of != "")
    rows, labels = seen.pixel_rows[shown], seen.index.labels[shown]
    width, height = (seen.facts[name][rows].astype(float) for name in ("width", "height"))
    # The jitter only moves points apart that lie on one another.
    across, down = np.random.default_rng(0).uniform(-1.5, 1.5, (2, len(shown)))
    classes = range(len(seen.index.classes))
    colours = [_COLOURS[label % len(_COLOURS)] for label in classes]
    figure = _figure(seen, 10.0, 3.9)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    left.scatter(
        width + across, height + down, 9, np.array(colours)[labels], alpha=0.5, linewidths=0
    )
    left.set(xlabel="width as stored (pixels)", ylabel="height as stored (pixels)")
    _widen(left, 20)
    boxes = right.boxplot(
        [width[labels == label] / height[labels == label] for label in classes],
        orientation="horizontal", widths=0.6, patch_artist=True, tick_labels=seen.index.classes,
        flierprops={"markersize": 2, "alpha": 0.4}, medianprops={"color": "black"},
    )  # fmt: skip
    for colour, box, name in zip(colours, boxes["boxes"], right.get_yticklabels(), strict=True):
        box.set(facecolor=colour, alpha=0.6)
        name.set(color=colour, fontweight="bold")  # these names are the left's legend
    right.invert_yaxis()
    right.set(xlabel="width / height")
    right.set_xlim(min(0.8, right.get_xlim()[0]), max(1.25, right.get_xlim()[1]))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def intensities(seen: Gathered) -> "Figure":
    """Show how often each grey level occurs, by class and part, as a network sees them."""
    classes = seen.index.classes
    columns = min(4, len(classes))
    lines = -(-len(classes) // columns)
    figure = _figure(seen, 2.9 * columns, 2.4 * lines + 0.3)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    for place, axes in enumerate(grid.ravel()):
        axes.set_visible(place < len(classes))
    tops = []
    for label, name in enumerate(classes):
        axes = grid.ravel()[label]
        for part in seen.parts:
            shares = _histogram(seen, label, part)
            tops.append(float(shares[3:-2].max()))
            axes.plot(
                np.arange(64) * 4 + 2, shares, color=_PART_COLOURS[part], label=part, linewidth=1.4
            )
        axes.set_title(name, fontsize=10)
        axes.set_xlim(0, 255)
        axes.set_xlabel("grey level")
    grid[0][0].set_ylabel("share of pixels (%)")
    grid[0][0].set_ylim(0, 1.15 * max(tops))  # black background and white bone are cut off
    grid[0][0].legend(frameon=False, fontsize=8)
    return figure


def means(seen: Gathered) -> "Figure":
    """Show the mean image of each class, and how it differs from the mean of the class means."""
    classes = seen.index.classes
    pictures = [_mean(seen, label) for label in range(len(classes))]
    overall = np.mean(pictures, axis=0)
    reach = max(5.0, float(np.abs(np.array(pictures) - overall).max()))
    figure = _figure(seen, 2.5 * len(classes) + 1.2, 5.0)
    grid = figure.subplots(2, len(classes), squeeze=False)
    for label, name in enumerate(classes):
        _show(grid[0][label], pictures[label])
        drawn = grid[1][label].imshow(
            pictures[label] - overall, cmap="RdBu_r", vmin=-reach, vmax=reach
        )
        grid[1][label].axis("off")
        grid[0][label].set_title(name, fontsize=10)
    bar = figure.colorbar(drawn, ax=grid.ravel().tolist(), shrink=0.45, pad=0.02, anchor=(0, 0.02))
    bar.set_label("grey levels above the mean\nof all classes", fontsize=8)
    return figure


def augmentations(seen: Gathered, policy: Policy) -> "Figure":
    """Show every operation of a policy, and all together, beside the originals.

    The views come from the function that training calls, on training images alone.
    """
    part = seen.parts[0]
    chosen = [seen.sample(label, 1, part)[:1] for label in range(len(seen.index.classes))]
    rows = np.concatenate(chosen)[:_SUBJECTS]
    images = seen.images(rows)
    hashes = [seen.index.hashes[row] for row in rows]
    policies = [policy.only(name) for name in policy.in_use]
    policies = [*policies, policy] if len(policies) != 1 else policies
    seed = derive(seen.seed, "augmentation")  # as in training on pixels; kept views have their own
    width = len(rows) * (1 + _VIEWS)
    figure = _figure(seen, 1.3 * width + 2.3, 1.42 * len(policies) + 0.4)
    grid = figure.subplots(len(policies), width, squeeze=False)
    for line, each in zip(grid, policies, strict=True):
        views = [augment(images, each, seed, hashes, view) for view in range(_VIEWS)]
        for place, axes in enumerate(line):
            subject, view = divmod(place, 1 + _VIEWS)
            _show(axes, images[subject] if view == 0 else views[view - 1][subject])
        line[0].text(
            -0.12, 0.5, _label(each), transform=line[0].transAxes, ha="right", va="center",
            fontsize=9,
        )  # fmt: skip
    for place, axes in enumerate(grid[0]):
        view = place % (1 + _VIEWS)
        axes.set_title("original" if view == 0 else f"view {view}", fontsize=9)
    return figure


def _label(policy: Policy) -> str:
    if len(policy.in_use) != 1:
        return "all together" if policy.in_use else "nothing\nis changed"
    (name,) = policy.in_use
    strength = policy.strength(name)
    return f"{name.replace('_', ' ')}\n{_SAYS[name].format(strength)}"


_SAYS = {
    "rotation": "up to ±{:g}°",
    "horizontal_flip": "{:.0%} of views",
    "vertical_flip": "{:.0%} of views",
    "zoom": "up to ±{:.0%}",
    "shift": "up to ±{:.0%}",
    "crop": "up to {:.0%} cut",
    "brightness": "up to ±{:.0%}",
    "contrast": "up to ±{:.0%}",
    "noise": "deviation up to {:g}",
}


def _figure(seen: Gathered, width: float, height: float) -> "Figure":
    # No pyplot: it keeps every figure in a global list, and picks a window system.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    if seen.index.synthetic:
        figure.suptitle("SYNTHETIC images", x=0.995, ha="right", fontsize=8, color="#9a6700")
    return figure


def _widen(axes: Any, least: float) -> None:
    """Show at least `least` units to either side of the middle, where all values are alike."""
    for low, high, fix in (
        (*axes.get_xlim(), axes.set_xlim),
        (*axes.get_ylim(), axes.set_ylim),
    ):
        middle = (low + high) / 2
        fix(min(low, middle - least), max(high, middle + least))


def _show(axes: Any, image: npt.NDArray[Any]) -> None:
    axes.axis("off")
    flat = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
    axes.imshow(flat, cmap="gray", vmin=0, vmax=255)


def _histogram(seen: Gathered, label: int, part: str) -> npt.NDArray[np.float64]:
    total = np.zeros(256)
    for picture in seen.grey(seen.distinct(label, part)):
        total += np.bincount(picture.ravel(), minlength=256)
    bins = total.reshape(64, 4).sum(axis=1)
    shares: npt.NDArray[np.float64] = 100 * bins / max(1.0, bins.sum())
    return shares


def _mean(seen: Gathered, label: int) -> npt.NDArray[np.float64]:
    rows = seen.distinct(label)
    total = np.zeros(seen.pixels.array.shape[1:3])
    for picture in seen.grey(rows):
        total += picture
    return total / len(rows)
