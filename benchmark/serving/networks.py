"""A registered model's network, loaded by Keras or by OpenVINO: raw pixels to probabilities."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError, kind_and_line


def load_network(path: Path) -> Any:
    """Load `model.keras`, or the light `model.xml`, which needs neither TensorFlow nor Keras.

    Returns:
        What has `predict`, from (n, side, side, channels) raw pixels to (n, k) probabilities.

    Raises:
        DataError: it cannot be loaded.
    """
    is_light = path.suffix == ".xml"
    try:
        return LightNetwork(path) if is_light else _keras_network(path)
    except Exception as error:  # a damaged file, or another's, may raise anything there
        by = "OpenVINO" if is_light else "Keras"
        raise DataError(f"{path} cannot be loaded by {by}: {kind_and_line(error)}.") from error


def _keras_network(path: Path) -> Any:
    import keras

    return keras.saving.load_model(path, compile=False, safe_mode=True)


class LightNetwork:
    """A network that OpenVINO computes, in float32.

    Args:
        path: its `model.xml`; `model.bin` stands beside it.
    """

    def __init__(self, path: Path) -> None:
        import openvino

        core = openvino.Core()
        model = core.read_model(path)
        _, *image = model.input(0).get_partial_shape()
        model.reshape([1, *image])
        # Where a processor has bfloat16 OpenVINO takes it by itself, and is off by 1e-3.
        self._network = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def predict(self, pixels: npt.NDArray[np.uint8], **_: Any) -> npt.NDArray[np.float32]:
        """Return (n, k) probabilities of (n, side, side, channels) raw pixels, one by one.

        All cores share an image, whose figures so depend on nothing but the image.
        """
        return np.concatenate([self._network(image[None])[0] for image in pixels])
