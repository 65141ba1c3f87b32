"""The feature matrix of a frozen backbone: which columns there are, and which a head uses."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..records import Params, ParamValue, Rows, Tunable
from .architecture import Architecture

_POOLINGS = ("avg", "max")
SHARES = ("0.5", "0.667", "0.75", "1")

SCALES = Tunable(
    name="scales",
    default="1",
    about="shares of the picture's side that the network sees it at, such as 0.5 or 0.5+1",
    choices=tuple(
        "+".join(some) for count in range(1, 5) for some in itertools.combinations(SHARES, count)
    ),
    alternatives=True,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backbone:
    """A backbone that takes raw pixels.

    Attributes:
        architecture: what it was built from.
        network: keras.Model from (n, side, side, channels) raw 0-255 pixels to a list of maps
            (n, height, width, depth), one a tap, for each of the scales in turn.
        taps: the taps' names in the order of the maps, shallow to deep.
        scales: shares of the picture's side that it is seen at.
        inner: the network of one picture of any side that it is seen through at each scale; None
            where `network` itself is that network.
    """

    architecture: Architecture
    network: Any
    taps: tuple[str, ...]
    scales: tuple[float, ...] = (1.0,)
    inner: Any = None

    @property
    def maps(self) -> dict[tuple[float, str], Any]:
        """The symbolic maps by scale and tap."""
        return dict(zip(self.places, self.network.outputs, strict=True))

    @property
    def places(self) -> tuple[tuple[float, str], ...]:
        """The scale and the tap of each map of the network."""
        return tuple((scale, tap) for scale in self.scales for tap in self.taps)

    @property
    def layout(self) -> tuple["Block", ...]:
        """Which columns of the feature matrix hold what."""
        depths = [int(each.shape[-1]) for each in self.network.outputs[: len(self.taps)]]
        return layout(self.taps, depths, self.scales)


def read_scales(params: Params) -> tuple[float, ...]:
    """Return the scales that parameters name, smallest first; 1 alone where they name none."""
    return _shares(params.get(SCALES.name, SCALES.default))


def shares_in(params: Params) -> tuple[float, ...]:
    """Return every share that some alternative of `scales` names, smallest first."""
    named = SCALES.several(params.get(SCALES.name, SCALES.default))
    return tuple(sorted({share for each in named for share in _shares(each)}))


def _shares(words: ParamValue) -> tuple[float, ...]:
    return tuple(sorted(float(word) for word in str(words).split("+")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Columns of the feature matrix, from start up to stop: a tap under a pooling, at a scale."""

    tap: str
    pooling: str
    start: int
    stop: int
    scale: float = 1.0


def layout(
    taps: Sequence[str], depths: Sequence[int], scales: Sequence[float] = (1.0,)
) -> tuple[Block, ...]:
    """Lay out the columns: each tap's averages, then its maxima, taps shallow to deep, by scale."""
    blocks, start = [], 0
    for scale in scales:
        for tap, depth in zip(taps, depths, strict=True):
            for pooling in _POOLINGS:
                stop = start + depth
                blocks.append(Block(tap=tap, pooling=pooling, start=start, stop=stop, scale=scale))
                start = stop
    return tuple(blocks)


def chosen_blocks(blocks: Sequence[Block], params: Params) -> tuple[Block, ...]:
    """Return the blocks that parameters choose, in the matrix's order.

    `feature_depth` and `pooling` choose in every scale; `scales` among them, where it is named.
    """
    end = blocks[-1].tap
    poolings = params.text("pooling").split("+")
    everywhere = params.text("feature_depth") == "multi"
    scales = read_scales(params) if SCALES.name in params else {each.scale for each in blocks}
    return tuple(
        block
        for block in blocks
        if block.scale in scales and block.pooling in poolings and (everywhere or block.tap == end)
    )


def select(blocks: Sequence[Block], params: Params) -> Rows:
    """Return the columns of the feature matrix that parameters choose, as `chosen_blocks`."""
    return columns_of(chosen_blocks(blocks, params))


def columns_of(blocks: Iterable[Block]) -> Rows:
    """Return the columns of the feature matrix that blocks hold, in their order."""
    spans = [np.arange(block.start, block.stop) for block in blocks]
    return np.concatenate([np.zeros(0), *spans]).astype(np.int64)


def build_extractor(backbone: Backbone) -> Any:
    """Build the network from raw pixels to the (n, D) feature matrix of `backbone.layout`."""
    import keras

    features = pool_blocks(backbone, backbone.layout)
    return keras.Model(
        backbone.network.inputs[0], features, name=f"{backbone.network.name}_features"
    )


def pool_blocks(backbone: Backbone, blocks: Sequence[Block]) -> Any:
    """Return the symbolic (n, width) features of blocks, pooled and joined in their order."""
    maps = backbone.maps
    return join([pool(backbone, block, maps[block.scale, block.tap]) for block in blocks])


def pool(backbone: Backbone, block: Block, signal: Any) -> Any:
    """Return the symbolic (n, depth) features of a block from its maps.

    In float32 whatever the policy: a mean over thousands of positions needs the digits.
    """
    import keras

    kinds = {
        "avg": keras.layers.GlobalAveragePooling2D,
        "max": keras.layers.GlobalMaxPooling2D,
    }
    return kinds[block.pooling](name=_name(backbone, block), dtype="float32")(signal)


def join(parts: Sequence[Any]) -> Any:
    """Return symbolic features side by side."""
    import keras

    if len(parts) == 1:
        return parts[0]
    return keras.layers.Concatenate(name="features", dtype="float32")(parts)


def _name(backbone: Backbone, block: Block) -> str:
    name = f"tap{backbone.taps.index(block.tap) + 1}_{block.pooling}"
    scale = backbone.scales.index(block.scale)
    return f"{name}_scale{scale + 1}" if scale else name
