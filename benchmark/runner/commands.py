"""The smaller jobs: the plan, the board, the registry, classifying files, the cache."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..board import RankOn, Rule, to_table
from ..cache import Cache
from ..data import (
    PICTURE_SUFFIXES,
    ReadOptions,
    find_decoded,
    read_index,
)
from ..errors import DataError, StoreError, UsageError
from ..records import Index, Picture, Record, Split
from ..tracking import Pulled, Tracker, store_exists
from .boarding import board_with, latest_board, write_board
from .console import wide_console
from .costs import estimate_seconds
from .members import rank_networks
from .plan import Plan, composite_spec, member_names
from .prepare import divide, read
from .progress import spec_name
from .registering import Registering, register
from .request import Request
from .results import folder_name, writable, writable_file
from .subjects import plain_subject

if TYPE_CHECKING:
    import pandas as pd

_AT_ONCE = 64  # images handed to the model together: a few hundred megabytes at most


def show_plan(request: Request) -> int:
    """Show what a request would run, what is done already and what it will cost."""
    from rich.console import Console
    from rich.table import Table

    with _cache_or_scratch(request.cache) as cache:
        planned = _planned(request, cache)
    index, plan = planned.index, planned.plan
    tracker = _tracker_of(request, index)
    done = _done(tracker, plan)
    table = Table(title=f"{index.name}: {len(index)} images at {planned.picture.side_px} px")
    for heading in ("architecture", "regime", "weights", "state", "about"):
        table.add_column(heading, justify="right" if heading == "about" else "left")
    total = 0.0
    for job in plan.jobs:
        spec = job.spec
        finished = spec.digest in done
        seconds = 0.0 if finished else estimate_seconds(spec, planned.splits[job.split], index)
        total += seconds
        table.add_row(
            spec_name(spec.arch, spec.seed, spec.fold, spec.labels),
            spec.regime,
            spec.weights[:15],
            "done" if finished else "to run",
            "" if finished else f"{seconds:,.0f} s",
        )
    composites = list(_composites(request, planned, tracker))
    for name, finished in composites:
        state = "done" if finished else "after its members"
        table.add_row(name, "composite", "members", state, "")
    console = Console()
    console.print(table)
    for note in (*index.notes, *plan.notes):
        console.print(note, highlight=False, markup=False, soft_wrap=True)
    finished_runs = len(done) + sum(finished for _, finished in composites)
    console.print(
        f"{len(plan.jobs) + len(composites) - finished_runs} to run, {finished_runs} done; about "
        f"{total / 60:.1f} minutes on this machine, estimated from floating-point operations."
    )
    return 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Planned:
    """What a request comes to, as far as it is known without decoding anything."""

    index: Index
    picture: Picture
    splits: tuple[Split, ...]
    plan: Plan


def _planned(request: Request, cache: Cache) -> _Planned:
    index, picture = read(request, cache)
    most = request.max_unreadable / 100
    decoded = find_decoded(index, picture, cache, max_unreadable=most)
    index = decoded.index if decoded else index
    divided = divide(request, index, picture, decoded, cache)
    return _Planned(index=index, picture=picture, splits=divided.splits, plan=divided.plan)


def _composites(
    request: Request, planned: _Planned, tracker: Tracker | None
) -> Iterator[tuple[str, bool]]:
    """Return the name of each composite of a plan, and whether it is finished.

    Of the members that would be chosen now: others may be once more networks are.
    """
    plan, names = planned.plan, member_names(request.members)
    for split in planned.splits if plan.composites else ():
        subject = plain_subject(planned.index, (split,), plan.rank_on)
        networks = tracker and rank_networks(tracker, split, planned.picture, subject)
        for seed in request.seed:
            for name in plan.composites:
                members = networks.members(name, names, seed) if networks else ()
                finished = False
                if tracker and members:
                    spec = composite_spec(request, name, planned.index, split, members)
                    finished = bool(tracker.finished([spec.digest]))
                yield spec_name(name, seed, split.fold), finished


def show_leaderboard(experiment: str | None, output: str, rank_on: str) -> int:
    """Rank what an experiment holds, write the board and show it."""
    writable(Path(output))
    tracker = open_experiment(experiment)
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
        register: the registered model's name, `auto` for the data set's.
        data: the images the model is tried on, `auto` for the benchmark's own.
        run: `best` for the board's champion by rule, or a run's id.
        promote: make it champion whatever a comparison says.
        cache: where decoded images are kept.
    """

    experiment: str | None
    register: str
    data: str
    run: str
    promote: bool
    cache: str


