"""Images with the same pixels, or nearly the same: in a part, across parts, under two labels."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ...records import Rows
from ..splits.groups import NearPair
from .findings import Fault, Finding, Severity
from .subject import Subject


def exact_duplicates(subject: Subject) -> Iterator[Finding]:
    """Find images with the very same pixels, whatever their file or format."""
    groups = _groups(subject)
    for part in subject.part_names:
        inside = [_in(subject, group, part) for group in groups]
        yield from _within(subject, part, [group for group in inside if len(group) > 1])
    for learnt, judged in subject.part_pairs:
        both = [group for group in groups if {learnt, judged} <= set(subject.parts[group])]
        yield from _across(subject, learnt, judged, both)
    yield from _conflicts(subject, groups)


def _groups(subject: Subject) -> list[Rows]:
    """Return the positions of each distinct image that is in more than one row."""
    order = np.argsort(subject.images, kind="stable")
    starts = np.flatnonzero(np.diff(subject.images[order])) + 1
    return [group for group in np.split(order, starts) if len(group) > 1]


def _within(subject: Subject, part: str, groups: list[Rows]) -> Iterator[Finding]:
    if not groups:
        return
    rows = np.concatenate(groups)
    spare = len(rows) - len(groups)
    size = int((subject.parts == part).sum())
    effect, remedy = (
        f"The {part} part is in truth {spare} images smaller; its intervals count distinct images.",
        "Nothing for an interval; keep one file of each where they should weigh the same.",
    )
    if part == "train":
        effect, remedy = (
            "These images weigh several times in training; folds keep copies together.",
            "Nothing for a score; keep one of each if their class should not weigh more.",
        )
    yield Finding(
        kind=Fault.EXACT_DUPLICATE,
        severity=Severity.WARNING if spare > size / 100 else Severity.INFO,  # chosen, not sourced
        summary=f"{len(rows)} files of {part} hold only {len(groups)} distinct images.",
        parts=(part,),
        classes=subject.classes(rows),
        files=subject.paths(rows),
        groups=tuple(subject.paths(group) for group in groups),
        effect=effect,
        remedy=remedy,
        figures={"files": len(rows), "distinct": len(groups), "part": size},
    )


def _across(subject: Subject, learnt: str, judged: str, groups: list[Rows]) -> Iterator[Finding]:
    if not groups:
        return
    rows = np.concatenate(groups)
    leaked, source = _in(subject, rows, judged), _in(subject, rows, learnt)
    size = int((subject.parts == judged).sum())
    yield Finding(
        kind=Fault.EXACT_DUPLICATE,
        severity=Severity.ERROR,
        summary=f"{len(leaked)} of the {size} images of {judged} stand in {learnt} too.",
        parts=(learnt, judged),
        classes=subject.classes(rows),
        files=subject.paths([*leaked, *source]),
        groups=tuple(
            subject.paths(np.concatenate([_in(subject, group, part) for part in (judged, learnt)]))
            for group in groups
        ),
        effect=f"Up to {len(leaked) / size:.1%} of {judged} is answered from memory: "
        "its scores are too good.",
        remedy=_for_leak(subject, learnt),
        figures={
            "images": len(leaked),
            "distinct": len(groups),
            "share": round(len(leaked) / size, 4),
            "copies": len(source),
        },
    )


def _for_leak(subject: Subject, learnt: str) -> str:
    """Advise on copies across parts: where no split is in use yet, the usual one drops them."""
    if not subject.scheme:
        return f"Nothing but a split that drops copies from {learnt}, as --on-leak drop does."
    return f"Drop the copies from {learnt} (--on-leak drop)."


def _conflicts(subject: Subject, groups: list[Rows]) -> Iterator[Finding]:
    mixed = [group for group in groups if len(set(subject.labels[group].tolist())) > 1]
    if not mixed:
        return
    rows = np.concatenate(mixed)
    parts = tuple(part for part in subject.part_names if part in set(subject.parts[rows]))
    judged = any(part in ("val", "test") for part in parts)
    yield Finding(
        kind=Fault.CONFLICTING_LABEL,
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


def _in(subject: Subject, rows: Rows, part: str) -> Rows:
    found: Rows = rows[subject.parts[rows] == part]
    return found


class Joined(NamedTuple):
    """A near pair with all exact copies of each side, as positions; the judged part's first."""

    one: Rows
    other: Rows
    change: str
    correlation: float


