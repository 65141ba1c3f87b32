"""Images whose decoded pixels are identical: within a part, across parts, under two labels."""

from collections.abc import Iterator

import numpy as np

from ...records import Rows
from .findings import Finding, Kind, Severity
from .subject import Subject


def exact_duplicates(subject: Subject) -> Iterator[Finding]:
    """Find images with the very same pixels, whatever their file or format."""
    groups = _groups(subject)
    for part in subject.part_names:
        inside = [group[subject.parts[group] == part] for group in groups]
        yield from _within(subject, part, [group for group in inside if len(group) > 1])
    for learnt, judged in subject.part_pairs:
        both = [group for group in groups if {learnt, judged} <= set(subject.parts[group])]
        yield from _across(subject, learnt, judged, both)
    yield from _conflicts(subject, groups)


def _groups(subject: Subject) -> list[Rows]:
    """Return the positions of each distinct image that stands in more than one row."""
    order = np.argsort(subject.images, kind="stable")
    starts = np.flatnonzero(np.diff(subject.images[order])) + 1
    return [group for group in np.split(order, starts) if len(group) > 1]


def _within(subject: Subject, part: str, groups: list[Rows]) -> Iterator[Finding]:
    if not groups:
        return
    rows = np.concatenate(groups)
    spare = len(rows) - len(groups)
    size = int((subject.parts == part).sum())
    learning = part == "train"
    yield Finding(
        kind=Kind.EXACT_DUPLICATE,
        severity=Severity.WARNING if spare > size / 100 else Severity.INFO,  # chosen, not sourced
        summary=f"{len(rows)} files of {part} hold only {len(groups)} distinct images.",
        parts=(part,),
        classes=subject.classes(rows),
        files=subject.paths(rows),
        groups=tuple(subject.paths(group) for group in groups),
        effect="These images weigh several times in training, and cross-validation inside it leaks."
        if learning
        else f"The {part} part is in truth {spare} images smaller, its intervals too narrow.",
        remedy="Group copies in one fold; keep one of each if their class should not weigh more."
        if learning
        else "Read the intervals as those of the distinct images, or keep one file of each.",
        figures={"files": len(rows), "distinct": len(groups), "part": size},
    )


def _across(subject: Subject, learnt: str, judged: str, groups: list[Rows]) -> Iterator[Finding]:
    if not groups:
        return
    rows = np.concatenate(groups)
    leaked = rows[subject.parts[rows] == judged]
    source = rows[subject.parts[rows] == learnt]
    size = int((subject.parts == judged).sum())
    yield Finding(
        kind=Kind.EXACT_DUPLICATE,
        severity=Severity.ERROR,
        summary=f"{len(leaked)} of the {size} images of {judged} stand in {learnt} too.",
        parts=(learnt, judged),
        classes=subject.classes(rows),
        files=subject.paths([*leaked, *source]),
        groups=tuple(
            subject.paths([row for part in (judged, learnt) for row in _in(subject, group, part)])
            for group in groups
        ),
        effect=f"Up to {len(leaked) / size:.1%} of {judged} is answered from memory: "
        "its scores are too good.",
        remedy=f"Drop the copies from {learnt} (--on-leak drop).",
        figures={
            "images": len(leaked),
            "distinct": len(groups),
            "share": round(len(leaked) / size, 4),
            "copies": len(source),
        },
    )


def _conflicts(subject: Subject, groups: list[Rows]) -> Iterator[Finding]:
    mixed = [group for group in groups if len(set(subject.labels[group].tolist())) > 1]
    if not mixed:
        return
    rows = np.concatenate(mixed)
    parts = tuple(part for part in subject.part_names if part in set(subject.parts[rows]))
    judged = any(part in ("val", "test") for part in parts)
    yield Finding(
        kind=Kind.CONFLICTING_LABEL,
        severity=Severity.ERROR if judged else Severity.WARNING,
        summary=f"{len(mixed)} image(s) stand under more than one class.",
        parts=parts,
        classes=subject.classes(rows),
        files=subject.paths(rows),
        groups=tuple(subject.paths(group) for group in mixed),
        effect="One of the labels must be wrong: it teaches or scores the wrong answer.",
        remedy="Have the image read again, and correct or leave out the wrong file.",
        figures={"images": len(mixed), "files": len(rows)},
    )


def _in(subject: Subject, group: Rows, part: str) -> list[int]:
    chosen: list[int] = group[subject.parts[group] == part].tolist()
    return chosen
