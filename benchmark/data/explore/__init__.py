"""Looking at a data set: figures, and one page that holds them all."""

import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import StoreError
from ...records import Progress, Silent, Split
from ..audit import Audit
from ..augmentation import Policy
from ..pixels import Decoded
from . import figures
from .gathering import Gathered, gather
from .page import Plate, page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PAGE", "explore"]

PAGE = "explore.html"
_DPI = 110


def explore(
    decoded: Decoded,
    policy: Policy,
    into: Path,
    *,
    split: Split | None = None,
    audit: Audit | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Draw what a data set looks like: a PNG a figure, and `explore.html` with all of them.

    Args:
        decoded: the data set.
        policy: the augmentation in use, shown on training images as a network that trains on
            pixels sees it.
        into: the folder for page and figures, made if need be.
        split: the parts to show; without one the official parts.
        audit: its findings are shown too.
        seed: which images are drawn, and how they are changed: the run's seed.
        progress: told of each figure.

    Returns:
        The page: one file, which loads nothing from anywhere.

    Raises:
        StoreError: the folder cannot be written.
    """
    seen = gather(decoded, split, seed)
    target = into / PAGE
    try:
        into.mkdir(parents=True, exist_ok=True)
        plates = tuple(_plates(seen, policy, progress or Silent()))
        for plate in plates:
            (into / f"{plate.name}.png").write_bytes(plate.png)
        target.write_text(page(seen, policy, plates, audit), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write the figures to {into}: {error.strerror}.") from error
    return target


def _plates(seen: Gathered, policy: Policy, progress: Progress) -> Iterator[Plate]:
    drawings: tuple[tuple[str, str, str, Callable[[], Figure]], ...] = (
        (
            "samples",
            "Samples",
            "Distinct images of each class, drawn at random, with the part they stand in.",
            partial(figures.samples, seen),
        ),
        (
            "counts",
            "Images of each class and part",
            "Where classes differ much in number, accuracy rewards the large one.",
            partial(figures.counts, seen),
        ),
        (
            "sizes",
            "Sizes and aspect ratios as stored",
            "A network sees squares. Where classes keep apart here, size gives the class away.",
            partial(figures.sizes, seen),
        ),
        (
            "intensities",
            "Grey levels",
            (
                "Share of pixels at each grey level. Where parts differ, scores on one say less of "
                "the other; where classes differ, brightness gives the class away."
            ),
            partial(figures.intensities, seen),
        ),
        (
            "means",
            "Mean images",
            (
                "The mean over each class's distinct images; below, what makes it differ from the "
                "others. Frames and letters that show here were not made by the disease."
            ),
            partial(figures.means, seen),
        ),
        (
            "augmentation",
            f"Augmentation: policy {policy.name}",
            (
                "Training images beside views of them, each operation alone and all together, made "
                "by the very code that training calls, and from the seed of training on pixels; "
                "views whose features are kept (--views) have a seed of their own. Val and test "
                "images are never changed."
            ),
            partial(figures.augmentations, seen, policy),
        ),
    )
    progress.stage("explore", len(drawings), "figures")
    for name, heading, about, draw in drawings:
        yield Plate(name=name, heading=heading, about=about, png=_png(draw()))
        progress.advance()


def _png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()
