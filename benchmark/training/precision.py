"""In which number format a network is trained, and whether XLA compiles it.

Weights are float32 whatever the format: only what layers compute is shortened, and never the
logits, the softmax and a head's standardising. Once trained, a network computes in float32 again,
so that what is saved, scored and served needs no GPU and is one and the same.
"""

from dataclasses import dataclass
from typing import Any

from ..records import Spec

# The device's own choice, and Keras's mixed-precision policy of each format by name.
AUTO = "auto"
POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}

# A whole head stays float32: its cost is nothing, and the digits of standardised features count.
_EXACT_NAMES = ("head", "logits", "probabilities", "features")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What computes.

    Attributes:
        gpu: whether it is a GPU.
        capability: an NVIDIA GPU's compute capability, (0, 0) where it is not told.
    """

    gpu: bool = False
    capability: tuple[int, int] = (0, 0)


def this_device() -> Device:
    """Return the device that Keras computes on: TensorFlow's first GPU, otherwise the processor.

    On other backends `auto` means float32, for the device is not asked there.
    """
    import keras

    if keras.config.backend() != "tensorflow":
        return Device()
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    if not found:
        return Device()
    told = tf.config.experimental.get_device_details(found[0])
    return Device(gpu=True, capability=told.get("compute_capability", (0, 0)))


def format_of(spec: Spec) -> str:
    """Return the format that a spec's network is trained in on this machine."""
    return number_format(spec.params.text("precision"), this_device())


def number_format(wanted: str, device: Device) -> str:
    """Return the format to train in, a key of `POLICIES`.

    `auto` is float32 on a processor; on a GPU bfloat16 where it has it (Ampere, compute capability
    8.0, and later), float16 where it has units for that (Volta, 7.0) and float32 on older ones,
    which float16 makes no quicker (NVIDIA, Training with Mixed Precision, 2023).
    """
    if wanted != AUTO:
        return wanted
    if not device.gpu or device.capability < (7, 0):
        return "float32"
    return "bfloat16" if device.capability >= (8, 0) else "float16"


def compiles_by_xla(backend: str) -> bool:
    """Say whether a Keras backend's training steps go through XLA.

    JAX's do: uncompiled it goes operation by operation. TensorFlow's do not. On a processor a
    step of the convolutional network at 224 px took 457 ms with XLA and 177 ms without (two
    cores, batch 32), after 3.6 s of compiling in place of 1.0 s: its convolutions are not
    oneDNN's. On a GPU a long training might win the compiling back, but Keras refuses XLA where
    operations are made deterministic, as they are here.
    """
    return backend == "jax"


def compute_in(network: Any, number_format: str) -> None:
    """Let a network's layers compute in a format, up to the logits; its weights stay float32.

    Functions of the network that were traced before keep their format: they must be made anew.
    """
    import keras

    exact = (
        keras.layers.InputLayer,
        keras.layers.Normalization,
        keras.layers.GlobalAveragePooling2D,
        keras.layers.GlobalMaxPooling2D,
    )
    for layer in network.layers:
        if layer.name in _EXACT_NAMES or isinstance(layer, exact):
            continue
        if isinstance(layer, keras.Model):
            compute_in(layer, number_format)
        else:
            layer.dtype_policy = POLICIES[number_format]
