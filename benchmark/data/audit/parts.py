"""What a split must give: patients on one side, every class in every part, enough images."""

import math
from collections.abc import Iterator

import numpy as np

from ...records import Rows
from .findings import Finding, Kind, Severity
from .subject import ALL, Subject

DISAGREEMENT = 0.10  # chosen, not sourced: share of images that two good networks answer apart
Z_95 = 1.96
LEAST_DISCORDANT = 6  # the sign test needs 6 of 6 for p <= 0.05 (two-sided: 2 / 2**6 = 0.03)


def part_findings(subject: Subject) -> Iterator[Finding]:
    """Look at patients, classes and sizes of the parts."""
    yield from _patients(subject)
    for part in subject.part_names:
        positions = np.flatnonzero(subject.parts == part)
        yield from _missing(subject, part, positions)
        if part in ("val", "test"):
            yield _resolution(subject, part, positions)
    yield from _imbalance(subject)


def resolvable_difference(images: int) -> float:
    """Give the least difference in accuracy of two networks that `images` images can prove.

    Both networks answer the same images, and differ on a share DISAGREEMENT of them. The
    difference must be 1.96 standard errors of a paired difference (McNemar 1947,
    doi:10.1007/BF02295996), and at least the six images that the exact sign test asks for.
    """
    if images == 0:
        return 1.0
    return min(1.0, max(LEAST_DISCORDANT / images, Z_95 * math.sqrt(DISAGREEMENT / images)))


def _patients(subject: Subject) -> Iterator[Finding]:
    if (subject.patients < 0).all():
        yield Finding(
            kind=Kind.PATIENTS_UNKNOWN,
            severity=Severity.INFO,
            summary="No patient is known for any image.",
            parts=subject.part_names,
            effect="A patient may stand on both sides of a split, which makes scores too good; "
            "nobody can tell from these files.",
            remedy="Give patients in a manifest, or a pattern for the file names "
            "(--patient-pattern).",
        )
    for learnt, judged in subject.part_pairs:
        yield from _overlap(subject, learnt, judged)


def _overlap(subject: Subject, learnt: str, judged: str) -> Iterator[Finding]:
    known = subject.patients >= 0
    sides = [set(subject.patients[known & (subject.parts == part)]) for part in (learnt, judged)]
    shared = sides[0] & sides[1]
    if not shared:
        return
    of_them = np.isin(subject.patients, list(shared))
    mine = np.flatnonzero(of_them & (subject.parts == judged))
    theirs = np.flatnonzero(of_them & (subject.parts == learnt))
    share = len(mine) / int((subject.parts == judged).sum())
    groups = tuple(
        subject.paths(
            [*mine[subject.patients[mine] == who], *theirs[subject.patients[theirs] == who]]
        )
        for who in sorted(shared)
    )
    yield Finding(
        kind=Kind.PATIENT_OVERLAP,
        severity=Severity.ERROR,
        summary=f"{len(shared)} patient(s) of {judged} stand in {learnt} too: "
        f"{len(mine)} images ({share:.1%}).",
        parts=(learnt, judged),
        classes=subject.classes(np.concatenate([mine, theirs])),
        files=subject.paths([*mine, *theirs]),
        groups=groups,
        effect="A network can know the patient instead of the disease: the scores are too good.",
        remedy="Split by patient (--split 70/15/15). If patient numbers restart in each part, "
        "this is a false alarm: leave the pattern out.",
        figures={"patients": len(shared), "images": len(mine), "share": round(share, 4)},
    )


def _missing(subject: Subject, part: str, positions: Rows) -> Iterator[Finding]:
    present = set(subject.labels[positions].tolist())
    absent = tuple(name for label, name in enumerate(subject.index.classes) if label not in present)
    if absent:
        yield Finding(
            kind=Kind.MISSING_CLASS,
            severity=Severity.ERROR,
            summary=f"{part} has no image of {', '.join(absent)}.",
            parts=(part,),
            classes=absent,
            effect="The class cannot be learnt."
            if part == "train"
            else "Scores averaged over classes leave this class out or count it as failed.",
            remedy="Split again, stratified by class (--split 70/15/15).",
            figures={"classes": len(absent)},
        )


def _resolution(subject: Subject, part: str, positions: Rows) -> Finding:
    distinct = len(np.unique(subject.images[positions]))
    counts = np.bincount(subject.labels[positions], minlength=len(subject.index.classes))
    difference = resolvable_difference(distinct)
    severity = Severity.INFO
    if difference > 0.05:  # chosen, not sourced: most neighbours on a board are closer than this
        severity = Severity.ERROR if difference > 0.15 else Severity.WARNING
    use = "choose between networks" if part == "val" else "rank networks"
    return Finding(
        kind=Kind.PART_SIZE,
        severity=severity,
        summary=f"{part} has {distinct} distinct images: two networks must differ by "
        f"{100 * difference:.1f} points of accuracy to be told apart at 95 %.",
        parts=(part,),
        classes=subject.index.classes,
        effect=f"Smaller differences are chance: it cannot {use} that are closer.",
        remedy="Nothing: read closer networks as ties."
        if severity is Severity.INFO
        else "Make the part larger (--split 70/15/15), or use cross-validation (--split kfold:5).",
        figures={
            "images": len(positions),
            "distinct": distinct,
            "resolvable_difference": round(difference, 4),
            "smallest_class": int(counts.min()),
        },
    )


def _imbalance(subject: Subject) -> Iterator[Finding]:
    part = "train" if "train" in subject.part_names else ALL
    counts = np.bincount(
        subject.labels[subject.parts == part], minlength=len(subject.index.classes)
    )
    least, most = int(counts.min()), int(counts.max())
    if least == 0 or most < 2 * least:  # chosen, not sourced
        return
    yield Finding(
        kind=Kind.CLASS_IMBALANCE,
        severity=Severity.INFO,
        summary=f"The largest class of {part} has {most / least:.1f} times the images of the "
        "smallest.",
        parts=(part,),
        classes=(subject.index.classes[counts.argmax()], subject.index.classes[counts.argmin()]),
        effect="Accuracy rewards the large class; the small one is learnt late.",
        remedy="Rank by macro-F1, and weigh classes (--class-weight balanced).",
        figures=dict(zip(subject.index.classes, counts.tolist(), strict=True)),
    )
