"""Can the class, or the part, be told without looking at the scan?

A small forest is trained on what no radiologist would look at. If it does well, a network may do
well for the same reason, and fail elsewhere (Geirhos et al. 2020, doi:10.1038/s42256-020-00257-z).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ...grouped_folds import grouped_folds
from ...metrics import Counts, confusion
from ...records import Rows
from ...seeds import derive, generator
from .findings import Fault, Finding, Severity
from .subject import Numbers, Pictures, Subject, squares

FOLDS = 5
SHUFFLES = 200
MOST = 10_000  # images looked at, drawn at random from more: the answer is sure enough by then
LIFT = 0.2  # chosen, not sourced: share of the way from chance to perfect that is worth a warning
AUROC = 0.7  # chosen, not sourced: "acceptable discrimination", which here is unwelcome


def shortcuts(subject: Subject) -> Iterator[Finding]:
    """Measure how well the class can be told from what is no anatomy alone: see `_measures`."""
    first = _sample(subject.first, "shortcuts")
    labels, groups = subject.labels[first], _groups(subject, first)
    folds = _folds(labels, groups)
    if folds is None:
        return
    measures = _measures(subject, first)
    classes = np.unique(labels)
    columns = {"all": np.hstack(list(measures.values())), **measures}
    answers = {
        name: classes[_votes(values, labels, folds, None).argmax(axis=1)]
        for name, values in columns.items()
    }
    yield _shortcut(subject, labels, answers, classes)


def part_shift(subject: Subject, pictures: Pictures) -> Iterator[Finding]:
    """Measure how well train and test can be told apart, classes weighing the same in both."""
    from sklearn.metrics import roc_auc_score

    if not {"train", "test"} <= set(subject.part_names):
        return
    rows = _sample(_one_side(subject), "shift")
    is_test = subject.parts[rows] == "test"
    weights = _balance(subject.labels[rows], is_test)
    rows, is_test, weights = rows[weights > 0], is_test[weights > 0], weights[weights > 0]
    folds = _folds(is_test.astype(np.int64), _groups(subject, rows))
    if folds is None:
        return
    measures = _measures(subject, rows)
    measures["picture"] = squares(pictures[subject.images[rows]], 8).astype(np.float64)
    columns = {"all": np.hstack(list(measures.values())), **measures}
    side = is_test.astype(np.int64)
    scores = {
        name: float(
            roc_auc_score(side, _votes(values, side, folds, weights)[:, 1], sample_weight=weights)
        )
        for name, values in columns.items()
    }
    yield _shift(subject, rows, scores, int(is_test.sum()))


def _sample(rows: Rows, name: str) -> Rows:
    if len(rows) <= MOST:
        return rows
    return np.sort(generator(0, "audit", name).choice(rows, MOST, replace=False))


def _measures(subject: Subject, rows: Rows) -> dict[str, Numbers]:
    """Return (n, few) measures of some rows by what they are measures of."""
    width, height, size = (
        subject.fact(name)[rows].astype(np.float64) for name in ("width", "height", "bytes")
    )
    coded = [np.unique(subject.fact(name)[rows], return_inverse=True)[1] for name in _CODED]
    light = [subject.fact(name)[rows].astype(np.float64) for name in ("mean", "std")]
    return {
        "size": np.column_stack([width, height]),
        "aspect ratio": np.column_stack([width / np.maximum(height, 1)]),
        "file format": np.column_stack(coded).astype(np.float64),
        "file bytes": np.column_stack([size, size / np.maximum(width * height, 1)]),
        "brightness": np.column_stack(light),
        "border": np.column_stack([subject.fact("border_mean")[rows].astype(np.float64)]),
    }


_CODED = ("format", "mode")

Folds = list[tuple[Rows, Rows]]


def _groups(subject: Subject, rows: Rows) -> Rows:
    """Return what must stay in one fold: the patient where known, otherwise the image itself."""
    patients = subject.patients[rows]
    alone = len(subject.patients) + np.arange(len(rows))
    return np.where(patients >= 0, patients, alone)


def _folds(labels: Rows, groups: Rows) -> Folds | None:
    """Return cross-validation folds, or None where a class has fewer than two images."""
    counts = np.unique(labels, return_counts=True)[1]
    count = min(FOLDS, int(counts.min()), len(np.unique(groups)))
    if len(counts) < 2 or count < 2:
        return None
    seed = derive(0, "audit", "folds")
    folds = grouped_folds(labels, groups, count, seed, plain_if_alone=True)
    return [(learnt, judged) for learnt, judged in folds if len(learnt) and len(judged)]


def _votes(columns: Numbers, labels: Rows, folds: Folds, weights: Numbers | None) -> Numbers:
    """Return (n, k) probabilities of each row's class by a classifier that has not seen the row."""
    classes = np.unique(labels)
    votes = np.zeros((len(labels), len(classes)))
    for learnt, judged in folds:
        classifier = _classifier(columns.shape[1], balanced=weights is None)
        classifier.fit(
            columns[learnt], labels[learnt], None if weights is None else weights[learnt]
        )
        place = np.searchsorted(classes, classifier.classes_)
        votes[judged[:, None], place[None, :]] = classifier.predict_proba(columns[judged])
    return votes


