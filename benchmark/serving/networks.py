"""A registered model's network, loaded by Keras or by OpenVINO: raw pixels to probabilities."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError, kind_and_line

_AT_ONCE = 32  # images


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

    return KerasNetwork(keras.saving.load_model(path, compile=False, safe_mode=True))


class KerasNetwork:
    """A network that Keras computes.

    Its own `predict` sets up a pipeline in each call: an image by itself took 57 ms of a processor
    in place of 1.4 (a cnn at 64 px), to the same bits.
    """

    def __init__(self, network: Any) -> None:
        self._network = network

    def predict(self, pixels: npt.NDArray[np.uint8], **_: Any) -> npt.NDArray[np.float32]:
        """Return (n, k) probabilities of (n, side, side, channels) raw pixels, 32 at a time."""
        starts = range(0, len(pixels), _AT_ONCE)
        batches = (pixels[start : start + _AT_ONCE] for start in starts)
        return np.concatenate(
            [np.asarray(self._network.predict_on_batch(each)) for each in batches]
        )


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
        # One of its own for each call: a server asks from several threads, and the network's own
        # request then raises "Infer Request is busy" (132 of 200 calls, 8 at a time).
        request = self._network.create_infer_request()
        return np.concatenate([request.infer(image[None])[0] for image in pixels])
