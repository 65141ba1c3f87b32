"""Pulling a registered model, as any other program would: through mlflow.pyfunc alone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import StoreError
from .flavour import pyfunc
from .store import open_store, store_exists, store_uri

if TYPE_CHECKING:
    import pandas as pd


class Pulled:
    """A model that was registered, ready to classify.

    Args:
        uri: `models:/NAME@ALIAS`, `models:/NAME/VERSION`, `runs:/…`, or a model's folder.

    Raises:
        StoreError: there is no such model, or it does not load.
    """

    def __init__(self, uri: str) -> None:
        from mlflow.exceptions import MlflowException

        if uri.startswith(("models:", "runs:")):
            if not store_exists():
                raise StoreError(
                    f"the model {uri!r} cannot be pulled: there is no tracking store at "
                    f"{store_uri()}; set MLFLOW_TRACKING_URI to the one that it was registered in."
                )
            open_store(None)  # which also tells MLflow where to look for the model
        try:
            self._model: Any = pyfunc().load_model(uri)
        except (MlflowException, OSError) as error:
            said = str(error).strip().splitlines()[0].rstrip(".")
            raise StoreError(
                f"the model {uri!r} cannot be pulled: {said}. "
                "Registered models are listed by `mlflow ui`, under Models."
            ) from error

    def classify(self, images: Sequence[bytes]) -> "pd.DataFrame":
        """Classify image files by their bytes: one row an image, in order.

        Returns:
            Columns `label`, one probability a class, and `error`, which says why where an image
            cannot be read; its other cells are then empty.
        """
        import pandas as pd

        frame = pd.DataFrame({"image": pd.Series(list(images), dtype=object)})
        answer: pd.DataFrame = self._model.predict(frame, params={"on_error": "row"})
        return answer
