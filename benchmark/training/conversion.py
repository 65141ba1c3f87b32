"""A saved network as OpenVINO keeps it, for where there is neither TensorFlow nor Keras."""

from pathlib import Path

from ..errors import UsageError
from .engines import convert, keras_engine, load_openvino


def write_openvino(network: Path, into: Path) -> None:
    """Write a saved Keras network as OpenVINO keeps it, its weights in float32.

    Args:
        network: the `model.keras` file.
        into: the folder for `model.xml` and `model.bin`; the model takes uint8 pixels.

    Raises:
        UsageError: OpenVINO is not installed, or Keras computes by something else than TensorFlow.
    """
    import keras

    reference = keras_engine(keras.saving.load_model(network, compile=False, safe_mode=True))
    if reference.graph is None:
        raise UsageError(
            f"a light model is made by Keras on TensorFlow, not on {reference.name}; unset "
            "KERAS_BACKEND and run this again."
        )
    try:
        openvino = load_openvino()
    except ImportError as error:
        raise UsageError(
            f"a light model needs OpenVINO: pip install openvino ({error})."
        ) from error
    openvino.save_model(convert(reference), into / "model.xml", compress_to_fp16=False)
