"""Where in a picture a network's answer comes from: Grad-CAM, on a network as it is saved.

R. R. Selvaraju et al., Grad-CAM: Visual explanations from deep networks via gradient-based
localization, ICCV, 2017, doi:10.1109/ICCV.2017.74. The maps are those at which a network leaves the
picture's plane, where its head pools or flattens them: an architecture's taps, at every scale that
the picture is seen at. A head may read several, so their weighted sums are added up; for averaged
maps under a linear head the total is the class's logit, place by place.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..errors import StoreError, UsageError, kind_and_line
from .cuts import sources

Heat = npt.NDArray[np.float32]

_MEMBER = re.compile(r"member_(\d+)")
_BATCH = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Portion:
    """A single network, or a composite's member, cut where it leaves the picture's plane.

    Attributes:
        plane: keras.Model from (n, side, side, channels) pixels to a list of maps.
        head: keras.Model from the maps to the (n, k) logits.
        share: its share of the answer, among the members of a composite.
    """

    plane: Any
    head: Any
    share: float = 1.0


class Explained:
    """A network that can say where in a picture its answer comes from.

    Args:
        network: raw 0-255 pixels to probabilities: of the zoo, or a composite of such, whose
            heat is the mean of its members'. Layers behind the probabilities change nothing.

    Attributes:
        portions: the single networks in it that have maps.
        silent: how many of its members have none, and so no say in the heat.

    Raises:
        UsageError: nothing learned in it keeps the picture's plane, or the backend is another than
            TensorFlow.
    """

    def __init__(self, network: Any) -> None:
        import keras

        if keras.backend.backend() != "tensorflow":
            raise UsageError(
                "Grad-CAM takes gradients by TensorFlow, and KERAS_BACKEND is "
                f"{keras.backend.backend()}; set it to tensorflow, or leave --explain out."
            )
        self._side = int(network.inputs[0].shape[1])
        found = list(_members(network, 1.0))
        self.portions = tuple(each for each in found if each is not None)
        self.silent = len(found) - len(self.portions)
        if not self.portions:
            raise UsageError(
                f"{network.name} has no map of a picture: before its layer logits nothing that it "
                "learned keeps the picture's plane, as in mlp, which mixes all pixels at once, and "
                "prior, which looks at none; leave --explain out."
            )

    @classmethod
    def open(cls, path: Path) -> "Explained":
        """Load a saved network, `model.keras`.

        Raises:
            StoreError: Keras does not load it.
            UsageError: as when made.
        """
        import keras

        try:
            network = keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as error:  # a damaged file may raise anything there
            raise StoreError(
                f"{path} cannot be loaded by Keras: {kind_and_line(error)}."
            ) from error
        return cls(network)

    def heat(self, pixels: npt.NDArray[np.uint8], classes: Sequence[int]) -> Heat:
        """Return what speaks for a class, place by place.

        Args:
            pixels: (n, side, side, channels) raw pixels.
            classes: the place of a class, for each picture.

        Returns:
            (n, side, side) from 0 to 1, the strongest place of each picture being 1; all 0 where
            nothing speaks for its class.
        """
        total = np.zeros((len(pixels), self._side, self._side), np.float32)
        for portion in self.portions:
            total += portion.share * _strongest_is_one(self._raw(portion, pixels, classes))
        return _strongest_is_one(total)

    def _raw(self, portion: Portion, pixels: Any, classes: Sequence[int]) -> Heat:
        found = portion.plane.predict(pixels, batch_size=_BATCH, verbose=0)
        maps = [np.asarray(each, np.float32) for each in _listed(found)]
        total = np.zeros((len(pixels), self._side, self._side), np.float32)
        for each, slopes in zip(maps, _slopes(portion.head, maps, classes), strict=True):
            # The mean slope times the number of places: what a map adds, where it stands, does not
            # hang on how coarse it is, so that maps of several depths can be added up.
            weights = slopes.sum((1, 2))
            total += _enlarged(np.einsum("nhwc,nc->nhw", each, weights), self._side)
        return np.maximum(total, 0)


def _members(network: Any, share: float) -> Iterator[Portion | None]:
    """Yield the single networks of a composite, of whatever depth, with their shares; or itself."""
    layers = {layer.name: layer for layer in network.layers}
    members = [found for name in layers if (found := _MEMBER.fullmatch(name))]
    if not members:
        yield _split(network, share)
    for member in members:
        scaled = layers.get(f"share_{member[1]}")
        own = scaled.scale if scaled else 1 / len(members)
        yield from _members(layers[member[0]], share * own)


def _split(network: Any, share: float) -> Portion | None:
    """Cut a network where it leaves the plane; None where nothing that it learned keeps it."""
    import keras

    if all(layer.name != "logits" for layer in network.layers):
        return None
    logits = network.get_layer("logits").output
    borders = _borders(logits)
    inner = borders[0]._keras_history.operation if borders else None  # noqa: SLF001  none is public
    if isinstance(inner, keras.Model) and len(borders[0].shape) == 2:
        # A chained network: its first network stands inside, whole.
        first = _split(inner, share)
        if first is None:
            return None
        behind = keras.Model(borders[0], logits)
        head = keras.Model(first.head.inputs, behind(first.head.outputs[0]))
        return Portion(plane=first.plane, head=head, share=share)
    plane = keras.Model(network.inputs[0], borders)
    if not any(_has_learned(layer) for layer in plane.layers):
        return None
    return Portion(plane=plane, head=keras.Model(borders, logits), share=share)


def _borders(logits: Any) -> list[Any]:
    """Return the last tensors in the plane, or those of a network inside that leaves it itself."""
    import keras

    found: dict[int, Any] = {}
    waiting = [logits]
    while waiting:
        tensor = waiting.pop()
        inside = tensor._keras_history.operation  # noqa: SLF001  Keras has no public name for it
        is_inside = isinstance(inside, keras.Model) and tensor is not logits
        if len(tensor.shape) == 4 or is_inside:
            found[id(tensor)] = tensor
        else:
            waiting.extend(sources(tensor))
    return list(found.values())


def _has_learned(layer: Any) -> bool:
    import keras

    return bool(layer.weights) and not isinstance(layer, keras.layers.Normalization)


def _slopes(head: Any, maps: Sequence[Heat], classes: Sequence[int]) -> list[Heat]:
    """Return the gradient of each picture's own logit with respect to each map."""
    import tensorflow as tf

    signals = [tf.convert_to_tensor(each) for each in maps]
    with tf.GradientTape() as tape:
        tape.watch(signals)
        logits = head(signals if len(signals) > 1 else signals[0], training=False)
        wanted = tf.gather(tf.cast(logits, tf.float32), list(classes), axis=1, batch_dims=1)
    return [np.asarray(each, np.float32) for each in tape.gradient(wanted, signals)]


def _listed(found: Any) -> list[Any]:
    return list(found) if isinstance(found, list | tuple) else [found]


def _enlarged(maps: Heat, side: int) -> Heat:
    """Resample (n, h, w) maps to (n, side, side), bilinearly."""
    return np.stack(
        [
            np.asarray(Image.fromarray(each).resize((side, side), Image.Resampling.BILINEAR))
            for each in maps.astype(np.float32)
        ]
    )


def _strongest_is_one(heat: Heat) -> Heat:
    """Scale each picture's heat by its strongest place; one that is 0 stays so."""
    most = heat.max((1, 2), keepdims=True)
    return np.asarray(heat / np.where(most > 0, most, 1), np.float32)
