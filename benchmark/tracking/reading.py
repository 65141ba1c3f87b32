"""From what MLflow knows of a run back to a record, and searching for runs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..records import Part, Record, Seconds, Spec, State
from . import names
from .experiments import Experiment
from .files import Files
from .store import Store

_PAGE = 1000
_FEW = 64  # chosen, not sourced: with so many questions a store of 500 runs is as quickly read
_STAGES = ("decode", "features", "head", "search", "wall")


def search_runs(store: Store, experiment: Experiment, filter_: str) -> list[Any]:
    """Return every run of an experiment that a filter lets through, newest first."""
    found: list[Any] = []
    token = None
    while True:
        page = store.client.search_runs(
            [experiment.id], filter_, max_results=_PAGE, page_token=token
        )
        found.extend(page)
        token = page.token
        if not token:
            return found


def read_records(
    store: Store,
    experiment: Experiment,
    data_digest: str | None = None,
    splits: Sequence[str] = (),
) -> tuple[Record, ...]:
    """Return a record of every run of the experiment but trials, newest first.

    The store itself picks those of some images and splits: 1,000 runs take 8 s to read.
    """
    filter_ = f"tags.{names.KIND} = '{names.RUN}'"
    if data_digest is not None:
        filter_ += f" and tags.{names.DATA_DIGEST} = '{data_digest}'"
    own = [f" and tags.{names.SPLIT_DIGEST} = '{split}'" for split in splits]
    found = [run for each in own or [""] for run in search_runs(store, experiment, filter_ + each)]
    found.sort(key=lambda run: -run.info.start_time)
    return tuple(record_of(store, run) for run in found)


def finished_records(
    store: Store, experiment: Experiment, digests: Iterable[str]
) -> Mapping[str, Record]:
    """Return the newest finished record of each spec among those digests.

    A few are asked for one by one: in a store of 10,000 runs that takes 0.2 s each, and reading
    every run 80 s.
    """
    wanted = set(digests)
    filter_ = f"tags.{names.KIND} = '{names.RUN}' and attributes.status = 'FINISHED'"
    filters = [filter_]
    if len(wanted) <= _FEW:
        filters = [f"{filter_} and tags.{names.SPEC_DIGEST} = '{each}'" for each in wanted]
    found: dict[str, Record] = {}
    for run in (run for each in filters for run in search_runs(store, experiment, each)):
        digest = run.data.tags.get(names.SPEC_DIGEST, "")
        if digest in wanted and digest not in found:
            found[digest] = record_of(store, run)
    return found


def record_of(store: Store, run: Any) -> Record:
    """Rebuild the record of a run wholly from what was logged."""
    tags, metrics = run.data.tags, run.data.metrics
    parts = (*(f"{part}_" for part in Part), "cv_")
    return Record(
        spec=_spec_of(store, run),
        run_id=run.info.run_id,
        model_id=tags.get(names.MODEL_ID, ""),
        state=State(run.info.status),
        reason=tags.get(names.REASON, ""),
        scores={name: value for name, value in metrics.items() if name.startswith(parts)},
        seconds=Seconds(**{stage: metrics.get(f"{stage}_seconds", 0.0) for stage in _STAGES}),
        parameters=int(metrics.get("parameters", 0)),
        model_bytes=int(metrics.get("model_bytes", 0)),
        milliseconds_per_image=metrics.get("milliseconds_per_image", 0.0),
        started=run.info.start_time / 1000,
        notes=tuple(json.loads(tags.get(names.NOTES, "[]"))),
        trained=Spec.from_json(json.loads(tags[names.TRAINED])) if names.TRAINED in tags else None,
        version=tags.get(names.VERSION, ""),
        commit=tags.get(names.CODE, ""),
    )


def _spec_of(store: Store, run: Any) -> Spec:
    text = run.data.tags.get(names.SPEC)
    if text is None:  # longer than a tag may be
        text = Files(store).fetch(f"{run.info.artifact_uri}/{names.SPEC_FILE}").read_text()
    return Spec.from_json(json.loads(text))
