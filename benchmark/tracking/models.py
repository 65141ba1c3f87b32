"""A run's network as an MLflow model: logged with its code, found again, and pulled to classify."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StoreError, one_line
from ..records import Outcome, Spec
from ..serving import NETWORK_FILE, Card, Packed, package
from . import names
from .experiments import Experiment
from .store import TrackingStore, open_store, store_exists, store_uri

if TYPE_CHECKING:
    import pandas as pd

_MODEL_NAME = "model"


class Pulled:
    """A registered model, ready to classify, as any other program would pull it.

    Args:
        uri: `models:/NAME@ALIAS`, `models:/NAME/VERSION`, `runs:/…`, or a model's folder.

    Raises:
        StoreError: there is no such model, or it does not load.
    """

    def __init__(self, uri: str) -> None:
        from mlflow.exceptions import MlflowException

        if uri.startswith(("models:", "runs:")):
            if not store_exists():
                raise StoreError(
                    f"the model {uri!r} cannot be pulled: there is no tracking store at "
                    f"{store_uri()}; set MLFLOW_TRACKING_URI to the one that it was registered in."
                )
            open_store(None)  # which also tells MLflow where to look for the model
        try:
            self._model: Any = _pyfunc().load_model(uri)
        except (MlflowException, OSError) as error:
            raise StoreError(
                f"the model {uri!r} cannot be pulled: {one_line(error)}. "
                "Registered models are listed by `mlflow ui`, under Models."
            ) from error

    def classify(self, images: Sequence[bytes]) -> "pd.DataFrame":
        """Classify image files by their bytes: one row an image, in order.

        Returns:
            Columns `label`, one probability a class, and `error`, which says why where an image
            cannot be read; its other cells are then empty.
        """
        import pandas as pd

        frame = pd.DataFrame({"image": pd.Series(list(images), dtype=object)})
        answer: pd.DataFrame = self._model.predict(frame, params={"on_error": "row"})
        return answer


def log_network(
    store: TrackingStore, experiment: Experiment, run_id: str, outcome: Outcome, card: Card
) -> str:
    """Log a run's network as a model with its code and signature; return the model's id.

    MLflow's `log_model` copies the file twice and acts on a global active run; this does the
    same in its public parts, with one copy.
    """
    from mlflow.entities import LoggedModelOutput

    model = store.client.create_logged_model(
        experiment.id,
        name=outcome.spec.arch,
        source_run_id=run_id,
        params=spec_params(outcome.spec),
        tags={
            "data": card.data,
            names.SYNTHETIC: str(card.synthetic).lower(),
            names.MODEL_SHA256: card.sha256,
            names.SPEC_DIGEST: outcome.spec.digest,
        },
        model_type="image classifier",
    )
    store.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    with tempfile.TemporaryDirectory(prefix="benchmark-model-", dir=outcome.folder.parent) as work:
        packed = package(outcome.folder / NETWORK_FILE, card, Path(work))
        saved = _save(packed, Path(work) / "saved", run_id, model)
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


def network_uri(store: TrackingStore, model_id: str) -> str:
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
    _pyfunc().save_model(
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


def _pyfunc() -> Any:
    """Return `mlflow.pyfunc`, whose import warns of a type hint in MLflow's own code (3.17)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        import mlflow.pyfunc
    return mlflow.pyfunc
