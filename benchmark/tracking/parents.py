"""The benchmark's own run: begun, joined or taken up again, and closed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .. import __version__, environment
from ..environment import Process
from ..records import State
from . import names
from .experiments import Experiment
from .reading import search_runs
from .store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a benchmark says of itself when it begins.

    Attributes:
        params: the request, as on the command line, by option.
        plan_digest: digest of the plan, by which an interrupted benchmark is taken up again.
        data: the data set's name; `data_digest` and `split_digest` say which images exactly.
        synthetic: whether the images were drawn by a program.
        splits: digests of every split, such as a scheme's folds; empty where there is one.
        tags: further facts worth a tag.
    """

    params: Mapping[str, str]
    plan_digest: str
    data: str
    data_digest: str
    split_digest: str
    synthetic: bool
    splits: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """The run that a benchmark's runs stand under.

    Attributes:
        run_id: MLflow's id.
        opening: what the benchmark said of itself.
        resumed: whether an interrupted benchmark was taken up again.
    """

    run_id: str
    opening: Opening
    resumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """A benchmark's own run, as the store knows it.

    Attributes:
        run_id: MLflow's id.
        params: what was asked for, by option.
        data: the data set's name; `data_digest` which images exactly.
        splits: digests of its splits.
        synthetic: whether the images were drawn by a program.
        touched: when it ended, or began where it has not, in seconds since the epoch.
    """

    run_id: str
    params: Mapping[str, str]
    data: str
    data_digest: str
    splits: tuple[str, ...]
    synthetic: bool
    touched: float


def begin(store: Store, experiment: Experiment, opening: Opening, *, resume: bool) -> Parent:
    """Join the run that `mlflow run` opened, take up an interrupted one, or make a new one."""
    with store.alone():
        run_id, resumed = _find_or_create(store, experiment, opening, resume=resume)
        _describe(store, run_id, opening)
    if experiment.opened_run and not experiment.joins:
        store.client.set_tag(experiment.opened_run, names.KIND, names.LAUNCHER)
        store.client.set_tag(experiment.opened_run, names.PARENT_ID, run_id)
    return Parent(run_id=run_id, opening=opening, resumed=resumed)


def close_stale(store: Store, experiment: Experiment) -> tuple[str, ...]:
    """Close as KILLED the runs that a dead process left RUNNING; return their ids.

    A run is only touched if it recorded its process, on this machine, and that process is gone.
    """
    closed = []
    for run in search_runs(store, experiment, "attributes.status = 'RUNNING'"):
        process = _process_of(run)
        if process is None or process.is_alive:
            continue
        reason = f"process {process.pid} on {process.host} ended without closing this run"
        store.client.set_tag(run.info.run_id, names.REASON, reason)
        store.client.set_terminated(run.info.run_id, State.KILLED)
        closed.append(run.info.run_id)
    return tuple(closed)


def benchmarks(store: Store, experiment: Experiment) -> tuple[Benchmark, ...]:
    """Return the experiment's benchmarks, the one that was under way last first."""
    found = search_runs(store, experiment, f"tags.{names.KIND} = '{names.PARENT}'")
    return tuple(sorted(map(_benchmark, found), key=lambda each: -each.touched))


def benchmark_of(store: Store, run_id: str) -> Benchmark:
    """Return a benchmark by its own run's id."""
    return _benchmark(store.client.get_run(run_id))


def _benchmark(run: Any) -> Benchmark:
    tags = run.data.tags
    return Benchmark(
        run_id=run.info.run_id,
        params=dict(run.data.params),
        data=tags.get("data", ""),
        data_digest=tags.get(names.DATA_DIGEST, ""),
        splits=tuple((tags.get(names.SPLITS) or tags.get(names.SPLIT_DIGEST, "")).split()),
        synthetic=tags.get(names.SYNTHETIC) == "true",
        touched=max(run.info.start_time, run.info.end_time or 0) / 1000,
    )


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


def write_tags(store: Store, run_id: str, tags: Mapping[str, str]) -> None:
    """Set several tags of a run in one call."""
    from mlflow.entities import RunTag

    store.client.log_batch(run_id, tags=[RunTag(name, value) for name, value in tags.items()])


def _find_or_create(
    store: Store, experiment: Experiment, opening: Opening, *, resume: bool
) -> tuple[str, bool]:
    if experiment.joins:
        return experiment.opened_run, False
    for run in _unfinished(store, experiment, opening) if resume else ():
        store.client.update_run(run.info.run_id, status=State.RUNNING)
        return run.info.run_id, True
    run = store.client.create_run(
        experiment.id,
        start_time=int(environment.now().timestamp() * 1000),
        run_name=f"benchmark {opening.data}",
        tags={names.KIND: names.PARENT, **process_tags()},
    )
    return run.info.run_id, False


def _unfinished(store: Store, experiment: Experiment, opening: Opening) -> Iterator[Any]:
    filter_ = (
        f"tags.{names.KIND} = '{names.PARENT}' and attributes.status != 'FINISHED' "
        f"and tags.{names.PLAN_DIGEST} = '{opening.plan_digest}'"
    )
    for run in search_runs(store, experiment, filter_):
        process = _process_of(run)
        if process is not None and not process.is_alive:
            yield run


def _describe(store: Store, run_id: str, opening: Opening) -> None:
    from mlflow.entities import Param

    present = store.client.get_run(run_id).data
    # `mlflow run` has logged its own -P values; another value under the same key is an error.
    params = [
        Param(name, value[: names.PARAM_LIMIT])
        for name, value in opening.params.items()
        if name not in present.params
    ]
    store.client.log_batch(run_id, params=params)
    tags = {
        names.KIND: names.PARENT,
        **process_tags(),
        names.PLAN_DIGEST: opening.plan_digest,
        "data": opening.data,
        names.DATA_DIGEST: opening.data_digest,
        names.SPLIT_DIGEST: opening.split_digest,
        names.SPLITS: " ".join(opening.splits or (opening.split_digest,))[: names.TAG_LIMIT],
        names.SYNTHETIC: str(opening.synthetic).lower(),
        **environment_tags(),
        **_changed(present, opening.params),
        **opening.tags,
    }
    write_tags(store, run_id, tags)


def _changed(present: Any, params: Mapping[str, str]) -> dict[str, str]:
    """Return as tags what is asked for otherwise than when the run began: a param never changes."""
    asked = {name: value[: names.PARAM_LIMIT] for name, value in params.items()}
    return {
        f"{names.REQUEST}{name}": value
        for name, value in asked.items()
        if present.params.get(name, value) != value or f"{names.REQUEST}{name}" in present.tags
    }


def _process_of(run: Any) -> Process | None:
    tags = run.data.tags
    if not all(name in tags for name in (names.HOST, names.PID, names.STARTED)):
        return None
    return Process(host=tags[names.HOST], pid=int(tags[names.PID]), started=tags[names.STARTED])
