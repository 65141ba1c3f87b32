"""What a search's trials answered on validation, kept as text with each trial's facts."""

import base64
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..records import Labels
from .trials import TrialState

_COLUMN = "fact_answers"
_SCORED = (TrialState.COMPLETE, TrialState.PRUNED)
_KINDS = {"u1": np.uint8, "u2": np.uint16}


def write_answers(classes: npt.NDArray[np.integer], count: int) -> str:
    """Return (n,) classes of `count` as a short text: how wide each is, then their bytes."""
    kind = "u1" if count <= 256 else "u2"
    held = np.asarray(classes).astype(np.dtype(_KINDS[kind]).newbyteorder("<"))
    return f"{kind}:{base64.b64encode(held.tobytes()).decode()}"


def read_answers(text: str) -> Labels:
    """Return the (n,) classes that `write_answers` wrote."""
    kind, _, held = text.partition(":")
    dtype = np.dtype(_KINDS[kind]).newbyteorder("<")
    return np.frombuffer(base64.b64decode(held), dtype).astype(np.int64)


def trial_answers(path: Path) -> npt.NDArray[np.int64] | None:
    """Return what the trials of a table answered on validation.

    Args:
        path: the `trials.parquet` of a search.

    Returns:
        (t, n) classes of the t trials that have any, complete and pruned ones by number, in the
        order of the split's validation rows; None where the table has none (scored on folds, or
        older than answers).
    """
    import pyarrow.parquet as pq

    if _COLUMN not in pq.read_schema(path).names:
        return None
    table = pq.read_table(path, columns=["state", _COLUMN]).to_pydict()
    found = [
        read_answers(text)
        for state, text in zip(table["state"], table[_COLUMN], strict=True)
        if text and state in _SCORED
    ]
    return np.stack(found) if found else None
