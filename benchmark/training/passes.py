"""Every image goes once through a frozen network; what it gives stays on disk, memory-mapped.

There are three such passes: of all images to the backbone's features, of augmented views of the
training images to theirs, and of either to the activations at the cut that fine-tuning begins at.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..cache import Cache
from ..data import Pixels
from ..data.augmentation import augment, read_policy
from ..environment import release_memory, seconds
from ..files import allocate
from ..numerics import NUMERICS
from ..records import Progress, Spec, digest
from ..seeds import derive
from ..zoo import Backbone, Block, Halves, build_extractor, read_scales, select
from .engines import FeatureEngine, Images, Matrix, filled
from .halving import halving, note, noting
from .inputs import AtCut, Fresh, Vary, Views, flatten_outputs
from .material import Material
from .probing import choose_engine
from .tunables import is_fresh, views_of

# Raised by hand whenever the same key would hold other numbers.
_EXTRACTOR = 2
_ACTIVATIONS = 2
_FIRST_OF = "pretrained-features"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """What a frozen network gives of images, such as every distinct image of a pixel store.

    Attributes:
        matrix: (n, D) float32, memory-mapped, a row an image.
        blocks: which of the D columns hold which tap under which pooling; none for activations.
        seconds: what computing them took, whenever that was.
        engine: who computed them.
        facts: the probe's figures.
    """

    matrix: Matrix
    blocks: tuple[Block, ...]
    seconds: float
    engine: str
    facts: dict[str, str] = field(default_factory=dict)


class Source(Protocol):
    """Images to be passed.

    Attributes:
        count: how many there are.
        identity: what they depend on beside the pixels and the network that sees them.
    """

    count: int
    identity: list[Any]

    def read(self, start: int, stop: int) -> Images:
        """Return the images from a start to a stop."""
        ...


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

    def features(self, backbone: Callable[[], Backbone]) -> Features:
        """Return the backbone's features of all images; it is built only when needed."""
        key = _features_key(self._spec, self._material, self._engine)
        found = self._opened(
            "features",
            "features",
            key,
            self._plain,
            network=lambda: build_extractor(backbone()),
            layout=lambda: backbone().layout,
        )
        if self._spec.weights != "none":
            remember(self._material, key)
        return found

    def views(self, backbone: Callable[[], Backbone]) -> tuple[Views | None, float]:
        """Return the features of augmented views of the training images, and what they cost.

        They are the same for a backbone, a policy, a number of views and a training part; none
        where the spec asks for no augmentation.
        """
        if not views_of(self._spec.params):
            return None, 0.0
        maker = _ViewMaker(self._spec, self._material)
        trunk = _trunk_identity(self._spec, self._material)
        key = digest(["views", _EXTRACTOR, self._engine, *maker.identity, *trunk])
        found = self._opened("views", "views", key, maker, lambda: build_extractor(backbone()))
        return maker.opened(found.matrix), found.seconds

    def at_cut(
        self, halves: Halves, features: Features, views: Views | None
    ) -> tuple[AtCut, float]:
        """Return what the tail reads, and what computing the activations cost, whenever that was.

        Features are those of the whole backbone, of all images and of views where there are any.
        """
        spec, shape = self._spec, halves.trunk.outputs[0].shape[1:]
        own = self._activations("activations", self._plain, halves.trunk)
        took, varied, fresh = own.seconds, None, None
        vary = variation(spec, self._material)
        if is_fresh(spec.params) and vary is not None:
            pixels, batch = self._material.pixels.array, spec.params.integer("batch")
            fresh = Fresh(halves.trunk, own.engine, pixels, vary, batch)
        elif views is not None:
            of_views = self._activations("varied", _ViewMaker(spec, self._material), halves.trunk)
            varied, took = of_views.matrix.reshape(-1, *shape), took + of_views.seconds
        early = int(halves.tail.inputs[1].shape[-1]) if len(halves.tail.inputs) > 1 else 0
        # Columns run from shallow taps to deep ones: those from before the cut come first.
        columns = select(features.blocks, spec.params)[:early]
        maps = own.matrix.reshape(-1, *shape)
        return AtCut(maps, features.matrix, columns, views, varied, fresh), took

    def _activations(self, stage: str, images: Source, trunk: Any) -> Features:
        cut = self._spec.params.text("cut")
        identity = [stage, _ACTIVATIONS, self._engine, cut]
        identity += [*_trunk_identity(self._spec, self._material), *images.identity]
        return self._opened(
            "activations",
            stage,
            digest(identity),
            images,
            network=lambda: flatten_outputs(trunk, trunk.outputs[:1]),
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

        return _read(self._material.cache.entry(kind, key, build), kind)


class Stored:
    """Images of a pixel store as they are: a `Source`."""

    def __init__(self, array: Images) -> None:
        self._array = array
        self.count = len(array)
        self.identity: list[Any] = []

    def read(self, start: int, stop: int) -> Images:
        """Return the images from a start to a stop."""
        return self._array[start:stop]


def open_features(
    spec: Spec,
    material: Material,
    backbone: Callable[[], Backbone],
    progress: Progress,
    engine: str | None = None,
) -> Features:
    """Return the features of a spec's backbone: those of `Passes`, by the same arguments."""
    return Passes(spec, material, progress, engine).features(backbone)


def _read(path: Path, kind: str) -> Features:
    """Open what a pass left in a cache entry's folder."""
    facts = _read_facts(path)
    for each in facts.get("notes", ()):  # whoever uses what a pass gave is told how it was made
        note(each)
    return Features(
        matrix=np.load(path / f"{kind}.npy", mmap_mode="r"),
        blocks=tuple(Block(**block) for block in facts.get("blocks", ())),
        seconds=facts["seconds"],
        engine=facts.get("engine", ""),
        facts=facts.get("probe", {}),
    )


def _read_facts(path: Path) -> dict[str, Any]:
    """Read what is known of a pass; views and activations used to have files of their own."""
    if (path / "seconds.npy").exists():
        return {"seconds": float(np.load(path / "seconds.npy"))}
    kept = path / "facts.json"
    facts: dict[str, Any] = json.loads((kept if kept.exists() else path / "story.json").read_text())
    return facts


def remember(material: Material, key: str) -> None:
    """Note which features of a pretrained network there are of these pixels: the first."""

    def write(folder: Path) -> None:
        (folder / "key").write_text(key)

    material.cache.entry(_FIRST_OF, material.pixels.digest, write)


def pretrained_features(cache: Cache, pixels: Pixels) -> Matrix | None:
    """Return (u, D) features of u pixels by some pretrained network; None where none are kept."""
    noted = cache.find(_FIRST_OF, pixels.digest)
    found = noted and cache.find("features", (noted / "key").read_text())
    return _read(found, "features").matrix if found else None


def kept_features(spec: Spec, material: Material) -> Features | None:
    """Return the features of a spec's backbone if the cache has them."""
    path = material.cache.find("features", _features_key(spec, material, spec.engine))
    return _read(path, "features") if path else None


def _features_key(spec: Spec, material: Material, engine: str) -> str:
    return digest(["features", _EXTRACTOR, engine, *_trunk_identity(spec, material)])


def _trunk_identity(spec: Spec, material: Material) -> list[Any]:
    """List what a spec's frozen backbone and its images depend on."""
    import keras

    identity: list[Any] = [material.pixels.digest, spec.arch, spec.weights, keras.config.backend()]
    identity.append(NUMERICS["zoo"])
    if spec.weights == "none":
        sample = [material.hashes[row] for row in material.calibration_rows]
        identity += [spec.seed, sample]
    scales = read_scales(spec.params)
    return [*identity, "scales", *scales] if len(scales) > 1 else identity


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


def variation(spec: Spec, material: Material) -> Vary | None:
    """Return what varies a batch of training images afresh every epoch, None for nothing."""
    policy = read_policy(spec.params.text("augmentation"))
    if not policy.in_use:
        return None
    hashes = material.pixels.hashes
    seed = derive(spec.seed, "augmentation")
    return lambda images, rows, epoch: augment(
        images, policy, seed, [hashes[row] for row in rows.tolist()], epoch
    )


class _ViewMaker:
    """The augmented views of the training images that a spec asks for: a `Source`.

    For folds of train and val those of both are made, once for all folds.
    """

    def __init__(self, spec: Spec, material: Material) -> None:
        self._policy = read_policy(spec.params.text("augmentation"))
        self._views = views_of(spec.params)
        self._seed = derive(spec.seed, "views")
        self._pixels = material.pixels
        whole, split = material.whole, material.split
        viewed = split.train if whole is None else np.concatenate([whole.train, whole.val])
        self._rows = np.unique(self._pixels.rows([material.hashes[row] for row in viewed]))
        self._hashes = [self._pixels.hashes[row] for row in self._rows]
        self.count = self._views * len(self._rows)
        own = [self._policy.text, self._views, self._seed, self._hashes]
        self.identity = [*own, NUMERICS["data"]]

    def read(self, start: int, stop: int) -> Images:
        """Return the views from a start to a stop, all images' first views first."""
        images, made = len(self._rows), []
        for view in range(start // images, (stop - 1) // images + 1):
            some = slice(max(start - view * images, 0), min(stop - view * images, images))
            plain = np.asarray(self._pixels.array[self._rows[some]])
            made.append(augment(plain, self._policy, self._seed, self._hashes[some], view))
        return np.concatenate(made)

    def opened(self, matrix: Matrix) -> Views:
        """Return features of the views as what training draws from."""
        places = np.full(len(self._pixels.array), -1, np.int64)
        places[self._rows] = np.arange(len(self._rows))
        return Views(matrix=matrix, count=self._views, places=places, seed=self._seed)
