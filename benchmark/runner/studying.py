"""The jobs about searches: the spaces, helping with a study, comparing engines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..cache import Cache
from ..errors import UsageError
from ..records import Regime, Silent
from ..search import (
    Objective,
    Space,
    compare,
    draw_comparison,
    join,
    parse_engine,
    read_space,
    space_names,
)
from ..zoo import ARCHITECTURES
from .console import wide_console
from .objective import own_point, settings_for, start_of
from .outcomes import study_of
from .prepare import Prepared, prepare
from .progress import StageOf, show
from .request import Request
from .searches import check_space
from .task import Task
from .tasks import job_task

_TRIED = {
    "head": ("mobilenetv2", Regime.FROZEN),
    "head-sides": ("mobilenetv2", Regime.FROZEN),
    "augmentation": ("mobilenetv2", Regime.FROZEN),
    "finetune": ("mobilenetv2", Regime.FINETUNE),
    "cnn": ("cnn", Regime.SCRATCH),
    "mlp": ("mlp", Regime.SCRATCH),
    "smoke": ("mobilenetv2", Regime.FROZEN),
}
"""What each built-in space is checked against when it is listed."""


def show_spaces(names: Sequence[str]) -> int:
    """List search spaces with what they move, and check them; the built-in ones by default."""
    from rich.table import Table

    console = wide_console()
    for name in names or space_names():
        space = read_space(name)
        if space.name in _TRIED:
            architecture, regime = _TRIED[space.name]
            check_space(space, ARCHITECTURES[architecture], regime)
        table = Table(title=f"{space.name}: {space.about}", title_justify="left")
        for heading in ("parameter", "values", "when", "source"):
            table.add_column(heading, overflow="fold")
        for parameter in space.parameters:
            when = ", ".join(
                f"{each.name} in {'/'.join(map(str, each.values))}" for each in parameter.when
            )
            table.add_row(parameter.name, _values(space, parameter.name), when, parameter.source)
        console.print(table)
    return 0


def join_study(
    storage: str, study: str, read: Callable[[Mapping[str, str]], Request], *, quiet: bool
) -> int:
    """Help with a study that another process began, here or on another machine.

    Args:
        storage: the study's storage.
        study: its name, as the process that began it said.
        read: reads a request from the texts of its options.
        quiet: whether to say nothing meanwhile.
    """
    console = wide_console()
    with show(console, quiet=quiet) as display:

        def make(job: Mapping[str, Any]) -> Objective:
            request = read({name: text for name, text in job.items() if name != "spec_digest"})
            task = _task(request, str(job["spec_digest"]))
            display.begin(study)
            return study_of(task, StageOf(display, study)).score

        result = join(storage, study, make)
    console.print(
        f"{result.study}: {len(result.complete)} of {len(result.trials)} trials have a score; "
        f"the best is {result.best.values[0]:.4f} ({result.goals[0].metric})"
    )
    return 0


def compare_searches(request: Request, engines: str, *, quiet: bool) -> int:
    """Run several engines over one space, budget and seeds, and compare them.

    Raises:
        UsageError: fewer than two engines or seeds, or more than one architecture.
    """
    names = [parse_engine(word.strip()) for word in engines.split(",")]
    wanted = [name for name in names if name is not None]
    if len(ARCHITECTURES.select(request.arch)) != 1:
        raise UsageError("compare-searches compares on one architecture: --arch NAME.")
    if len(wanted) < 2 or len(request.seed) < 2:
        raise UsageError("compare-searches needs two engines and two seeds: --seed 0,1,2.")
    console = wide_console()
    with show(console, quiet=quiet) as display:
        display.begin("images")
        request = replace(request, search=wanted[0])
        cache = Cache(Path(request.cache), request.cache_bytes)
        prepared = prepare(request, cache, StageOf(display, "images"))
        tasks = {
            job.spec.seed: _prepared_task(prepared, job.spec.digest) for job in prepared.plan.jobs
        }
        task = tasks[request.seed[0]]
        assert task.space is not None
        assert task.spec.search is not None
        folder = request.output_folder / "compare-searches"
        folder.mkdir(parents=True, exist_ok=True)
        own = own_point(task.spec)
        space = task.space.including(own)
        start = start_of(space, own)
        compared = compare(
            wanted,
            space,
            lambda seed: study_of(tasks[seed], Silent()).score,
            settings_for(task.spec, task.spec.search, start, {}),
            request.seed,
            request.storage or str(folder / "studies.journal"),
        )
    compared.table().to_csv(folder / "trials.csv", index=False)
    draw_comparison(compared).savefig(folder / "comparison.png", dpi=110, bbox_inches="tight")
    for pair in compared.paired():
        console.print(
            f"{pair.first} less {pair.second}: {pair.mean:+.4f} "
            f"[{pair.low:+.4f}, {pair.high:+.4f}], p = {pair.p:.3f}, {len(request.seed)} seeds",
            highlight=False,
            markup=False,
        )
    console.print(f"Figure: {folder / 'comparison.png'}", highlight=False, markup=False)
    return 0


def _task(request: Request, spec_digest: str) -> Task:
    cache = Cache(Path(request.cache), request.cache_bytes)
    return _prepared_task(prepare(request, cache, Silent()), spec_digest)


def _prepared_task(prepared: Prepared, spec_digest: str) -> Task:
    for job in prepared.plan.jobs:
        if job.spec.digest == spec_digest:
            folder = prepared.request.output_folder
            return job_task(prepared, job, folder, folder)
    raise UsageError(
        "the images or the program here are not those that the study was begun with; "
        "no spec has its digest."
    )


def _values(space: Space, name: str) -> str:
    parameter = space[name]
    if parameter.low is None:
        return ", ".join(map(str, parameter.choices)) or parameter.kind.value
    scale = ", log" if parameter.log else ""
    step = f", step {parameter.step:g}" if parameter.step else ""
    return f"{parameter.low:g} to {parameter.high:g}{step}{scale}"
