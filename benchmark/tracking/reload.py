"""Load a registered model as a stranger would, in a process of its own.

Run as a script by its path, so that nothing of the benchmark is imported; it imports what takes
seconds, and is then told on standard input what to do: `{"folder", "loader", "images": [base64 text
or pixels, ...]}`. The folder holds the version's files, which were held to their seal. The answer,
`{"classes": k names, "rows": n rows of k probabilities}`, is the last line of standard output.
Modules named as its arguments cannot be imported, as where they are not installed.
"""

import importlib
import json
import os
import sys
import tempfile
from typing import Any

_AT_ONCE = 32  # a call to the model may hold so many pictures of any size


def predict(job: dict[str, Any]) -> dict[str, Any]:
    """Return the probabilities of the registered model for each image."""
    import mlflow.pyfunc

    _import_afresh(f"{job['folder']}/code", job["loader"])
    model = mlflow.pyfunc.load_model(job["folder"])
    images, rows = job["images"], []
    classes: list[str] = []
    for start in range(0, len(images), _AT_ONCE):
        answer = model.predict(_table(images[start : start + _AT_ONCE])).drop(columns="label")
        classes = list(answer.columns)
        rows += answer.to_numpy(dtype=float).tolist()
    return {"classes": classes, "rows": rows}


def _table(images: list[Any]) -> Any:
    import numpy as np
    import pandas as pd

    table: Any = pd.DataFrame({"image": images})
    if isinstance(images[0], list):  # MLflow takes no arrays inside a table
        table = np.empty(len(images), dtype=object)
        for place, image in enumerate(images):
            table[place] = np.array(image, dtype=np.uint8)
    return table


def _import_afresh(code: str, loader: str) -> None:
    """Import the model's code from its sources: its seal holds no `__pycache__`."""
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory(prefix="benchmark-bytecode-") as empty:
        before, sys.pycache_prefix = sys.pycache_prefix, empty
        sys.path.insert(0, code)
        importlib.import_module(loader)
        sys.path.remove(code)
        sys.pycache_prefix = before


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    missing = sys.argv[1:]
    sys.modules.update(dict.fromkeys(missing))  # type: ignore[arg-type]
    for package in ("mlflow.pyfunc", "keras"):
        if package not in missing:
            importlib.import_module(package)
    sys.stdout.write("\n" + json.dumps(predict(json.load(sys.stdin))) + "\n")
