"""How sure a board is: intervals, ranks, what noise could reach, and the champion by rule."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..evaluation import (
    Comparison,
    Entrant,
    Estimate,
    Floor,
    Sample,
    assessed,
    by_images,
    compare,
    estimate,
    floor,
    has_interval,
    images,
    intervals,
    predicted,
)
from ..metrics import OF_ANSWERS
from ..records import Part, Predictions, Record, Regime
from ..resolution import FEWEST_UNITS, POWER_80
from .champion import crown
from .entries import Board, BoardEvidence, Figure, Row, Verdict

MOST_COMPARED = 64
"""Rows that are compared; pairs grow with their square, and further ones are listed only."""

OF_TRIALS = tuple(f"val_{name}" for name in OF_ANSWERS)
"""Metrics that the answers of a search's trials give: AUROC would need their probabilities."""

_UNITS_TO_NAME = 5  # a class of fewer units may go unnamed by chance
_ONE_SIDED = 0.025

Evidence = Mapping[str, BoardEvidence]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Compared:
    """The rows that are compared, in the board's order, with what they said of the same images.

    `samples` are the units of those images, of each fold where there are folds.
    """

    rows: tuple[Row, ...]
    entrants: tuple[Entrant, ...]
    samples: tuple[Sample, ...]

    @property
    def is_decidable(self) -> bool:
        """Whether every class has units enough wherever rows are compared."""
        return all(each.is_decidable for each in self.samples)

    @property
    def fewest(self) -> dict[str, int | None]:
        """The units of each class where it has the fewest; None where it has no image."""
        return {
            name: min(int(each.sizes[label]) for each in self.samples)
            if all(each.present[label] for each in self.samples)
            else None
            for label, name in enumerate(self.entrants[0].runs[0].classes)
        }


def with_verdict(board: Board, evidence: Evidence, seed: int) -> Board:
    """Return a board with its ties, rank intervals, flags, champion and warnings.

    Args:
        board: ranked rows, best first.
        evidence: predictions by spec digest; a row is compared where every run behind it has some.
        seed: what draws and exchanges are derived from.
    """
    found = _compared(board, evidence)
    if found is None:
        return board
    part, _, name = board.metric.partition("_")
    estimates = [estimate(each.runs, (name,))[name] for each in found.entrants]
    compared = None
    if found.is_decidable:
        compared = compare(found.entrants, seed=seed, metric=name, estimates=estimates)
    noise = floor(found.entrants, seed=seed)
    placed = _placed(found, compared, noise, part)
    verdict = _verdict(board, found, compared, noise)
    decidable = compared is not None
    placed, chosen = crown(placed, found.entrants, noise.of_rows, decidable=decidable)
    verdict = replace(verdict, chosen=chosen)
    by_rank = {row.rank: row for row in placed}
    rows = tuple(by_rank.get(row.rank, row) if row.rank else row for row in board.rows)
    if compared is not None:
        verdict = replace(verdict, separate=_separate(estimates, compared, verdict))
    return replace(
        board,
        rows=rows,
        verdict=verdict,
        warnings=(*board.warnings, *falls(placed, estimates, evidence, name), *_sanity(placed)),
        notes=(*board.notes, *_left_out(board, found)),
    )


def with_intervals(
    figures: Mapping[str, Figure], runs: Sequence[Record], evidence: Evidence
) -> dict[str, Figure]:
    """Return a row's figures with their intervals, where every run behind it has predictions."""
    if not all(each.spec.digest in evidence for each in runs):
        return dict(figures)
    found = dict(figures)
    for prefix, said in _parts([evidence[each.spec.digest] for each in runs]).items():
        if not all(each.hashes for each in said):
            continue
        own = intervals(said)
        for name in assessed(said[0].classes):
            if (known := found.get(f"{prefix}_{name}")) is not None:
                interval = own.get(name)
                found[f"{prefix}_{name}"] = replace(known, interval=interval, few=interval is None)
    return found


def _parts(runs: Sequence[BoardEvidence]) -> dict[str, list[Predictions]]:
    """Return what all the runs said of each set of images that has figures, by their prefix."""
    found: dict[str, list[Predictions]] = {}
    for part in (Part.VAL, Part.TEST):
        whole = [run.predictions.part(part) for run in runs]
        found[str(part)] = whole
        found[f"{part}_clean"] = [each.where(~each.is_copy) for each in whole]
    folds = [run.out_of_fold for run in runs if run.out_of_fold is not None]
    if len(folds) == len(runs):
        found["cv"] = folds
    return found


