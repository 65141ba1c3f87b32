"""What stands on a board: frozen rows of figures, with how sure each is."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..evaluation import Interval
from ..records import Params, Part, Picture, Predictions, Record, Regime, State

RANDOM_WEIGHTS = "random"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BoardEvidence:
    """The predictions behind a record.

    Attributes:
        predictions: the run's prediction table, val and test.
        groups: a patient key for each row of it, None where unknown; None for no patients at all.
    """

    predictions: Predictions
    groups: tuple[str | None, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSubject:
    """What the figures of a board are about; records alone do not say it.

    Attributes:
        synthetic: whether the images were drawn by a program.
        split: the split's scheme, as on the command line.
        images: how many images each part holds.
        clean_test: how many test images are no copies, None where that was not looked at.
        splits: digests of the splits that belong together, such as the folds of one scheme or
            one for each seed; empty for the split of the latest run.
    """

    synthetic: bool
    split: str
    images: Mapping[Part, int] = field(default_factory=dict)
    clean_test: int | None = None
    splits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A metric of a row: one run's, or the mean over its seeds and folds.

    Attributes:
        value: the figure, or the mean.
        runs: how many runs it is the mean of.
        spread: standard deviation over the runs (n - 1), None for one run.
        interval: 95 % interval over other images, None where no predictions were given.
    """

    value: float
    runs: int = 1
    spread: float | None = None
    interval: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One architecture on the board, over all its seeds and folds.

    Attributes:
        rank: from 1; 0 for a row that cannot be ranked, which then has a `reason`.
        tie: whether it cannot be told from rank 1 on validation; rank 1 has it when others do.
        arch: the architecture; `regime` how it was trained; `picture` and `params` on what.
        weights: `imagenet`, `random`, `mixed`, `file <digest>`, or empty where none are meant.
        state: FINISHED for a ranked row; `reason` why it is not.
        figures: metrics by name, `<part>_<metric>`; means where there are several runs.
        total_seconds: mean cost from nothing; `wall_seconds` mean of what was really taken.
        parameters: the network's weights, counted; 0 where unknown.
        milliseconds_per_image: mean over the runs.
        model_bytes: the representative's saved network.
        seeds: the seeds, sorted; `folds` the folds, sorted, empty where there are none.
        records: every record behind the row, the representative first: best on validation.
        scored_runs: how many of them the figures are the mean of; those stand first.
        notes: what a person should know, such as a weights' fallback.
    """

    rank: int
    tie: bool = False
    arch: str
    regime: Regime
    weights: str
    picture: Picture
    params: Params
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
    def representative(self) -> Record:
        """The run that stands for the row when it is registered."""
        return self.records[0]

    def value(self, metric: str) -> float | None:
        """Give a figure's value, None where it is undefined or unknown."""
        figure = self.figures.get(metric)
        return None if figure is None else figure.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Architectures ranked on one data set and split.

    Attributes:
        metric: the metric ranked on, always of validation.
        data: the data set's name; `data_digest` says which images exactly.
        subject: what the records do not say of it, None where not given.
        rows: ranked rows first, then those that cannot be ranked.
        notes: what a person should know of the board as a whole.
    """

    metric: str
    data: str
    data_digest: str
    subject: BoardSubject | None
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def ranked(self) -> tuple[Row, ...]:
        """The rows that have a rank, best first."""
        return tuple(row for row in self.rows if row.rank)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Every seed on the board, sorted."""
        return tuple(sorted({seed for row in self.rows for seed in row.seeds}))
