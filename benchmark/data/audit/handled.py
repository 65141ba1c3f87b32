"""What was wrong with the published parts and is so no more in the split in use."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..splits.grouping import Near
from .alike import near_duplicates
from .exact import exact_duplicates
from .findings import Finding, Kind, Severity
from .parts import patient_overlaps
from .subject import Subject

_STOOD = {
    Kind.EXACT_DUPLICATE: "{images} image(s) of {judged} stood in {learnt} as published",
    Kind.NEAR_DUPLICATE: "{images} image(s) of {judged} were nearly equal to images of {learnt} "
    "as published",
    Kind.PATIENT_OVERLAP: "{patients} patient(s) of {judged} stood in {learnt} as published",
    Kind.CONFLICTING_LABEL: "{images} image(s) stood under more than one class as published",
    Kind.NEAR_CONFLICTING_LABEL: "{pairs} pair(s) of nearly equal images stood under different "
    "classes as published",
}
_WHATEVER_PARTS = (Kind.CONFLICTING_LABEL, Kind.NEAR_CONFLICTING_LABEL)


def handled(
    published: Subject, used: Subject, near: Near, found: Sequence[Finding]
) -> Iterator[Finding]:
    """Yield the leaks of the published parts that the split in use no longer has.

    Args:
        published: the images in their published parts.
        used: the images in the parts in use.
        near: pairs of rows that show nearly the same.
        found: what was found in the parts in use.
    """
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


def _place(finding: Finding) -> tuple[Kind, tuple[str, ...]]:
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
