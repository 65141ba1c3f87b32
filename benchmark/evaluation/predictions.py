"""The prediction table: `Predictions` as a Parquet file that any program can read.

One row an image: `hash`, `path`, `part`, `true_class`, `is_copy`, `unit` (the number of its
sampling unit; absent in older tables), and `p_<class>` for each class.
The classes stand in order in the schema's metadata under `classes`, as JSON.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..records import Part, Predictions

_COLUMNS = ("hash", "path", "part", "true_class", "is_copy")
_SUM_TOLERANCE = 1e-3  # chosen, not sourced: float32 and bfloat16 softmax rows differ by less


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Write a prediction table; probabilities keep every bit.

    Args:
        predictions: any parts of a run's predictions, in any order.
        path: the `.parquet` file to write; its folder must exist.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    classes = predictions.classes
    columns: dict[str, Any] = {
        "hash": pa.array(predictions.hashes, pa.string()),
        "path": pa.array(predictions.paths, pa.string()),
        "part": pa.array([str(part) for part in predictions.parts], pa.string()),
        "true_class": pa.array([classes[label] for label in predictions.labels], pa.string()),
        "is_copy": pa.array(predictions.is_copy, pa.bool_()),
    }
    if predictions.units is not None:
        columns["unit"] = pa.array(predictions.units, pa.int64())
    for position, name in enumerate(classes):
        columns[f"p_{name}"] = pa.array(predictions.probabilities[:, position], pa.float64())
    table = pa.table(columns).replace_schema_metadata({"classes": json.dumps(classes)})
    pq.write_table(table, path, compression="zstd")


def read_predictions(path: Path) -> Predictions:
    """Read a prediction table that `write_predictions` wrote.

    Raises:
        DataError: the file is missing, not Parquet, or does not hold a table of predictions.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path} must be a Parquet table of predictions: {error}") from error
    classes = _classes(table.schema.metadata or {}, path)
    wanted = {*_COLUMNS, *(f"p_{name}" for name in classes)}
    if missing := sorted(wanted - set(table.column_names)):
        raise DataError(f"{path} must have the columns {', '.join(missing)}; they are missing.")
    if empty := sorted(name for name in wanted if table[name].null_count):
        raise DataError(f"{path} must have no empty cells; {', '.join(empty)} has some.")
    try:
        found = _from_table(table, classes)
    except (KeyError, ValueError, TypeError, pa.ArrowException) as error:
        raise DataError(f"{path} holds a value that is no prediction: {error}") from error
    _check(found, path)
    return found


def _classes(metadata: dict[bytes, bytes], path: Path) -> tuple[str, ...]:
    try:
        return tuple(str(name) for name in json.loads(metadata[b"classes"]))
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"{path} must name its classes in the schema's metadata; write it again with"
            " `write_predictions`."
        ) from error


def _from_table(table: Any, classes: tuple[str, ...]) -> Predictions:
    number = {name: position for position, name in enumerate(classes)}
    labels = [number[name] for name in table["true_class"].to_pylist()]
    columns = [table[f"p_{name}"].to_numpy() for name in classes]
    has_units = "unit" in table.column_names
    return Predictions(
        classes=classes,
        hashes=tuple(table["hash"].to_pylist()),
        paths=tuple(table["path"].to_pylist()),
        parts=tuple(Part(name) for name in table["part"].to_pylist()),
        labels=np.array(labels, dtype=np.int64),
        probabilities=np.stack(columns, axis=1).astype(np.float64, casting="safe"),
        is_copy=np.array(table["is_copy"].to_pylist(), dtype=bool),
        units=table["unit"].to_numpy().astype(np.int64, casting="safe") if has_units else None,
    )


def _check(found: Predictions, path: Path) -> None:
    values = found.probabilities
    if not (np.isfinite(values) & (values >= 0) & (values <= 1 + _SUM_TOLERANCE)).all():
        raise DataError(f"{path} must hold probabilities in [0, 1]; some are not.")
    if np.abs(values.sum(axis=1) - 1).max(initial=0) > _SUM_TOLERANCE:
        raise DataError(f"{path} must hold probabilities that sum to 1 in each row; some do not.")
