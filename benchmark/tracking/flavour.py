"""MLflow's `pyfunc` flavour, imported without the warnings that its own code causes."""

import warnings
from typing import Any


def pyfunc() -> Any:
    """Return the module `mlflow.pyfunc`.

    Importing it warns of a type hint in MLflow's own code (3.17), which is nothing to a person.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        import mlflow.pyfunc
    return mlflow.pyfunc
