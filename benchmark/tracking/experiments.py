"""Which experiment a benchmark's runs go to, and the run that `mlflow run` may have opened."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import StoreError
from . import names
from .store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """An MLflow experiment.

    Attributes:
        id: MLflow's id.
        name: its name.
        opened_run: the run that `mlflow run` opened for this process, anywhere; empty if none.
        joins: whether that run stands in this experiment and becomes the benchmark's parent.
    """

    id: str
    name: str
    opened_run: str
    joins: bool


def find_experiment(
    store: Store,
    wanted: str | None,
    default: str,
    environ: Mapping[str, str] = os.environ,
) -> Experiment:
    """Find the experiment by name, or that of the opened run, or MLflow's own variables' choice.

    Raises:
        StoreError: the opened run is not in this store, or the experiment was deleted.
    """
    opened = environ.get("MLFLOW_RUN_ID", "")
    home = _home_of(store, opened) if opened else ""
    if wanted is None and opened:
        name = store.client.get_experiment(home).name
        return Experiment(id=home, name=name, opened_run=opened, joins=True)
    if wanted is None and environ.get("MLFLOW_EXPERIMENT_ID"):
        found = store.client.get_experiment(environ["MLFLOW_EXPERIMENT_ID"])
        return Experiment(id=found.experiment_id, name=found.name, opened_run="", joins=False)
    name = wanted or environ.get("MLFLOW_EXPERIMENT_NAME") or default
    id_ = _named(store, name)
    return Experiment(id=id_, name=name, opened_run=opened, joins=bool(opened) and id_ == home)


def opened_experiment(store: Store, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the name of the experiment that MLflow's own variables choose, if they do."""
    opened = environ.get("MLFLOW_RUN_ID", "")
    home = _home_of(store, opened) if opened else environ.get("MLFLOW_EXPERIMENT_ID", "")
    if home:
        return str(store.client.get_experiment(home).name)
    return environ.get("MLFLOW_EXPERIMENT_NAME") or None


def existing_experiment(store: Store, name: str) -> Experiment | None:
    """Return an experiment that is there already, None where it is not."""
    found = store.client.get_experiment_by_name(name)
    if found is None or found.lifecycle_stage != "active":
        return None
    return Experiment(id=found.experiment_id, name=found.name, opened_run="", joins=False)


def latest_experiment(store: Store) -> Experiment | None:
    """Return the experiment that the newest benchmark ran in, None where none ever ran."""
    every = [each.experiment_id for each in store.client.search_experiments()]
    runs = store.client.search_runs(
        every,
        f"tags.{names.KIND} = '{names.PARENT}'",
        max_results=1,
        order_by=["attributes.start_time DESC"],
    )
    if not runs:
        return None
    found = store.client.get_experiment(runs[0].info.experiment_id)
    return Experiment(id=found.experiment_id, name=found.name, opened_run="", joins=False)


def _home_of(store: Store, run_id: str) -> str:
    from mlflow.exceptions import MlflowException

    try:
        return str(store.client.get_run(run_id).info.experiment_id)
    except MlflowException as error:
        raise StoreError(
            f"MLFLOW_RUN_ID names the run {run_id}, which the tracking store {store.uri} does not "
            "have; set MLFLOW_TRACKING_URI to an absolute address, or unset MLFLOW_RUN_ID."
        ) from error


def _named(store: Store, name: str) -> str:
    """Return the id of a named experiment, making it if need be; two processes may try at once."""
    from mlflow.exceptions import MlflowException

    found = store.client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(store.client.create_experiment(name, _artifacts(store)))
        except MlflowException:
            found = store.client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage != "active":
        raise StoreError(
            f"the experiment {name!r} was deleted; restore it by "
            f"`mlflow experiments restore -x {found.experiment_id}` or name another."
        )
    return str(found.experiment_id)


def _artifacts(store: Store) -> Any:
    """Return where artifacts go: beside the database; a server has its own place for them.

    MLflow itself would put them into `./mlruns` of whatever folder a process is in. Folders are
    named by chance, since an experiment's id is not known before it is made.
    """
    import uuid

    if store.folder is None:
        return None
    return (store.folder / "mlruns" / uuid.uuid4().hex[:12]).as_uri()