def _classifier(measures: int, *, balanced: bool) -> Any:
    """Return one tree for one or two measures, which it divides as well as a forest; else a forest.

    Forests throughout took four times as long and ranked the measures alike.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.tree import DecisionTreeClassifier

    weight = "balanced" if balanced else None
    seed = derive(0, "audit", "forest")
    if measures <= 2:
        return DecisionTreeClassifier(
            max_depth=6, min_samples_leaf=5, class_weight=weight, random_state=seed
        )
    return RandomForestClassifier(
        n_estimators=30, min_samples_leaf=3, class_weight=weight, random_state=seed
    )


def _class_f1(labels: Rows, answers: Rows, classes: Rows) -> Numbers:
    """Return (k,) F1 of each class, 0 where a class is neither there nor answered."""
    return Counts.of(confusion(labels, answers, int(classes.max()) + 1)).f1[classes]


def _shortcut(
    subject: Subject, labels: Rows, answers: Mapping[str, Rows], classes: Rows
) -> Finding:
    scores = {
        name: float(_class_f1(labels, answer, classes).mean()) for name, answer in answers.items()
    }
    chance = _chance(labels, answers["all"], classes)
    everything = scores.pop("all")
    carrier = max(scores, key=lambda name: scores[name])
    lift = (max(everything, scores[carrier]) - chance) / (1 - chance)
    each = _class_f1(labels, answers["all"], classes)
    names = [subject.index.classes[label] for label in classes]
    told = tuple(name for name, f1 in zip(names, each, strict=True) if f1 >= 0.5)
    misleads = lift > LIFT
    return Finding(
        kind=Fault.SHORTCUT,
        severity=Severity.WARNING if misleads else Severity.INFO,
        summary="Size, shape, format, bytes of the file, brightness and border alone tell the "
        f"class with macro-F1 {everything:.2f} (chance: up to {chance:.2f}); {carrier} carries "
        f"most ({scores[carrier]:.2f}).",
        parts=subject.part_names,
        classes=told if misleads and told else tuple(names),
        effect="A network may recognise how a class was recorded, score well here and fail "
        "elsewhere."
        if misleads
        else "None to speak of.",
        remedy="Compare a network's score with this one, look at what it sees, and test it on "
        "images from another source."
        if misleads
        else "Nothing.",
        figures={
            "macro_f1": round(everything, 4),
            "chance": round(chance, 4),
            "carrier": carrier,
            **{f"macro_f1 {name}": round(score, 4) for name, score in scores.items()},
            **{f"f1 {name}": round(float(f1), 4) for name, f1 in zip(names, each, strict=True)},
        },
    )


def _chance(labels: Rows, answers: Rows, classes: Rows) -> float:
    """Return the macro-F1 that the same answers, dealt at random, stay below 95 times of 100."""
    dealer = generator(0, "audit", "chance")
    dealt = [
        _class_f1(labels, dealer.permutation(answers), classes).mean() for _ in range(SHUFFLES)
    ]
    return float(np.quantile(dealt, 0.95))


def _one_side(subject: Subject) -> Rows:
    """Return one row a distinct image of train and test, less images that stand in both."""
    chosen = []
    for part, other in (("train", "test"), ("test", "train")):
        positions = np.flatnonzero(subject.parts == part)
        images, first = np.unique(subject.images[positions], return_index=True)
        both = np.isin(images, subject.images[subject.parts == other])
        chosen.append(positions[first[~both]])
    return np.concatenate(chosen).astype(np.int64)


def _balance(labels: Rows, is_test: npt.NDArray[np.bool_]) -> Numbers:
    """Return (n,) weights: each class weighs in train what it weighs in test, else nothing."""
    weights = np.zeros(len(labels))
    for label in np.unique(labels):
        sides = [(labels == label) & (is_test == side) for side in (False, True)]
        if all(side.any() for side in sides):
            for side in sides:
                weights[side] = 1 / side.sum()
    return weights


def _shift(subject: Subject, rows: Rows, scores: Mapping[str, float], tests: int) -> Finding:
    alone = {name: score for name, score in scores.items() if name != "all"}
    carrier = max(alone, key=lambda name: alone[name])
    least = scores["all"] - 1.96 * _auroc_error(scores["all"], len(rows) - tests, tests)
    differs = scores["all"] >= AUROC and least > 0.5
    return Finding(
        kind=Fault.PART_SHIFT,
        severity=Severity.WARNING if differs else Severity.INFO,
        summary=f"A small forest tells test images from train images with AUROC "
        f"{scores['all']:.2f} (0.5: not at all); {carrier} carries most ({alone[carrier]:.2f}).",
        parts=("train", "test"),
        classes=subject.classes(rows),
        effect="The test part was recorded or chosen differently: scores on it speak of the "
        "shift too, and validation scores will be too good for it."
        + ("" if (subject.patients >= 0).all() else _UNKNOWN)
        if differs
        else "None to speak of.",
        remedy=_for_shift(subject) if differs else "Nothing.",
        figures={
            "auroc": round(scores["all"], 4),
            "auroc_low": round(least, 4),
            "carrier": carrier,
            **{f"auroc {name}": round(score, 4) for name, score in alone.items()},
        },
    )


def _for_shift(subject: Subject) -> str:
    if subject.is_dealt:
        return "Compare with another drawing of the parts (--split-seed): the images are mixed."
    return "Expect val and test to disagree; compare with --split 70/15/15, which mixes them."


_UNKNOWN = " (Patients are unknown: other images of the same patient help to tell a part.)"


def _auroc_error(auroc: float, one: int, other: int) -> float:
    """Return the standard error of an AUROC (Hanley and McNeil 1982, eq. 2, PMID 7063747)."""
    first, second = auroc / (2 - auroc), 2 * auroc**2 / (1 + auroc)
    spread = (other - 1) * (first - auroc**2) + (one - 1) * (second - auroc**2)
    return float(np.sqrt(max(0.0, auroc * (1 - auroc) + spread) / (one * other)))
