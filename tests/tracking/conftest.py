"""A store in a folder, a finished run in it, and a tiny network: each made once or copied."""

import io
import json
import shutil
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from benchmark.evaluation import write_predictions
from benchmark.records import (
    Outcome,
    Params,
    Part,
    Picture,
    Predictions,
    Record,
    Regime,
    Seconds,
    Spec,
)
from benchmark.tracking import FinishedRun, Opening, Registration, Tracker, Version
from benchmark.tracking import registry as registry_module
from tests.data.pictures import pixels_of

from .kept import MARKER, Registered, Stub, forget

CLASSES = ("large cell", "normal", "squamous")
SPEC = Spec(
    arch="tiny",
    data="phantom",
    data_digest="d" * 64,
    split_digest="5" * 64,
    picture=Picture(side_px=16),
    regime=Regime.SCRATCH,
    weights="none",
    params=Params(learning_rate=0.1, width=4),
    epochs=2,
    patience=1,
    seed=1,
)
OPENING = Opening(
    params={"arch": "all", "seed": "1"},
    plan_digest="a" * 64,
    data="phantom",
    data_digest=SPEC.data_digest,
    splits=(SPEC.split_digest,),
    synthetic=True,
)


class Drawn:
    """A reader that draws the picture a path names."""

    def read(self, path: str) -> bytes | npt.NDArray[np.uint8]:
        """Return a PNG file's bytes."""
        file = io.BytesIO()
        Image.fromarray(self.pixels(path)).save(file, format="PNG")
        return file.getvalue()

    @staticmethod
    def pixels(path: str) -> npt.NDArray[np.uint8]:
        """Return (20, 24, 3) pixels of noise."""
        seed = int(path.partition(".")[0])
        return np.random.default_rng(seed).integers(0, 256, (20, 24, 3), dtype=np.uint8)


def predictions_of(probabilities: npt.NDArray[np.float64]) -> Predictions:
    """Return a table of six images, half of them val and half test."""
    return Predictions(
        classes=CLASSES,
        hashes=tuple(f"{row:064d}" for row in range(6)),
        paths=tuple(f"{row}.png" for row in range(6)),
        parts=(Part.VAL,) * 3 + (Part.TEST,) * 3,
        labels=np.array([0, 1, 2, 0, 1, 2]),
        probabilities=probabilities,
        is_copy=np.zeros(6, dtype=bool),
    )


UNIFORM = predictions_of(np.full((6, 3), 1 / 3))


def outcome_in(folder: Path, spec: Spec = SPEC, network: Path | None = None) -> Outcome:
    """Leave an outcome in a folder; the network is any file unless one is given."""
    folder.mkdir(parents=True)
    if network is None:
        (folder / "model.keras").write_bytes(b"no network, but a file to log")
    else:
        shutil.copyfile(network, folder / "model.keras")
    write_predictions(UNIFORM, folder / "predictions.parquet")
    write_predictions(UNIFORM, folder / "check.parquet")
    (folder / "history.json").write_text(json.dumps([]))
    return Outcome(
        spec=spec,
        folder=folder,
        seconds=Seconds(decode=1.0, features=2.0, head=3.0, wall=0.5),
        parameters=123,
        model_bytes=456,
        milliseconds_per_image=0.25,
        device="cpu",
        engine="none",
        peak_memory_mib=700.0,
        largest_difference=1e-6,
        warnings=("weights fell back to none",),
    )


def evidence_of(outcome: Outcome, **more: Any) -> FinishedRun:
    """Return what is logged of an outcome, with two scores a part."""
    scores = {"val_macro_f1": 0.5, "test_macro_f1": 0.4, "val_auroc": float("nan")}
    return replace(FinishedRun(outcome=outcome, predictions=UNIFORM, scores=scores), **more)


@dataclass(frozen=True)
class Bench:
    """A store of one's own: where it stands, and a way to open it."""

    folder: Path
    uri: str

    def open(self, experiment: str | None = None) -> Tracker:
        """Open the store as a benchmark does."""
        return Tracker.open(self.uri, experiment, default_experiment="phantom")


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a new database: making one takes two seconds, copying it none."""
    folder = tmp_path_factory.mktemp("database")
    Tracker.open(f"sqlite:///{folder}/mlflow.db", "none", default_experiment="none")
    return folder / "mlflow.db"


@pytest.fixture
def bench(tmp_path: Path, new_database: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Return a new store, with none of the variables by which MLflow's own commands speak."""
    for name in ("RUN_ID", "EXPERIMENT_ID", "EXPERIMENT_NAME", "TRACKING_URI", "REGISTRY_URI"):
        monkeypatch.delenv(f"MLFLOW_{name}", raising=False)
    return bench_in(tmp_path, new_database)


