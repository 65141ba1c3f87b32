"""Models judged again: what a store knows of them, and a run for each evaluation."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .. import environment
from ..errors import StoreError
from ..evaluation import OperatingPoint
from ..records import State, digest
from ..texts import last_part
from . import names
from .benchmarks import environment_tags
from .experiments import Experiment, find_experiment
from .pulling import Located
from .store import TrackingStore, open_store

_MODEL = "model"  # tags and params of an evaluation: the model's address, name and version
_MODEL_VERSION = "model_version"
_MODEL_RUN = "model_run_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What is logged of a model that was judged.

    Attributes:
        title: the run's name.
        data: the data set's name; `data_digest` says which images exactly.
        hashes: content digests of the images judged.
        synthetic: whether a program drew the images, or those that the model learnt from.
        params: what was asked for, by option.
        files: bytes by path among the run's artifacts.
        scores: metrics by name.
        model: the model, None for what is said of several together.
    """

    title: str
    data: str
    data_digest: str
    hashes: Sequence[str]
    synthetic: bool
    params: Mapping[str, str]
    files: Mapping[str, bytes]
    scores: Mapping[str, float] = field(default_factory=dict)
    model: Located | None = None


def point_of(model: Located) -> OperatingPoint | None:
    """Return the operating point that a model's version, or else its run, has; None without one.

    Raises:
        StoreError: it was changed to what is none.
    """
    if model.store is None or model.kept is None:
        return None
    text = model.kept.tags.get(names.OPERATING_POINT, "")
    if not text and model.kept.run_id:
        run = model.store.client.get_run(model.kept.run_id)
        text = run.data.tags.get(names.OPERATING_POINT, "")
    if not text:
        return None
    try:
        return OperatingPoint.from_json(text)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"the tag {names.OPERATING_POINT} of {model.uri} must hold an operating point, not "
            f"{text[:80]!r}; correct it, or give one by --operating-point threshold=0.5."
        ) from error


def log_evaluations(
    experiment: str | None, whole: Evaluation, each: Sequence[Evaluation] = ()
) -> tuple[str, str]:
    """Log an evaluation as a run, and below it one a model where several were judged.

    The run that `mlflow run` opened is taken for the first where it stands in the experiment.

    Args:
        experiment: the experiment's name; None for the one that MLflow's variables name, else
            `evaluate-` and the data set's name.
        whole: the one model that was judged, or what is said of several together.
        each: the several.

    Returns:
        The store's address, and the path of the run's page behind a server's.
    """
    store = open_store(None)
    home = find_experiment(store, experiment, f"evaluate-{whole.data}")
    opened = home.opened_run if home.joins else ""
    parent = _log(store, home, whole, {}, opened)
    for own in each:
        _log(store, home, own, {names.MLFLOW_PARENT: parent})
    if home.opened_run and not home.joins:
        store.write_tags(home.opened_run, {names.KIND: names.LAUNCHER, names.PARENT_ID: parent})
    return store.uri, f"/#/experiments/{home.id}/runs/{parent}"


def _log(
    store: TrackingStore,
    home: Experiment,
    said: Evaluation,
    tags: Mapping[str, str],
    run_id: str = "",
) -> str:
    """Log an evaluation into a run, a new one unless it is given, and close it; return its id."""
    own = {**tags, names.KIND: names.EVALUATION}
    run_id = run_id or store.create_run(home.id, said.title, own)
    try:
        store.write_tags(run_id, {**own, **_tags(said), **environment_tags()})
        present = store.client.get_run(run_id).data.params  # `mlflow run` has logged its own
        store.write_params(
            run_id,
            {
                name: value[: names.PARAM_LIMIT]
                for name, value in said.params.items()
                if name not in present
            },
        )
        _log_metrics(store, run_id, said)
        with tempfile.TemporaryDirectory(prefix="benchmark-evaluation-") as folder:
            for name, content in said.files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            store.client.log_artifacts(run_id, folder)
    except BaseException:
        store.client.set_terminated(run_id, State.FAILED)
        raise
    store.client.set_terminated(run_id, State.FINISHED)
    return run_id


def _tags(said: Evaluation) -> dict[str, str]:
    tags = {
        "data": said.data,
        names.DATA_DIGEST: said.data_digest,
        names.TEST_DIGEST: digest(sorted(said.hashes)),
        names.SYNTHETIC: str(said.synthetic).lower(),
    }
    if said.model is None:
        return tags
    card, kept = said.model.card, said.model.kept
    tags |= {
        _MODEL: said.model.uri if kept else last_part(said.model.uri),
        names.MODEL_SHA256: card.sha256,
        names.SPEC_DIGEST: card.spec_digest,
    }
    if kept is not None:
        tags |= {
            _MODEL: f"models:/{kept.name}/{kept.version}" if kept.name else kept.called,
            _MODEL_VERSION: kept.version,
            _MODEL_RUN: kept.run_id,
            names.MODEL_ID: kept.model_id,
            names.SEAL: kept.sealed,
        }
    return {name: value for name, value in tags.items() if value}


def _log_metrics(store: TrackingStore, run_id: str, said: Evaluation) -> None:
    """Log metrics, attached to the data set, and to the model where this store has it."""
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric

    dataset = Dataset(
        name=said.data,
        digest=digest(sorted(said.hashes))[: names.DATASET_DIGEST_LIMIT],
        source_type="code",
        source="{}",
        schema=None,
        profile=f'{{"num_rows": {len(said.hashes)}}}',
    )
    store.client.log_inputs(
        run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "evaluation")])]
    )
    now, model_id = environment.now_ms(), _model_in(store, said.model)
    store.log_metrics(
        run_id,
        [
            Metric(
                names.metric_name(name),
                float(value),
                now,
                step=0,
                model_id=model_id,
                dataset_name=dataset.name,
                dataset_digest=dataset.digest,
                run_id=run_id,
            )
            for name, value in said.scores.items()
        ],
    )


def _model_in(store: TrackingStore, model: Located | None) -> str | None:
    """Return the id of a model that a store has logged itself, None where it has not."""
    is_own = model is not None and model.store is not None and model.store.uri == store.uri
    return (model.kept.model_id or None) if is_own and model and model.kept else None
