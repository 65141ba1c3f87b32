"""From a planned spec to the task that a worker is handed."""

from dataclasses import replace
from pathlib import Path

from ..data import shown_names
from ..plan import Job, Prepared
from ..records import Spec
from ..worker import Task
from ..zoo import Weights


def job_task(prepared: Prepared, job: Job, folder: Path, outcomes: Path) -> Task:
    """Return the task of a job of the plan, with its search where there is one.

    Args:
        prepared: the images, the split and the plan.
        job: what to run.
        folder: the experiment's folder; `outcomes` where outcomes are left.
        outcomes: as above.
    """
    task = plain_task(prepared, job.spec, job.split, job.weights, folder, outcomes)
    if job.space is None:
        return task
    return replace(
        task,
        space=job.space,
        storage=prepared.request.storage or f"{folder / 'studies'}/",
        anew=not prepared.request.resume,
    )


def plain_task(
    prepared: Prepared, spec: Spec, split: int, weights: Weights, folder: Path, outcomes: Path
) -> Task:
    """Return the task of a spec without a search; the arguments are as in `job_task`."""
    index = prepared.index
    return Task(
        spec=spec,
        folder=outcomes / spec.digest,
        classes=index.classes,
        labels=index.labels,
        hashes=index.hashes,
        paths=shown_names(index),
        groups=prepared.groups,
        units=prepared.units,
        split=prepared.splits[split],
        pixels=prepared.pixels.folder,
        weights=weights,
        cache=Path(prepared.request.cache),
        cache_bytes=prepared.request.cache_bytes,
        scratch=folder / "checkpoints" / spec.digest[:16],
    )
