"""The benchmark's own run: begun, joined or taken up again, and what it says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .. import __version__, environment
from ..records import State
from . import names
from .experiments import Experiment
from .leases import Leases, holder_of
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
        data_digest: the digest of its data set.
        touched: when it ended, or began where it has not, in seconds since the epoch.
    """

    run_id: str
    params: Mapping[str, str]
    splits: tuple[str, ...]
    synthetic: bool
    data_digest: str
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
            data_digest=tags.get(names.DATA_DIGEST, ""),
            touched=max(run.info.start_time, run.info.end_time or 0) / 1000,
        )


def begin_benchmark(
    store: TrackingStore, experiment: Experiment, leases: Leases, opening: Opening, *, resume: bool
) -> Benchmark:
    """Join the run that `mlflow run` opened, take up an interrupted one, or make a new one."""
    with store.alone():
        run_id = experiment.opened_run if experiment.joins else ""
        if not run_id and resume:
            run_id = _take_up(store, experiment, leases, opening)
        if not run_id:
            tags = {names.KIND: names.PARENT, **leases.tag()}
            run_id = store.create_run(experiment.id, f"benchmark {opening.data}", tags)
        leases.hold(run_id)
        _describe(store, run_id, opening, leases.tag())
    if experiment.opened_run and not experiment.joins:
        tags = {names.KIND: names.LAUNCHER, names.PARENT_ID: run_id}
        store.write_tags(experiment.opened_run, tags)
    return Benchmark.from_run(store.client.get_run(run_id))


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


def _take_up(store: TrackingStore, experiment: Experiment, leases: Leases, opening: Opening) -> str:
    """Return an interrupted benchmark of the same plan, taken up again, or nothing."""
    interrupted = (
        f"tags.{names.KIND} = '{names.PARENT}' and attributes.status != 'FINISHED' "
        f"and tags.{names.PLAN_DIGEST} = '{opening.plan_digest}'"
    )
    for run in store.runs(experiment.id, interrupted):
        if run.info.status == State.RUNNING and not leases.close_if_stale(run):
            continue
        run_id = str(run.info.run_id)
        store.write_tags(run_id, leases.tag())
        if holder_of(store.client.get_run(run_id)) != leases.token:
            continue  # another benchmark took it up at the same time, and wrote last
        store.client.update_run(run_id, status=State.RUNNING)
        return run_id
    return ""


def _describe(
    store: TrackingStore, run_id: str, opening: Opening, lease: Mapping[str, str]
) -> None:
    present = store.client.get_run(run_id).data
    asked = {name: value[: names.PARAM_LIMIT] for name, value in opening.params.items()}
    # A param never changes; `mlflow run` has logged its own -P values, whole paths among them, and
    # what is asked for otherwise than when the run began becomes a tag.
    changed = {
        f"{names.REQUEST}{name}": value
        for name, value in asked.items()
        if not f"/{present.params.get(name, value)}".endswith(f"/{value}")
        or f"{names.REQUEST}{name}" in present.tags
    }
    new = {name: value for name, value in asked.items() if name not in present.params}
    store.write_params(run_id, new)
    tags = {
        names.KIND: names.PARENT,
        **lease,
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
