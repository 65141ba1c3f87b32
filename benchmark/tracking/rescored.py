"""Figures of a finished run computed anew, written into the run itself."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from .. import __version__
from ..evaluation import write_predictions
from ..numerics import NUMERICS
from ..records import Predictions, Record
from . import names
from .evidence import as_metrics, log_metrics, tested
from .parents import write_tags
from .store import Store


def write_scores(
    store: Store, record: Record, predictions: Predictions, scores: Mapping[str, float]
) -> int:
    """Write figures into a run where they are new or others, with a tag; return how many.

    MLflow keeps what was logged before in the metric's history, and shows what was logged last at
    the greatest step: both stand at step 0. Figures that are as they were are not logged again, so
    that their history stays one point, which MLflow draws as a bar.
    """
    changed = {
        name: value for name, value in scores.items() if record.scores.get(name) != float(value)
    }
    metrics = as_metrics(record.run_id, record.model_id, record.spec, predictions, changed)
    log_metrics(store, record.run_id, metrics)
    rescored = f"evaluation {NUMERICS['evaluation']}, version {__version__}"
    write_tags(store, record.run_id, {names.RESCORED: rescored, **tested(predictions)})
    return len(changed)


def replace_table(store: Store, record: Record, predictions: Predictions, name: str) -> None:
    """Put a prediction table in the place of the one that a run has."""
    with tempfile.TemporaryDirectory(prefix="benchmark-table-") as folder:
        path = Path(folder) / name
        write_predictions(predictions, path)
        store.client.log_artifact(record.run_id, str(path))
