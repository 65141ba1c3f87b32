"""The audit: what in a data set makes scores on it wrong, found before anything is trained."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ...cache import Cache
from ...records import Index, Progress, Silent, Split, digest
from ..facts import Facts
from ..pixels import Pixels
from ..splits.groups import Near
from .checks import part_findings, patient_overlaps, quality
from .copies import exact_duplicates, near_duplicates
from .findings import Audit, Fault, Finding, Severity, audit_table, board_lines
from .near import near_copies
from .shortcuts import part_shift, shortcuts
from .subject import Subject, small_pictures, subject
from .suspects import feature_suspects

__all__ = [
    "Audit",
    "Fault",
    "Finding",
    "Severity",
    "audit",
    "audit_table",
    "board_lines",
    "feature_suspects",
    "near_copies",
]

VERSION = 5  # raised by hand whenever the same data would give other findings
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
        index: the images, as `decode` gave them, with their `facts` and `pixels`.
        facts: see index.
        pixels: see index.
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
        found = _look(index, facts, pixels, split, near, progress or Silent())
        (folder / "audit.json").write_text(found.text, encoding="utf-8")

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


_STOOD = {
    Fault.EXACT_DUPLICATE: "{images} image(s) of {judged} stood in {learnt} as published",
    Fault.NEAR_DUPLICATE: "{images} image(s) of {judged} were nearly equal to images of {learnt} "
    "as published",
    Fault.PATIENT_OVERLAP: "{patients} patient(s) of {judged} stood in {learnt} as published",
    Fault.CONFLICTING_LABEL: "{images} image(s) stood under more than one class as published",
    Fault.NEAR_CONFLICTING_LABEL: "{pairs} pair(s) of nearly equal images stood under different "
    "classes as published",
}
_WHATEVER_PARTS = (Fault.CONFLICTING_LABEL, Fault.NEAR_CONFLICTING_LABEL)


def handled(
    published: Subject, used: Subject, near: Near, found: Sequence[Finding]
) -> Iterator[Finding]:
    """Yield the leaks of the published parts that the split in use no longer has."""
    still = {_place(finding) for finding in found}
    kept = set(used.paths(range(len(used.rows))))
    for finding in (
        *exact_duplicates(published),
        *near_duplicates(published, near),
        *patient_overlaps(published),
    ):
        is_leak = finding.is_across_parts or finding.kind in _WHATEVER_PARTS
        if is_leak and _place(finding) not in still:
            yield _said(finding, is_dropped=not kept.issuperset(finding.files))


def _place(finding: Finding) -> tuple[Fault, tuple[str, ...]]:
    return finding.kind, () if finding.kind in _WHATEVER_PARTS else finding.parts


def _said(finding: Finding, *, is_dropped: bool) -> Finding:
    learnt, judged = finding.parts[0], finding.parts[-1]
    stood = _STOOD[finding.kind].format(learnt=learnt, judged=judged, **finding.figures)
    done = "kept in one part by the split in use"
    if is_dropped:
        done = f"dropped from {learnt}" if learnt != judged else "dropped"
    return replace(
        finding,
        severity=Severity.INFO,
        handled=True,
        summary=f"{stood}; {done}.",
        effect="None any more.",
        remedy="Nothing.",
    )
