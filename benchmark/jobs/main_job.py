"""The main job: from a request to a board and a registered champion."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .. import environment
from ..board import to_table, to_view
from ..cache import Cache
from ..data import PAGE, NamedReader, hidden
from ..errors import AwayError, BenchmarkError, UsageError, one_line
from ..plan import Draft, Prepared, check_request, prepare, read
from ..records import State, digest
from ..request import Request
from ..texts import last_parts
from ..tracking import (
    Benchmark,
    BoardFiles,
    Link,
    Opening,
    Patience,
    Tracker,
    TrackingStore,
    open_store,
    store_exists,
)
from ..worker import LazyPool
from .boards import judged_board, mark_runs, write_board
from .composing import check_finished_members, check_members
from .execution import Execution
from .namesakes import check_names
from .progress import Display, StageOf, show, wide_console
from .registering import Registered, Registering, register
from .reporting import REPORT, Showing, gather, leave_report, prepared_pictures
from .results import folder_name, writable
from .shown import remember, shown

if TYPE_CHECKING:
    from rich.console import Console

_NEEDED = ("tensorflow", "keras", "sklearn", "mlflow")


def check_packages(needed: tuple[str, ...] = _NEEDED) -> None:
    """See that the packages a benchmark needs are installed.

    Raises:
        UsageError: some are missing.
    """
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} must be installed and cannot be found; install what the "
            "project needs: python -m pip install -r requirements.txt"
        )


DECODING = "images"
ALIVE = ".alive"  # in the experiment's folder: a locked file for each benchmark at work
_FINISHED = "finished"  # requests that came to their end once: they are not likely to need workers


def run_benchmark(request: Request, *, quiet: bool) -> int:
    """Run the main job and give its exit code: 1 where an architecture failed, otherwise 0.

    Raises:
        BenchmarkError: something that a person must mend, found before any work.
    """
    console = wide_console()
    check_packages()
    writable(request.output_folder)
    writable(Path(request.cache), "cache")
    check_request(request)
    check_members(request)
    if request.storage and request.is_searched:
        from ..search import check_storage  # optuna takes a second to import

        check_storage(request.storage)
    patience = Patience(60 * request.store_patience)
    # A server that does not answer is told before any image is drawn.
    addresses = (os.environ.get(f"MLFLOW_{each}_URI", "") for each in ("TRACKING", "REGISTRY"))
    is_server = any(each.startswith("http") for each in addresses)
    store = open_store(None, patience) if is_server else None
    with show(console, quiet=quiet) as display:
        if not quiet:
            patience.say = display.note
        cache = Cache(Path(request.cache), request.cache_bytes)
        draft = read(request, cache)
        logs = request.output_folder / "logs"
        lazy = LazyPool(request.jobs, logs, request.timeout, _threads_each(request))
        with closing(lazy) as pool:
            finished_before = digest([request.to_texts(), draft.index.digest])
            with _no_logs_if_refused(pool, logs):
                if not (request.resume and cache.find(_FINISHED, finished_before)):
                    pool.open()  # TensorFlow is imported while images and MLflow are read here
                if store is None and store_exists():
                    store = open_store(None, patience)
                prepared = _prepared(draft, cache, store, display)
                store = store or open_store(None, patience)
                tracker = Tracker.open(store, request.experiment, draft.index.name)
            folder = request.output_folder / folder_name(tracker.experiment.name)
            with tracker.present(folder / ALIVE), closing(tracker.registry):
                execution, link, registered = _benchmark(prepared, tracker, display, pool, folder)
        if not execution.failed:
            cache.entry(_FINISHED, finished_before, lambda _: None)
    _report(console, execution, link, registered, quiet=quiet)
    return 1 if execution.failed or (registered and registered.failed) else 0


@contextmanager
def _no_logs_if_refused(pool: LazyPool, logs: Path) -> Iterator[None]:
    """Take away the workers' logs, in folders made for them, where a benchmark is refused."""
    new = [folder for folder in (logs, *logs.parents) if not folder.exists()]
    try:
        yield
    except BenchmarkError:
        pool.close()
        for log in logs.glob("worker-*.log") if new else ():
            log.unlink(missing_ok=True)
        for folder in new:
            with suppress(OSError):  # it holds something else by now
                folder.rmdir()
        raise


def _prepared(
    draft: Draft, cache: Cache, store: TrackingStore | None, display: Display
) -> Prepared:
    """Read and divide the images, once what is asked fits what the store holds, if there is one.

    Raises:
        BenchmarkError: something that a person must mend.
    """
    request = draft.request
    if store is not None:
        tracker = Tracker.open(store, request.experiment, default_experiment=draft.index.name)
        check_names(request, draft.index, tracker)
    for line in request.preset_lines:
        display.note(line)
    display.begin(DECODING)
    prepared = prepare(draft, cache, StageOf(display, DECODING))
    display.over(DECODING)
    check_finished_members(
        request, prepared.index, prepared.picture, prepared.splits, prepared.plan.rank_on
    )
    remember(request, prepared.index.digest, cache)
    for note in (*prepared.understood, *prepared.notes):
        display.note(note)
    return prepared


