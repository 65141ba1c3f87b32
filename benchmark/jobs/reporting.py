"""The report: gathered from the store and the board, and left among the results and in MLflow."""

import io
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..board import Board, BoardEvidence, Promotion, model_card, promote
from ..cache import Cache
from ..data import ReadOptions, decode, read_index
from ..errors import DataError, UsageError
from ..files import write_text
from ..plan import Prepared, reading_of
from ..records import Index, Params, Record, Silent
from ..report import Dossier, Maps, Origin, Searched, no_maps, no_picture, page
from ..request import RUN_OPTIONS
from ..search import (
    SearchResult,
    TrialRecord,
    TrialState,
    importances,
    read_goals,
    read_space,
    tells_importances,
)
from ..search import space_names as known_spaces
from ..tracking import Benchmark, Tracker
from ..worker import epochs_of
from .boards import judged_board, latest_benchmark, write_board
from .explaining import Explanations
from .plan_job import cache_or_scratch
from .registering import facts_of
from .results import folder_name, writable
from .shown import recall
from .store_jobs import open_experiment

REPORT = "report.html"
_SIDE_PX = 128  # chosen, not sourced: a picture among others in a line
_TABLES = ("leaderboard.csv", "split.csv", "audit.json")

Pictures = Callable[[str], bytes | None]
MapsOf = Callable[[Record, Mapping[str, int]], Maps]


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """Whether a page may hold patients' images, and whether it may then leave this machine."""

    shown: bool = False
    logged: bool = False

    @classmethod
    def read(cls, text: str) -> "Showing":
        """Read `no`, `yes` or `log`."""
        return cls(shown=text != "no", logged=text == "log")

    def may_be_logged(self, tracker: Tracker, *, synthetic: bool) -> bool:
        """Whether a page with images may be logged to a tracker's store."""
        return synthetic or self.logged or not tracker.is_elsewhere


def gather(
    tracker: Tracker,
    benchmark: Benchmark | None,
    board: Board,
    evidence: Mapping[str, BoardEvidence],
    folder: Path,
    pictures: Pictures = no_picture,
    maps: MapsOf = no_maps,
) -> Dossier:
    """Gather what a report is made of.

    Args:
        tracker: the experiment.
        benchmark: the benchmark's own run, None where the experiment has none.
        board: its board; `evidence` the tables that it was judged by.
        evidence: see board.
        folder: the experiment's folder among the results.
        pictures: gives a small PNG of an image by its content.
        maps: draws where a network looked, see `Dossier`.
    """
    shown = [row.representative for row in board.ranked]
    histories = {}
    for record in shown:
        text = tracker.text(record.run_id, "history.json")
        if text is not None:
            histories[record.spec.digest] = epochs_of(text)
    searches = {
        record.spec.digest: found
        for record in shown
        if (found := _searched(tracker, record)) is not None
    }
    decision = promote(board, None)
    card = ""
    if isinstance(decision, Promotion):
        facts = facts_of(tracker, decision.record, ())
        card = model_card(board, decision.row, decision.record, facts)
    return Dossier(
        board=board,
        evidence=evidence,
        histories=histories,
        searches=searches,
        origin=_origin(tracker, benchmark, folder, board),
        card=card,
        picture=pictures,
        maps=maps,
    )


def leave_report(dossier: Dossier, folder: Path, *, may_log: bool) -> dict[str, str]:
    """Write a report among the results; return what is to be logged of it, by file name.

    Where its pictures may not be logged, it is logged without them.
    """
    text = page(dossier)
    write_text(folder / REPORT, text)
    if may_log or dossier.picture is no_picture:
        return {REPORT: text}
    return {REPORT: page(dossier.without_pictures())}


def pictures_of(index: Index, pixels: Any) -> Pictures:
    """Return what gives a small PNG of an image by its content.

    Args:
        index: the images.
        pixels: theirs, as decoding gave them.
    """
    known = set(index.hashes)

    def picture(sha256: str) -> bytes | None:
        if sha256 not in known:
            return None
        from PIL import Image

        (row,) = pixels.rows((sha256,))
        array = np.asarray(pixels.array[row])
        image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
        image.thumbnail((_SIDE_PX, _SIDE_PX))
        held = io.BytesIO()
        image.save(held, format="PNG", optimize=True)
        return held.getvalue()

    return picture


def prepared_pictures(
    prepared: Prepared, images: Showing, tracker: Tracker
) -> tuple[Pictures, MapsOf]:
    """Return what gives a benchmark's pictures, and what gives maps, where they are to be shown.

    Those that a program drew are shown always; maps are made where `--images` asks.
    """
    pictures: Pictures = no_picture
    maps: MapsOf = no_maps
    if images.shown or prepared.index.synthetic:
        pictures = pictures_of(prepared.index, prepared.pixels)
    if images.shown:
        maps = Explanations(tracker=tracker, pixels=prepared.pixels, picture=prepared.picture)
    return pictures, maps


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporting:
    """What a person asked a report of, under the options' own names.

    Attributes:
        experiment: the experiment, None for the one with the latest benchmark.
        images: whether pictures of the images are shown, and logged.
        data: the data set, for its pictures; None for the experiment's own.
        output: the folder for results.
        cache: where decoded images are kept.
        store_patience: minutes that the store is waited for.
    """

    experiment: str | None
    images: Showing
    data: str | None
    output: str
    cache: str
    store_patience: float


