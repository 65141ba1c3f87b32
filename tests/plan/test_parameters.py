"""Parameters set on the command line reach the architectures that have them."""

from pathlib import Path

import pytest

from tests.jobs.conftest import draw
from tests.plan.test_preparing import prepared

pytestmark = pytest.mark.slow  # scikit-learn and optuna take seconds to import


def test_each_architecture_takes_the_parameters_that_it_has(tmp_path: Path) -> None:
    data = draw(tmp_path / "scans", {"train": 12, "val": 6, "test": 6})
    words = {"arch": "prior,mlp,mobilenetv2", "params": "dropout=0.25,pooling=avg+max"}
    ready = prepared(tmp_path, data, weights="none", **words)
    params = {job.spec.arch: job.spec.params for job in ready.plan.jobs}
    assert params["mobilenetv2"]["pooling"] == "avg+max"
    assert params["mobilenetv2"]["dropout"] == params["mlp"]["dropout"] == 0.25
    assert "pooling" not in params["mlp"]
    assert not list(params["prior"])
