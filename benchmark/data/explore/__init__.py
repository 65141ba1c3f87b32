"""Looking at a data set: figures, and one page that holds them all."""

import base64
import html
import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import StoreError
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


_STYLE = """
:root{color-scheme:light}
body{font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;color:#1c2430;background:#f4f6f8;
margin:0}
main{max-width:1080px;margin:0 auto;padding:24px 20px 64px}
h1{font-size:30px;margin:8px 0 4px}h2{font-size:21px;margin:0 0 4px}
p{margin:6px 0 12px;max-width:75ch}.quiet{color:#5b6675}
section{background:#fff;border:1px solid #dfe4ea;border-radius:8px;padding:18px 22px;margin:18px 0}
img{max-width:100%;display:block;margin:8px auto}
table{border-collapse:collapse;font-size:14px;width:100%}
th,td{text-align:left;padding:6px 10px 6px 0;border-bottom:1px solid #e6eaef;vertical-align:top}
td.number,th.number{text-align:right}
.banner{background:#fff3cd;border:1px solid #e0b93c;border-radius:8px;padding:12px 18px;
font-weight:600}
.error{color:#b42318;font-weight:600}.warning{color:#9a6700;font-weight:600}.info{color:#5b6675}
.files{color:#5b6675;font-size:12px;overflow-wrap:anywhere}
.scroll{overflow-x:auto}code{white-space:nowrap;font-size:13px}
"""

_FILES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate:
    """A figure on the page: its name, its heading, what it tells, and its PNG."""

    name: str
    heading: str
    about: str
    png: bytes


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
        plates = tuple(_plates(seen, policy, progress or Silent()))
        for plate in plates:
            (into / f"{plate.name}.png").write_bytes(plate.png)
        target.write_text(page(seen, policy, plates, audit), encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write the figures to {into}: {error.strerror}.") from error
    return target


def _plates(seen: Gathered, policy: Policy, progress: Progress) -> Iterator[Plate]:
    figures: tuple[tuple[str, str, str, Callable[[], Figure]], ...] = (
        (
            "samples",
            "Samples",
            "Distinct images of each class, drawn at random, with the part they stand in.",
            partial(drawings.samples, seen),
        ),
        (
            "counts",
            "Images of each class and part",
            "Where classes differ much in number, accuracy rewards the large one.",
            partial(drawings.counts, seen),
        ),
        (
            "sizes",
            "Sizes and aspect ratios as stored",
            "A network sees squares. Where classes keep apart here, size gives the class away.",
            partial(drawings.sizes, seen),
        ),
        (
            "intensities",
            "Grey levels",
            (
                "Share of pixels at each grey level. Where parts differ, scores on one say less of "
                "the other; where classes differ, brightness gives the class away."
            ),
            partial(drawings.intensities, seen),
        ),
        (
            "means",
            "Mean images",
            (
                "The mean over each class's distinct images; below, what makes it differ from the "
                "others. Frames and letters that show here were not made by the disease."
            ),
            partial(drawings.means, seen),
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
            partial(drawings.augmentations, seen, policy),
        ),
    )
    progress.stage("explore", len(figures), "figures")
    for name, heading, about, draw in figures:
        buffer = io.BytesIO()
        draw().savefig(buffer, format="png", dpi=_DPI)
        yield Plate(name=name, heading=heading, about=about, png=buffer.getvalue())
        progress.advance()


def page(seen: Gathered, policy: Policy, plates: Iterable[Plate], audit: Audit | None) -> str:
    """Return the page as text."""
    title = f"{seen.index.name}{' (SYNTHETIC)' if seen.index.synthetic else ''}: the data"
    sections = [_counts(seen)]
    sections += [_findings(audit)] if audit is not None else []
    for plate in plates:
        more = _reasons(policy) if plate.name == "augmentation" else ""
        picture = base64.b64encode(plate.png).decode()
        sections.append(
            f'<section id="{plate.name}"><h2>{_(plate.heading)}</h2><p>{_(plate.about)}</p>'
            f'<img alt="{_(plate.heading)}" src="data:image/png;base64,{picture}">{more}</section>'
        )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main>{_head(seen)}{''.join(sections)}</main></body></html>\n"
    )


