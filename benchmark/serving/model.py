"""The registered model: image files or pixels in, a label and one probability a class out.

This module and what it imports travel with the network under a package name of their own, so
that a program which pulls the model needs nothing of the benchmark. Hence relative imports only,
and of the decoding module itself rather than of a room's front door.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DataError, ImageError, UsageError
from ..records import Probabilities
from .card import Card, verify_network
from .images import pixels_of, rows_of

if TYPE_CHECKING:
    import pandas as pd

LABEL = "label"
ERROR = "error"
ON_ERROR = ("raise", "row")
_CHUNK = 256  # images decoded at a time, so that memory does not grow with the call


class ScanClassifier:
    """A loaded model: its card and its network."""

    def __init__(self, card: Card, network: Any) -> None:
        self.card = card
        self._network = network

    @classmethod
    def open(cls, folder: Path) -> "ScanClassifier":
        """Load the model in a folder, `model.keras` and `model.json`.

        Raises:
            DataError: a file is missing or the network is not the one that was saved.
        """
        card = Card.read(folder)
        path = verify_network(folder, card)
        import keras  # ten seconds, not spent on a broken file

        return cls(card, keras.saving.load_model(path, compile=False, safe_mode=True))

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> "pd.DataFrame":
        """Classify images.

        Args:
            model_input: a table with a column `image` of base64 texts or bytes, or pixels:
                (n, h, w, 3) or (n, h, w), from 0 to 255.
            params: `on_error`: `raise` (the default) refuses the call for one bad image; `row`
                gives that row no label, NaN probabilities and its reason in a column `error`,
                which is empty for the others.

        Returns:
            One row an image in the order given: `label`, then one probability a class.

        Raises:
            DataError: the input is no table and no array, or an image cannot be read.
            UsageError: `on_error` is neither of the two.
        """
        import pandas as pd

        on_error = str((params or {}).get("on_error", "raise"))
        if on_error not in ON_ERROR:
            raise UsageError(f"on_error must be one of {', '.join(ON_ERROR)}, not {on_error!r}.")
        rows = rows_of(model_input)
        probabilities, errors = self.classify(rows, stop_at_error=on_error == "raise")
        labels = [
            None if error else self.card.classes[int(row.argmax())]
            for row, error in zip(probabilities, errors, strict=True)
        ]
        columns = {name: probabilities[:, place] for place, name in enumerate(self.card.classes)}
        table = pd.DataFrame({LABEL: pd.Series(labels, dtype=object), **columns})
        if on_error == "row":
            table[ERROR] = pd.Series(errors, dtype=object)
        return table

    def classify(
        self, rows: Sequence[Any], *, stop_at_error: bool
    ) -> tuple[Probabilities, list[str]]:
        """Return (n, k) probabilities, NaN where an image cannot be read, and n errors or ''."""
        probabilities = np.full((len(rows), len(self.card.classes)), np.nan)
        errors = [""] * len(rows)
        for places, pixels in self._decoded(rows, errors, stop_at_error=stop_at_error):
            probabilities[places] = self._network.predict(pixels, batch_size=32, verbose=0)
        return probabilities, errors

    def _decoded(
        self, rows: Sequence[Any], errors: list[str], *, stop_at_error: bool
    ) -> Iterator[tuple[list[int], Any]]:
        """Return readable images in chunks: their rows, and (m, side, side, channels) pixels."""
        for start in range(0, len(rows), _CHUNK):
            places, pixels = [], []
            for place in range(start, min(start + _CHUNK, len(rows))):
                try:
                    pixels.append(pixels_of(rows[place], self.card.picture))
                    places.append(place)
                except ImageError as error:
                    if stop_at_error:
                        raise DataError(f"row {place}: {error}") from error
                    errors[place] = str(error)
            if places:
                yield places, np.stack(pixels)


def _load_pyfunc(path: str) -> ScanClassifier:
    """Load the model for `mlflow.pyfunc.load_model`, which looks for this name."""
    return ScanClassifier.open(Path(path))
