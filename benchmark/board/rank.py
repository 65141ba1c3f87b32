"""Records to a ranked board, by a rule declared beforehand."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import fmean, stdev

from ..errors import UsageError
from ..evaluation import ASSESSED, out_of_fold_metrics, score
from ..metrics import METRICS
from ..records import OPTIMISM, Record, Regime, State
from .entries import Board, BoardEvidence, BoardSubject, Figure, Row
from .rows import comparable, differences, grouped, latest_by_spec, weights_shown
from .verdict import MOST_COMPARED, OF_TRIALS, with_intervals, with_verdict


class RankOn(StrEnum):
    """What a board ranks on: `auto` is what the latest benchmark ranked on."""

    AUTO = "auto"
    VAL = "val"
    CV = "cv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What a board is ranked on; fewer parameters, then the name, order equal figures.

    Attributes:
        metric: a metric of which more is better, without the part.
        rank_on: the validation part, or out-of-fold answers over train and validation.
        seed: what the null draws and the exchanges of labels are derived from.

    Raises:
        UsageError: less of the metric is better, or it is of a part.
    """

    metric: str = "macro_f1"
    rank_on: RankOn = RankOn.AUTO
    seed: int = 0

    def __post_init__(self) -> None:
        known = [name for name in ASSESSED if METRICS[name].more_is_better]
        if self.metric not in known:
            raise UsageError(
                f"a board is ranked on one of {', '.join(known)}, not {self.metric!r}, and"
                " never on test, which is for reporting only."
            )


DEFAULT_RULE = Rule()

_SAME = 1e-9  # chosen, not sourced: far below any figure shown, far above rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class _Basis:
    """What a board ranks on: `val`, or the folds' own name `cv:K`; and the metric with its part."""

    name: str
    metric: str

    @property
    def of_folds(self) -> bool:
        return self.name != "val"


def rank(
    records: Sequence[Record],
    rule: Rule = DEFAULT_RULE,
    evidence: Mapping[str, BoardEvidence] | None = None,
    subject: BoardSubject | None = None,
    elsewhere: int = 0,
) -> Board:
    """Rank what can be compared: the runs of one data set and split.

    Seeds and folds of one architecture are one row, ranked by their mean. Rows that cannot be
    ranked stand below with their reason. Figures are those that the predictions give, where there
    are predictions.

    Args:
        records: the records of an experiment, in any order.
        rule: what to rank on.
        evidence: predictions by spec digest; the verdict is given where they are known.
        subject: what the records do not say; without it the board is of the latest run's split.
        elsewhere: runs of the experiment on other data or splits that are not among the records.
    """
    known = evidence or {}
    basis, kept, others, by_digest = _chosen(records, rule, subject)
    kept = tuple(_scored(each, known) for each in kept)
    rows = _tell_apart([_row(group, basis, known, by_digest) for group in grouped(kept)])
    numbered = [replace(row, rank=place) for place, row in enumerate(_ranked(rows, basis), start=1)]
    board = Board(
        metric=basis.metric,
        data=kept[-1].spec.data if kept else "",
        data_digest=kept[-1].spec.data_digest if kept else "",
        subject=subject,
        rows=(*numbered, *(row for row in rows if row.reason)),
        notes=_notes(rows, numbered, others + elsewhere),
    )
    return with_verdict(board, known, rule.seed)


def compared(
    records: Sequence[Record], rule: Rule = DEFAULT_RULE, subject: BoardSubject | None = None
) -> tuple[Record, ...]:
    """Return the runs whose predictions `rank`, asked the same, compares: its first rows'."""
    basis, kept, _, by_digest = _chosen(records, rule, subject)
    rows = [_row(group, basis, {}, by_digest) for group in grouped(kept)]
    first = _ranked(rows, basis)[:MOST_COMPARED]
    return tuple(each for row in first for each in row.records[: row.scored_runs])


