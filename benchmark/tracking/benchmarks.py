"""The benchmark's own run: begun, joined or taken up again, and what it says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .. import __version__, environment
from ..environment import Process
from ..records import State
from . import names
from .experiments import Experiment
from .store import TrackingStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a benchmark says of itself when it begins.

    Attributes:
        params: the request, as on the command line, by option.
        plan_digest: digest of the plan, by which an interrupted benchmark is taken up again.
        data: the data set's name; `data_digest` says which images exactly.
        splits: digests of every split, such as a scheme's folds.
        synthetic: whether the images were drawn by a program.
        tags: further facts worth a tag.
    """

    params: Mapping[str, str]
    plan_digest: str
    data: str
    data_digest: str
    splits: tuple[str, ...]
    synthetic: bool
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A benchmark's own run, under which its runs stand.

    Attributes:
        run_id: MLflow's id.
        params: what was asked for, by option.
        splits: digests of its splits.
        synthetic: whether the images were drawn by a program.
        touched: when it ended, or began where it has not, in seconds since the epoch.
    """

    run_id: str
    params: Mapping[str, str]
    splits: tuple[str, ...]
    synthetic: bool
    touched: float

    @classmethod
    def from_run(cls, run: Any) -> "Benchmark":
        """Read it from MLflow's run."""
        tags = run.data.tags
        return cls(
            run_id=run.info.run_id,
            params=dict(run.data.params),
            splits=tuple((tags.get(names.SPLITS) or tags.get(names.SPLIT_DIGEST, "")).split()),
            synthetic=tags.get(names.SYNTHETIC) == "true",
            touched=max(run.info.start_time, run.info.end_time or 0) / 1000,
        )


def begin_benchmark(
    store: TrackingStore, experiment: Experiment, opening: Opening, *, resume: bool
) -> Benchmark:
    """Join the run that `mlflow run` opened, take up an interrupted one, or make a new one."""
    with store.alone():
        run_id = _find_or_create(store, experiment, opening, resume=resume)
        _describe(store, run_id, opening)
    if experiment.opened_run and not experiment.joins:
        tags = {names.KIND: names.LAUNCHER, names.PARENT_ID: run_id}
        store.write_tags(experiment.opened_run, tags)
    return Benchmark.from_run(store.client.get_run(run_id))


def dead_process(run: Any) -> Process | None:
    """Return the process of this machine that a run belonged to, None where it may still live."""
    tags = run.data.tags
    if not all(name in tags for name in (names.HOST, names.PID, names.STARTED)):
        return None
    own = Process(host=tags[names.HOST], pid=int(tags[names.PID]), started=tags[names.STARTED])
    return None if own.is_alive else own


def process_tags() -> dict[str, str]:
    """Return the tags that say which process a run belongs to."""
    process = environment.this_process()
    return {names.HOST: process.host, names.PID: str(process.pid), names.STARTED: process.started}


@cache
def environment_tags() -> Mapping[str, str]:
    """Return the tags that say on what machine a run was made, by which code and packages.

    Found once a process: what it runs is what it loaded, whatever becomes of the files meanwhile.
    """
    versions = {f"version.{name}": found for name, found in environment.versions().items()}
    return {
        names.VERSION: __version__,
        names.CODE: environment.git_commit(),
        names.MACHINE: environment.machine(),
        **versions,
    }


def _find_or_create(
    store: TrackingStore, experiment: Experiment, opening: Opening, *, resume: bool
) -> str:
    if experiment.joins:
        return experiment.opened_run
    interrupted = (
        f"tags.{names.KIND} = '{names.PARENT}' and attributes.status != 'FINISHED' "
        f"and tags.{names.PLAN_DIGEST} = '{opening.plan_digest}'"
    )
    for run in store.runs(experiment.id, interrupted) if resume else ():
        if dead_process(run) is not None:
            store.client.update_run(run.info.run_id, status=State.RUNNING)
            return str(run.info.run_id)
    tags = {names.KIND: names.PARENT, **process_tags()}
    return store.create_run(experiment.id, f"benchmark {opening.data}", tags)


def _describe(store: TrackingStore, run_id: str, opening: Opening) -> None:
    present = store.client.get_run(run_id).data
    asked = {name: value[: names.PARAM_LIMIT] for name, value in opening.params.items()}
    # A param never changes; `mlflow run` has logged its own -P values, and what is asked for
    # otherwise than when the run began becomes a tag.
    changed = {
        f"{names.REQUEST}{name}": value
        for name, value in asked.items()
        if present.params.get(name, value) != value or f"{names.REQUEST}{name}" in present.tags
    }
    new = {name: value for name, value in asked.items() if name not in present.params}
    store.write_params(run_id, new)
    tags = {
        names.KIND: names.PARENT,
        **process_tags(),
        names.PLAN_DIGEST: opening.plan_digest,
        "data": opening.data,
        names.DATA_DIGEST: opening.data_digest,
        names.SPLIT_DIGEST: opening.splits[0],
        names.SPLITS: " ".join(opening.splits)[: names.TAG_LIMIT],
        names.SYNTHETIC: str(opening.synthetic).lower(),
        **environment_tags(),
        **changed,
        **opening.tags,
    }
    store.write_tags(run_id, tags)
