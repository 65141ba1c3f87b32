"""What a report says of each network: figures, tables and words of the run that stands for it."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from markupsafe import Markup

from ..board import Row, figure, note
from ..evaluation import (
    OperatingPoint,
    by_patient,
    class_slugs,
    confusion,
    intervals,
    judge,
    overall,
    predicted,
    reliability,
    share_of_positives,
)
from ..metrics import MONITORS
from ..records import Epoch, Part, Predictions, Record
from . import charts, sentences
from .dossier import Dossier

_NAMELESS = re.compile(r"[0-9a-f]{16}(-\d+)?")  # as images are named in what is logged
_MISTAKES = 6  # chosen, not sourced: what fits a line of small pictures
_STATED = 0.5
_PARTS = {Part.VAL: "validation", Part.TEST: "test"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A confusion matrix: `counts` and `shares` of the true class, a row a true class."""

    part: str
    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[float, ...], ...]
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """An image that is called wrong: its name for people; its picture and map where shown."""

    name: str
    true: str
    called: str
    confidence: float
    picture: str = ""
    map: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """An operating point's figures on a part, with the share of positives they are given for."""

    part: str
    prevalence: str
    figures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """What is shown of a row; what is empty is not shown, and `lacking` says why."""

    row: Row
    name: str
    anchor: str
    facts: tuple[tuple[str, str], ...]
    note: str
    lacking: str = ""
    matrices: tuple[Matrix, ...] = ()
    by_class: tuple[tuple[str, ...], ...] = ()
    curves: tuple[Markup, ...] = ()
    curves_said: str = ""
    calibration: tuple[tuple[str, Markup], ...] = ()
    point: OperatingPoint | None = None
    points: tuple[Point, ...] = ()
    patients: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    mistakes_said: str = ""


def networks(dossier: Dossier) -> tuple[Network, ...]:
    """Return what is shown of each row, in the board's order."""
    return tuple(_network(dossier, row, place) for place, row in enumerate(dossier.board.rows))


def _network(dossier: Dossier, row: Row, place: int) -> Network:
    record = row.representative
    own = Network(
        row=row,
        name=sentences.named(dossier.board, row),
        anchor=f"network-{place}",
        facts=_facts(row, record),
        note=note(dossier.board, row),
    )
    if not row.rank:
        return replace(own, lacking=f"It has no figures: {row.reason}")
    if dossier.table(record) is None:
        return replace(own, lacking="Its prediction table is gone: no figure can be drawn.")
    tables = [(part, rows) for part in _PARTS if (rows := dossier.rows(record, part)) is not None]
    judged, rows = tables[-1]
    mistakes, mapped = _mistakes(dossier, record, rows)
    point = OperatingPoint.from_json(record.operating_point) if record.operating_point else None
    return replace(
        own,
        matrices=tuple(_matrix(rows, part) for part, rows in tables),
        by_class=_by_class(row, tables),
        curves=_curves(record, dossier.histories.get(record.spec.digest, ())),
        curves_said=_curves_said(record, dossier.histories.get(record.spec.digest, ())),
        calibration=tuple(
            (
                sentences.calibration(rows, record.temperature),
                charts.reliability(f"Reliability on {_PARTS[part]}", reliability(rows)),
            )
            for part, rows in tables
        ),
        point=point,
        points=_points(point, record, tables) if point is not None else (),
        patients=tuple(filter(None, (_patients(rows, part) for part, rows in tables))),
        mistakes=mistakes,
        mistakes_said=f"{_mistakes_said(rows, _PARTS[judged], len(mistakes))} {mapped}".strip(),
    )


def _facts(row: Row, record: Record) -> tuple[tuple[str, str], ...]:
    sides = "+".join(map(str, record.final.sides_px))
    found = {
        "regime": str(row.regime),
        "weights": row.weights,
        "side": f"{sides} px" if sides else "",
        "seeds": ", ".join(map(str, row.seeds)),
        "shown below": f"seed {record.spec.seed}, the run that stands for the row"
        if row.scored_runs > 1
        else "",
        "run": record.run_id,
        "spec": record.spec.digest[:12],
        "parameters": ", ".join(f"{name}={value}" for name, value in record.final.params.items()),
    }
    return tuple((name, value) for name, value in found.items() if value)


def _matrix(rows: Predictions, part: Part) -> Matrix:
    counts = confusion(rows)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return Matrix(
        part=_PARTS[part],
        classes=rows.classes,
        counts=tuple(map(tuple, counts.tolist())),
        shares=tuple(map(tuple, shares.tolist())),
        said=sentences.confusions(rows),
    )


def _by_class(row: Row, tables: Sequence[tuple[Part, Predictions]]) -> tuple[tuple[str, ...], ...]:
    """Return a line a part and class: images, then the row's figures with their intervals."""
    lines = []
    for part, rows in tables:
        sizes = np.bincount(rows.labels, minlength=len(rows.classes)).tolist()
        for name, slug, size in zip(rows.classes, class_slugs(rows.classes), sizes, strict=True):
            cells = [
                figure(row.figures.get(f"{part}_{metric}_{slug}"))
                for metric in ("recall", "specificity", "precision", "f1")
            ]
            lines.append((_PARTS[part], name, str(size), *cells))
    return tuple(lines)


