from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.errors import DataError
from benchmark.evaluation import read_predictions, write_predictions
from tests.evaluation.made import Make, predictions


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(images=st.integers(0, 30), classes=st.integers(2, 5), seed=st.integers(0, 100))
def test_a_table_reads_back_to_the_last_bit(
    tmp_path: Path, images: int, classes: int, seed: int
) -> None:
    rows = predictions(images=images, classes=classes, seed=seed, copies=0.2)
    write_predictions(rows, tmp_path / "predictions.parquet")
    back = read_predictions(tmp_path / "predictions.parquet")
    assert (back.classes, back.hashes, back.paths) == (rows.classes, rows.hashes, rows.paths)
    assert back.parts == rows.parts
    assert back.labels.tolist() == rows.labels.tolist()
    assert back.probabilities.tobytes() == rows.probabilities.tobytes()
    assert back.is_copy.tolist() == rows.is_copy.tolist()


def test_units_read_back(tmp_path: Path, make: Make) -> None:
    rows = make(per_unit=3)
    write_predictions(rows, tmp_path / "p.parquet")
    back = read_predictions(tmp_path / "p.parquet").units
    assert rows.units is not None
    assert back is not None
    assert back.dtype == np.int64
    assert back.tolist() == rows.units.tolist()


def test_a_table_of_before_there_were_units_has_none(tmp_path: Path, make: Make) -> None:
    write_predictions(make(), tmp_path / "p.parquet")
    assert read_predictions(tmp_path / "p.parquet").units is None


def test_units_that_are_no_whole_numbers_are_said(tmp_path: Path, make: Make) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = tmp_path / "p.parquet"
    write_predictions(make(per_unit=3), file)
    table = pq.read_table(file)
    place = table.column_names.index("unit")
    halves = pa.array([0.5] * len(table))
    pq.write_table(table.set_column(place, "unit", halves), file)
    with pytest.raises(DataError, match="holds a value that is no prediction"):
        read_predictions(file)


def test_any_program_finds_the_columns(tmp_path: Path, make: Make) -> None:
    import pandas as pd

    write_predictions(make(classes=2), tmp_path / "p.parquet")
    frame = pd.read_parquet(tmp_path / "p.parquet")
    columns = ["hash", "path", "part", "true_class", "is_copy", "p_class 0", "p_class 1"]
    assert list(frame.columns) == columns
    assert set(frame["true_class"]) == {"class 0", "class 1"}


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere\.parquet must be a Parquet table"):
        read_predictions(tmp_path / "nowhere.parquet")


def test_a_file_of_something_else_is_said(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_bytes(b"not a table at all")
    with pytest.raises(DataError, match="must be a Parquet table of predictions"):
        read_predictions(tmp_path / "p.parquet")


def test_a_truncated_table_is_said(tmp_path: Path, make: Make) -> None:
    file = tmp_path / "p.parquet"
    write_predictions(make(), file)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match="must be a Parquet table of predictions"):
        read_predictions(file)


def _damage(file: Path, make: Make, column: str, value: object) -> None:
    """Write a table with one column's first value replaced, and its metadata kept."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    write_predictions(make(), file)
    table = pq.read_table(file)
    values = [value, *table[column].to_pylist()[1:]]
    position = table.column_names.index(column)
    pq.write_table(table.set_column(position, column, pa.array(values)), file)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("part", "exam", "no prediction"),
        ("true_class", "class 9", "no prediction"),
        ("hash", None, "no empty cells; hash has some"),
        ("p_class 0", 1.5, r"in \[0, 1\]"),
        ("p_class 0", float("nan"), r"in \[0, 1\]"),
        ("p_class 0", 0.9999, "sum to 1"),
    ],
)
def test_a_wrong_value_is_said(
    tmp_path: Path, make: Make, column: str, value: object, said: str
) -> None:
    _damage(tmp_path / "p.parquet", make, column, value)
    with pytest.raises(DataError, match=said):
        read_predictions(tmp_path / "p.parquet")


def test_a_table_without_its_classes_is_said(tmp_path: Path, make: Make) -> None:
    import pyarrow.parquet as pq

    file = tmp_path / "p.parquet"
    write_predictions(make(), file)
    pq.write_table(pq.read_table(file).replace_schema_metadata({}), file)
    with pytest.raises(DataError, match="must name its classes"):
        read_predictions(file)


def test_a_missing_column_is_named(tmp_path: Path, make: Make) -> None:
    import pyarrow.parquet as pq

    file = tmp_path / "p.parquet"
    write_predictions(make(), file)
    pq.write_table(pq.read_table(file).drop_columns(["p_class 1"]), file)
    with pytest.raises(DataError, match="must have the columns p_class 1"):
        read_predictions(file)


def test_rounded_softmax_rows_are_accepted(tmp_path: Path, make: Make) -> None:
    rows = make()
    rows.probabilities[:] = rows.probabilities.astype(np.float16)
    write_predictions(rows, tmp_path / "p.parquet")
    assert read_predictions(tmp_path / "p.parquet").hashes == rows.hashes
