"""The images of a run as MLflow dataset inputs: names and digests, no pixels."""

import json
from collections.abc import Sequence
from typing import Any

from ..records import Part, Predictions, Spec, digest

_DIGEST_LIMIT = 36  # characters that MLflow keeps of a dataset's digest
_CONTEXT = {Part.TRAIN: "training", Part.VAL: "validation", Part.TEST: "testing"}


def dataset_name(spec: Spec, part: Part) -> str:
    """Return the name under which a part of a data set is shown."""
    return f"{spec.data}-{part}"


def dataset_digest(spec: Spec, part: Part, predictions: Predictions) -> str:
    """Return a part's digest: of its images for val and test, of the whole split for train.

    A prediction table holds no training images, and the split determines them.
    """
    content: Sequence[str] = sorted(predictions.part(part).hashes) or [spec.split_digest, part]
    return digest([*content])[:_DIGEST_LIMIT]


def dataset_inputs(spec: Spec, predictions: Predictions) -> list[Any]:
    """Return the three parts as MLflow's entities, made without its pandas and NumPy wrappers."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    inputs = []
    for part in Part:
        facts = {
            "data": spec.data,
            "data_digest": spec.data_digest,
            "split_digest": spec.split_digest,
            "part": str(part),
        }
        rows = len(predictions.part(part).hashes)
        dataset = Dataset(
            name=dataset_name(spec, part),
            digest=dataset_digest(spec, part, predictions),
            source_type="code",
            source=json.dumps({"tags": facts}),
            schema=None,
            profile=json.dumps({"num_rows": rows} if rows else {}),
        )
        inputs.append(DatasetInput(dataset, [InputTag("mlflow.data.context", _CONTEXT[part])]))
    return inputs
