"""Looking at a data set: figures, and one page that holds them all."""

import base64
import io
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import StoreError
from ...pages import render
from ...records import Progress, Silent, Split
from ..audit import Audit, Severity
from ..augmentation import OPERATIONS, Policy
from ..pixels import Decoded
from . import drawings
from .drawings import Gathered, gather

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PAGE", "explore"]

PAGE = "explore.html"
_DPI = 110
_FILES = 3


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
        policy: the augmentation in use, shown on training images as training on pixels sees it.
        into: the folder for page and figures, made if need be.
        split: the parts to show; without one the official parts.
        audit: its findings are shown too.
        seed: the run's seed, by which images are drawn and changed.
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
        figures = dict(_drawn(seen, policy, progress or Silent()))
        for name, png in figures.items():
            (into / f"{name}.png").write_bytes(png)
        target.write_text(page(seen, policy, figures, audit), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write the figures to {into}: {error.strerror}.") from error
    return target


def _drawn(seen: Gathered, policy: Policy, progress: Progress) -> Iterator[tuple[str, bytes]]:
    """Draw the figures, and yield each one's name and PNG."""
    figures: dict[str, Callable[[], Figure]] = {
        "samples": partial(drawings.samples, seen),
        "counts": partial(drawings.counts, seen),
        "sizes": partial(drawings.sizes, seen),
        "intensities": partial(drawings.intensities, seen),
        "means": partial(drawings.means, seen),
        "augmentation": partial(drawings.augmentations, seen, policy),
    }
    progress.stage("explore", len(figures), "figures")
    for name, draw in figures.items():
        buffer = io.BytesIO()
        draw().savefig(buffer, format="png", dpi=_DPI)
        yield name, buffer.getvalue()
        progress.advance()


def page(seen: Gathered, policy: Policy, figures: Mapping[str, bytes], audit: Audit | None) -> str:
    """Return the page as HTML, with its pictures inside and no script."""
    index = seen.index
    known = set(index.patients) - {None}
    return render(
        Path(__file__).with_name("page.html.jinja"),
        index=index,
        parts=seen.parts,
        patients=f"{len(known)} patients" if known else "patients unknown",
        side=seen.pixels.array.shape[1],
        counts={
            name: [len(seen.rows(label, part)) for part in seen.parts]
            for label, name in enumerate(index.classes)
        },
        audit=audit,
        errors=sum(found.severity is Severity.ERROR for found in audit.findings) if audit else 0,
        files=_FILES,
        pictures={name: base64.b64encode(png).decode() for name, png in figures.items()},
        policy=policy,
        reasons=[
            operation
            for name, operation in OPERATIONS.items()
            if name in policy.in_use or name in policy.reasons
        ],
    )
