"""What casts doubt on a row or a board: flags in words, and a fall from validation to test."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..evaluation import Estimate, Sample, estimate, has_interval, intervals, predicted
from ..records import Part, Predictions, Record, Regime
from .entries import BoardEvidence, Row

_SAME = 1e-9  # chosen, not sourced: far below any figure shown, far above rounding
_UNITS_TO_NAME = 5  # a class of fewer units may go unnamed by chance
_ONE_SIDED = 0.025


def flags_of(row: Row, runs: Sequence[Predictions], noise: float) -> tuple[tuple[str, ...], bool]:
    """Return what must be said of a row, and whether it may not be registered.

    Args:
        row: the row.
        runs: its runs' predictions of the images that rank.
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
    area = intervals(runs, ("auroc",)).get("auroc")
    if area is not None and area.low <= 0.5 <= area.high:
        flags.append(f"its AUROC may be chance: [{area.low:.2f}, {area.high:.2f}] holds 0.5")
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


def falls(
    rows: Sequence[Row],
    estimates: Sequence[Estimate],
    evidence: Mapping[str, BoardEvidence],
    name: str,
) -> tuple[str, ...]:
    """Say where test is further below validation than chance lets it fall.

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


def doubts(record: Record, scores: Mapping[str, float]) -> tuple[str, ...]:
    """Say which recorded figures are not those that the predictions give."""
    return tuple(
        f"recorded {name} {record.scores[name]:.4f}, predictions give {scores[name]:.4f}"
        for name in ("val_macro_f1", "test_macro_f1", "cv_macro_f1")
        if name in scores and abs(record.scores.get(name, scores[name]) - scores[name]) > _SAME
    )
