"""What stands on a board: frozen rows of figures, with how sure each is."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from ..evaluation import Interval
from ..records import Labels, Predictions, Record, Regime, State

RANDOM_WEIGHTS = "random"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoardEvidence:
    """The predictions behind a record.

    Attributes:
        predictions: the run's prediction table, val and test.
        out_of_fold: its answers for train and val from networks that had not seen the image, None
            where the run has none.
        trials: (t, n_val) classes that the trials of its search gave to the validation images, in
            the order of `predictions`' val rows; None where it was not searched, or they were not
            kept.
    """

    predictions: Predictions
    out_of_fold: Predictions | None = None
    trials: Labels | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSubject:
    """What the figures of a board are about; records alone do not say it.

    It is kept with the benchmark's own run as JSON, so that the same board can be made again from
    the store alone, without the images.

    Attributes:
        synthetic: whether the images were drawn by a program.
        split: the split's scheme, as on the command line; `split_seed` what it was drawn from.
        images: how many images of each class each part holds, by part's name, in the classes'
            order; of the first split where there are several.
        classes: the class names.
        patients_known: whether patients are known; otherwise a distinct image is a unit.
        findings: what the audit found that may change the verdict, a line each.
        splits: digests of the splits that belong together, such as the folds of one scheme; empty
            for the split of the latest run.
        rank_on: what the latest benchmark ranked on: `val` or `cv:K`.
        test_scored: how many runs of this store have been scored on this test part, 0 if unknown.
    """

    synthetic: bool
    split: str
    split_seed: int = 0
    images: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    patients_known: bool = False
    findings: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    rank_on: str = "val"
    test_scored: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned."""
        lists = {name: tuple(values[name]) for name in ("classes", "findings", "splits")}
        images = {part: tuple(counts) for part, counts in values["images"].items()}
        return cls(**{**values, **lists, "images": images})


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A metric of a row: one run's, or the mean over its seeds and folds.

    Attributes:
        value: the figure, or the mean.
        runs: how many runs it is the mean of.
        spread: standard deviation over the runs (n - 1), None for one run.
        interval: 95 % interval, None where no predictions were given, or none can be given.
        few: whether none can be given, a class having too few units.
    """

    value: float
    runs: int = 1
    spread: float | None = None
    interval: Interval | None = None
    few: bool = False

    @property
    def span(self) -> Interval:
        """Its interval, one of no width where it has none."""
        return self.interval or Interval(value=self.value, low=self.value, high=self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One architecture on the board, over all its seeds and folds.

    Attributes:
        rank: from 1; 0 for a row that cannot be ranked, which then has a `reason`.
        tie: whether it may be the best: it cannot be told from the best; rank 1 has it when others
            do.
        rank_low: the best rank it may have; `rank_high` the worst; 0 where it was not compared.
        champion: whether the champion's rule chooses it; `log_loss` is what the rule goes by: its
            log loss after temperature on the images that rank, None where unknown.
        flags: what disqualifies it or casts doubt on it, in words.
        is_refused: whether a flag keeps it from being registered.
        arch: the architecture; `regime` how it was trained.
        weights: `imagenet`, `random`, `mixed`, `file <digest>`, or empty where none are meant.
        state: FINISHED for a ranked row; `reason` why it is not.
        figures: metrics by name, `<part>_<metric>`; means where there are several runs.
        total_seconds: mean cost from nothing; `wall_seconds` mean of what was really taken.
        parameters: the network's weights, counted; 0 where unknown.
        milliseconds_per_image: mean over the runs.
        model_bytes: the representative's saved network.
        seeds: the seeds, sorted; `folds` the folds, sorted, empty where there are none.
        records: every record behind the row, the representative first: of its scored runs the one
            with the lowest log loss after temperature, else the best on the ranking metric.
        scored_runs: how many of them the figures are the mean of; those stand first.
        notes: remarks on the row, such as a weights' fallback.
    """

    rank: int
    tie: bool = False
    rank_low: int = 0
    rank_high: int = 0
    champion: bool = False
    log_loss: float | None = None
    flags: tuple[str, ...] = ()
    is_refused: bool = False
    arch: str
    regime: Regime
    weights: str
    state: State
    reason: str = ""
    figures: Mapping[str, Figure]
    total_seconds: float
    wall_seconds: float
    parameters: int
    milliseconds_per_image: float
    model_bytes: int
    seeds: tuple[int, ...]
    folds: tuple[int, ...] = ()
    records: tuple[Record, ...]
    scored_runs: int = 0
    notes: tuple[str, ...] = ()

    @property
    def is_check(self) -> bool:
        """Whether it learnt from shuffled labels, to show what noise reaches."""
        return self.records[0].spec.labels != "true"

    @property
    def has_random_weights(self) -> bool:
        """Whether its backbone, or a member's, was never pretrained."""
        return RANDOM_WEIGHTS in self.weights.split(" + ")

    @property
    def representative(self) -> Record:
        """The run that stands for the row when it is registered."""
        return self.records[0]

    @property
    def presets(self) -> tuple[str, ...]:
        """What `auto` stood for where its runs were asked for; empty for one that is unknown."""
        return tuple(sorted({record.preset for record in self.records}))

    def value(self, metric: str) -> float | None:
        """Return a figure's value, None where it is undefined or unknown."""
        figure = self.figures.get(metric)
        return None if figure is None else figure.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """How sure a board's ranking is.

    Attributes:
        critical: how many standard errors tell two rows apart on this board.
        resolvable: the difference that this board finds 4 times of 5.
        noise: p of the greatest figure if answers had nothing to do with labels; None where no
            exchange was possible.
        units: how many patients or distinct images rank; `unit` names them.
        undecidable: why nothing can be told apart, empty where it can.
        chosen: why the champion's row was chosen, in a sentence; or why none was.
        separate: what would tell the first two apart, in a sentence; empty where they are.
        barred: why nothing may be promoted whatever leads, empty where it may.
    """

    critical: float
    resolvable: float
    noise: float | None
    units: int
    unit: str
    undecidable: str = ""
    chosen: str = ""
    separate: str = ""
    barred: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Architectures ranked on one data set and split.

    Attributes:
        metric: the metric ranked on: `val_…` of the validation part, `cv_…` of out-of-fold answers
            over train and validation; never of test.
        data: the data set's name; `data_digest` says which images exactly.
        subject: what the records do not say of it, None where not given.
        rows: ranked rows first, then those that cannot be ranked.
        notes: remarks on the board as a whole.
        verdict: how sure the ranking is, None where no predictions were given.
        warnings: what speaks against trusting it, a line each.
    """

    metric: str
    data: str
    data_digest: str
    subject: BoardSubject | None
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    verdict: Verdict | None = None
    warnings: tuple[str, ...] = ()

    @property
    def is_synthetic(self) -> bool:
        """Whether the images were drawn by a program."""
        return self.subject is not None and self.subject.synthetic

    @property
    def champion(self) -> Row | None:
        """The row that the champion's rule chooses, None where it chooses none."""
        return next((row for row in self.rows if row.champion), None)

    @property
    def ranked(self) -> tuple[Row, ...]:
        """The rows that have a rank, best first."""
        return tuple(row for row in self.rows if row.rank)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Every seed on the board, sorted."""
        return tuple(sorted({seed for row in self.rows for seed in row.seeds}))
