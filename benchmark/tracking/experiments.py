"""Which experiment a benchmark's runs go to, and the run that `mlflow run` may have opened."""

import os
from dataclasses import dataclass
from typing import Any

from ..errors import StoreError, one_line
from ..texts import masked
from . import names
from .places import ARTIFACTS, local_path
from .store import TrackingStore


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
    opened_run: str = ""
    joins: bool = False


def find_experiment(store: TrackingStore, wanted: str | None, default: str) -> Experiment:
    """Find or make the experiment: by name, else MLflow's own variables' choice, else the default.

    Raises:
        StoreError: the opened run is not in this store, or the experiment was deleted.
    """
    opened = os.environ.get("MLFLOW_RUN_ID", "")
    home = _home_of(store, opened) if opened else ""
    name = wanted or _chosen_by_variables(store) or default
    id_ = _id_of(store, name)
    return Experiment(id=id_, name=name, opened_run=opened, joins=bool(opened) and id_ == home)


def existing_experiment(
    store: TrackingStore, wanted: str | None, default: str | None
) -> Experiment | None:
    """Return the experiment as `find_experiment` does, None where it is not there.

    Without a default it is the one that the newest benchmark ran in.
    """
    name = wanted or _chosen_by_variables(store) or default
    if name is not None:
        found = store.client.get_experiment_by_name(name)
    else:
        newest = store.run_at(store.experiment_ids(), f"tags.{names.KIND} = '{names.PARENT}'")
        found = newest and store.client.get_experiment(newest.info.experiment_id)
    if found is None:
        return None
    _check_active(found)
    return Experiment(id=found.experiment_id, name=found.name)


def moved_line(store: TrackingStore, experiment: Experiment) -> str:
    """Return a line that says where an experiment's artifacts were moved from, with their store.

    Nothing is returned where they are in their place.
    """
    noted = store.client.get_experiment(experiment.id).artifact_location
    path, place = local_path(noted), store.place(noted)
    if path is None or place is None or path == place:
        return ""
    return (
        f"the tracking store was moved: artifacts noted at {path.parent} are at {place.parent}. "
        "They are found here; for MLflow's own pages and programs, make a link at the old place: "
        f"ln -s {place.parent} {path.parent}"
    )


def _chosen_by_variables(store: TrackingStore) -> str | None:
    """Return the name of the experiment that MLflow's own variables choose, if they do."""
    opened = os.environ.get("MLFLOW_RUN_ID", "")
    home = _home_of(store, opened) if opened else os.environ.get("MLFLOW_EXPERIMENT_ID", "")
    if home:
        return _name_of(store, home)
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or None


def _name_of(store: TrackingStore, id_: str) -> str:
    from mlflow.exceptions import MlflowException

    try:
        found = store.client.get_experiment(id_)
    except MlflowException as error:
        raise StoreError(
            f"MLFLOW_EXPERIMENT_ID names the experiment {id_!r}, which the tracking store "
            f"{masked(store.uri)} does not have; set another, or unset it."
        ) from error
    _check_active(found)
    return str(found.name)


def _check_active(found: Any) -> None:
    """See that an experiment was not deleted.

    Raises:
        StoreError: it was.
    """
    if found.lifecycle_stage != "active":
        raise StoreError(
            f"the experiment {found.name!r} was deleted; restore it by "
            f"`mlflow experiments restore -x {found.experiment_id}` or name another."
        )


def _home_of(store: TrackingStore, run_id: str) -> str:
    from mlflow.exceptions import MlflowException

    try:
        info = store.client.get_run(run_id).info
    except MlflowException as error:
        raise StoreError(
            f"MLFLOW_RUN_ID names the run {run_id}, which the tracking store {masked(store.uri)} "
            "does not have; set MLFLOW_TRACKING_URI to an absolute address, or unset MLFLOW_RUN_ID."
        ) from error
    if info.lifecycle_stage != "active":
        raise StoreError(
            f"MLFLOW_RUN_ID names the run {run_id}, which was deleted; unset it, or restore "
            f"the run by `mlflow runs restore --run-id {run_id}`."
        )
    return str(info.experiment_id)


def _id_of(store: TrackingStore, name: str) -> str:
    """Return the id of a named experiment, making it if need be; two processes may try at once."""
    from mlflow.exceptions import MlflowException

    found = store.client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(store.client.create_experiment(name, _artifacts(store)))
        except MlflowException as error:
            found = store.client.get_experiment_by_name(name)
            if found is None:
                raise StoreError(
                    f"the experiment {name!r} cannot be made: {one_line(error)}."
                ) from error
    _check_active(found)
    return str(found.experiment_id)


def _artifacts(store: TrackingStore) -> Any:
    """Return where artifacts go: beside the database; a server has its own place for them.

    MLflow itself would put them into `./mlruns` of whatever folder a process is in. Folders are
    named by chance, since an experiment's id is not known before it is made.
    """
    import uuid

    if store.folder is None:
        return None
    return (store.folder / ARTIFACTS / uuid.uuid4().hex[:12]).as_uri()
