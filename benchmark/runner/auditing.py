"""The audit of the split in use."""

from collections.abc import Sequence
from dataclasses import replace

from ..cache import Cache
from ..data import Audit, Decoded, Finding, NearPair, audit, feature_suspects
from ..records import Progress, Split
from ..training import pretrained_features

_ACROSS = ("exact-duplicate", "near-duplicate", "near-conflicting-label", "patient-overlap")
_OF_A_PART = ("missing-class", "class-imbalance", "few-patients", "part-size", "part-shift")


def audit_parts(
    decoded: Decoded,
    split: Split | None,
    cache: Cache,
    progress: Progress,
    near: Sequence[NearPair] = (),
) -> Audit:
    """Audit images by a split, or by their published parts where there is none.

    What the division into parts makes is said to be of the split, where that is not the published
    one. Where the cache has a pretrained network's features of the images, what they suspect is
    added: it changes no split.

    Args:
        decoded: the images.
        split: the split in use, None where there is none.
        cache: where an audit of the same content, and features, are found again.
        progress: told of the stages.
        near: pairs of rows that show nearly the same, as `near_copies` found them.
    """
    found = audit(
        decoded.index, decoded.facts, decoded.pixels, split, cache=cache, progress=progress
    )
    features = pretrained_features(cache, decoded.pixels)
    if features is not None:
        suspects = feature_suspects(decoded, split, features, near)
        found = replace(found, findings=(*found.findings, *suspects))
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