def _chosen(
    records: Sequence[Record], rule: Rule, subject: BoardSubject | None
) -> tuple[_Basis, tuple[Record, ...], int, dict[str, Record]]:
    """Settle what ranks, and which records are on the board."""
    first, _ = comparable(sorted(records, key=lambda each: each.started), subject)
    folds = [each.spec.rank_on for each in first if each.spec.rank_on != "val"]
    name = "val"
    if rule.rank_on is RankOn.AUTO and first:
        name = subject.rank_on if subject is not None else first[-1].spec.rank_on
    elif rule.rank_on is RankOn.CV and folds:
        name = folds[-1]
    elif rule.rank_on is RankOn.CV:
        raise UsageError(
            "no run on this board has out-of-fold answers; run the benchmark with --rank-on cv:5,"
            " or rank on val."
        )
    name = name if name in folds else "val"
    part = "val" if name == "val" else "cv"
    kept, others = comparable(latest_by_spec(records, name), subject)
    by_digest = {each.spec.digest: each for each in records}
    return _Basis(name=name, metric=f"{part}_{rule.metric}"), kept, others, by_digest


def _row(
    group: tuple[Record, ...],
    basis: _Basis,
    evidence: Mapping[str, BoardEvidence],
    by_digest: Mapping[str, Record],
) -> Row:
    done = [each for each in group if not _reason(each, basis)]
    undone = [each for each in group if _reason(each, basis)]
    done.sort(key=lambda each: -each.scores[basis.metric])
    shown = done or undone[-1:]
    first = shown[0]
    return Row(
        rank=0,
        arch=first.spec.arch,
        regime=first.spec.regime,
        weights=weights_shown(first.spec, by_digest),
        state=first.state,
        reason=_reason(first, basis) or _chosen_here(shown, basis, evidence, by_digest),
        figures=with_intervals(_figures([each.scores for each in shown]), shown, evidence),
        total_seconds=fmean(each.seconds.total for each in shown),
        wall_seconds=fmean(each.seconds.wall for each in shown),
        parameters=first.parameters,
        milliseconds_per_image=fmean(each.milliseconds_per_image for each in shown),
        model_bytes=first.model_bytes,
        seeds=tuple(sorted({each.spec.seed for each in shown})),
        folds=tuple(sorted({each.spec.fold for each in shown if each.spec.fold is not None})),
        records=(*done, *undone),
        scored_runs=len(done),
        notes=_row_notes(done, undone, basis),
    )


def _scored(record: Record, evidence: Mapping[str, BoardEvidence]) -> Record:
    """Return a record with the figures that its predictions give now, and what they differ in."""
    known = evidence.get(record.spec.digest)
    if known is None or record.state is not State.FINISHED:
        return record
    again = score(known.predictions)
    if known.out_of_fold is not None:
        again |= out_of_fold_metrics(known.out_of_fold)
    return replace(
        record,
        scores={**record.scores, **again},
        notes=(*record.notes, *_differences(record, again)),
    )


def _differences(record: Record, scores: Mapping[str, float]) -> tuple[str, ...]:
    """Return which recorded figures are not those that the predictions give."""
    return tuple(
        f"recorded {name} {record.scores[name]:.4f}, predictions give {scores[name]:.4f}"
        for name in ("val_macro_f1", "test_macro_f1", "cv_macro_f1")
        if name in scores and abs(record.scores.get(name, scores[name]) - scores[name]) > _SAME
    )


def _reason(record: Record, basis: _Basis) -> str:
    """Return why a run cannot be ranked, nothing where it can."""
    if record.state is State.RUNNING:
        return record.reason or "still running"
    if record.state is not State.FINISHED:
        return record.reason or "no reason recorded"
    if basis.of_folds and record.spec.rank_on != basis.name:
        return (
            f"it has no out-of-fold answers of {basis.name}: run it again, or rank all rows on"
            " validation by leaderboard --rank-on val"
        )
    is_scored = math.isfinite(record.scores.get(basis.metric, math.nan))
    return "" if is_scored else f"it has no {basis.metric} to rank on"


