"""Parameters set on the command line reach the architectures that have them."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.request import asked
from benchmark.request.presets import read_preset
from benchmark.training import among, class_weights
from tests.jobs.conftest import draw
from tests.plan.test_preparing import prepared

pytestmark = pytest.mark.slow  # scikit-learn and optuna take seconds to import


def test_each_architecture_takes_the_parameters_that_it_has(tmp_path: Path) -> None:
    data = draw(tmp_path / "scans", {"train": 12, "val": 6, "test": 6})
    words = {"arch": "prior,mlp,mobilenetv2", "params": "label_smoothing=0.25,pooling=avg/avg+max"}
    ready = prepared(tmp_path, data, weights="none", **words)
    params = {job.spec.arch: job.spec.params for job in ready.plan.jobs}
    assert params["mobilenetv2"]["pooling"] == "avg/avg+max"
    assert params["mobilenetv2"]["label_smoothing"] == params["mlp"]["label_smoothing"] == 0.25
    assert "pooling" not in params["mlp"]
    assert not list(params["prior"])


def test_a_class_whose_name_holds_a_slash_can_be_weighed(tmp_path: Path) -> None:
    data = draw(tmp_path / "scans", {"train": 12, "val": 6, "test": 6})
    named = {"bright": "bright", "dark": "Mass/Nodule"}
    rows = [
        f"{path.relative_to(data)},{path.parts[-3]},{named[path.parent.name]}"
        for path in sorted(data.rglob("*.png"))
    ]
    (data / "list.csv").write_text("\n".join(["path,part,label", *rows]))
    words = {"arch": "mlp,mobilenetv2", "weights": "none", "class_weight": "Mass/Nodule=2,bright=1"}
    ready = prepared(tmp_path, data / "list.csv", **words)
    classes = ready.index.classes
    assert classes == ("Mass/Nodule", "bright")
    for job in ready.plan.jobs:
        (only,) = among(job.spec.params, "class_weight")
        assert class_weights(only, classes, ready.index.labels).tolist() == [2, 1]


def test_what_a_preset_says_of_a_regime_reaches_its_networks_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = read_preset("good")
    scratch = {"augmentation": "xray", "class_weight": "balanced", "params": "dropout=0.25"}
    monkeypatch.setattr(
        asked, "read_preset", lambda _: replace(said, of_regimes={"scratch": scratch})
    )
    data = draw(tmp_path / "scans", {"train": 12, "val": 6, "test": 6})
    ready = prepared(tmp_path, data, weights="none", arch="prior,mlp,mobilenetv2")
    specs = {job.spec.arch: job.spec.params for job in ready.plan.jobs}
    names = ("augmentation", "class_weight", "dropout")
    assert [specs["mlp"][name] for name in names] == ["xray", "balanced", 0.25]
    assert specs["mobilenetv2"]["augmentation"] == said.texts["augmentation"]
    assert specs["mobilenetv2"]["class_weight"] == said.texts["class_weight"]
    assert {job.preset for job in ready.plan.jobs} == {"good"}
