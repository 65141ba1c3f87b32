"""Load a model from the registry as a stranger would, in a process of its own.

Run as a script by its path and told on standard input what to do, so that nothing of the
benchmark is imported: `{"tracking_uri", "model_uri", "images": [base64 text or pixels, ...]}`.
The answer, a list of n rows of k probabilities, is the last line of standard output.
"""

import json
import os
import sys
from typing import Any


def predict(job: dict[str, Any]) -> list[list[float]]:
    """Return the probabilities of the registered model for each image."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import mlflow
    import numpy as np
    import pandas as pd

    mlflow.set_tracking_uri(job["tracking_uri"])
    mlflow.set_registry_uri(job["tracking_uri"])
    model = mlflow.pyfunc.load_model(job["model_uri"])
    images = job["images"]
    table: Any = pd.DataFrame({"image": images})
    if images and isinstance(images[0], list):  # MLflow takes no arrays inside a table
        table = np.empty(len(images), dtype=object)
        for place, image in enumerate(images):
            table[place] = np.array(image, dtype=np.uint8)
    answer = model.predict(table)
    rows: list[list[float]] = answer.drop(columns="label").to_numpy(dtype=float).tolist()
    return rows


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(predict(json.load(sys.stdin))) + "\n")
