"""A run's network as an MLflow model: logged with its code, and found again."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ..records import Outcome
from ..serving import NETWORK_FILE, Card, Packed, file_sha256, package
from . import names
from .experiments import Experiment
from .flavour import pyfunc
from .runs import Run, flat
from .store import Store

_MODEL_NAME = "model"


def log_network(
    store: Store, experiment: Experiment, run: Run, outcome: Outcome, classes: tuple[str, ...]
) -> str:
    """Log a run's network as a model with its code and signature; return the model's id.

    MLflow's `log_model` copies the file twice and acts on a global active run; this does the
    same in its public parts, with one copy.
    """
    network = outcome.folder / NETWORK_FILE
    card = Card(
        classes=classes,
        picture=outcome.final.picture,
        data=outcome.spec.data,
        synthetic=run.parent.opening.synthetic,
        spec_digest=outcome.spec.digest,
        sha256=file_sha256(network),
    )
    model = store.client.create_logged_model(
        experiment.id,
        name=outcome.spec.arch,
        source_run_id=run.run_id,
        params={name: value[: names.PARAM_LIMIT] for name, value in flat(outcome.spec).items()},
        tags={**card_tags(card), names.SPEC_DIGEST: outcome.spec.digest},
        model_type="image classifier",
    )
    _output(store, run.run_id, model.model_id)
    with tempfile.TemporaryDirectory(prefix="benchmark-model-", dir=outcome.folder.parent) as work:
        packed = package(network, card, Path(work))
        saved = _save(packed, Path(work) / "saved", run.run_id, model)
        store.client.log_model_artifacts(model.model_id, str(saved))
    store.client.finalize_logged_model(model.model_id, "READY")
    return str(model.model_id)


def card_tags(card: Card) -> dict[str, str]:
    """Return the facts of a card that are worth a tag on a model."""
    return {
        "data": card.data,
        names.SYNTHETIC: str(card.synthetic).lower(),
        names.MODEL_SHA256: card.sha256,
    }


def network_uri(store: Store, model_id: str) -> str:
    """Return where a logged model's `model.keras` stands."""
    location = store.client.get_logged_model(model_id).artifact_location
    return f"{location}/data/{_MODEL_NAME}/{NETWORK_FILE}"


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
    link_or_copy(packed.network, path / "data" / _MODEL_NAME / NETWORK_FILE)
    described.model_size_bytes = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    described.save(str(path / "MLmodel"))
    return path


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


def _output(store: Store, run_id: str, model_id: str) -> None:
    from mlflow.entities import LoggedModelOutput

    store.client.log_outputs(run_id, [LoggedModelOutput(model_id, step=0)])
