"""Intervals on a board, and which rows cannot be told from the winner."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..evaluation import Floats, Interval, Resampling, images, overall
from ..records import Part, Record
from .entries import BoardEvidence, Figure, Row

_SAME = 1e-9  # chosen, not sourced: far below any figure shown, far above rounding


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Drawn:
    """A run's metric over the draws: (draws,), and the digest of the images drawn from."""

    source: str
    values: Floats


def with_intervals(
    rows: Sequence[Row],
    metric: str,
    evidence: Mapping[str, BoardEvidence],
    seed: int,
    draws: int,
) -> tuple[Row, ...]:
    """Give ranked rows their intervals, and mark those that cannot be told from the first.

    A row has intervals where every run behind it has evidence. Over several runs the interval is
    that of their mean, the same images being drawn for all of them. A row ties with the first if
    the 95 % interval of their paired difference holds zero.

    Args:
        rows: ranked rows, best first.
        metric: the `val_` metric; the same of test and of its clean part gets intervals too.
        evidence: predictions by spec digest.
        seed: what the draws are derived from.
        draws: how many.
    """
    name = metric.removeprefix("val_")
    known = [row for row in rows if all(each.spec.digest in evidence for each in _runs(row))]
    runs = [each for row in known for each in _runs(row)]
    drawn = {
        shown: _draw(runs, evidence, part, clean, name, seed, draws)
        for shown, part, clean in (
            (metric, Part.VAL, False),
            (f"test_{name}", Part.TEST, False),
            (f"test_clean_{name}", Part.TEST, True),
        )
    }
    found = [
        replace(row, figures=_figures(row, drawn), notes=(*row.notes, *_doubts(row, evidence)))
        for row in rows
    ]
    return _with_ties(found, drawn[metric])


def _runs(row: Row) -> tuple[Record, ...]:
    """Give the runs that a ranked row's figures are the mean of; they stand first."""
    return row.records[: row.scored_runs]


def _draw(
    runs: Iterable[Record],
    evidence: Mapping[str, BoardEvidence],
    part: Part,
    clean: bool,
    name: str,
    seed: int,
    draws: int,
) -> dict[str, _Drawn]:
    """Give the metric's draws by spec digest, one resampling for all runs on the same images."""
    tables: dict[str, BoardEvidence] = {}
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for run in runs:
        rows = _part(evidence[run.spec.digest], part, clean)
        if rows.predictions.hashes:
            tables[run.spec.digest] = rows
            alike[images(rows.predictions)].append(run.spec.digest)
    found: dict[str, _Drawn] = {}
    for source, digests in alike.items():
        first = tables[digests[0]]
        resampling = Resampling(first.predictions, seed=seed, draws=draws, groups=first.groups)
        values = resampling.values([tables[each].predictions for each in digests], name)
        found |= {
            each: _Drawn(source=source, values=row)
            for each, row in zip(digests, values, strict=True)
        }
    return found


def _part(evidence: BoardEvidence, part: Part, clean: bool) -> BoardEvidence:
    predictions = evidence.predictions
    mask = np.array([each is part for each in predictions.parts], dtype=bool)
    if clean:
        mask &= ~predictions.is_copy
    groups = evidence.groups
    own = None if groups is None else tuple(groups[row] for row in np.flatnonzero(mask).tolist())
    return BoardEvidence(predictions=predictions.where(mask), groups=own)


def _figures(row: Row, drawn: Mapping[str, Mapping[str, _Drawn]]) -> dict[str, Figure]:
    found = dict(row.figures)
    for shown, by_digest in drawn.items():
        values = _mean(row, by_digest)
        if shown in found and values is not None:
            interval = Interval.of(found[shown].value, values.values)
            found[shown] = replace(found[shown], interval=interval)
    return found


def _mean(row: Row, by_digest: Mapping[str, _Drawn]) -> _Drawn | None:
    """Give the draws of the mean over a row's runs, None where a run has none."""
    each = [by_digest.get(run.spec.digest) for run in _runs(row)]
    known = [one for one in each if one is not None]
    if not known or len(known) < len(each):
        return None
    source = " ".join(sorted({one.source for one in known}))
    return _Drawn(source=source, values=np.mean([one.values for one in known], axis=0))


def _with_ties(rows: Sequence[Row], drawn: Mapping[str, _Drawn]) -> tuple[Row, ...]:
    best = _mean(rows[0], drawn) if rows else None
    ties = [best is not None and _is_tie(best, _mean(row, drawn)) for row in rows]
    if sum(ties) < 2:  # the first row ties with itself
        return tuple(rows)
    return tuple(replace(row, tie=tie) for row, tie in zip(rows, ties, strict=True))


def _is_tie(best: _Drawn, other: _Drawn | None) -> bool:
    if other is None or other.source != best.source:
        return False
    difference = best.values - other.values
    return Interval.of(float(difference.mean()), difference).holds_zero


def _doubts(row: Row, evidence: Mapping[str, BoardEvidence]) -> tuple[str, ...]:
    """Say which recorded figures are not those that the predictions give."""
    found = []
    for run in _runs(row):
        table = evidence.get(run.spec.digest)
        if table is None:
            continue
        for part in (Part.VAL, Part.TEST):
            name = f"{part}_macro_f1"
            again = overall(table.predictions.part(part)).get("macro_f1", math.nan)
            if abs(run.scores.get(name, again) - again) > _SAME:
                found.append(
                    f"recorded {name} {run.scores[name]:.4f}, predictions give {again:.4f}"
                )
    return tuple(found)
