"""The audit of the parts as published, and of the split in use where that is another."""

from dataclasses import replace

from ..cache import Cache
from ..data import Audit, Decoded, Finding, Severity, audit
from ..records import Progress, Split

_OF_A_SPLIT = ("patient-overlap", "missing-class", "class-imbalance", "part-size", "part-shift")
_ACROSS = ("exact-duplicate", "near-duplicate", "near-conflicting-label")
_GRAVEST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.INFO)


def audit_parts(decoded: Decoded, split: Split | None, cache: Cache, progress: Progress) -> Audit:
    """Audit images by their published parts, and by a split that is not the published one.

    What is found in the images themselves is told once; of the split in use, only what the
    division into parts makes.

    Args:
        decoded: the images.
        split: the split in use, None where there is none.
        cache: where an audit of the same content is found again.
        progress: told of the stages.
    """
    index, facts, pixels = decoded.index, decoded.facts, decoded.pixels
    published = audit(index, facts, pixels, cache=cache, progress=progress)
    if split is None or split.scheme == "official":
        return published
    used = audit(index, facts, pixels, split, cache=cache, progress=progress)
    fold = "" if split.fold is None else f", fold {split.fold}"
    told = {finding.kind for finding in published.findings if finding.parts == ("all",)}
    own = [
        replace(finding, summary=f"In the split {split.scheme}{fold}: {finding.summary}")
        for finding in used.findings
        if _is_of_split(finding) and finding.kind not in told
    ]
    every = sorted(
        (*published.findings, *own), key=lambda each: _GRAVEST_FIRST.index(each.severity)
    )
    return replace(published, split_digest=split.digest, findings=tuple(every))


def _is_of_split(finding: Finding) -> bool:
    """Whether the division into parts makes a finding, not the images as such."""
    if finding.kind.value in _ACROSS:
        return finding.is_across_parts
    return finding.kind.value in _OF_A_SPLIT
