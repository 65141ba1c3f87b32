"""Every image goes once through a frozen backbone; its features stay on disk, memory-mapped."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import seconds
from ..records import Progress, Rows, Spec, digest
from ..zoo import Backbone, Block, build_extractor
from .engines import Engine, choose_engine
from .material import Material

# Raised by hand whenever the same key would hold other numbers.
EXTRACTOR = 1
_BATCH_AT_224_PX = 32
_log = logging.getLogger(__name__)


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
    """Give the features of a spec's backbone, computing them only where no cache has them.

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

    return read_features(material.cache.entry("features", features_key(spec, material, wanted), build))


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
    """Give the digest of all that a spec's features depend on."""
    return digest(["features", EXTRACTOR, engine, *trunk_identity(spec, material)])


def trunk_identity(spec: Spec, material: Material) -> list[Any]:
    """List what a spec's frozen backbone and its images depend on."""
    import keras

    identity: list[Any] = [material.pixels.digest, spec.arch, spec.weights, keras.config.backend()]
    if spec.weights == "none":
        sample = [material.hashes[row] for row in calibration_rows(material)]
        identity += [spec.seed, sample]
    return identity


def calibration_rows(material: Material) -> Rows:
    """Give the rows of the index that an untrained backbone's batch statistics are taken from."""
    train = sorted(material.split.train.tolist(), key=lambda row: material.hashes[row])
    return np.asarray(train[:: max(1, len(train) // 32)][:32], np.int64)


def _compute(
    wanted: str, material: Material, backbone: Backbone, progress: Progress, folder: Path
) -> None:
    pixels = material.pixels.array
    progress.stage("features", total=len(pixels), unit="images")
    began = seconds()
    extractor = build_extractor(backbone)
    engine = _chosen(extractor, wanted, material)
    batch = max(1, int(_BATCH_AT_224_PX * min(1.0, (224 / pixels.shape[1]) ** 2)))
    shape = (len(pixels), int(extractor.output_shape[-1]))
    matrix = np.lib.format.open_memmap(folder / "features.npy", "w+", np.float32, shape)
    for start in range(0, len(pixels), batch):
        stop = min(start + batch, len(pixels))
        matrix[start:stop] = engine.run(_filled(pixels[start:stop], batch))[: stop - start]
        progress.advance(stop - start)
    matrix.flush()
    facts = {
        "seconds": seconds() - began,
        "engine": engine.name,
        "probe": engine.facts,
        "blocks": [
            {"tap": each.tap, "pooling": each.pooling, "start": each.start, "stop": each.stop}
            for each in backbone.layout
        ],
    }
    (folder / "facts.json").write_text(json.dumps(facts))


def _filled(images: npt.NDArray[np.uint8], batch: int) -> npt.NDArray[np.uint8]:
    """Fill a last batch up: engines prepare for each new shape as long as for a hundred images."""
    missing = batch - len(images)
    return np.concatenate([images, np.repeat(images[-1:], missing, axis=0)]) if missing else images


def _chosen(extractor: Any, wanted: str, material: Material) -> Engine:
    """Choose the engine by a probe on images of train, spread over its classes."""
    train = material.split.train
    rows = train[np.linspace(0, len(train) - 1, min(64, len(train))).astype(np.int64)]
    rows = np.random.default_rng(0).permutation(rows)
    images = material.pixels.array[material.pixels.rows([material.hashes[row] for row in rows])]
    labels = material.labels[rows]
    return choose_engine(extractor, wanted, images, labels, len(material.pixels.array))
