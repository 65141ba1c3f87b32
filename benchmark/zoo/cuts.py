"""Places in a network's graph by name, and a backbone cut in two for fine-tuning at one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from ..records import Params
from .architecture import Architecture, complete
from .features import Backbone, Block, chosen_blocks, join, pool
from .head import HEAD
from .layers import shrink


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Halves:
    """Two networks that share the backbone's layers.

    Attributes:
        trunk: raw pixels to the (n, height, width, depth) activations at the cut, one for each
            scale that the picture is seen at, and then, where features of taps before the cut are
            wanted too, the (n, width) matrix of these.
        tail: what the trunk gives to the (n, width) features in the order of `select`. Training
            it changes the backbone, so that `assemble(backbone, head, params)` is the trained
            network.
        scales: how many scales there are.
        early: the blocks of features from before the cut, in their order.
    """

    trunk: Any
    tail: Any
    scales: int = 1
    early: tuple[Block, ...] = ()

    @property
    def borders(self) -> list[Any]:
        """The symbolic activations at the cut."""
        return list(self.trunk.outputs[: self.scales])


def split_backbone(backbone: Backbone, cut: str, params: Params) -> Halves:
    """Cut a backbone in two; the tail behind each scale is the same.

    Args:
        backbone: its layers are shared, not copied.
        cut: a cut's name, such as `last-block`.
        params: `feature_depth` and `pooling` choose the features.

    Raises:
        UsageError: the architecture has no such cut.
    """
    import keras

    is_one = backbone.inner is None  # it sees the picture as it is, or shrinks it itself
    one = backbone.network if is_one else backbone.inner
    name = backbone.network.name
    border = tensor_after(one, _cut_layer(backbone.architecture, cut))
    maps = dict(zip(backbone.taps, one.outputs, strict=True))
    behind = [tap for tap, tensor in maps.items() if comes_after(tensor, border)]
    before = [tap for tap in maps if tap not in behind]
    blocks = chosen_blocks(backbone.layout, complete(HEAD, params))
    first = keras.Model(one.inputs[0], [border, *(maps[tap] for tap in before)])
    second = keras.Model(border, [maps[tap] for tap in behind], name=f"{name}_behind_cut")
    pixels = backbone.network.inputs[0]
    borders, shallow, inputs, deep = [], dict[Any, Any](), [], dict[Any, Any]()
    for number, scale in enumerate(backbone.scales, 1):
        at_border, *found = first(pixels if is_one else shrink(pixels, scale))
        borders.append(at_border)
        shallow |= {(scale, tap): each for tap, each in zip(before, found, strict=True)}
        inputs.append(keras.Input(at_border.shape[1:], name=f"at_cut_{number}"))
        deep |= {(scale, tap): each for tap, each in zip(behind, second(inputs[-1]), strict=True)}
    early = tuple(block for block in blocks if block.tap in before)
    given = list(borders)
    if early:
        given.append(join([pool(backbone, each, shallow[each.scale, each.tap]) for each in early]))
        inputs.append(keras.Input(given[-1].shape[1:], name="before_cut"))
    return Halves(
        trunk=keras.Model(pixels, _single(given), name=f"{name}_trunk"),
        tail=keras.Model(
            _single(inputs), _joined(backbone, blocks, deep, inputs[-1]), name=f"{name}_tail"
        ),
        scales=len(borders),
        early=early,
    )


def _joined(
    backbone: Backbone, blocks: Sequence[Block], deep: Mapping[Any, Any], early: Any
) -> Any:
    """Return the features of blocks in their order, those before the cut as they come."""
    parts, start = [], 0
    for block in blocks:
        maps = deep.get((block.scale, block.tap))
        if maps is None:
            stop = start + block.stop - block.start
            parts.append(early[:, start:stop])
            start = stop
        else:
            parts.append(pool(backbone, block, maps))
    return join(parts)


def _single(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


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
            within that share of the network's operations; `<NAME` for what a layer takes.
    """
    if place == "end":
        return network.outputs[-1]
    if place.startswith("<"):
        return network.get_layer(place[1:]).input
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
        for source in sources(waiting.pop()):
            if source is start:
                return True
            if id(source) not in seen:
                seen.add(id(source))
                waiting.append(source)
    return False


def sources(tensor: Any) -> list[Any]:
    """Return the symbolic tensors that one is computed from; none of an input."""
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
