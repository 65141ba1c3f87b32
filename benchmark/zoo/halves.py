"""A backbone cut in two for fine-tuning: a frozen trunk, and a tail that is trained."""

from dataclasses import dataclass
from typing import Any

from ..errors import UsageError
from ..records import Params
from .architecture import Architecture, complete
from .features import Backbone, chosen_blocks, pool_blocks
from .graph import comes_after, tensor_after
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


def cut_layer(architecture: Architecture, name: str) -> str:
    """Return the layer of a cut.

    Raises:
        UsageError: the architecture has no cut of that name.
    """
    layers = {cut.name: cut.layer for cut in architecture.cuts}
    if name not in layers:
        known = ", ".join(layers) or "none: it has no backbone"
        raise UsageError(f"{architecture.name} has no cut named {name!r}. There are: {known}.")
    return layers[name]


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

    border = tensor_after(backbone.network, cut_layer(backbone.architecture, cut))
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
