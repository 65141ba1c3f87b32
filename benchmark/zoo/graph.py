"""Finding places in a network's graph by name."""

from typing import Any


def tensor_after(network: Any, place: str) -> Any:
    """Give the symbolic output of a place in a functional network.

    Args:
        network: keras.Model.
        place: a layer's name; `end` for the network's last output; `CLASS#N` for the N-th
            operation of a class, from 1, on the way from input to output. The latter is for
            layers and operations to which Keras gives a fresh number whenever one is made
            (`add_17`), so that their names differ from process to process.
    """
    if place == "end":
        return network.outputs[-1]
    kind, _, number = place.partition("#")
    if number:
        alike = [each for each in network.operations if type(each).__name__ == kind]
        return alike[int(number) - 1].output
    return network.get_layer(place).output
