"""The jobs on what the store holds: the board, the registry, and figures computed anew."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..board import RankOn, Rule, to_table
from ..cache import Cache
from ..data import NamedReader, ReadOptions, decode, read_index, unit_numbers
from ..errors import AwayError, BenchmarkError, DataError, StoreError, UsageError, one_line
from ..evaluation import OperatingPoint, WantedPoint, wanted_point
from ..plan import reading_of
from ..records import Picture, Predictions, Record, Silent, State
from ..request import Request
from ..tracking import Patience, Tracker, store_exists
from .boards import board_with, latest_board, mark_runs, write_board
from .judging import Judged
from .lightening import register_light
from .plan_job import cache_or_scratch
from .progress import wide_console
from .registering import Registering, register
from .results import folder_name, writable
from .shown import recall


def show_leaderboard(
    experiment: str | None, output: str, rank_on: str, store_patience: float
) -> int:
    """Rank what an experiment holds, write the board and show it."""
    writable(Path(output))
    tracker = open_experiment(experiment, store_patience)
    board = latest_board(tracker, Rule(rank_on=RankOn(rank_on)))
    write_board(board, Path(output) / folder_name(tracker.experiment.name))
    console = wide_console()
    console.print(to_table(board, console.width))
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """What a person asked to be registered, under the options' own names.

    Attributes:
        experiment: the experiment, None for the one with the latest benchmark.
        register: the registered model's name, None for the benchmark's own.
        data: the images the model is tried on, None for the benchmark's own.
        run: a run's id, None for the board's champion by rule.
        promote: make it champion whatever a comparison says.
        flavour: `keras`, or `openvino` for a light version beside the registered one.
        cache: where decoded images are kept.
        store_patience: minutes that the store is waited for.
    """

    experiment: str | None
    register: str | None
    data: str | None
    run: str | None
    promote: bool
    flavour: str
    cache: str
    store_patience: float


def register_best(wanted: Registry) -> int:
    """Register an experiment's champion by rule, or a run by its id.

    Raises:
        UsageError: an option is wrong, or the registered model is of other classes.
    """
    is_light = wanted.flavour != "keras"
    if is_light and wanted.promote:
        raise UsageError(
            "--promote yes says which network is champion, and a light version follows it: "
            "register the network first, then its light version without --promote."
        )
    tracker = open_experiment(wanted.experiment, wanted.store_patience)
    if wanted.run is None:
        board, chosen = latest_board(tracker), None
    else:
        chosen = chosen_run(tracker, wanted.run)
        board = board_with(tracker, chosen)
    asked = asked_of(tracker)
    with cache_or_scratch(wanted.cache) as kept:
        data = wanted.data or recall(asked.get("data", ""), _data_digest(tracker), kept)
        reader = NamedReader(read_index(data, reading_of(asked), kept))
    how = Registering(
        tracker=tracker,
        name=wanted.register or model_name(asked, board.data),
        reader=reader,
        say=print,
        force=wanted.promote,
    )
    done = register_light(how, chosen) if is_light else register(how, board, chosen)
    if done.is_mistake:
        raise UsageError(done.said)
    print(done.said)
    return 1 if done.failed else 0


def open_experiment(experiment: str | None, minutes: float) -> Tracker:
    """Open an experiment that exists, the one with the latest benchmark where none is named.

    Args:
        experiment: its name.
        minutes: how long the store is waited for.

    Raises:
        StoreError: there is none, or it holds no run of a benchmark.
    """
    tracker = None
    if store_exists():
        patience = Patience(60 * minutes)
        tracker = Tracker.find(experiment, default_experiment=None, patience=patience)
    if tracker is None:
        named = f"no experiment {experiment!r}" if experiment else "no benchmark"
        raise StoreError(
            f"there is {named} in the tracking store; run one first: python -m benchmark run"
        )
    if not tracker.holds_run():
        raise StoreError(
            f"the experiment {tracker.experiment.name!r} holds no run of a benchmark; "
            "run one first: python -m benchmark run"
        )
    return tracker


def chosen_run(tracker: Tracker, run: str) -> Record:
    """Return the run of an experiment that a person named.

    Raises:
        UsageError: the experiment has no such run.
    """
    try:
        found = tracker.record(run)
    except AwayError:
        raise
    except StoreError as error:
        raise UsageError(f"--run must be the id of a run, not {run!r}.") from error
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Images:
    """A data set that is at hand: its name, and each image's sampling unit by content."""

    name: str
    units: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescoring:
    """What a person asked to be scored anew, under the options' own names.

    Attributes:
        experiment: the experiment, None for the one with the latest benchmark.
        data: the data set, to give tables the numbers of sampling units; None leaves them.
        positive: the classes that are called positive; None for the one of two that is sick.
        operating_point: the rule for a threshold. Runs keep theirs where this and `positive` are
            None.
        prevalence: a share of positives for predictive values, None for that of the run.
        output: the folder for the board.
        cache: where a data set's index is kept.
        store_patience: minutes that the store is waited for.
    """

    experiment: str | None
    data: str | None
    positive: tuple[str, ...] | None
    operating_point: str | None
    prevalence: float | None
    output: str
    cache: str
    store_patience: float


