"""Every image goes once through a frozen backbone; its features stay on disk, memory-mapped."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cache import Cache
from ..data import Pixels
from ..environment import release_memory, seconds
from ..numerics import NUMERICS
from ..records import Labels, Progress, Rows, Spec, digest
from ..zoo import Backbone, Block, build_extractor, read_scales
from .engines import Engine, choose_engine
from .inputs import filled
from .material import Material

# Raised by hand whenever the same key would hold other numbers.
EXTRACTOR = 2
_FIRST_OF = "pretrained-features"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """The features of every distinct image of a pixel store.

    Attributes:
        matrix: (u, D) float32, memory-mapped, a row for each of the pixels' rows.
        blocks: which of the D columns hold which tap under which pooling.
        seconds: what computing them took, whenever that was.
        engine: who computed them.
        facts: the probe's figures.
    """

    matrix: npt.NDArray[np.float32]
    blocks: tuple[Block, ...]
    seconds: float
    engine: str
    facts: Mapping[str, str]


def open_features(
    spec: Spec,
    material: Material,
    backbone: Callable[[], Backbone],
    progress: Progress,
    engine: str | None = None,
) -> Features:
    """Return the features of a spec's backbone, computing them only where no cache has them.

    Args:
        spec: names backbone, weights and engine.
        material: images, classes, cache.
        backbone: builds the backbone, called only when needed.
        progress: told of every batch.
        engine: in place of the spec's engine.
    """
    wanted = engine or spec.engine

    def build(folder: Path) -> None:
        _compute(wanted, material, backbone(), progress, folder)

    key = features_key(spec, material, wanted)
    found = read_features(material.cache.entry("features", key, build))
    if spec.weights != "none":
        _remember(material, key)
    return found


def _remember(material: Material, key: str) -> None:
    """Note which features of a pretrained network there are of these pixels: the first."""

    def write(folder: Path) -> None:
        (folder / "key").write_text(key)

    material.cache.entry(_FIRST_OF, material.pixels.digest, write)


def pretrained_features(cache: Cache, pixels: Pixels) -> npt.NDArray[np.float32] | None:
    """Return features that some pretrained network gave of pixels; None where no cache has any.

    Args:
        cache: where features are kept.
        pixels: the u images; the features have a row for each.
    """
    noted = cache.find(_FIRST_OF, pixels.digest)
    found = noted and cache.find("features", (noted / "key").read_text())
    return read_features(found).matrix if found else None


def read_features(path: Path) -> Features:
    """Open the features in a cache entry's folder."""
    facts = json.loads((path / "facts.json").read_text())
    return Features(
        matrix=np.load(path / "features.npy", mmap_mode="r"),
        blocks=tuple(Block(**block) for block in facts["blocks"]),
        seconds=facts["seconds"],
        engine=facts["engine"],
        facts=facts["probe"],
    )


def features_key(spec: Spec, material: Material, engine: str) -> str:
    """Return the digest of all that a spec's features depend on."""
    return digest(["features", EXTRACTOR, engine, *trunk_identity(spec, material)])


def trunk_identity(spec: Spec, material: Material) -> list[Any]:
    """List what a spec's frozen backbone and its images depend on."""
    import keras

    identity: list[Any] = [material.pixels.digest, spec.arch, spec.weights, keras.config.backend()]
    identity.append(NUMERICS["zoo"])
    if spec.weights == "none":
        sample = [material.hashes[row] for row in calibration_rows(material)]
        identity += [spec.seed, sample]
    scales = read_scales(spec.params)
    return [*identity, "scales", *scales] if len(scales) > 1 else identity


def calibration_rows(material: Material) -> Rows:
    """Return the rows of the index that an untrained backbone's batch statistics are taken from.

    In a fold of train and val they are the split's all the same, some of them held out: pixels
    without labels, which spares a pass of all images for each fold.
    """
    train = sorted(_train_of(material).tolist(), key=lambda row: material.hashes[row])
    return np.asarray(train[:: max(1, len(train) // 32)][:32], np.int64)


def _compute(
    wanted: str, material: Material, backbone: Backbone, progress: Progress, folder: Path
) -> None:
    pixels = material.pixels.array
    progress.stage("features", total=len(pixels), unit="images")
    began = seconds()
    extractor = build_extractor(backbone)
    engine = choose_engine(extractor, wanted, *probe_images(material), len(pixels))
    width = int(extractor.output_shape[-1])
    file = folder / "features.npy"
    pass_images(
        engine, lambda start, stop: pixels[start:stop], (len(pixels), width), file, progress
    )
    facts = {
        "seconds": seconds() - began,
        "engine": engine.name,
        "probe": engine.facts,
        "blocks": [asdict(each) for each in backbone.layout],
    }
    (folder / "facts.json").write_text(json.dumps(facts))
    del engine, extractor  # a converted network of its own
    release_memory()


def pass_images(
    engine: Engine,
    read: Callable[[int, int], npt.NDArray[np.uint8]],
    shape: tuple[int, int],
    file: Path,
    progress: Progress,
) -> None:
    """Pass images through an engine into a memory-mapped file, a batch at a time.

    Args:
        engine: from raw pixels to rows of the file.
        read: gives the images from a start to a stop.
        shape: (n, width): how many images, and how many figures each gives.
        file: the `.npy` file to write, float32.
        progress: told of every batch.
    """
    matrix = np.lib.format.open_memmap(file, "w+", np.float32, shape)
    for start in range(0, shape[0], engine.batch):
        stop = min(start + engine.batch, shape[0])
        matrix[start:stop] = engine.run(filled(read(start, stop), engine.batch))[: stop - start]
        progress.advance(stop - start)
    matrix.flush()


def probe_images(material: Material) -> tuple[npt.NDArray[np.uint8], Labels]:
    """Return up to 64 images of train, spread over its classes and mixed, and their classes."""
    train = _train_of(material)
    rows = train[np.linspace(0, len(train) - 1, min(64, len(train))).astype(np.int64)]
    rows = np.random.default_rng(0).permutation(rows)
    places = material.pixels.rows([material.hashes[row] for row in rows])
    return material.pixels.array[places], material.labels[rows]


def _train_of(material: Material) -> Rows:
    """Return the training rows that are the same for a split and for every fold of it."""
    return (material.whole or material.split).train