def chosen_epoch(record: Record, history: Sequence[Epoch]) -> int | None:
    """Return the place of the epoch whose weights were kept, None where it is not known.

    It is the first that is best of what early stopping watches, as the training keeps it.
    """
    monitor = str(record.final.params.get("monitor", ""))
    values = np.array([each.metrics.get(monitor, np.nan) for each in history])
    if monitor not in MONITORS or np.isnan(values).all():
        return None
    return int(np.nanargmax(values) if MONITORS[monitor] else np.nanargmin(values))


def _curves(record: Record, history: Sequence[Epoch]) -> tuple[Markup, ...]:
    if len(history) < 2:
        return ()
    chosen = chosen_epoch(record, history)
    marked = None if chosen is None else (float(chosen + 1), f"epoch {chosen + 1}")
    drawn = []
    for metric in ("loss", "accuracy"):
        lines = [
            charts.Line(name=name, points=points, colour=colour, dashed=colour == 0)
            for colour, (name, key) in enumerate((("training", "train"), ("validation", "val")))
            if (points := _points_of(history, f"{key}_{metric}"))
        ]
        if lines:
            title = f"{metric} over the epochs"
            drawn.append(charts.lines(title, lines, ("epoch", metric), marked=marked))
    return tuple(drawn)


def _points_of(history: Sequence[Epoch], name: str) -> list[tuple[float, float]]:
    known = [(place + 1.0, each.metrics.get(name)) for place, each in enumerate(history)]
    return [(x, float(y)) for x, y in known if y is not None and np.isfinite(y)]


def _curves_said(record: Record, history: Sequence[Epoch]) -> str:
    if len(history) < 2:
        return "It was not trained over epochs: there is no curve."
    chosen = chosen_epoch(record, history)
    if chosen is None:
        return f"{len(history)} epochs."
    return (
        f"Of {len(history)} epochs the weights of epoch {chosen + 1} were kept, the best by"
        f" {record.final.params['monitor']}."
    )


def _points(
    point: OperatingPoint, record: Record, tables: Sequence[tuple[Part, Predictions]]
) -> tuple[Point, ...]:
    found = []
    for part, rows in tables:
        share = share_of_positives(rows, point)
        for stated in dict.fromkeys((None, record.prevalence)):
            values = judge(point, rows, stated)
            found.append(
                Point(
                    part=_PARTS[part],
                    prevalence=f"{share:.3f} (the part's)" if stated is None else f"{stated:g}",
                    figures=tuple((name, str(each)) for name, each in values.items()),
                )
            )
    return tuple(found)


def _patients(rows: Predictions, part: Part) -> str:
    """Say what it scores by patient, nothing where patients are unknown or have an image each."""
    own = by_patient(rows)
    if own is None:
        return ""
    found, known = overall(own), intervals([own], ("macro_f1",))
    value = found["macro_f1"]
    shown = str(known["macro_f1"]) if "macro_f1" in known else f"{value:.3f}"
    return f"By patient, {_PARTS[part]} macro-F1 is {shown} on {len(own.hashes)} answers."


def _mistakes(
    dossier: Dossier, record: Record, rows: Predictions
) -> tuple[tuple[Mistake, ...], str]:
    """Return the images that are called wrong most surely, and what their maps are.

    Copies of one image count once.
    """
    called = predicted(rows)
    sure = rows.probabilities.max(axis=1)
    wrong = np.flatnonzero(called != rows.labels)
    order = wrong[np.argsort(-sure[wrong], kind="stable")]
    found: dict[str, Mistake] = {}
    for row in order.tolist():
        sha256 = rows.hashes[row]
        if sha256 in found:
            continue
        picture = dossier.picture(sha256)
        found[sha256] = Mistake(
            name=image_name(rows.paths[row], row, is_synthetic=dossier.board.is_synthetic),
            true=rows.classes[rows.labels[row]],
            called=rows.classes[called[row]],
            confidence=float(sure[row]),
            picture=_encoded(picture),
        )
        if len(found) == _MISTAKES:
            break
    maps, said = dossier.maps(
        record, {sha256: rows.classes.index(each.called) for sha256, each in found.items()}
    )
    mapped = (replace(each, map=_encoded(maps.get(sha256))) for sha256, each in found.items())
    return tuple(mapped), said


def _encoded(file: bytes | None) -> str:
    return "" if file is None else base64.b64encode(file).decode()


def image_name(path: str, row: int, *, is_synthetic: bool) -> str:
    """Name an image for whoever reads the page: a file's name may say who the patient is."""
    if is_synthetic or _NAMELESS.fullmatch(path):
        return f"image {path}"
    return f"row {row} of its table's part"


def _mistakes_said(rows: Predictions, part: str, shown: int) -> str:
    called = predicted(rows)
    wrong = called != rows.labels
    if not wrong.any():
        return f"It makes no mistake on {part}."
    sure = int((rows.probabilities.max(axis=1)[wrong] > _STATED).sum())
    return (
        f"{int(wrong.sum())} of {len(rows.hashes)} {part} images are called wrong, {sure} of them"
        f" with more than {_STATED:.0%} certainty; the {shown} surest:"
    )