def rescore_runs(wanted: Rescoring) -> int:
    """Compute the figures of an experiment's runs anew, then write the board; no alias is moved.

    A run without a readable table is named and left as it is.

    Raises:
        UsageError: an option is wrong.
    """
    writable(Path(wanted.output))
    tracker = open_experiment(wanted.experiment, wanted.store_patience)
    records = [each for each in tracker.records() if each.state is State.FINISHED]
    images = None
    if wanted.data and records:
        reading, picture = reading_of(asked_of(tracker)), records[0].final.picture
        images = _read_images(wanted.data, wanted.cache, reading, picture)
    done, left = 0, 0
    for record in records:
        try:
            changed = _rescore(tracker, record, images, wanted)
        except (AwayError, UsageError):
            raise
        except BenchmarkError as error:
            left += 1
            print(f"{record.spec.arch} ({record.run_id}) is left as it is: {one_line(error)}")
            continue
        done += 1
        print(f"{record.spec.arch} ({record.run_id}): {changed} figures are new or others")
    board = latest_board(tracker, say=print)
    write_board(board, Path(wanted.output) / folder_name(tracker.experiment.name))
    mark_runs(tracker, board)
    console = wide_console()
    console.print(to_table(board, console.width))
    print(f"{done} runs are scored anew, {left} are left as they were; no alias has moved.")
    return 0


def _rescore(tracker: Tracker, record: Record, images: _Images | None, wanted: Rescoring) -> int:
    """Score one run anew; return how many of its figures are new or others.

    Raises:
        StoreError: its table is gone.
        DataError: its table is not readable, or holds other images than the data set.
        UsageError: it has no such class as is called positive.
    """
    predictions, out_of_fold = tracker.raw_predictions(record), tracker.raw_out_of_fold(record)
    point = _point(record, predictions.classes, wanted)
    if images is not None:
        predictions = _with_units(predictions, images)
        out_of_fold = None if out_of_fold is None else _with_units(out_of_fold, images)
        tracker.replace_tables(record, predictions, out_of_fold)
    judged = Judged.at(
        record.temperature, predictions, out_of_fold, point, _prevalence(record, wanted)
    )
    tracker.keep_tables(record, judged.tables())
    return tracker.write_scores(
        record, judged.predictions, judged.scores(), judged.point, judged.prevalence
    )


def _prevalence(record: Record, wanted: Rescoring) -> float | None:
    return record.prevalence if wanted.prevalence is None else wanted.prevalence


def _point(
    record: Record, classes: tuple[str, ...], wanted: Rescoring
) -> WantedPoint | OperatingPoint | None:
    """Return the operating point that a run has, or the one that is asked for in its place."""
    is_asked = wanted.positive is not None or wanted.operating_point is not None
    if record.operating_point and not is_asked:
        return OperatingPoint.from_json(record.operating_point)
    prevalence = _prevalence(record, wanted)
    return wanted_point(classes, wanted.positive, wanted.operating_point, prevalence)


def model_name(asked: Mapping[str, str], data: str) -> str:
    """Return what the latest benchmark's winner is registered as, or the data set's name."""
    return Request.read({"register": asked.get("register", "auto")}).register.on(data) or data


def asked_of(tracker: Tracker) -> Mapping[str, str]:
    """Return what the latest benchmark was asked for, by option; nothing where there is none."""
    return next((each.params for each in tracker.benchmarks()), {})


def _data_digest(tracker: Tracker) -> str:
    """Return the digest of the latest benchmark's data set; nothing where there is none."""
    return next((each.data_digest for each in tracker.benchmarks()), "")


def _read_images(data: str, cache: str, options: ReadOptions, picture: Picture) -> _Images:
    """Read a data set and decode it, since images that are equal in their pixels are one unit."""
    kept = Cache(Path(cache))
    index = read_index(data, options, kept)
    decoded = decode(index, picture, kept, Silent(), max_unreadable=1.0)
    units = unit_numbers(decoded.index, decoded.facts).tolist()
    return _Images(name=index.name, units=dict(zip(decoded.index.hashes, units, strict=True)))


def _with_units(predictions: Predictions, images: _Images) -> Predictions:
    """Return a table with the number of each image's sampling unit.

    Raises:
        DataError: the data set lacks one of its images.
    """
    missing = [each for each in predictions.hashes if each not in images.units]
    if missing:
        raise DataError(
            f"{images.name} must hold every image of its table, told by content, and lacks "
            f"{len(missing)} of {len(predictions.hashes)}"
        )
    units = [images.units[each] for each in predictions.hashes]
    return replace(predictions, units=np.array(units, dtype=np.int64))
