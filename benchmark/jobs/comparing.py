"""The job that compares search engines on one architecture."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..cache import Cache
from ..errors import UsageError
from ..files import whole_file
from ..plan import Request, prepare, read
from ..records import Silent
from ..search import Objective, SearchSettings, Space, Trial, parse_engine
from ..worker import Task, own_point, quieten_tensorflow, settings_for, start_of, study_of
from ..zoo import ARCHITECTURES
from .progress import Display, StageOf, show, wide_console
from .results import writable
from .studying import prepared_task

if TYPE_CHECKING:
    from rich.console import Console

    from ..search import Comparison

_SEARCHES = "searches"


def compare_searches(request: Request, engines: str, *, quiet: bool) -> int:
    """Run several engines over one space, budget and seeds, and compare them.

    Raises:
        UsageError: fewer than two engines or seeds, or more than one architecture.
    """
    from ..search import compare, draw_comparison

    names = [parse_engine(word.strip()) for word in engines.split(",")]
    wanted = [name for name in names if name is not None]
    if len(ARCHITECTURES.select(request.arch)) != 1:
        raise UsageError("compare-searches compares on one architecture: --arch NAME.")
    if len(wanted) < 2 or len(request.seed) < 2:
        raise UsageError("compare-searches needs two engines and two seeds: --seed 0,1,2.")
    console = wide_console()
    quieten_tensorflow()  # the trials run in this process
    folder = request.output_folder / "compare-searches"
    writable(folder)
    with show(console, quiet=quiet) as display:
        tasks = _tasks(replace(request, search=wanted[0]), display)
        space, settings = _asked(tasks[request.seed[0]])
        objective = _Objectives(tasks, display, len(wanted) * request.trials)
        storage = request.storage or str(folder / "studies.journal")
        compared = compare(wanted, space, objective.of, settings, request.seed, storage)
        display.over(_SEARCHES)
    with whole_file(folder / "trials.csv") as part:
        compared.table().to_csv(part, index=False)
    with whole_file(folder / "comparison.png") as part:
        draw_comparison(compared).savefig(part, dpi=110, bbox_inches="tight", format="png")
    _report(console, compared)
    console.print(f"Figure: {folder / 'comparison.png'}", highlight=False, markup=False)
    return 0


def _tasks(request: Request, display: Display) -> dict[int, Task]:
    """Return the task of every seed."""
    display.begin("images")
    cache = Cache(Path(request.cache), request.cache_bytes)
    prepared = prepare(read(request, cache), cache, StageOf(display, "images"))
    display.over("images")
    return {job.spec.seed: prepared_task(prepared, job.spec.digest) for job in prepared.plan.jobs}


def _asked(task: Task) -> tuple[Space, SearchSettings]:
    assert task.space is not None
    own = own_point(task.spec)
    space = task.space.including(own)
    return space, settings_for(task.spec, start_of(space, own), {})


class _Objectives:
    """The objective of each seed, its features there before any trial of it is timed.

    Args:
        tasks: by seed.
        display: shows how many trials are done.
        trials: how many each seed has, over all engines.
    """

    def __init__(self, tasks: dict[int, Task], display: Display, trials: int) -> None:
        self._tasks = tasks
        self._progress = StageOf(display, _SEARCHES)
        display.begin(_SEARCHES)
        self._progress.stage("compare", trials * len(tasks), "trials")

    def of(self, seed: int) -> Objective:
        """Return the objective of a seed."""
        study = study_of(self._tasks[seed], Silent())
        study.prepare()

        def score(trial: Trial) -> tuple[float, ...]:
            try:
                return study.score(trial)
            finally:
                self._progress.advance()

        return score


def _report(console: "Console", compared: "Comparison") -> None:
    lines = [
        f"{row.engine}: best {row.mean:.3f} on average ({row.least:.3f} to {row.greatest:.3f}), "
        f"{row.seconds:.1f} s a search"
        for row in compared.ends().itertuples()
    ]
    lines += [
        f"{pair.first} less {pair.second}: {pair.mean:+.4f} "
        f"[{pair.low:+.4f}, {pair.high:+.4f}], p = {pair.p:.3f}, {len(compared.seeds)} seeds"
        for pair in compared.paired()
    ]
    for line in lines:
        console.print(line, highlight=False, markup=False)
