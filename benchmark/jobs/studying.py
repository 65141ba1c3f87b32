"""The jobs about searches: the spaces, and helping with a study that runs elsewhere."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..cache import Cache
from ..errors import UsageError
from ..plan import Prepared, Request, check_space, prepare, read
from ..records import Regime, Silent
from ..search import (
    Objective,
    Space,
    read_space,
    space_names,
)
from ..worker import Task, study_of
from ..zoo import ARCHITECTURES
from .progress import StageOf, show, wide_console
from .tasks import job_task

_TRIED = {
    "head": ("mobilenetv2", Regime.FROZEN),
    "head-sides": ("mobilenetv2", Regime.FROZEN),
    "linear": ("mobilenetv2", Regime.FROZEN),
    "augmentation": ("mobilenetv2", Regime.FROZEN),
    "finetune": ("mobilenetv2", Regime.FINETUNE),
    "cnn": ("cnn", Regime.SCRATCH),
    "mlp": ("mlp", Regime.SCRATCH),
    "scratch": ("mlp", Regime.SCRATCH),
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
    from ..search import join

    console = wide_console()
    with show(console, quiet=quiet) as display:
        progress = StageOf(display, study)

        def make(job: Mapping[str, Any]) -> Objective:
            request = read({name: text for name, text in job.items() if name != "spec_digest"})
            task = _task(request, str(job["spec_digest"]))
            display.begin(study)
            return study_of(task, progress).score

        result = join(storage, study, make, progress.trial)
    console.print(
        f"{result.study}: {len(result.complete)} of {len(result.trials)} trials have a score; "
        f"the best is {result.best.values[0]:.4f} ({result.goals[0].metric})"
    )
    return 0


def _task(request: Request, spec_digest: str) -> Task:
    cache = Cache(Path(request.cache), request.cache_bytes)
    return prepared_task(prepare(read(request, cache), cache, Silent()), spec_digest)


def prepared_task(prepared: Prepared, spec_digest: str) -> Task:
    """Return the task of the plan's spec with that digest.

    Raises:
        UsageError: there is none.
    """
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
