"""Every image goes once through a frozen network; what it gives stays on disk, memory-mapped.

There are three such passes: of all images to the backbone's features, of augmented views of the
training images to theirs, and of either to the activations at the cut that fine-tuning begins at.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
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
from ..zoo import Backbone, Block, Halves, build_extractor, columns_of, shares_in
from .engines import FeatureEngine, Images, Matrix, filled
from .folds import fold_count
from .halving import halving, note, noting
from .inputs import AtCut, Fresh, Vary, Views, flatten_outputs, shapes_of
from .material import Material
from .probing import choose_engine
from .tunables import is_fresh, views_of

# Raised by hand whenever the same key would hold other numbers.
_EXTRACTOR = 2
_ACTIVATIONS = 2
_FIRST_OF = "pretrained-features"
_COPIED = 4096  # rows
_TRUTH = ("openvino-bf16", "openvino-f32")  # an engine not among them is Keras, the reference

SeenAt = Callable[[tuple[float, ...]], Backbone]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """What a frozen network gives of images, such as every distinct image of a pixel store.

    Attributes:
        matrix: (n, D) float32, memory-mapped, a row an image.
        blocks: which of the D columns hold which tap under which pooling; none for activations.
        seconds: what computing them took, whenever that was.
        engine: who computed them.
        facts: the probe's figures.
        key: what they are kept under: a digest of all that they depend on.
    """

    matrix: Matrix
    blocks: tuple[Block, ...]
    seconds: float
    engine: str
    key: str = ""
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

    def features(self, seen_at: SeenAt) -> Features:
        """Return features of all images at every share of the side that the spec names.

        Args:
            seen_at: gives the backbone that sees pictures at some shares of their side; called
                only where no cache has its features.
        """
        found = self._at_shares("features", "features", self._plain, seen_at)
        if self._spec.weights != "none":
            remember(self._material, found[-1].key)
        return _joined(self._material.cache, "features", found)

    def views(self, policy: str, seen_at: SeenAt) -> tuple[Views, Features]:
        """Return views of the training images by a policy, and their features as they are kept.

        They are the same for a backbone, a policy, a number of views and a training part.
        """
        maker = _ViewMaker(self._spec, self._material, policy)
        found = self._at_shares("views", "views", maker, seen_at)
        joined = _joined(self._material.cache, "views", found)
        return maker.opened(joined.matrix), joined

    def _at_shares(self, kind: str, stage: str, images: Source, seen_at: SeenAt) -> list[Features]:
        """Pass images at each share of their side; no share is passed twice."""

        def at(share: float) -> Features:
            identity = [kind, _EXTRACTOR, self._engine, *images.identity]
            return self._opened(
                kind,
                stage,
                _key(identity, self._spec, self._material, share),
                images,
                network=lambda: build_extractor(seen_at((share,))),
                layout=lambda: seen_at((share,)).layout,
            )

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
            maker = _ViewMaker(spec, self._material, spec.params.text("augmentation"))
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
            identity += _trunk_identity(self._spec, self._material, share)
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


def _joined(cache: Cache, kind: str, parts: Sequence[Features]) -> Features:
    """Return matrices side by side as one, kept too, so that it is read as any other."""
    if len(parts) == 1:
        return parts[0]

    def build(folder: Path) -> None:
        images, width = len(parts[0].matrix), sum(each.matrix.shape[1] for each in parts)
        into = np.lib.format.open_memmap(folder / f"{kind}.npy", "w+", np.float32, (images, width))
        allocate(folder / f"{kind}.npy")
        blocks: list[Block] = []
        start = 0
        for each in parts:
            stop = start + each.matrix.shape[1]
            for some in range(0, images, _COPIED):
                into[some : some + _COPIED, start:stop] = each.matrix[some : some + _COPIED]
            blocks += [
                replace(block, start=block.start + start, stop=block.stop + start)
                for block in each.blocks
            ]
            start = stop
        into.flush()
        facts = {
            "seconds": sum(each.seconds for each in parts),
            "engine": _least_true(each.engine for each in parts),
            "probe": parts[0].facts,
            "blocks": [asdict(each) for each in blocks],
        }
        (folder / "facts.json").write_text(json.dumps(facts))

    return _read(cache.entry(kind, digest(["joined", *(each.key for each in parts)]), build), kind)


def _least_true(engines: Iterable[str]) -> str:
    return min(engines, key=lambda each: _TRUTH.index(each) if each in _TRUTH else len(_TRUTH))


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
    seen_at: SeenAt,
    progress: Progress,
    engine: str | None = None,
) -> Features:
    """Return the features of a spec's backbone: those of `Passes`, by the same arguments."""
    return Passes(spec, material, progress, engine).features(seen_at)


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
        key=path.name,
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
    keys = [
        _key(["features", _EXTRACTOR, spec.engine], spec, material, share)
        for share in shares_in(spec.params)
    ]
    paths = [path for key in keys if (path := material.cache.find("features", key))]
    if len(paths) < len(keys):
        return None
    return _joined(material.cache, "features", [_read(path, "features") for path in paths])


def _key(identity: list[Any], spec: Spec, material: Material, share: float) -> str:
    return digest([*identity, *_trunk_identity(spec, material, share)])


def _trunk_identity(spec: Spec, material: Material, share: float) -> list[Any]:
    """List what a spec's frozen backbone and its images at a share of their side depend on."""
    import keras

    identity: list[Any] = [material.pixels.digest, spec.arch, spec.weights, keras.config.backend()]
    identity.append(NUMERICS["zoo"])
    if spec.weights == "none":
        sample = [material.hashes[row] for row in material.calibration_rows]
        identity += [spec.seed, sample]
    return identity if share == 1 else [*identity, "share", share]


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
    """The augmented views of the training images that a spec asks for, by a policy: a `Source`.

    Where there are folds of train and val those of both are made, once for all folds.
    """

    def __init__(self, spec: Spec, material: Material, policy: str) -> None:
        self._policy = read_policy(policy)
        self._views = views_of(spec.params)
        self._seed = derive(spec.seed, "views")
        self._pixels = material.pixels
        split, in_folds = material.whole or material.split, fold_count(spec.rank_on) > 0
        viewed = np.concatenate([split.train, split.val]) if in_folds else split.train
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
