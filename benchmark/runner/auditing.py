"""The audit of the split in use."""

from dataclasses import replace

from ..cache import Cache
from ..data import Audit, Decoded, Finding, audit
from ..records import Progress, Split

_ACROSS = ("exact-duplicate", "near-duplicate", "near-conflicting-label", "patient-overlap")
_OF_A_PART = ("missing-class", "class-imbalance", "few-patients", "part-size", "part-shift")


def audit_parts(decoded: Decoded, split: Split | None, cache: Cache, progress: Progress) -> Audit:
    """Audit images by a split, or by their published parts where there is none.

    What the division into parts makes is said to be of the split, where that is not the published
    one.

    Args:
        decoded: the images.
        split: the split in use, None where there is none.
        cache: where an audit of the same content is found again.
        progress: told of the stages.
    """
    found = audit(
        decoded.index, decoded.facts, decoded.pixels, split, cache=cache, progress=progress
    )
    if split is None or split.scheme == "official":
        return found
    fold = "" if split.fold is None else f", fold {split.fold}"
    findings = [
        replace(finding, summary=f"In the split {split.scheme}{fold}: {finding.summary}")
        if _is_of_split(finding)
        else finding
        for finding in found.findings
    ]
    return replace(found, findings=tuple(findings))


def _is_of_split(finding: Finding) -> bool:
    """Whether the division into parts makes a finding, not the images as such."""
    if finding.kind.value in _ACROSS:
        return finding.is_across_parts and not finding.handled
    return finding.kind.value in _OF_A_PART