def near_duplicates(subject: Subject, near: Sequence[NearPair]) -> Iterator[Finding]:
    """Find images that are nearly the same but differ in some pixel, from the rows' near pairs."""
    joined = list(_joined(subject, near))
    for part in subject.part_names:
        yield from _finding(subject, (part,), _inside(subject, joined, part))
    for learnt, judged in subject.part_pairs:
        yield from _finding(subject, (learnt, judged), _between(subject, joined, learnt, judged))
    mixed = [
        pair
        for pair in joined
        if len({*subject.labels[pair.one].tolist(), *subject.labels[pair.other].tolist()}) > 1
    ]
    if mixed:
        rows = np.unique(np.concatenate([side for pair in mixed for side in pair[:2]]))
        parts = tuple(part for part in subject.part_names if part in set(subject.parts[rows]))
        yield _describe(subject, Fault.NEAR_CONFLICTING_LABEL, parts, mixed)


def _joined(subject: Subject, near: Sequence[NearPair]) -> Iterator[Joined]:
    members: dict[str, list[int]] = {}
    for position, pixels in enumerate(subject.fact("pixel_hash").tolist()):
        members.setdefault(pixels, []).append(position)
    content = subject.index.hashes
    for left, right, change, correlation in near:
        sides = [
            np.array(members.get(subject.facts.pixel_hash_of(content[row]), []), dtype=np.int64)
            for row in (left, right)
        ]
        if len(sides[0]) and len(sides[1]):
            yield Joined(sides[0], sides[1], change, correlation)


def _inside(subject: Subject, joined: Sequence[Joined], part: str) -> list[Joined]:
    found = []
    for pair in joined:
        one, other = (_in(subject, side, part) for side in pair[:2])
        if len(one) and len(other):
            found.append(pair._replace(one=one, other=other))
    return found


def _between(subject: Subject, joined: Sequence[Joined], learnt: str, judged: str) -> list[Joined]:
    """Return pairs across two parts, less images that are exact copies across them anyway."""
    found = []
    for pair in joined:
        for one, other in (pair[:2], pair[1::-1]):
            new, old = _in(subject, other, judged), _in(subject, one, learnt)
            is_copy = bool((subject.parts[other] == learnt).any())
            if len(old) and len(new) and not is_copy:
                found.append(pair._replace(one=new, other=old))
    return found


def _finding(
    subject: Subject, parts: tuple[str, ...], joined: Sequence[Joined]
) -> Iterator[Finding]:
    if joined:
        yield _describe(subject, Fault.NEAR_DUPLICATE, parts, joined)


def _describe(
    subject: Subject, kind: Fault, parts: tuple[str, ...], joined: Sequence[Joined]
) -> Finding:
    rows = np.array([row for pair in joined for side in pair[:2] for row in side], dtype=np.int64)
    first = len({int(row) for pair in joined for row in pair.one})
    summary, effect, remedy = _words(subject, kind, parts, len(joined), first)
    changes = Counter(pair.change for pair in joined if pair.change)
    severity = Severity.ERROR if len(parts) > 1 else Severity.INFO
    if kind is Fault.NEAR_CONFLICTING_LABEL:
        severity = Severity.WARNING
    return Finding(
        kind=kind,
        severity=severity,
        summary=summary + "".join(f" {count} {how}." for how, count in sorted(changes.items())),
        parts=parts,
        classes=subject.classes(rows),
        files=tuple(dict.fromkeys(subject.paths(rows))),
        groups=tuple(subject.paths([*pair.one, *pair.other]) for pair in joined),
        effect=effect,
        remedy=remedy,
        figures={
            "pairs": len(joined),
            "images": first,
            "least_correlation": round(joined[-1].correlation, 4),
            "greatest_correlation": round(joined[0].correlation, 4),
            **{f"pairs {how}": count for how, count in sorted(changes.items())},
        },
    )


def _words(
    subject: Subject, kind: Fault, parts: tuple[str, ...], pairs: int, images: int
) -> tuple[str, str, str]:
    if kind is Fault.NEAR_CONFLICTING_LABEL:
        return (
            f"{pairs} pair(s) of nearly equal images stand under different classes.",
            "One of the labels is likely wrong, or the classes cannot be told apart here.",
            "Have these images read again.",
        )
    if len(parts) == 1:
        return (
            f"{pairs} pair(s) of nearly equal images inside {parts[0]}.",
            "The part holds less evidence than its number of files says.",
            "Nothing to do for a score: the folds of a search keep them together.",
        )
    return (
        f"{images} image(s) of {parts[1]} are nearly equal to images of {parts[0]}.",
        f"They are partly answered from memory: the scores on {parts[1]} are too good.",
        _for_leak(subject, parts[0]),
    )
