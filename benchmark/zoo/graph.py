"""Finding places in a network's graph by name."""

from typing import Any

from ..errors import UsageError


def tensor_after(network: Any, place: str) -> Any:
    """Return the symbolic output of a place in a functional network.

    Args:
        network: keras.Model.
        place: a layer's name; `end` for the network's last output; `CLASS#N` for the N-th
            operation of a class, from 1, on the way from input to output, which is for layers
            and operations to which Keras gives a fresh number whenever one is made (`add_17`), so
            that their names differ from process to process; `~SHARE` for the last bottleneck
            within that share of the network's operations.
    """
    if place == "end":
        return network.outputs[-1]
    if place.startswith("~"):
        return _bottleneck(network, float(place[1:]))
    kind, _, number = place.partition("#")
    if number:
        alike = [each for each in network.operations if type(each).__name__ == kind]
        return alike[int(number) - 1].output
    return network.get_layer(place).output


def comes_after(tensor: Any, start: Any) -> bool:
    """Whether a symbolic tensor is computed from another, itself not counting."""
    waiting, seen = [tensor], set()
    while waiting:
        for source in _sources(waiting.pop()):
            if source is start:
                return True
            if id(source) not in seen:
                seen.add(id(source))
                waiting.append(source)
    return False


def _sources(tensor: Any) -> list[Any]:
    import keras

    operation = tensor._keras_history.operation  # noqa: SLF001  Keras has no public name for it
    if isinstance(operation, keras.layers.InputLayer):
        return []
    return list(keras.tree.flatten(operation.input))


def _bottleneck(network: Any, share: float) -> Any:
    """Return the last tensor, within a share of the operations, that all that follows hangs on."""
    import keras

    operations = network.operations
    last_use: dict[int, int] = {}
    for place, operation in enumerate(operations):
        if not isinstance(operation, keras.layers.InputLayer):
            for source in keras.tree.flatten(operation.input):
                last_use[id(source)] = place
    found, latest = None, 0
    for place, operation in enumerate(operations[: int(share * len(operations))]):
        # Nothing computed so far is used later on, but for this operation's own output.
        if latest <= place and place > 0:
            found = operation.output
        latest = max(latest, last_use.get(id(operation.output), place))
    if found is None:
        raise UsageError(f"{network.name} has no place where it can be cut for fine-tuning.")
    return found
