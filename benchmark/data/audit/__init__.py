"""The audit: what in a data set makes scores on it wrong, found before anything is trained."""

import json
from collections.abc import Iterator
from pathlib import Path

from ...cache import Cache
from ...records import Index, Progress, Silent, Split, digest
from ..facts import Facts
from ..pixels import Pixels
from ..splits.grouping import Near
from .alike import near_duplicates
from .exact import exact_duplicates
from .findings import Audit, Finding, Kind, Severity, board_lines
from .handled import handled
from .near import near_copies
from .parts import part_findings
from .pictures import small_pictures
from .quality import quality
from .shortcuts import part_shift, shortcuts
from .subject import Subject, subject
from .suspects import feature_suspects
from .table import audit_table

__all__ = [
    "Audit",
    "Finding",
    "Kind",
    "Severity",
    "audit",
    "audit_table",
    "board_lines",
    "feature_suspects",
    "near_copies",
]

VERSION = 4  # raised by hand whenever the same data would give other findings
_GRAVEST_FIRST = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def audit(
    index: Index,
    facts: Facts,
    pixels: Pixels,
    split: Split | None = None,
    *,
    cache: Cache | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Look for what makes scores on a data set wrong.

    Args:
        index: the images, as `decode` gave them.
        facts: what was read when decoding them.
        pixels: their pixels.
        split: the parts to judge; without one the official parts, and without those the whole.
            What leaked between the official parts and does so no more is found as handled.
        cache: where an audit of the same content is found again.
        progress: told of the stage.

    Returns:
        The findings, the gravest first.
    """
    near = near_copies(index, facts, pixels, cache)
    if cache is None:
        return _look(index, facts, pixels, split, near, progress or Silent())
    names = [index.name, index.synthetic, index.digest, digest(list(index.paths))]
    lost = [[each.path, each.reason] for each in index.left_out]
    parts = [split.scheme, split.fold, split.digest] if split else []
    key = digest([VERSION, parts, names, lost, pixels.digest])

    def build(folder: Path) -> None:
        _look(index, facts, pixels, split, near, progress or Silent()).write(folder / "audit.json")

    entry = cache.entry("audit", key, build)
    return Audit.from_json(json.loads((entry / "audit.json").read_text()))


def _look(
    index: Index,
    facts: Facts,
    pixels: Pixels,
    split: Split | None,
    near: Near,
    progress: Progress,
) -> Audit:
    seen = subject(index, facts, pixels, split)
    findings = list(_findings(seen, near, progress))
    if split is not None and any(index.parts):
        findings += handled(subject(index, facts, pixels, None), seen, near, findings)
    return Audit(
        data=index.name,
        data_digest=index.digest,
        split_digest=split.digest if split else "",
        synthetic=index.synthetic,
        images=len(seen.rows),
        distinct=len(seen.first),
        findings=tuple(sorted(findings, key=lambda each: _GRAVEST_FIRST[each.severity])),
    )


def _findings(seen: Subject, near: Near, progress: Progress) -> Iterator[Finding]:
    progress.stage("audit", 6, "checks")
    pictures = small_pictures(seen.pixels, seen.pixel_rows[seen.first])
    for found in (
        exact_duplicates(seen),
        near_duplicates(seen, near),
        part_findings(seen),
        shortcuts(seen),
        part_shift(seen, pictures),
        quality(seen),
    ):
        yield from found
        progress.advance()