def _chosen_here(
    runs: Sequence[Record],
    basis: _Basis,
    evidence: Mapping[str, BoardEvidence],
    by_digest: Mapping[str, Record],
) -> str:
    """Return why a row whose settings were chosen on the images that rank is not ranked.

    Without the answers of the trials that it was chosen among nobody can say how lucky it was.
    Answers out of fold are of networks whose settings were chosen without the images they are for.
    """
    if basis.of_folds:
        return ""
    for run in runs:
        if run.spec.search is not None:
            known = evidence.get(run.spec.digest)
            if known is not None and (known.trials is None or basis.metric not in OF_TRIALS):
                return "not ranked: its settings were chosen on the images that would rank it"
        members = [by_digest[each].spec for each in run.spec.members if each in by_digest]
        if any(each.search is not None for each in members):
            return "not ranked: a member's settings were chosen on the images that would rank it"
    return ""


def _figures(scores: Sequence[Mapping[str, float]]) -> dict[str, Figure]:
    values: defaultdict[str, list[float]] = defaultdict(list)
    for each in scores:
        for name, value in each.items():
            if math.isfinite(value):
                values[name].append(value)
    return {
        name: Figure(
            value=fmean(each), runs=len(each), spread=stdev(each) if len(each) > 1 else None
        )
        for name, each in values.items()
    }


def _row_notes(done: Sequence[Record], undone: Sequence[Record], basis: _Basis) -> tuple[str, ...]:
    notes = dict.fromkeys(note for each in (done or undone) for note in each.notes)
    if done:
        notes |= dict.fromkeys(_optimism(done))
        for each in undone:
            notes[f"seed {each.spec.seed} {each.state}: {_reason(each, basis)}"] = None
    return tuple(notes)


def _optimism(done: Sequence[Record]) -> tuple[str, ...]:
    """Say how much more a row's searches promised than was found, as a mean over its runs."""
    found = [each.scores[OPTIMISM] for each in done if OPTIMISM in each.scores]
    search = done[0].spec.search
    if not found or search is None:
        return ()
    shown_by = "test" if done[0].spec.rank_on == "val" else "answers out of fold"
    goal = search.objective.split(",")[0]
    word = "too much" if fmean(found) >= 0 else "too little"
    return (f"its search promised {abs(fmean(found)):.3f} of {goal} {word}, by {shown_by}",)


def _tell_apart(rows: Sequence[Row]) -> tuple[Row, ...]:
    """Note on rows of the same architecture what tells them apart."""
    said: dict[str, str] = {}  # by the digest of a row's representative
    for arch in {row.arch for row in rows}:
        specs = [row.representative.spec for row in rows if row.arch == arch]
        said |= zip([each.digest for each in specs], differences(specs), strict=True)
    told = [said[row.representative.spec.digest] for row in rows]
    return tuple(
        replace(row, notes=(words, *row.notes)) if words else row
        for row, words in zip(rows, told, strict=True)
    )


def _ranked(rows: Iterable[Row], basis: _Basis) -> list[Row]:
    """Return the rows that can be ranked, best first."""
    return sorted((row for row in rows if not row.reason), key=lambda row: _order(row, basis))


def _order(row: Row, basis: _Basis) -> tuple[float, float, str]:
    # Means that are equal on paper may differ in the last bit; they must still count as equal.
    value = round(row.figures[basis.metric].value, 12)
    known = row.parameters > 0 or row.regime is Regime.PRIOR
    return (-value, row.parameters if known else math.inf, row.arch)


def _notes(rows: Sequence[Row], ranked: Sequence[Row], others: int) -> tuple[str, ...]:
    notes = []
    if others:
        notes.append(f"Not shown, being on other data or another split: {others:,} of the runs.")
    if len({(row.seeds, row.folds) for row in ranked}) > 1:
        notes.append("Rows rest on different seeds or folds; compare them with care.")
    if any(row.has_random_weights for row in ranked):
        notes.append("Rows with random weights have a backbone that was never pretrained.")
    made = {each.made_by: None for row in rows for each in row.records if each.made_by}
    if len(made) > 1:
        notes.append(
            f"Rows were made by different versions of the code: {', '.join(sorted(made))}; what"
            " differs between them may be the code's doing."
        )
    return tuple(notes)
