"""Evaluations as runs, and what a store knows of the models that are judged."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import StoreError
from benchmark.evaluation import OperatingPoint
from benchmark.tracking import Evaluation, Located, known_of, log_evaluations, open_store, point_of

from .conftest import SPEC, Bench
from .kept import Registered

pytestmark = pytest.mark.slow  # MLflow is imported

POINT = OperatingPoint(positive=("a",), rule="youden", threshold=0.25)
SAID = Evaluation(
    title="scans-1 on elsewhere",
    data="elsewhere",
    data_digest="d" * 64,
    hashes=("1" * 64, "2" * 64),
    synthetic=False,
    params={"part": "test"},
    files={"evaluation.md": b"# said", "figures/roc.png": b"png"},
    scores={"test_macro_f1": 0.5, "test_recall_covid (19)": 1.0},
)


@pytest.fixture
def model(bench: Bench, finished: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Located:
    """Return a finished run's own model, in a store that is the only one known."""
    record = finished(bench.open("scans"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", bench.uri)
    return Located(f"runs:/{record.run_id}/{SPEC.arch}")


def test_a_version_says_its_number_and_its_run(
    kept: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", kept.uri)
    found = Located("models:/scans@champion")
    assert found.kept is not None
    assert (found.kept.name, found.kept.version, found.kept.run_id) == ("scans", "1", kept.run_id)
    assert found.card.spec_digest == SPEC.digest
    library = known_of(found)
    assert library is not None
    assert library.record(kept.run_id).spec == SPEC


def test_a_folder_says_nothing_of_a_run(kept: Registered) -> None:
    found = Located(str(kept.folder))
    assert (found.kept, known_of(found), point_of(found)) == (None, None, None)
    assert found.card.spec_digest == SPEC.digest


def test_an_operating_point_is_the_versions_or_else_its_runs(model: Located) -> None:
    assert model.store is not None
    assert model.kept is not None
    assert point_of(model) is None
    model.store.client.set_tag(model.kept.run_id, "operating_point", POINT.to_json())
    assert point_of(model) == POINT
    own = replace(POINT, threshold=0.75)
    model.kept = replace(model.kept, tags={"operating_point": own.to_json()})
    assert point_of(model) == own
    model.kept = replace(model.kept, tags={"operating_point": '{"threshold": 1}'})
    with pytest.raises(StoreError, match="must hold an operating point, not"):
        point_of(model)


def test_an_evaluation_is_a_run_with_metrics_files_and_the_models_tags(
    model: Located, tmp_path: Path
) -> None:
    assert model.kept is not None
    uri, page = log_evaluations(None, replace(SAID, model=model))
    store = open_store(uri)
    run = store.client.get_run(page.rpartition("/")[2])
    experiment = store.client.get_experiment(run.info.experiment_id)
    assert (experiment.name, run.info.status) == ("evaluate-elsewhere", "FINISHED")
    tags = run.data.tags
    assert (tags["benchmark"], tags["model_run_id"]) == ("evaluation", model.kept.run_id)
    assert tags["model"] == f"models:/{model.kept.model_id}"
    assert tags["files_digest"] == model.kept.sealed
    assert tags["spec_digest"] == SPEC.digest
    assert run.data.metrics == {"test_macro_f1": 0.5, "test_recall_covid _19_": 1.0}
    assert run.inputs.dataset_inputs[0].dataset.name == "elsewhere"
    kept = store.fetch(f"{run.info.artifact_uri}/figures/roc.png")
    assert kept.read_bytes() == b"png"
    logged = store.client.get_logged_model(model.kept.model_id)
    assert "elsewhere" in {each.dataset_name for each in logged.metrics}


def test_several_models_stand_below_what_is_said_of_them_together(model: Located) -> None:
    whole = replace(SAID, title="both", scores={}, params={})
    uri, page = log_evaluations("mine", whole, [replace(SAID, model=model), SAID])
    client = open_store(uri).client
    parent = page.rpartition("/")[2]
    below = client.search_runs(
        [client.get_run(parent).info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent}'"
    )
    assert [run.info.run_name for run in below] == [SAID.title] * 2
    assert client.get_experiment_by_name("mine") is not None


def test_the_run_that_mlflow_run_opened_is_taken(
    model: Located, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert model.store is not None
    client = model.store.client
    opened = client.create_run(client.create_experiment("opened")).info.run_id
    client.log_param(opened, "part", "auto")  # `mlflow run` has logged what it was given
    monkeypatch.setenv("MLFLOW_RUN_ID", opened)
    _, page = log_evaluations(None, SAID)
    run = client.get_run(opened)
    assert page.endswith(opened)
    assert (run.data.params["part"], run.data.metrics["test_macro_f1"]) == ("auto", 0.5)
    _, page = log_evaluations("elsewhere", SAID)
    assert not page.endswith(opened)
    assert client.get_run(opened).data.tags["benchmark"] == "launcher"


def test_an_evaluation_that_cannot_be_logged_is_closed_as_failed(
    model: Located, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(TypeError):
        log_evaluations("broken", replace(SAID, files={"a.txt": "no bytes"}))  # type: ignore[dict-item]
    client = open_store(None).client
    (run,) = client.search_runs([client.get_experiment_by_name("broken").experiment_id])
    assert run.info.status == "FAILED"
