"""Parts without the patients, classes or images they need; images unlike an exposure."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ...records import Rows
from ...resolution import FEWEST_UNITS, expected_standard_error, resolvable_difference
from .findings import Fault, Finding, Severity
from .near import FLAT
from .subject import ALL, Numbers, Subject

WIDE_INTERVAL = 4


def part_findings(subject: Subject) -> Iterator[Finding]:
    """Look at patients, classes and sizes of the parts."""
    yield from _patients(subject)
    for part in subject.part_names:
        positions = np.flatnonzero(subject.parts == part)
        yield from _missing(subject, part, positions)
        if part in ("val", "test"):
            yield from _few(subject, part, positions)
            yield _resolution(subject, part, positions)
    yield from _imbalance(subject)


def patient_overlaps(subject: Subject) -> Iterator[Finding]:
    """Look for patients who stand in two parts."""
    for learnt, judged in subject.part_pairs:
        yield from _overlap(subject, learnt, judged)


def _patients(subject: Subject) -> Iterator[Finding]:
    if (subject.patients < 0).all():
        yield Finding(
            kind=Fault.PATIENTS_UNKNOWN,
            severity=Severity.INFO,
            summary="Patients unknown: intervals are too narrow if several images are of one "
            "patient.",
            parts=subject.part_names,
            effect="A patient may stand on both sides of a split, which makes scores too good; "
            "nobody can tell from these files.",
            remedy=_for_unknown(subject),
        )
    yield from patient_overlaps(subject)


def _for_unknown(subject: Subject) -> str:
    """Advise on unknown patients: nothing names an image of an array."""
    if (subject.fact("format") == "ARRAY").all():
        return "Take the set as files where it is published so, with a table that names patients."
    return (
        "Give patients in a table (audit --write-manifest writes one to fill in), or a pattern for "
        "the file names where they tell (--patient-pattern)."
    )


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
        kind=Fault.PATIENT_OVERLAP,
        severity=Severity.ERROR,
        summary=f"{len(shared)} patient(s) of {judged} stand in {learnt} too: "
        f"{len(mine)} images ({share:.1%}).",
        parts=(learnt, judged),
        classes=subject.classes(np.concatenate([mine, theirs])),
        files=subject.paths([*mine, *theirs]),
        groups=groups,
        effect="A network can know the patient instead of the disease: the scores are too good.",
        remedy="Split by patient (--split 70/15/15). If patient numbers restart in each part, "
        "this is a false alarm: leave --patient-pattern out where you gave one.",
        figures={"patients": len(shared), "images": len(mine), "share": round(share, 4)},
    )


def _missing(subject: Subject, part: str, positions: Rows) -> Iterator[Finding]:
    present = set(subject.labels[positions].tolist())
    absent = tuple(name for label, name in enumerate(subject.index.classes) if label not in present)
    if absent:
        yield Finding(
            kind=Fault.MISSING_CLASS,
            severity=Severity.ERROR,
            summary=f"{part} has no image of {', '.join(absent)}.",
            parts=(part,),
            classes=absent,
            effect="The class cannot be learnt."
            if part == "train"
            else "Scores averaged over classes leave this class out or count it as failed.",
            remedy=_for_missing(subject, absent),
            figures={"classes": len(absent)},
        )


def _for_missing(subject: Subject, absent: tuple[str, ...]) -> str:
    """Advise on classes that a part lacks: no split helps where a class has too few to divide."""
    labels = [subject.index.classes.index(name) for name in absent]
    counts = [len(np.unique(subject.units[subject.labels == label])) for label in labels]
    what = _units_named(subject, np.flatnonzero(np.isin(subject.labels, labels)))
    scarce = [
        f"{name} has {count} {what}"
        for name, count in zip(absent, counts, strict=True)
        if count < 3
    ]
    if scarce:
        return (
            f"{', '.join(scarce)}: no split can put it into train, val and test; "
            f"{_for_scarce(subject, 'bring more')}."
        )
    if subject.is_dealt:
        return f"{_for_scarce(subject, 'Bring more of it')}."
    return "Split again, stratified by class (--split 70/15/15)."


def _for_scarce(subject: Subject, more: str) -> str:
    """Say how to mend a class of few images; of two classes neither can be left out or joined."""
    if len(subject.index.classes) < 3:
        return more
    return f"{more}, or join it to another class or leave it out (--classes)"


def _units_named(subject: Subject, positions: Rows) -> str:
    known = subject.patients[positions] >= 0
    if known.any():
        return "patients" if known.all() else "patients or images without one"
    return "distinct images"


def _few(subject: Subject, part: str, positions: Rows) -> Iterator[Finding]:
    """Look for classes of which a part has too few patients for an interval."""
    units = subject.units[positions]
    for label in np.unique(subject.labels[positions]).tolist():
        mine = positions[subject.labels[positions] == label]
        count = len(np.unique(units[subject.labels[positions] == label]))
        if count > WIDE_INTERVAL:
            continue
        name, what = subject.index.classes[label], _units_named(subject, mine)
        grave = count < FEWEST_UNITS
        then = (
            "no interval can be given, and all networks tie" if grave else "its intervals are wide"
        )
        yield Finding(
            kind=Fault.FEW_PATIENTS,
            severity=Severity.ERROR if grave else Severity.WARNING,
            summary=f"{part} has only {count} {what} of {name}: {then}.",
            parts=(part,),
            classes=(name,),
            files=subject.paths(mine),
            effect="How much the scores would differ on other patients cannot be told."
            if grave
            else "Networks that differ much may still tie.",
            remedy=_for_few(subject, part, label),
            figures={"units": count, "images": len(mine)},
        )


def _for_few(subject: Subject, part: str, label: int) -> str:
    own = subject.labels == label
    share = _dealt_share(subject, part, own)
    advice = _for_scarce(subject, "Bring more of it")
    return f"{advice}{share and f', or {share}'}."


def _dealt_share(subject: Subject, part: str, rows: npt.NDArray[np.bool_] | None = None) -> str:
    """Return the option that would give a part more of some rows' units, if any does.

    Of cross-validation all folds together count, in which every image is tested and validated on.
    """
    mine = np.ones(len(subject.rows), dtype=bool) if rows is None else rows
    units = len(np.unique(subject.units[mine]))
    present = len(np.unique(subject.units[mine & (subject.parts == part)]))
    options = []
    if not subject.is_dealt and _AFRESH * units >= present + 1:
        options.append("a larger part (--split 70/15/15)")
    if not subject.scheme.startswith("kfold:") and units > present:
        options.append("cross-validation (--split kfold:5)")
    return " or ".join(options)


_AFRESH = 0.15  # the share of val and of test in 70/15/15


def _resolution(subject: Subject, part: str, positions: Rows) -> Finding:
    units = len(np.unique(subject.units[positions]))
    counts = np.bincount(subject.labels[positions], minlength=len(subject.index.classes))
    difference = resolvable_difference(expected_standard_error(units))
    severity = Severity.INFO
    if difference > 0.05:  # chosen, not sourced: most neighbours on a board are closer than this
        severity = Severity.ERROR if difference > 0.15 else Severity.WARNING
    use = "choose between networks" if part == "val" else "rank networks"
    return Finding(
        kind=Fault.PART_SIZE,
        severity=severity,
        summary=f"{part} has {units} {_units_named(subject, positions)}: two networks must differ "
        f"by {100 * difference:.1f} points of accuracy, at best, to be told apart.",
        parts=(part,),
        classes=subject.index.classes,
        effect=f"Smaller differences are chance: it cannot {use} that are closer.",
        remedy=_for_size(subject, part, severity),
        figures={
            "images": len(positions),
            "units": units,
            "resolvable_difference": round(difference, 4),
            "smallest_class": int(counts.min()),
        },
    )


def _for_size(subject: Subject, part: str, severity: Severity) -> str:
    if severity is Severity.INFO:
        return "Nothing: read closer networks as ties."
    share = _dealt_share(subject, part)
    return f"Bring more images or patients{share and f', or use {share}'}."


def _imbalance(subject: Subject) -> Iterator[Finding]:
    part = "train" if "train" in subject.part_names else ALL
    counts = np.bincount(
        subject.labels[subject.parts == part], minlength=len(subject.index.classes)
    )
    least, most = int(counts.min()), int(counts.max())
    if least == 0 or most < 2 * least:  # chosen, not sourced
        return
    yield Finding(
        kind=Fault.CLASS_IMBALANCE,
        severity=Severity.INFO,
        summary=f"The largest class of {part} has {most / least:.1f} times the images of the "
        "smallest.",
        parts=(part,),
        classes=(subject.index.classes[counts.argmax()], subject.index.classes[counts.argmin()]),
        effect="Accuracy rewards the large class; the small one is learnt late.",
        remedy="Read macro-F1 rather than accuracy; --class-weight balanced weighs classes alike.",
        figures=dict(zip(subject.index.classes, counts.tolist(), strict=True)),
    )


# All chosen, not sourced: far outside anything in the chest CT and X-ray sets.
DARK, BRIGHT = 15.0, 240.0  # mean grey level
SPREADS = 6.0  # robust standard deviations from the data set's median brightness
LEAST_SPREAD = 5.0  # grey levels, so that a very uniform data set raises no alarm
TIMES_SHORTER, TIMES_SHAPE = 3.0, 1.75  # from the median short side, and aspect ratio


def quality(subject: Subject) -> Iterator[Finding]:
    """Find images that are unreadable, blank, extremely dark or bright, or odd-sized."""
    yield from _unreadable(subject)
    mean, deviation = (subject.fact(name).astype(np.float64) for name in ("mean", "std"))
    blank = deviation < FLAT
    middle, spread = _robust(mean)
    far = SPREADS * max(spread, LEAST_SPREAD)
    dark = ~blank & ((mean < DARK) | (mean < middle - far))
    bright = ~blank & ((mean > BRIGHT) | (mean > middle + far))
    for kind, hit in ((Fault.BLANK, blank), (Fault.DARK, dark), (Fault.BRIGHT, bright)):
        yield from _finding(subject, kind, hit)
    yield from _finding(subject, Fault.ODD_SIZE, _odd(subject))


def _unreadable(subject: Subject) -> Iterator[Finding]:
    lost = subject.index.left_out
    if not lost:
        return
    reasons = Counter(each.reason for each in lost)
    total = len(subject.index) + len(lost)
    yield Finding(
        kind=Fault.UNREADABLE,
        severity=Severity.WARNING,
        summary=f"{len(lost)} of {total} files cannot be read: {reasons.most_common(1)[0][0]}",
        files=tuple(each.path for each in lost),
        effect="They are left out of training and of every score.",
        remedy="Fetch or export these files again; leave aside what is no image (--ignore).",
        figures={"images": len(lost), **dict(reasons.most_common(20))},
    )


def _robust(values: Numbers) -> tuple[float, float]:
    middle = float(np.median(values))
    return middle, 1.4826 * float(np.median(np.abs(values - middle)))


def _odd(subject: Subject) -> npt.NDArray[np.bool_]:
    width, height = (subject.fact(name).astype(np.float64) for name in ("width", "height"))
    short, shape = np.minimum(width, height), np.log(width / np.maximum(height, 1))
    scale = np.abs(np.log(short / np.median(short)))
    skew = np.abs(shape - np.median(shape))
    odd: npt.NDArray[np.bool_] = (scale > np.log(TIMES_SHORTER)) | (skew > np.log(TIMES_SHAPE))
    return odd


def _finding(subject: Subject, kind: Fault, hit: npt.NDArray[np.bool_]) -> Iterator[Finding]:
    positions = np.flatnonzero(hit)
    if not len(positions):
        return
    present = set(subject.parts[positions].tolist())
    summary, effect, remedy = _WORDS[kind]
    yield Finding(
        kind=kind,
        severity=Severity.WARNING if kind is Fault.BLANK else Severity.INFO,
        summary=f"{len(positions)} {summary}",
        parts=tuple(part for part in subject.part_names if part in present),
        classes=subject.classes(positions),
        files=subject.paths(positions),
        effect=effect,
        remedy=remedy,
        figures={"images": len(positions), "share": round(len(positions) / len(hit), 4)},
    )


_WORDS = {
    Fault.BLANK: (
        "image(s) are blank: one grey level all over.",
        "Nothing can be learnt from them; answers to them are guesses.",
        "Leave them out (--ignore), or export them again with another window.",
    ),
    Fault.DARK: (
        "image(s) are extremely dark.",
        "A network may not see the chest in them; if one class has most, it is a shortcut.",
        "Look at them; export again with a wider window.",
    ),
    Fault.BRIGHT: (
        "image(s) are extremely bright.",
        "A network may not see the chest in them; if one class has most, it is a shortcut.",
        "Look at them; export again with a wider window.",
    ),
    Fault.ODD_SIZE: (
        "image(s) have a size or shape unlike the rest.",
        "Scaled to a square they look stretched or blurred; size may give the class away.",
        "Look at them; --fit pad keeps the shape.",
    ),
}
