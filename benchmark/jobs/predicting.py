"""The job that classifies image files with a registered model."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..data import (
    PICTURE_SUFFIXES,
)
from ..errors import DataError, UsageError
from ..tracking import Pulled
from .results import writable_file

if TYPE_CHECKING:
    import pandas as pd

_AT_ONCE = 64  # images handed to the model together: a few hundred megabytes at most


def predict_files(model: str, inputs: Sequence[str], csv: str | None) -> int:
    """Classify image files and folders of them with a registered model; a bad file is a row."""
    files = _files(inputs)
    if csv:
        writable_file(Path(csv))
    pulled = Pulled(model)
    table = _classify(pulled, files)
    if csv:
        table.to_csv(csv, index=False)
        bad = int((table["error"] != "").sum())
        print(
            f"{len(table)} images classified into {csv}" + (f", {bad} could not be" if bad else "")
        )
    else:
        sys.stdout.write(table.to_csv(index=False))
    return 0 if (table["error"] == "").any() else 1


def _files(inputs: Sequence[str]) -> list[Path]:
    """Return the named files, and the images of the named folders in sorted order."""
    if not inputs:
        raise UsageError(
            "predict needs an image or a folder: benchmark predict scans/ --csv out.csv"
        )
    files: list[Path] = []
    for name in inputs:
        path = Path(name)
        if path.is_dir():
            found = [
                each
                for each in sorted(path.rglob("*"))
                if each.is_file()
                and each.suffix.lower() in (*PICTURE_SUFFIXES, "")
                and not any(part.startswith(".") for part in each.relative_to(path).parts)
            ]
            if not found:
                raise DataError(f"the folder {name!r} holds no images.")
            files += found
        elif path.exists():
            files.append(path)
        else:
            raise DataError(f"there is no file or folder {name!r}.")
    return files


def _classify(pulled: Pulled, files: Sequence[Path]) -> "pd.DataFrame":
    import pandas as pd

    tables = []
    for start in range(0, len(files), _AT_ONCE):
        chunk = files[start : start + _AT_ONCE]
        stored, faults = zip(*(_stored(path) for path in chunk), strict=True)
        table = pulled.classify(stored)
        table.insert(0, "path", [str(path) for path in chunk])
        table["error"] = [
            fault or error for fault, error in zip(faults, table["error"], strict=True)
        ]
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _stored(path: Path) -> tuple[bytes, str]:
    try:
        return path.read_bytes(), ""
    except OSError as error:
        return b"", f"cannot be read: {error.strerror}"
