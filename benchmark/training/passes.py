"""Every image goes once through a frozen network; what it gives stays on disk, memory-mapped.

There are three such passes: of all images to the backbone's features, of augmented views of the
training images to theirs, and of either to the activations at the cut that fine-tuning begins at.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from ..environment import release_memory, seconds
from ..files import allocate
from ..records import Progress, Spec, digest
from ..zoo import Backbone, Block, Halves, build_extractor, columns_of, shares_in
from .engines import FeatureEngine, filled
from .halving import halving, noting
from .inputs import AtCut, Fresh, Views, flatten_outputs, shapes_of
from .kept_features import (
    EXTRACTOR,
    Features,
    joined,
    key_at,
    read_kept,
    remember,
    trunk_identity,
)
from .material import Material
from .passed_images import Source, Stored, ViewMaker, variation
from .probing import choose_engine
from .tunables import is_fresh

_ACTIVATIONS = 2  # raised by hand whenever the same key would hold other numbers

SeenAt = Callable[[tuple[float, ...]], Backbone]


class Passes:
    """The passes of a spec's images through its frozen backbone, each done once.

    Args:
        spec: names backbone, weights, engine and, for views and activations, policy and cut.
        material: images, classes, cache.
        progress: told of every batch.
        engine: in place of the spec's engine.
    """

    def __init__(
        self, spec: Spec, material: Material, progress: Progress, engine: str | None = None
    ) -> None:
        self._spec = spec
        self._material = material
        self._progress = progress
        self._engine = engine or spec.engine
        self._plain = Stored(material.pixels.array)
        self._taken = ""  # the name of the engine of an earlier pass through this backbone

    def features(self, seen_at: SeenAt) -> Features:
        """Return features of all images at every share of the side that the spec names.

        Args:
            seen_at: gives the backbone that sees pictures at some shares of their side; called
                only where no cache has its features.
        """
        found = self._at_shares("features", "features", self._plain, seen_at)
        if self._spec.weights != "none":
            remember(self._material, found[-1].key)
        return joined(self._material.cache, "features", found)

    def views(self, policy: str, seen_at: SeenAt) -> tuple[Views, Features]:
        """Return views of the training images by a policy, and their features as they are kept.

        They are the same for a backbone, a policy, a number of views and a training part.
        """
        maker = ViewMaker(self._spec, self._material, policy)
        found = self._at_shares("views", "views", maker, seen_at)
        whole = joined(self._material.cache, "views", found)
        return maker.opened(whole.matrix), whole

    def _at_shares(self, kind: str, stage: str, images: Source, seen_at: SeenAt) -> list[Features]:
        """Pass images at each share of their side; no share is passed twice.

        The engine that one share takes is the one that the next ones try.
        """

        def at(share: float) -> Features:
            identity = [kind, EXTRACTOR, self._engine, *images.identity]
            found = self._opened(
                kind,
                stage,
                key_at(identity, self._spec, self._material, share),
                images,
                network=lambda: build_extractor(seen_at((share,))),
                layout=lambda: seen_at((share,)).layout,
            )
            self._taken = found.engine
            return found

        return [at(share) for share in shares_in(self._spec.params)]

    def at_cut(
        self, halves: Halves, features: Features, views: Views | None
    ) -> tuple[AtCut, float]:
        """Return what the tail reads, and what computing the activations cost, whenever that was.

        Features are those of the whole backbone, of all images and of views where there are any.
        """
        spec = self._spec
        own = self._activations("activations", self._plain, halves)
        took, varied, fresh = own.seconds, None, None
        vary = variation(spec, self._material)
        if is_fresh(spec.params) and vary is not None:
            pixels, batch = self._material.pixels.array, spec.params.integer("batch")
            fresh = Fresh(halves, own.engine, pixels, vary, batch)
        elif views is not None:
            maker = ViewMaker(spec, self._material, spec.params.text("augmentation"))
            of_views = self._activations("varied", maker, halves)
            varied, took = of_views.matrix, took + of_views.seconds
        early = {(each.scale, each.tap, each.pooling) for each in halves.early}
        columns = columns_of(
            block for block in features.blocks if (block.scale, block.tap, block.pooling) in early
        )
        read = (shapes_of(halves), own.matrix, features.matrix, columns)
        return AtCut(*read, views, varied, fresh), took

    def _activations(self, stage: str, images: Source, halves: Halves) -> Features:
        cut = self._spec.params.text("cut")
        identity = [stage, _ACTIVATIONS, self._engine, cut]
        for share in shares_in(self._spec.params):
            identity += trunk_identity(self._spec, self._material, share)
        identity += images.identity
        return self._opened(
            "activations",
            stage,
            digest(identity),
            images,
            network=lambda: flatten_outputs(halves.trunk, halves.borders),
        )

    def _opened(
        self,
        kind: str,
        stage: str,
        key: str,
        images: Source,
        network: Callable[[], Any],
        layout: Callable[[], Iterable[Block]] = tuple,
    ) -> Features:
        """Return what a network gives of images, a row each, computed only where no cache has it.

        What builds the network, and what says which blocks its columns are, is called only then.
        """

        def build(folder: Path) -> None:
            began = seconds()
            built = network()
            self._progress.stage(stage, total=images.count, unit="images")
            with noting() as notes:
                engine = choose_engine(
                    built,
                    self._engine,
                    *self._material.probe_images(),
                    images.count,
                    precise=kind == "activations",
                    known=self._taken,
                )
                width = int(built.output_shape[-1])
                pass_images(engine, images, width, folder / f"{kind}.npy", self._progress)
            facts = {
                "seconds": seconds() - began,
                "engine": engine.name,
                "probe": engine.facts,
                "blocks": [asdict(each) for each in layout()],
                "notes": notes,
            }
            (folder / "facts.json").write_text(json.dumps(facts))
            del engine, built  # a converted network of its own
            release_memory()

        return read_kept(self._material.cache.entry(kind, key, build), kind)


def open_features(
    spec: Spec,
    material: Material,
    seen_at: SeenAt,
    progress: Progress,
    engine: str | None = None,
) -> Features:
    """Return the features of a spec's backbone: those of `Passes`, by the same arguments."""
    return Passes(spec, material, progress, engine).features(seen_at)


def pass_images(
    engine: FeatureEngine, images: Source, width: int, file: Path, progress: Progress
) -> None:
    """Pass images through an engine into a memory-mapped `.npy` file, a batch at a time."""
    matrix = np.lib.format.open_memmap(file, "w+", np.float32, (images.count, width))
    allocate(file)

    def compute(some: slice, size: int) -> None:
        batch = filled(images.read(some.start, some.stop), size)
        matrix[some] = engine.run(batch)[: some.stop - some.start]
        progress.advance(some.stop - some.start)

    halving(file.stem, images.count, engine.batch, compute)
    matrix.flush()
