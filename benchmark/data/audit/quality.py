"""Images that cannot be read, or that look unlike an exposure: blank, dark, bright, odd-sized."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from .findings import Finding, Kind, Severity
from .near import FLAT
from .subject import Numbers, Subject

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
    for kind, hit in ((Kind.BLANK, blank), (Kind.DARK, dark), (Kind.BRIGHT, bright)):
        yield from _finding(subject, kind, hit)
    yield from _finding(subject, Kind.ODD_SIZE, _odd(subject))


def _unreadable(subject: Subject) -> Iterator[Finding]:
    lost = subject.index.left_out
    if not lost:
        return
    reasons = Counter(each.reason for each in lost)
    total = len(subject.index) + len(lost)
    yield Finding(
        kind=Kind.UNREADABLE,
        severity=Severity.WARNING,
        summary=f"{len(lost)} of {total} files cannot be read: {reasons.most_common(1)[0][0]}",
        files=tuple(each.path for each in lost),
        effect="They are left out of training and of every score.",
        remedy="Fetch or export these files again.",
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


def _finding(subject: Subject, kind: Kind, hit: npt.NDArray[np.bool_]) -> Iterator[Finding]:
    positions = np.flatnonzero(hit)
    if not len(positions):
        return
    present = set(subject.parts[positions].tolist())
    summary, effect, remedy = _WORDS[kind]
    yield Finding(
        kind=kind,
        severity=Severity.WARNING if kind is Kind.BLANK else Severity.INFO,
        summary=f"{len(positions)} {summary}",
        parts=tuple(part for part in subject.part_names if part in present),
        classes=subject.classes(positions),
        files=subject.paths(positions),
        effect=effect,
        remedy=remedy,
        figures={"images": len(positions), "share": round(len(positions) / len(hit), 4)},
    )


_WORDS = {
    Kind.BLANK: (
        "image(s) are blank: one grey level all over.",
        "Nothing can be learnt from them; answers to them are guesses.",
        "Leave them out, or export them again with another window.",
    ),
    Kind.DARK: (
        "image(s) are extremely dark.",
        "A network may not see the chest in them; if one class has most, it is a shortcut.",
        "Look at them; export again with a wider window.",
    ),
    Kind.BRIGHT: (
        "image(s) are extremely bright.",
        "A network may not see the chest in them; if one class has most, it is a shortcut.",
        "Look at them; export again with a wider window.",
    ),
    Kind.ODD_SIZE: (
        "image(s) have a size or shape unlike the rest.",
        "Scaled to a square they look stretched or blurred; size may give the class away.",
        "Look at them; try --fit pad, which keeps the shape.",
    ),
}
