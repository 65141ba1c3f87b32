"""Activations at a backbone's cut, computed once: what fine-tuning reads in place of images."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import seconds
from ..records import Progress, Rows, Spec, digest
from ..zoo import Halves, select
from .augmentation import view_maker
from .engines import choose_engine
from .epochs import Batch
from .features import Features, pass_images, probe_images, trunk_identity
from .inputs import Views
from .material import Material

# Raised by hand whenever the same key would hold other numbers.
_ACTIVATIONS = 1

Maps = npt.NDArray[np.float32]
Read = Callable[[int, int], npt.NDArray[np.uint8]]


class AtCut:
    """What the tail of a backbone reads: activations at the cut and features from before it.

    Args:
        activations: (u, h, w, c) memory-mapped.
        features: of all images, `columns` of which come from taps before the cut.
        columns: none where no such tap is used.
        views: features of augmented views of the training images, None for none.
        varied: (count t, h, w, c) activations of the same views in the same order, memory-mapped.
    """

    def __init__(
        self,
        activations: Maps,
        features: Features,
        columns: Rows,
        views: Views | None = None,
        varied: Maps | None = None,
    ) -> None:
        self._own = (activations, features.matrix)
        self._columns = columns
        self._views = views
        self._varied = None if views is None or varied is None else (varied, views.matrix)

    def take(self, rows: Rows) -> Batch:
        """Give the activations of some rows, with their earlier features where there are any."""
        return self._joined(self._read(self._own, rows))

    def drawn(self, rows: Rows, epoch: int) -> Batch:
        """Give the same for training: of the images, or of views of them."""
        found = self._read(self._own, rows)
        if self._views is not None and self._varied is not None:
            chosen = self._views.draw(rows, epoch)
            seen = chosen >= 0
            for own, view in zip(found, self._read(self._varied, chosen[seen]), strict=True):
                own[seen] = view
        return self._joined(found)

    def _read(self, source: tuple[Maps, Maps], rows: Rows) -> list[Maps]:
        activations, matrix = source
        return [np.array(activations[rows]), np.asarray(matrix[rows])[:, self._columns]]

    def _joined(self, found: list[Maps]) -> Batch:
        return found if len(self._columns) else found[0]


def open_at_cut(
    spec: Spec,
    material: Material,
    halves: Halves,
    features: Features,
    views: Views | None,
    progress: Progress,
    engine: str | None = None,
) -> tuple[AtCut, float]:
    """Give what the tail reads, and what computing the activations cost, whenever that was.

    Args:
        spec: names cut, policy, number of views and seed.
        material: images and cache.
        halves: the backbone in two.
        features: of all images, up to the backbone's end.
        views: likewise of the training images' views, None for none.
        progress: told of every batch.
        engine: in place of the spec's engine.
    """
    pixels = material.pixels.array
    passer = _Passer(spec, material, halves.trunk, progress, engine or spec.engine)
    activations, took = passer.opened(
        "activations", lambda start, stop: pixels[start:stop], len(pixels), []
    )
    varied, maker = None, view_maker(spec, material)
    if maker is not None:
        varied, more = passer.opened("varied", maker.read, maker.total, maker.identity)
        took += more
    early = int(halves.tail.inputs[1].shape[-1]) if len(halves.tail.inputs) > 1 else 0
    # Columns run from shallow taps to deep ones: those from before the cut come first.
    columns = select(features.blocks, spec.params)[:early]
    return AtCut(activations, features, columns, views, varied), took


class _Passer:
    """Passes images through a backbone's trunk up to the cut, once."""

    def __init__(
        self, spec: Spec, material: Material, trunk: Any, progress: Progress, wanted: str
    ) -> None:
        self._material = material
        self._trunk = trunk
        self._progress = progress
        self._wanted = wanted
        cut = spec.params.text("cut")
        self._identity = [_ACTIVATIONS, wanted, cut, *trunk_identity(spec, material)]

    def opened(self, name: str, read: Read, count: int, more: list[Any]) -> tuple[Maps, float]:
        """Give (count, h, w, c) activations, memory-mapped, and what they cost."""

        def build(folder: Path) -> None:
            started = seconds()
            self._compute(name, read, count, folder / "activations.npy")
            np.save(folder / "seconds.npy", np.array(seconds() - started))

        key = digest([name, *self._identity, *more])
        path = self._material.cache.entry("activations", key, build)
        flat = np.load(path / "activations.npy", mmap_mode="r")
        shape = self._trunk.outputs[0].shape[1:]
        return flat.reshape(len(flat), *shape), float(np.load(path / "seconds.npy"))

    def _compute(self, name: str, read: Read, count: int, file: Path) -> None:
        import keras

        border = self._trunk.outputs[0]
        flat = keras.Model(self._trunk.inputs, keras.layers.Flatten(dtype="float32")(border))
        images = probe_images(self._material)
        chosen = choose_engine(flat, self._wanted, *images, count, precise=True)
        self._progress.stage(name, total=count, unit="images")
        pass_images(chosen, read, (count, int(flat.output_shape[-1])), file, self._progress)
