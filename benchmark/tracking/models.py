"""A run's network as an MLflow model: logged with its code and a seal over its files."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..errors import StoreError
from ..files import file_digest
from ..records import Outcome, Record, Spec
from ..serving import DATA, NETWORK_FILE, Card, Packed, package, seal
from . import names
from .experiments import Experiment
from .pulling import pyfunc
from .store import TrackingStore


def log_network(
    store: TrackingStore, experiment: Experiment, run_id: str, outcome: Outcome, card: Card
) -> str:
    """Log a run's network as a model with its code and signature; return the model's id."""
    return _log(store, experiment.id, run_id, outcome.spec, outcome.folder, card)


def log_light(store: TrackingStore, record: Record, folder: Path, card: Card) -> str:
    """Log a further model of a run, the light one whose files are in a folder; return its id."""
    experiment = store.client.get_run(record.run_id).info.experiment_id
    return _log(store, experiment, record.run_id, record.spec, folder, card)


def _log(
    store: TrackingStore, experiment: str, run_id: str, spec: Spec, folder: Path, card: Card
) -> str:
    """Log the network in a folder as a model of a run; beside it is space for another of its size.

    MLflow's `log_model` copies the file twice and acts on a global active run; this does the
    same in its public parts, with one copy.
    """
    from mlflow.entities import LoggedModelOutput

    model = store.client.create_logged_model(
        experiment,
        name=f"{spec.arch}-light" if card.is_light else spec.arch,
        source_run_id=run_id,
        params=spec_params(spec),
        tags={
            "data": card.data,
            names.SYNTHETIC: str(card.synthetic).lower(),
            names.MODEL_SHA256: card.sha256,
            names.SPEC_DIGEST: spec.digest,
        },
        model_type="image classifier",
    )
    store.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    with tempfile.TemporaryDirectory(prefix="benchmark-model-", dir=folder.parent) as work:
        packed = package(folder, card, Path(work))
        saved = _save(packed, Path(work) / "saved", run_id, model)
        store.client.set_logged_model_tags(model.model_id, {names.SEAL: seal(saved)})
        store.client.log_model_artifacts(model.model_id, str(saved))
    store.client.finalize_logged_model(model.model_id, "READY")
    return str(model.model_id)


def fail_models(store: TrackingStore, run_id: str) -> None:
    """Mark as FAILED the models that a run began to log and did not come to the end of."""
    from mlflow.entities import LoggedModelStatus

    experiment = store.client.get_run(run_id).info.experiment_id
    own = f"source_run_id = '{run_id}'"
    for model in store.client.search_logged_models([experiment], own):
        if model.status == LoggedModelStatus.PENDING:
            store.client.finalize_logged_model(model.model_id, LoggedModelStatus.FAILED)


def spec_params(spec: Spec) -> dict[str, str]:
    """Return a spec as MLflow params: one name a field, its parameters under their own names."""
    fields = spec.to_json()
    nested: Mapping[str, Any] = {
        **fields.pop("picture"),
        **{f"search.{name}": value for name, value in (fields.pop("search") or {}).items()},
    }
    params = fields.pop("params")
    fields["members"] = ",".join(member[:12] for member in fields.pop("members"))
    own = {**fields, **nested}
    params = {f"params.{name}" if name in own else name: value for name, value in params.items()}
    whole = {**own, **params}
    return {
        name: str(value)[: names.PARAM_LIMIT] for name, value in whole.items() if value is not None
    }


def network_path(store: TrackingStore, model_id: str) -> Path:
    """Return a local path to a logged model's `model.keras`, its content as it was logged.

    Raises:
        StoreError: it is gone, or another one.
    """
    logged = store.client.get_logged_model(model_id)
    path = store.fetch(f"{logged.artifact_location}/{DATA}/{NETWORK_FILE}")
    if file_digest(path) != logged.tags[names.MODEL_SHA256]:
        raise StoreError(
            f"the network of models:/{model_id} is not the one that was logged: {path} was "
            "changed; restore it, or train the run again with --resume no."
        )
    return path


def link_or_copy(source: Path, target: Path) -> None:
    """Hard-link a file; copy it where the file system has no such links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _save(packed: Packed, path: Path, run_id: str, model: Any) -> Path:
    """Write the folder that MLflow calls a model, the network linked into it, not copied."""
    import pandas as pd
    from mlflow.models import Model

    described = Model(
        artifact_path=model.artifact_location,
        model_uuid=model.model_id,
        run_id=run_id,
        model_id=model.model_id,
    )
    pyfunc().save_model(
        path=str(path),
        loader_module=packed.loader,
        data_path=str(packed.data),
        code_paths=[str(packed.code)],
        mlflow_model=described,
        signature=_signature(packed.card.classes),
        input_example=pd.DataFrame({"image": [packed.example]}),
        pip_requirements=list(packed.requirements),
    )
    for file in packed.files:
        link_or_copy(file, path / DATA / file.name)
    if not packed.card.is_light:
        described.add_flavor("keras", **_keras_flavor())
    described.model_size_bytes = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    described.save(str(path / "MLmodel"))
    return path


def _keras_flavor() -> dict[str, Any]:
    """Return what `mlflow.keras.load_model` must know to load `model.keras` as it is."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")  # as Keras itself; this imports none
    return {
        "data": DATA,
        "keras_version": version("keras"),
        "keras_backend": backend,
        "save_exported_model": False,
    }


def _signature(classes: tuple[str, ...]) -> Any:
    """Return the model's signature: anything in a column `image`, or an array of pixels.

    A column of type string would take no (n, h, w, 3) array; MLflow 3.17 lets both through only
    for a tensor of objects. The price: it then takes no arrays inside a table, and the rows of a
    table must be numbered from 0 (`reset_index`), since it looks at row 0 by name.
    """
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

    columns = [ColSpec("string", "label"), *(ColSpec("double", name) for name in classes)]
    return ModelSignature(
        inputs=Schema([TensorSpec(np.dtype("O"), (-1,), "image")]),
        outputs=Schema(columns),
        params=ParamSchema([ParamSpec("on_error", "string", "raise")]),
    )