def _tables(row: Row, evidence: Evidence, metric: str) -> list[Predictions]:
    """Return what a row's scored runs said of the images that a metric is of."""
    runs = [evidence[each.spec.digest] for each in row.records[: row.scored_runs]]
    part = metric.partition("_")[0]
    if part == "cv":
        return [run.out_of_fold for run in runs if run.out_of_fold is not None]
    return [run.predictions.part(Part(part)) for run in runs]


def _compared(board: Board, evidence: Evidence) -> _Compared | None:
    """Return the rows that share the first known row's images; None where none is known."""
    rows: list[Row] = []
    entrants: list[Entrant] = []
    source = ""
    for row in board.ranked:
        runs = row.records[: row.scored_runs]
        if any(each.spec.digest not in evidence for each in runs):
            continue
        said = _tables(row, evidence, board.metric)
        if len(said) < len(runs) or not all(each.hashes for each in said):
            continue
        own = " ".join(sorted({images(each) for each in said}))
        source = source or own
        if own != source or len(rows) == MOST_COMPARED:
            continue
        trials = [evidence[each.spec.digest].trials for each in runs]
        known = tuple(each for each in trials if each is not None)
        rows.append(row)
        entrants.append(
            Entrant(
                runs=tuple(said),
                regime=str(row.regime),
                trials=known if len(known) == len(runs) and board.metric in OF_TRIALS else (),
            )
        )
    if not rows:
        return None
    samples = [Sample.of(own[0]) for own in by_images(entrants[0].runs).values()]
    return _Compared(rows=tuple(rows), entrants=tuple(entrants), samples=tuple(samples))


def _placed(found: _Compared, compared: Comparison | None, noise: Floor, part: str) -> list[Row]:
    """Return the rows with their ties, the ranks they may have, and their flags."""
    count = len(found.rows)
    if compared is None:
        worse = np.zeros(count, dtype=bool)
        lows, highs = np.ones(count, dtype=int), np.full(count, count)
    else:
        worse, lows, highs = compared.is_worse, compared.lows, compared.highs
    alone = count - int(worse.sum()) < 2  # the first row ties with itself
    placed = []
    for number, (row, entrant) in enumerate(zip(found.rows, found.entrants, strict=True)):
        flags, is_refused = _flags(row, entrant.runs, part, noise.of_rows[number])
        placed.append(
            replace(
                row,
                tie=not worse[number] and not alone,
                rank_low=int(lows[number]),
                rank_high=int(highs[number]),
                flags=(*row.flags, *flags),
                is_refused=row.is_refused or is_refused,
            )
        )
    return placed


def _flags(
    row: Row, runs: Sequence[Predictions], part: str, noise: float
) -> tuple[tuple[str, ...], bool]:
    """Return what must be said of a row, and whether it may not be registered.

    Args:
        row: the row.
        runs: its runs' predictions of the images that rank, which are those of `part`.
        part: `val` or `cv`.
        noise: how often exchanged labels reach its figure.
    """
    if row.regime is Regime.PRIOR:
        return (), True
    flags, is_refused = [], row.is_check
    if row.is_check:
        flags.append("trained on shuffled labels: a check, never registered")
    named = [np.unique(predicted(run)) for run in runs]
    classes = runs[0].classes
    if any(len(each) == 1 for each in named):
        only = next(classes[each[0]] for each in named if len(each) == 1)
        flags.append(f"names a single class, {only}: it is not registered")
        is_refused = True
    else:
        flags += _unnamed(runs, named)
    figure = row.figures.get(f"{part}_auroc")
    area = None if figure is None else figure.interval
    if area is not None and area.low <= 0.5 <= area.high:
        flags.append(f"its AUROC may be chance: {area.limits} holds 0.5")
    if noise > 0.05:
        flags.append(f"exchanged labels reach its figure with p = {noise:.2f}")
    return tuple(flags), is_refused


def _unnamed(runs: Sequence[Predictions], named: Sequence[np.ndarray]) -> list[str]:
    sample, seen = Sample.of(runs[0]), {int(label) for each in named for label in each}
    return [
        f"never names {name} ({size} units)"
        for label, (name, size) in enumerate(
            zip(runs[0].classes, sample.sizes.tolist(), strict=True)
        )
        if size >= _UNITS_TO_NAME and label not in seen
    ]