def _(text: object) -> str:
    return html.escape(str(text))


def _advice(text: str) -> str:
    """Escape a text and keep its command-line options whole."""
    return re.sub(r"(--[a-z-]+)", r"<code>\1</code>", _(text))


def _head(seen: Gathered) -> str:
    index = seen.index
    known = sum(patient is not None for patient in index.patients)
    patients = f"{len(set(index.patients) - {None})} patients" if known else "patients unknown"
    side = seen.pixels.array.shape[1]
    warning = (
        '<p class="banner">SYNTHETIC: a program drew these images. They show that everything '
        "works, and nothing about any disease.</p>"
        if index.synthetic
        else '<p class="quiet">This page holds images of patients: treat it as you treat them.</p>'
    )
    notes = "".join(f"<li>{_(note)}</li>" for note in index.notes)
    return (
        f"<h1>{_(index.name)}</h1>{warning}"
        f'<p class="quiet">{len(index)} images, {len(index.classes)} classes, {_(patients)}; '
        f"modality {_(index.modality)}; shown at {side} × {side} pixels, as networks see them. "
        f"Digest {_(index.digest[:12])}.</p>" + (f"<ul>{notes}</ul>" if notes else "")
    )


def _counts(seen: Gathered) -> str:
    head = "".join(f'<th class="number">{_(part)}</th>' for part in (*seen.parts, "total"))
    lines = []
    for label, name in enumerate(seen.index.classes):
        numbers = [len(seen.rows(label, part)) for part in seen.parts]
        cells = "".join(f'<td class="number">{n}</td>' for n in (*numbers, sum(numbers)))
        lines.append(f"<tr><td>{_(name)}</td>{cells}</tr>")
    return (
        f"<section><h2>Images</h2><table><tr><th>class</th>{head}</tr>{''.join(lines)}</table>"
        "</section>"
    )


def _findings(audit: Audit) -> str:
    lines = []
    for found in audit.findings:
        groups = found.groups or tuple((path,) for path in found.files)
        files = "".join(
            f'<div class="files">{_(" = ".join(dict.fromkeys((group[0], group[-1]))))}</div>'
            for group in groups[:_FILES]
        )
        more = len(groups) - _FILES
        files += f'<div class="files">… {more} more in audit.json</div>' if more > 0 else ""
        lines.append(
            f'<tr><td class="{found.severity}">{_(found.severity)}</td>'
            f"<td>{_(found.summary)}{files}</td><td>{_advice(found.effect)}</td>"
            f"<td>{_advice(found.remedy)}</td></tr>"
        )
    errors = sum(found.severity is Severity.ERROR for found in audit.findings)
    told = (
        f"{errors} are errors: as it stands, scores on this data cannot be believed."
        if errors
        else "none is an error."
    )
    return (
        f"<section><h2>Audit</h2><p>{len(audit.findings)} findings; {told}</p>"
        '<div class="scroll"><table><tr><th></th><th>what was found</th>'
        f"<th>what it may do to the scores</th><th>what to do</th></tr>{''.join(lines)}</table>"
        "</div></section>"
    )


def _reasons(policy: Policy) -> str:
    lines = "".join(
        f"<tr><td>{_(name.replace('_', ' '))}</td><td class=number>{policy.strength(name):g}</td>"
        f"<td>{_(OPERATIONS[name].about)}</td><td>{_(policy.reasons.get(name, ''))}</td></tr>"
        for name in OPERATIONS
        if name in policy.in_use or name in policy.reasons
    )
    return (
        "<table><tr><th>operation</th><th class=number>strength</th><th>meaning</th>"
        f"<th>why</th></tr>{lines}</table>"
        if lines
        else ""
    )
