"""The temperature as the last layers of a network, so that it goes wherever the network goes.

They read probabilities, not logits: so every network can have them, also a mean of networks.
"""

from typing import Any

from .stock import apply

_FIRST = "temperature_log"


def with_temperature(network: Any, temperature: float) -> Any:
    """Return a network whose probabilities p become p^(1/T), made to sum to 1.

    Args:
        network: raw pixels to (n, k) probabilities.
        temperature: T, above 0; for 1 the network itself is returned.
    """
    import keras
    from keras.src.ops.numpy import Log

    if temperature == 1:
        return network
    logs = apply(Log(), network.outputs[0], _FIRST, dtype="float32")
    scaled = keras.layers.Rescaling(1 / temperature, name="temperature", dtype="float32")(logs)
    said = keras.layers.Softmax(name="temperature_softmax", dtype="float32")(scaled)
    return keras.Model(network.inputs[0], said, name=network.name)


def without_temperature(network: Any) -> Any:
    """Return a network as it was before `with_temperature`; one without is returned itself."""
    import keras

    if all(layer.name != _FIRST for layer in network.layers):
        return network
    return keras.Model(network.inputs[0], network.get_layer(_FIRST).input, name=network.name)
