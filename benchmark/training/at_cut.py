"""Activations at a backbone's cut, computed once: what fine-tuning reads in place of images."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import seconds
from ..records import Progress, Rows, Spec, digest
from ..zoo import Halves, select
from .augmentation import is_fresh, variation, view_maker
from .engines import choose_engine
from .epochs import Batch
from .features import Features, pass_images, probe_images, trunk_identity
from .fresh import Fresh
from .inputs import Views
from .material import Material

# Raised by hand whenever the same key would hold other numbers.
_ACTIVATIONS = 2

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
        fresh: varies images and passes them through the trunk; training then reads nothing else.
    """

    def __init__(
        self,
        activations: Maps,
        features: Features,
        columns: Rows,
        views: Views | None = None,
        varied: Maps | None = None,
        fresh: Fresh | None = None,
    ) -> None:
        self._own = (activations, features.matrix)
        self._columns = columns
        self._views = views
        self._varied = None if views is None or varied is None else (varied, views.matrix)
        self._fresh = fresh

    def take(self, rows: Rows) -> Batch:
        """Return the activations of some rows, with their earlier features where there are any."""
        return self._joined(self._read(self._own, rows))

    def drawn(self, rows: Rows, epoch: int) -> Batch:
        """Return the same for training: of the images, of views of them, or varied afresh."""
        if self._fresh is not None:
            return self._fresh.drawn(rows, epoch)
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
    """Return what the tail reads, and what computing the activations cost, whenever that was.

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
    activations = passer.opened(
        "activations", lambda start, stop: pixels[start:stop], len(pixels), []
    )
    took = activations.seconds
    varied, fresh, maker = None, None, view_maker(spec, material)
    vary = variation(spec, material)
    if is_fresh(spec.params) and vary is not None:
        batch = spec.params.integer("batch")
        fresh = Fresh(halves.trunk, activations.engine, pixels, vary, batch)
    elif maker is not None:
        of_views = passer.opened("varied", maker.read, maker.total, maker.identity)
        varied, took = of_views.maps, took + of_views.seconds
    early = int(halves.tail.inputs[1].shape[-1]) if len(halves.tail.inputs) > 1 else 0
    # Columns run from shallow taps to deep ones: those from before the cut come first.
    columns = select(features.blocks, spec.params)[:early]
    return AtCut(activations.maps, features, columns, views, varied, fresh), took


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Passed:
    """(count, h, w, c) activations, memory-mapped; what they cost; who computed them."""

    maps: Maps
    seconds: float
    engine: str


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

    def opened(self, name: str, read: Read, count: int, more: list[Any]) -> _Passed:
        """Return the activations of some images, computed now or found in the cache."""

        def build(folder: Path) -> None:
            started = seconds()
            engine = self._compute(name, read, count, folder / "activations.npy")
            story = {"seconds": seconds() - started, "engine": engine}
            (folder / "story.json").write_text(json.dumps(story))

        key = digest([name, *self._identity, *more])
        path = self._material.cache.entry("activations", key, build)
        flat = np.load(path / "activations.npy", mmap_mode="r")
        shape = self._trunk.outputs[0].shape[1:]
        story = json.loads((path / "story.json").read_text())
        return _Passed(maps=flat.reshape(len(flat), *shape), **story)

    def _compute(self, name: str, read: Read, count: int, file: Path) -> str:
        """Write the activations into a file, and give who computed them."""
        import keras

        border = self._trunk.outputs[0]
        flat = keras.Model(self._trunk.inputs, keras.layers.Flatten(dtype="float32")(border))
        images = probe_images(self._material)
        chosen = choose_engine(flat, self._wanted, *images, count, precise=True)
        self._progress.stage(name, total=count, unit="images")
        pass_images(chosen, read, (count, int(flat.output_shape[-1])), file, self._progress)
        return chosen.name
