"""Records to a ranked board, by a rule declared beforehand."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from ..errors import UsageError
from ..records import Record, Regime, State
from .entries import RANDOM_WEIGHTS, Board, BoardEvidence, BoardSubject, Figure, Row
from .grouping import comparable, differences, grouped, latest_by_spec, weights_shown
from .sureness import with_intervals

_LOWER_IS_BETTER = ("loss", "brier")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a board is ranked on; fewer parameters, then the name, decide between equals.

    Attributes:
        metric: a metric of validation where more is better; test is for reporting only.
        seed: what the intervals' draws are derived from; `draws` how many.

    Raises:
        UsageError: the metric is not of validation, or less of it is better.
    """

    metric: str = "val_macro_f1"
    seed: int = 0
    draws: int = 2000

    def __post_init__(self) -> None:
        if not self.metric.startswith("val_") or self.metric.endswith(_LOWER_IS_BETTER):
            raise UsageError(
                "a board is ranked on a validation metric of which more is better, such as"
                f" val_macro_f1, not {self.metric!r}; test is for reporting only."
            )


DEFAULT_RULE = Rule()


def rank(
    records: Sequence[Record],
    rule: Rule = DEFAULT_RULE,
    evidence: Mapping[str, BoardEvidence] | None = None,
    subject: BoardSubject | None = None,
) -> Board:
    """Rank what can be compared: the runs of one data set and split.

    Seeds and folds of one architecture are one row, ranked by their mean. Unfinished runs stand
    below with their reason. A row that cannot be told from the winner is marked a tie.

    Args:
        records: the records of an experiment, in any order.
        rule: what to rank on.
        evidence: predictions by spec digest; intervals and ties are given where they are known.
        subject: what the records do not say; without it the board is of the latest run's split.
    """
    latest = latest_by_spec(records)
    kept, others = comparable(latest, subject)
    by_digest = {each.spec.digest: each for each in latest}
    rows = _tell_apart([_row(group, rule, by_digest) for group in grouped(kept)])
    ranked = sorted((row for row in rows if row.figures), key=lambda row: _order(row, rule))
    numbered = [replace(row, rank=place) for place, row in enumerate(ranked, start=1)]
    sure = with_intervals(numbered, rule.metric, evidence or {}, rule.seed, rule.draws)
    return Board(
        metric=rule.metric,
        data=kept[-1].spec.data if kept else "",
        data_digest=kept[-1].spec.data_digest if kept else "",
        subject=subject,
        rows=(*sure, *(row for row in rows if not row.figures)),
        notes=_notes(numbered, others),
    )


def _row(group: tuple[Record, ...], rule: Rule, by_digest: Mapping[str, Record]) -> Row:
    done = [each for each in group if _is_scored(each, rule)]
    undone = [each for each in group if not _is_scored(each, rule)]
    done.sort(key=lambda each: -each.scores[rule.metric])
    shown = done or undone[-1:]
    first = shown[0]
    return Row(
        rank=0,
        arch=first.spec.arch,
        regime=first.spec.regime,
        weights=weights_shown(first.spec, by_digest),
        picture=first.spec.picture,
        params=first.spec.params,
        state=first.state,
        reason="" if done else _reason(first, rule),
        figures=_figures(done),
        total_seconds=fmean(each.seconds.total for each in shown),
        wall_seconds=fmean(each.seconds.wall for each in shown),
        parameters=first.parameters,
        milliseconds_per_image=fmean(each.milliseconds_per_image for each in shown),
        model_bytes=first.model_bytes,
        seeds=tuple(sorted({each.spec.seed for each in shown})),
        folds=tuple(sorted({each.spec.fold for each in shown if each.spec.fold is not None})),
        records=(*done, *undone),
        scored_runs=len(done),
        notes=_row_notes(done, undone, rule),
    )


def _is_scored(record: Record, rule: Rule) -> bool:
    return record.state is State.FINISHED and math.isfinite(
        record.scores.get(rule.metric, math.nan)
    )


def _reason(record: Record, rule: Rule) -> str:
    if record.state is State.FINISHED:
        return f"it has no {rule.metric} to rank on"
    if record.state is State.RUNNING:
        return record.reason or "still running"
    return record.reason or "no reason recorded"


def _figures(done: Sequence[Record]) -> dict[str, Figure]:
    values: defaultdict[str, list[float]] = defaultdict(list)
    for record in done:
        for name, value in record.scores.items():
            if math.isfinite(value):
                values[name].append(value)
    return {
        name: Figure(
            value=fmean(each), runs=len(each), spread=stdev(each) if len(each) > 1 else None
        )
        for name, each in values.items()
    }


def _row_notes(done: Sequence[Record], undone: Sequence[Record], rule: Rule) -> tuple[str, ...]:
    notes = dict.fromkeys(note for each in (done or undone) for note in each.notes)
    if done:
        for each in undone:
            notes[f"seed {each.spec.seed} {each.state}: {_reason(each, rule)}"] = None
    return tuple(notes)


def _tell_apart(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Note on rows of the same architecture what tells them apart."""
    alike: defaultdict[str, list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        alike[row.arch].append(position)
    found = list(rows)
    for positions in alike.values():
        said = differences([rows[each].representative.spec for each in positions])
        for position, words in zip(positions, said, strict=True):
            row = rows[position]
            found[position] = replace(row, notes=(words, *row.notes) if words else row.notes)
    return tuple(found)


def _order(row: Row, rule: Rule) -> tuple[float, float, str]:
    # Means that are equal on paper may differ in the last bit; they must still count as equal.
    value = round(row.figures[rule.metric].value, 12)
    known = row.parameters > 0 or row.regime is Regime.PRIOR
    return (-value, row.parameters if known else math.inf, row.arch)


def _notes(ranked: Sequence[Row], others: int) -> tuple[str, ...]:
    notes = []
    if others:
        notes.append(f"Not shown, being on other data or another split: {others} of the runs.")
    if len({(row.seeds, row.folds) for row in ranked}) > 1:
        notes.append("Rows rest on different seeds or folds; compare them with care.")
    if any(RANDOM_WEIGHTS in row.weights.split(" + ") for row in ranked):
        notes.append("Rows with random weights have a backbone that was never pretrained.")
    return tuple(notes)