def register_best(wanted: Registry) -> int:
    """Register an experiment's champion by rule, or a run by its id.

    Raises:
        UsageError: an option is wrong, or the registered model is of other classes.
    """
    if wanted.register == "none":
        raise UsageError("--register names the model to register; none is for `run` only.")
    tracker = open_experiment(wanted.experiment)
    if wanted.run == "best":
        board, chosen = latest_board(tracker), None
    else:
        chosen = _chosen(tracker, wanted.run)
        board = board_with(tracker, chosen)
    data = wanted.data
    if data == "auto":
        data = next((each.params.get("data", "") for each in tracker.benchmarks()), "")
    if not data:
        raise UsageError("the experiment does not say what its data set was; name it with --data.")
    with _cache_or_scratch(wanted.cache) as kept:
        reader = read_index(data, ReadOptions(needs_parts=False), kept).reader
    done = register(
        Registering(
            tracker=tracker,
            name=board.data if wanted.register == "auto" else wanted.register,
            reader=reader,
            say=print,
            force=wanted.promote,
        ),
        board,
        chosen,
    )
    if done.is_mistake:
        raise UsageError(done.said)
    print(done.said)
    return 1 if done.failed else 0


def predict_files(model: str, inputs: Sequence[str], csv: str) -> int:
    """Classify image files and folders of them with a registered model; a bad file is a row."""
    files = _files(inputs)
    if csv != "-":
        writable_file(Path(csv))
    pulled = Pulled(model)
    table = _classify(pulled, files)
    if csv != "-":
        table.to_csv(csv, index=False)
        bad = int((table["error"] != "").sum())
        print(
            f"{len(table)} images classified into {csv}" + (f", {bad} could not be" if bad else "")
        )
    else:
        sys.stdout.write(table.to_csv(index=False))
    return 0 if (table["error"] == "").any() else 1


def show_cache(folder: str, *, clear: bool) -> int:
    """Show what the cache holds by kind, or clear it."""
    cache = Cache(Path(folder))
    if clear:
        print(f"{_size(cache.clear())} freed in {folder}")
        return 0
    usage = cache.usage()
    for each in usage:
        print(f"{each.kind:<14}{each.entries:>6} entries {_size(each.bytes):>12}")
    print(
        f"{'in all':<14}{sum(each.entries for each in usage):>6} entries "
        f"{_size(sum(each.bytes for each in usage)):>12}  {folder}"
    )
    return 0


@contextmanager
def _cache_or_scratch(folder: str) -> Iterator[Cache]:
    """Return the cache of that folder where there is one, otherwise one that leaves no trace."""
    if Path(folder).is_dir():
        yield Cache(Path(folder))
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        yield Cache(Path(scratch))


def _tracker_of(request: Request, index: Index) -> Tracker | None:
    """Open the request's experiment where there is one, without making anything."""
    if not request.resume or not store_exists():
        return None
    return Tracker.find(request.experiment, default_experiment=index.name)


def _done(tracker: Tracker | None, plan: Plan) -> frozenset[str]:
    """Return the digests of the plan's specs that are finished."""
    if tracker is None:
        return frozenset()
    return frozenset(tracker.finished([job.spec.digest for job in plan.jobs]))


def open_experiment(experiment: str | None) -> Tracker:
    """Open an experiment that exists, the one with the latest benchmark where none is named.

    Raises:
        StoreError: there is none, or it holds no run of a benchmark.
    """
    tracker = Tracker.find(experiment, default_experiment=None) if store_exists() else None
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


def _chosen(tracker: Tracker, run: str) -> Record:
    """Return the run of an experiment that a person named.

    Raises:
        UsageError: the experiment has no such run.
    """
    try:
        found = tracker.record(run)
    except StoreError as error:
        raise UsageError(f"--run must be best or the id of a run, not {run!r}.") from error
    return found


def _files(inputs: Sequence[str]) -> list[Path]:
    """Return the named files, and the images of the named folders in sorted order."""
    if not inputs:
        raise UsageError(
            "predict needs an image or a folder: benchmark predict scans/ --csv out.csv"
        )
    files: list[Path] = []
    for name in inputs:
        path = Path(name)
        if path.is_dir():
            found = [
                each
                for each in sorted(path.rglob("*"))
                if each.is_file()
                and each.suffix.lower() in (*PICTURE_SUFFIXES, "")
                and not any(part.startswith(".") for part in each.relative_to(path).parts)
            ]
            if not found:
                raise DataError(f"the folder {name!r} holds no images.")
            files += found
        elif path.exists():
            files.append(path)
        else:
            raise DataError(f"there is no file or folder {name!r}.")
    return files


def _classify(pulled: Pulled, files: Sequence[Path]) -> "pd.DataFrame":
    import pandas as pd

    tables = []
    for start in range(0, len(files), _AT_ONCE):
        chunk = files[start : start + _AT_ONCE]
        stored, faults = zip(*(_stored(path) for path in chunk), strict=True)
        table = pulled.classify(stored)
        table.insert(0, "path", [str(path) for path in chunk])
        table["error"] = [
            fault or error for fault, error in zip(faults, table["error"], strict=True)
        ]
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _stored(path: Path) -> tuple[bytes, str]:
    try:
        return path.read_bytes(), ""
    except OSError as error:
        return b"", f"cannot be read: {error.strerror}"


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