def report_results(wanted: Reporting) -> int:
    """Make the report of an experiment's latest benchmark.

    Raises:
        UsageError: an option is wrong, or the images are not to be found.
    """
    writable(Path(wanted.output))
    tracker = open_experiment(wanted.experiment, wanted.store_patience)
    folder = Path(wanted.output) / folder_name(tracker.experiment.name)
    benchmark = latest_benchmark(tracker)
    board, evidence = judged_board(tracker, benchmark, say=print)
    write_board(board, folder)
    with cache_or_scratch(wanted.cache) as cache:
        shown = _read_pictures(wanted, tracker, benchmark, board, cache)
        dossier = gather(tracker, benchmark, board, evidence, folder, *shown)
        may_log = wanted.images.may_be_logged(tracker, synthetic=board.is_synthetic)
        logged = leave_report(dossier, folder, may_log=may_log)
    if benchmark is not None:
        for name, text in logged.items():
            tracker.keep_text(benchmark, name, text)
    print(f"Open {folder / REPORT}")
    return 0


def _read_pictures(
    wanted: Reporting,
    tracker: Tracker,
    benchmark: Benchmark | None,
    board: Board,
    cache: Cache,
) -> tuple[Pictures, MapsOf]:
    """Return what gives the images' pictures and maps, read anew where they are asked for.

    Raises:
        UsageError: they are asked for, and the data set is not to be found.
    """
    if not wanted.images.shown or benchmark is None or not board.ranked:
        return no_picture, no_maps
    asked = benchmark.params
    data = wanted.data or recall(asked.get("data", ""), benchmark.data_digest, cache)
    options: ReadOptions = reading_of(asked)
    try:
        index = read_index(data, options, cache)
        picture = board.ranked[0].representative.final.picture
        decoded = decode(index, picture, cache, Silent(), max_unreadable=1.0)
    except DataError as error:
        raise UsageError(f"--images cannot be shown: {error}") from error
    maps = Explanations(tracker=tracker, pixels=decoded.pixels, picture=picture)
    return pictures_of(decoded.index, decoded.pixels), maps


def _origin(tracker: Tracker, benchmark: Benchmark | None, folder: Path, board: Board) -> Origin:
    name = tracker.experiment.name
    links = [(each, each if (folder / each).is_file() else "") for each in _TABLES]
    links.append(("each run's tables/ in MLflow: confusion, reliability, operating point", ""))
    if benchmark is None:
        return Origin(experiment=name, links=links)
    return Origin(
        experiment=name,
        run_id=benchmark.run_id,
        command=_command(benchmark.params),
        versions={**_code(board), **tracker.made_on(benchmark)},
        links=links,
    )


def _code(board: Board) -> dict[str, str]:
    """Return the versions of the code that made the ranked rows."""
    made = {each.made_by: None for row in board.ranked for each in row.records if each.made_by}
    return {"code": ", ".join(made)} if made else {}


def _command(asked: Mapping[str, str]) -> str:
    """Return the command line of what was asked for; of a path its last part alone is known."""
    words = [
        f"{each.flag}={shlex.quote(asked[each.name])}"
        for each in RUN_OPTIONS
        if asked.get(each.name, each.default) != each.default
    ]
    return " ".join(["python -m benchmark run", *words])


def _searched(tracker: Tracker, record: Record) -> Searched | None:
    """Read a run's search from its table of trials, None where it has none."""
    import pandas as pd

    path = tracker.trials_path(record)
    search = record.spec.search
    if path is None or search is None:
        return None
    table = pd.read_parquet(path)
    goals = read_goals(search.objective)
    complete = table[table["state"] == str(TrialState.COMPLETE)]
    values = tuple(complete[goals[0].metric].astype(float)) if len(complete) else ()
    columns = [name for name in table.columns if name.startswith("param_")]
    varied = [name for name in columns if table[name].astype(str).nunique() > 1]
    best = {}
    if values:
        place = int(np.argmax(values) if goals[0].maximise else np.argmin(values))
        best = {name.removeprefix("param_"): _text(complete[name].iloc[place]) for name in varied}
    shares: Mapping[str, float] = {}
    if tells_importances(len(values), len(varied)) and search.space in known_spaces():
        shares = _shares(record, complete, columns)
    return Searched(
        metric=goals[0].metric,
        more_is_better=goals[0].maximise,
        values=values,
        states={str(name): n for name, n in table["state"].value_counts().items()},
        names=tuple(name.removeprefix("param_") for name in varied),
        best=best,
        importances=shares,
    )


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _shares(record: Record, complete: Any, columns: list[str]) -> Mapping[str, float]:
    search = record.spec.search
    assert search is not None
    space = read_space(search.space)
    trials = []
    for line in complete.to_dict("records"):
        known = {name: line[name] for name in columns if line[name] == line[name]}  # no NaN
        params = Params({name.removeprefix("param_"): value for name, value in known.items()})
        space = space.including(params)
        value = (float(line[read_goals(search.objective)[0].metric]),)
        trials.append(
            TrialRecord(
                number=int(line["number"]), params=params, state=TrialState.COMPLETE, values=value
            )
        )
    goals = tuple(read_goals(search.objective))
    found = SearchResult(study="", space=space, goals=goals, trials=tuple(trials), seconds=0.0)
    return importances(found)
