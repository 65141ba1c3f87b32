"""What came of a finished run, logged: the model first, then data sets, metrics, files and tags."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .. import environment
from ..evaluation import OperatingPoint
from ..files import file_digest
from ..records import Epoch, Outcome, Part, Predictions, Spec, digest
from ..serving import NETWORK_FILE, Card
from . import names
from .experiments import Experiment
from .models import link_or_copy, log_network
from .store import TrackingStore

_FOLDER_FILES = (
    names.PREDICTIONS_FILE,
    names.OUT_OF_FOLD_FILE,
    names.TRAINED_ON_FILE,
    names.TRIALS_FILE,
    names.CHOICES_FILE,
    names.CHECK_FILE,
    "history.json",
)
_CONTEXT = {Part.TRAIN: "training", Part.VAL: "validation", Part.TEST: "testing"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FinishedRun:
    """What is logged of a finished run.

    Attributes:
        outcome: what the worker left.
        predictions: its prediction table, at any temperature: it says which images are of a part.
        scores: metrics by name, `<part>_<metric>`.
        history: its epochs; those streamed already are not logged again.
        figures: matplotlib figures, or the bytes of a finished file, by path below `figures/`;
            a name without a suffix gets `.png`.
        tables: texts (CSV, Markdown, plain) by path below `tables/`.
        point: its operating point; `prevalence` the share of positives that predictive values are
            given for. None where there is none.
    """

    outcome: Outcome
    predictions: Predictions
    scores: Mapping[str, float]
    history: Sequence[Epoch] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, str] = field(default_factory=dict)
    point: OperatingPoint | None = None
    prevalence: float | None = None


def log_finished(
    store: TrackingStore,
    experiment: Experiment,
    run_id: str,
    finished: FinishedRun,
    *,
    synthetic: bool,
) -> None:
    """Log everything of a finished run but its epochs; it is not closed."""
    from mlflow.entities import DatasetInput, InputTag

    outcome, predictions = finished.outcome, finished.predictions
    card = Card(
        classes=predictions.classes,
        picture=outcome.final.picture,
        data=outcome.spec.data,
        synthetic=synthetic,
        spec_digest=outcome.spec.digest,
        sha256=file_digest(outcome.folder / NETWORK_FILE),
    )
    model_id = log_network(store, experiment, run_id, outcome, card)
    inputs = [
        DatasetInput(each, [InputTag("mlflow.data.context", _CONTEXT[part])])
        for part, each in _datasets(outcome.spec, predictions).items()
    ]
    store.client.log_inputs(run_id, inputs)
    values = {**finished.scores, **_costs(outcome)}
    store.log_metrics(run_id, as_metrics(run_id, model_id, outcome.spec, predictions, values))
    _log_files(store, run_id, finished)
    operated = operating_tags(finished.point, finished.prevalence)
    store.write_tags(run_id, {**_tags(outcome, model_id), **operated, **tested(predictions)})


def operating_tags(point: OperatingPoint | None, prevalence: float | None) -> dict[str, str]:
    """Return the tags of an operating point, none where there is none."""
    if point is None:
        return {}
    stated = {} if prevalence is None else {names.PREVALENCE: repr(prevalence)}
    return {names.OPERATING_POINT: point.to_json(), **stated}


def tested(predictions: Predictions) -> dict[str, str]:
    """Return the tag by which runs that were tested on the same images are counted."""
    return {names.TEST_DIGEST: digest(sorted(predictions.part(Part.TEST).hashes))}


def as_metrics(
    run_id: str,
    model_id: str,
    spec: Spec,
    predictions: Predictions,
    values: Mapping[str, float],
) -> list[Any]:
    """Return metrics attached to the model, and those of a part to its data set too."""
    from mlflow.entities import Metric

    now = environment.now_ms()
    datasets = {f"{part}_": each for part, each in _datasets(spec, predictions).items()}

    def metric(name: str, value: float) -> Any:
        own = next((datasets[part] for part in datasets if name.startswith(part)), None)
        return Metric(
            names.metric_name(name),
            value,
            now,
            step=0,
            model_id=model_id or None,
            dataset_name=own and own.name,
            dataset_digest=own and own.digest,
            run_id=run_id,
        )

    return [metric(name, float(value)) for name, value in values.items()]


def _datasets(spec: Spec, predictions: Predictions) -> dict[Part, Any]:
    """Return the parts as MLflow's entities, made without its pandas and NumPy wrappers.

    A part's digest is that of its images; a prediction table holds none of train, which the split
    determines.
    """
    from mlflow.entities import Dataset

    found = {}
    for part in Part:
        hashes = predictions.part(part).hashes
        content: Sequence[str] = sorted(hashes) or [spec.split_digest, part]
        facts = {
            "data": spec.data,
            "data_digest": spec.data_digest,
            "split_digest": spec.split_digest,
            "part": str(part),
        }
        found[part] = Dataset(
            name=f"{spec.data}-{part}",
            digest=digest([*content])[: names.DATASET_DIGEST_LIMIT],
            source_type="code",
            source=json.dumps({"tags": facts}),
            schema=None,
            profile=json.dumps({"num_rows": len(hashes)} if hashes else {}),
        )
    return found


def _costs(outcome: Outcome) -> dict[str, float]:
    seconds = outcome.seconds
    return {
        **{f"{stage}_seconds": value for stage, value in asdict(seconds).items()},
        "total_seconds": seconds.total,
        "parameters": outcome.parameters,
        "model_bytes": outcome.model_bytes,
        "milliseconds_per_image": outcome.milliseconds_per_image,
        "peak_memory_mib": outcome.peak_memory_mib,
        "largest_difference": outcome.largest_difference,
        names.TEMPERATURE: outcome.temperature,
    }


def _tags(outcome: Outcome, model_id: str) -> dict[str, str]:
    return {
        **{name: value[: names.TAG_LIMIT] for name, value in outcome.facts.items()},
        names.MODEL_ID: model_id,
        **_trained(outcome),
        names.NOTES: _fitting(outcome.warnings),
        "device": outcome.device,
        "engine": outcome.engine,
    }


def _trained(outcome: Outcome) -> dict[str, str]:
    """Return the tags of what was found or chosen: the whole spec, each parameter by itself."""
    if outcome.trained is None:
        return {}
    best = {f"best.{name}": str(value) for name, value in outcome.trained.params.items()}
    if outcome.spec.search is not None:
        best["best.epochs"] = str(outcome.trained.epochs)
    return {names.TRAINED: json.dumps(outcome.trained.to_json()), **best}


def _fitting(notes: Sequence[str]) -> str:
    """Return notes as JSON that a tag can hold: the last go first, with a word that they did."""
    kept = list(notes)
    text = json.dumps(kept)
    while len(text) > names.TAG_LIMIT:
        kept = [*(each[:500] for each in kept[: len(kept) // 2]), "further notes did not fit"]
        text = json.dumps(kept)
    return text


def _log_files(store: TrackingStore, run_id: str, finished: FinishedRun) -> None:
    """Gather all files in one folder and hand it over in one call."""
    outcome = finished.outcome
    with tempfile.TemporaryDirectory(dir=outcome.folder.parent, prefix="benchmark-files-") as work:
        root = Path(work)
        for name in _FOLDER_FILES:
            if (outcome.folder / name).is_file():
                link_or_copy(outcome.folder / name, root / name)
        spec = json.dumps(outcome.spec.to_json(), indent=2)
        (root / names.SPEC_FILE).write_text(spec, encoding="utf-8")
        for name, figure in finished.figures.items():
            _write_figure(figure, root / "figures" / name)
        for name, text in finished.tables.items():
            path = root / "tables" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        store.client.log_artifacts(run_id, str(root))


def _write_figure(figure: Any, path: Path) -> None:
    path = path if path.suffix else path.with_suffix(".png")
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(figure, bytes):
        path.write_bytes(figure)
    else:
        figure.savefig(path, dpi=110, bbox_inches="tight")  # chosen: sharp at the UI's width