def _verdict(board: Board, found: _Compared, compared: Comparison | None, noise: Floor) -> Verdict:
    patients = board.subject is not None and board.subject.patients_known
    lacking = [name for name, size in found.fewest.items() if size is None]
    where = "train and validation" if board.metric.startswith("cv_") else "validation"
    barred = f"{where} has no image of {', '.join(lacking)}" if lacking else ""
    unit = "patients" if patients else "distinct images"
    return Verdict(
        critical=compared.critical if compared else math.inf,
        resolvable=compared.resolvable if compared else 1.0,
        noise=noise.p,
        units=sum(map(len, found.samples)),
        unit=unit,
        undecidable="" if compared else _undecidable(found, where, unit),
        barred=barred,
    )


def _undecidable(found: _Compared, where: str, unit: str) -> str:
    few = [
        f"{name} has {size}"
        for name, size in found.fewest.items()
        if size is not None and size < FEWEST_UNITS
    ]
    return (
        f"nothing can be told apart: every class needs at least {FEWEST_UNITS} {unit} in {where},"
        f" and {', '.join(few)}"
    )


def _separate(estimates: Sequence[Estimate], compared: Comparison, verdict: Verdict) -> str:
    """Return what would tell the first two rows apart; nothing where they are."""
    if len(estimates) < 2 or compared.better[0, 1] or compared.is_worse[1]:
        return ""
    gap = estimates[0].value - estimates[1].value
    error = float(compared.errors[0, 1])
    if error <= 0 or gap / error < 0.5:
        return "What would tell the first two apart cannot be foreseen: they are too close."
    reach = compared.critical + POWER_80
    wanted = math.ceil(verdict.units * (reach * error / gap) ** 2)
    said = f"About {wanted:,} {verdict.unit} would tell the first two apart"
    return f"{said}{_seeds(estimates, compared, gap / reach)}."


def _seeds(estimates: Sequence[Estimate], compared: Comparison, error: float) -> str:
    """Return how many seeds would tell the first two apart, where they have several."""
    if min(each.repeats for each in estimates[:2]) < 2:
        return ""
    runs = sum(float(compared.between[row]) * estimates[row].repeats for row in (0, 1))
    left = error**2 - float(compared.over_units[0, 1])
    if left <= 0:
        return "; no number of seeds would"
    return f"; so would {max(1, math.ceil(runs / left))} seeds each"


def _left_out(board: Board, found: _Compared) -> tuple[str, ...]:
    left = len(board.ranked) - len(found.rows)
    if not left:
        return ()
    rows = "1 ranked row is" if left == 1 else f"{left} ranked rows are"
    why = f"beyond the first {MOST_COMPARED}, on other images, or without a prediction table"
    return (f"{rows} not compared: {why}.",)


def _sanity(rows: Sequence[Row]) -> tuple[str, ...]:
    """Warn where a network that learnt from exchanged labels may be the best."""
    held = [row for row in rows if row.is_check and (row.tie or row.rank == 1)]
    if not held or all(row.is_check or row.regime is Regime.PRIOR for row in rows):
        return ()
    said = f"{held[0].arch} trained on shuffled labels cannot be told from the best"
    return (f"{said}: these figures do not show that anything was learnt.",)


def falls(
    rows: Sequence[Row],
    estimates: Sequence[Estimate],
    evidence: Mapping[str, BoardEvidence],
    name: str,
) -> tuple[str, ...]:
    """Return where test is further below validation than chance lets it fall.

    The limit is Newcombe's hybrid of the two intervals (Newcombe 1998,
    doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I), one-sided at 0.025 over
    the number of rows.

    Args:
        rows: the rows compared; `estimates` theirs of what ranks.
        estimates: as above.
        evidence: predictions by spec digest.
        name: the metric, without its part.
    """
    level = 2 * _ONE_SIDED / max(1, len(rows))
    said = []
    for row, chosen in zip(rows, estimates, strict=True):
        runs = [evidence[each.spec.digest] for each in row.records[: row.scored_runs]]
        test = [run.predictions.part(Part.TEST) for run in runs]
        if not all(run.hashes for run in test):
            continue
        if not all(has_interval(name, Sample.of(run), run.classes) for run in test):
            continue
        other = estimate(test, (name,))[name]
        fall = chosen.value - other.value
        reach = math.hypot(
            chosen.value - chosen.interval(level).low, other.interval(level).high - other.value
        )
        if fall > reach:
            said.append(
                f"validation cannot be trusted here: {row.arch} falls from {chosen.value:.3f} to"
                f" {other.value:.3f} on test, more than chance explains ({reach:.3f})."
            )
    return tuple(said)
