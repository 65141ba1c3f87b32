"""Which champion is meant where nobody names a model."""

import pytest

from benchmark.errors import StoreError, UsageError
from benchmark.tracking import only_champion, open_store

from .conftest import Bench

pytestmark = pytest.mark.slow  # MLflow is imported


@pytest.fixture
def registry(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", bench.uri)
    return bench


def register(name: str, *, alias: str = "champion", **tags: str) -> None:
    client = open_store(None).client
    client.create_registered_model(name)
    client.create_model_version(name, source="/nowhere", tags=tags)
    client.set_registered_model_alias(name, alias, "1")


def test_the_only_champion_of_real_images_is_meant(registry: Bench) -> None:
    register("scans", synthetic="false")
    register("drawn", synthetic="true")
    register("phantom", data="phantom")  # as version 0.1 left it
    register("later", alias="candidate", synthetic="false")
    assert only_champion() == "models:/scans@champion"
    register("xray", synthetic="false")
    wanted = (
        r"--model must name one, such as models:/scans@champion: .* there is drawn \(SYNTHETIC\), "
        r"later \(no champion\), phantom \(SYNTHETIC\), scans, xray\.$"
    )
    with pytest.raises(UsageError, match=wanted):
        only_champion()


def test_a_model_of_drawn_images_must_be_named(registry: Bench) -> None:
    with pytest.raises(UsageError, match=r"such as models:/NAME@champion.* there is no model"):
        only_champion()
    register("drawn", synthetic="true")
    with pytest.raises(UsageError, match=r"models:/drawn@champion: .* there is drawn \(SYNTHETIC"):
        only_champion()


def test_no_store_is_made_to_look_for_one(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.folder)
    (bench.folder / "mlflow.db").unlink()
    with pytest.raises(StoreError, match="there is no tracking store"):
        only_champion()
    assert list(bench.folder.iterdir()) == []