def bench_in(folder: Path, new_database: Path) -> Bench:
    """Return a new store in a folder."""
    shutil.copyfile(new_database, folder / "mlflow.db")
    return Bench(folder=folder, uri=f"sqlite:///{folder}/mlflow.db")


def finish_in(bench: Bench, tracker: Tracker, spec: Spec, network: Path | None) -> Record:
    """Log a finished run in a store; return its record."""
    parent = tracker.begin(OPENING, resume=True)
    outcome = outcome_in(bench.folder / "outcomes" / spec.digest, spec, network)
    return tracker.start(parent, spec).finish(evidence_of(outcome))


@pytest.fixture
def finished(bench: Bench) -> Callable[..., Any]:
    """Return a function that logs a finished run and gives its record."""

    def finish(tracker: Tracker, spec: Spec = SPEC, network: Path | None = None) -> Any:
        return finish_in(bench, tracker, spec, network)

    return finish


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a saved network of a few weights, sure enough of itself to tell images apart."""
    import keras

    keras.utils.set_random_seed(7)
    pixels = keras.Input((16, 16, 3))
    features = keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(pixels))
    features = keras.layers.GlobalMaxPooling2D()(features)
    output = keras.layers.Dense(3, activation="softmax")(features)
    path = tmp_path_factory.mktemp("network") / "model.keras"
    keras.Model(pixels, output).save(path)
    return path


def seen(path: str) -> npt.NDArray[np.uint8]:
    """Return an image's pixels as the network sees them."""
    return pixels_of(Drawn.pixels(path), SPEC.picture)


@pytest.fixture
def check(network: Path) -> Predictions:
    """Return what the network says of six drawn images."""
    import keras

    pixels = np.stack([seen(path) for path in UNIFORM.paths])
    says = keras.saving.load_model(network).predict_on_batch(pixels)
    return predictions_of(np.asarray(says, dtype=np.float64))


def promotion_of(check: Predictions) -> Registration:
    return Registration(
        name="phantom", description="the best", tags={"arch": "tiny"}, check=check, reader=Drawn()
    )


def says(monkeypatch: pytest.MonkeyPatch, probabilities: npt.NDArray[np.float64]) -> None:
    """Let every reloaded model give these probabilities, without loading it."""
    monkeypatch.setattr(registry_module, "reload_and_predict", lambda *_: probabilities)


@dataclass
class Crowned:
    """A store with a champion, and a second finished run."""

    tracker: Tracker
    champion: Version
    first: Record
    second: Record


@pytest.fixture
def crowned(
    bench: Bench, finished: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> Crowned:
    tracker = bench.open()
    first, second = finished(tracker), finished(tracker, replace(SPEC, seed=2))
    says(monkeypatch, UNIFORM.probabilities)
    return Crowned(tracker, tracker.registry.register(first, promotion_of(UNIFORM)), first, second)


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory, new_database: Path) -> Registered:
    """Register a version without loading it."""
    root = tmp_path_factory.mktemp("registry")
    shutil.copyfile(new_database, root / "mlflow.db")
    bench = Bench(folder=root, uri=f"sqlite:///{root}/mlflow.db")
    tracker = bench.open("kept")
    parent = tracker.begin(OPENING, resume=False)
    record = tracker.start(parent, SPEC).finish(evidence_of(outcome_in(root / "outcome")))
    wanted = Registration(name="scans", description="", tags={}, check=UNIFORM, reader=Drawn())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry_module, "reload_and_predict", lambda *_: UNIFORM.probabilities)
        tracker.registry.register(record, wanted)
    folder = tracker.network_path(record).parents[2]
    whole = shutil.copytree(folder, root / "whole")
    return Registered(uri=bench.uri, run_id=record.run_id, folder=folder, whole=whole)


@pytest.fixture
def marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Registered) -> Iterator[Path]:
    """Return the file that planted code would leave; stand in for Keras; restore all after."""
    keras = types.ModuleType("keras")
    keras.saving = types.SimpleNamespace(load_model=lambda *_, **__: Stub())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keras", keras)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", kept.uri)
    monkeypatch.setenv(MARKER, str(tmp_path / "marker"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path / "marker"
    forget()
    kept.restore()
