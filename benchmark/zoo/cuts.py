"""Places in a network's graph by name, and a backbone cut in two for fine-tuning at one of them."""

from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from ..records import Params
from .architecture import Architecture, complete
from .features import Backbone, chosen_blocks, pool_blocks
from .head import HEAD


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Halves:
    """Two networks that share the backbone's layers.

    Attributes:
        trunk: raw pixels to the (n, height, width, depth) activations at the cut or, where
            features of taps before the cut are wanted too, a list of the activations and the
            (n, width) matrix of these features.
        tail: what the trunk gives to the (n, width) features in the order of `select`. Training
            it changes the backbone, so that `assemble(backbone, head, params)` is the trained
            network.
    """

    trunk: Any
    tail: Any


def split_backbone(backbone: Backbone, cut: str, params: Params) -> Halves:
    """Cut a backbone in two.

    Args:
        backbone: its layers are shared, not copied.
        cut: a cut's name, such as `last-block`.
        params: `feature_depth` and `pooling` choose the features.

    Raises:
        UsageError: the architecture has no such cut.
    """
    import keras

    border = tensor_after(backbone.network, _cut_layer(backbone.architecture, cut))
    maps = dict(zip(backbone.taps, backbone.network.outputs, strict=True))
    behind = {tap for tap, tensor in maps.items() if comes_after(tensor, border)}
    blocks = chosen_blocks(backbone.layout, complete(HEAD, params))
    shallow = [block for block in blocks if block.tap not in behind]
    deep = [block for block in blocks if block.tap in behind]
    name = backbone.network.name
    pixels = backbone.network.inputs[0]
    tail = keras.Model(border, pool_blocks(backbone, deep), name=f"{name}_tail")
    if not shallow:
        return Halves(trunk=keras.Model(pixels, border, name=f"{name}_trunk"), tail=tail)
    early = pool_blocks(backbone, shallow)
    trunk = keras.Model(pixels, [border, early], name=f"{name}_trunk")
    at_cut = keras.Input(border.shape[1:], name="at_cut")
    before_cut = keras.Input(early.shape[1:], name="before_cut")
    joined = keras.layers.Concatenate(name="features", dtype="float32")([before_cut, tail(at_cut)])
    tail = keras.Model([at_cut, before_cut], joined, name=f"{name}_tail_and_early_features")
    return Halves(trunk=trunk, tail=tail)


def _cut_layer(architecture: Architecture, name: str) -> str:
    layers = {cut.name: cut.layer for cut in architecture.cuts}
    if name not in layers:
        known = ", ".join(layers) or "none: it has no backbone"
        raise UsageError(f"{architecture.name} has no cut named {name!r}. There are: {known}.")
    return layers[name]


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