def _threads_each(request: Request) -> int:
    """Return how many threads a worker computes with, 0 for all cores.

    Only searches keep workers at work long enough for a share of the cores each to pay; without
    one, the last would have a part of the cores and the rest of them would stand idle.
    """
    if not request.is_searched:
        return 0
    at_once = min(request.jobs, sum(len(part.arch) for part in request.parts) * len(request.seed))
    return max(1, environment.cores() // at_once) if at_once > 1 else 0


def _benchmark(
    prepared: Prepared, tracker: Tracker, display: Display, pool: LazyPool, folder: Path
) -> tuple[Execution, Link, Registered | None]:
    request, plan = prepared.request, prepared.plan
    if tracker.moved:
        display.note(tracker.moved)
    done = tracker.finished([job.spec.digest for job in plan.jobs]) if request.resume else {}
    tracker.close_stale()
    parent = tracker.begin(_opening(prepared), resume=request.resume)
    execution = Execution(
        prepared=prepared,
        tracker=tracker,
        parent=parent,
        display=display,
        folder=folder,
        pool=pool,
        done=dict(done),
    )
    with _closed_on_error(tracker, parent):
        execution.log_leftovers()
        execution.run()
        concluded = _conclude(execution)
    tracker.close_stale()  # what nobody has renewed all the while
    return concluded


@contextmanager
def _closed_on_error(tracker: Tracker, parent: Benchmark) -> Iterator[None]:
    """Close the benchmark's run, whatever ends it, where its store answers."""
    try:
        yield
    except BaseException as error:
        tracker.hurry()
        state = State.KILLED if isinstance(error, KeyboardInterrupt) else State.FAILED
        with suppress(AwayError):  # a later start closes it
            tracker.close(parent, state)
        raise


def _conclude(execution: Execution) -> tuple[Execution, Link, Registered | None]:
    """Rank, write, register, and leave the board on the benchmark's run."""
    prepared, tracker = execution.prepared, execution.tracker
    index = prepared.index
    say = execution.display.note
    board, evidence = judged_board(tracker, execution.parent, say=say)
    files = {**write_board(board, execution.folder), **execution.files}
    mark_runs(tracker, board)
    registered = None
    name = prepared.request.register.on(index.name)
    if name:
        how = Registering(tracker=tracker, name=name, reader=NamedReader(index), say=say)
        registered = register(how, board)
    images = Showing.read(prepared.request.images)
    may_log = images.may_be_logged(tracker, synthetic=index.synthetic)
    if not may_log:
        files.pop(PAGE, None)
    try:
        drawn = prepared_pictures(prepared, images, tracker)
        folder = execution.folder
        dossier = gather(tracker, execution.parent, board, evidence, folder, *drawn)
        files |= leave_report(dossier, folder, may_log=may_log)
    except AwayError:
        raise
    except BenchmarkError as error:  # costs the page, not the board and the registered model
        say(f"the report could not be made: {one_line(error)}")
    tags = {
        "winner": board.ranked[0].arch if board.ranked else "",
        "champion": board.champion.arch if board.champion else "",
    }
    link = tracker.finish_benchmark(
        execution.parent,
        BoardFiles(
            files=files,
            note=files["leaderboard.md"],
            tags=tags,
            columns=to_view(board),
            ranked_on=board.metric,
        ),
        State.FAILED if execution.failed else State.FINISHED,
    )
    execution.board = board
    return execution, link, registered


def _opening(prepared: Prepared) -> Opening:
    index = prepared.index
    notes = "\n".join((*index.understood.merged, *prepared.notes))
    return Opening(
        params=shown(prepared.request),
        plan_digest=prepared.plan.digest,
        data=index.name,
        data_digest=index.digest,
        splits=tuple(each.digest for each in prepared.splits),
        synthetic=index.synthetic,
        tags={
            "notes": last_parts(hidden(notes, index))[:8000],
            "preset": prepared.request.preset,
        },
    )


def _report(
    console: "Console",
    execution: Execution,
    link: Link,
    registered: Registered | None,
    *,
    quiet: bool,
) -> None:
    """Show the board, and how to go on from it."""
    assert execution.board is not None
    console.print(to_table(execution.board, console.width))
    lines = [f"Board:    {execution.folder / 'leaderboard.md'} and leaderboard.csv"]
    lines.append(f"Report:   {execution.folder / REPORT}")
    uri = execution.tracker.uri
    if uri.startswith("http"):
        lines.append(f"Browse:   {uri}{link.path}")
    else:
        lines.append(f"Browse:   mlflow ui --backend-store-uri {uri}")
        lines.append(f"          then http://127.0.0.1:5000{link.path}")
    if link.warning:
        lines.append(f"          {link.warning}")
    if registered is not None:
        lines.append(f"Registry: {registered.said}")
    if registered is not None and registered.uri:
        loadable = execution.tracker.registry.loadable(registered.uri)
        lines.append(f"Pull it:  mlflow.pyfunc.load_model({loadable!r})")
        lines.append(f"Use it:   python -m benchmark predict --model {registered.uri} IMAGE…")
    for line in lines[:2] if quiet else lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
