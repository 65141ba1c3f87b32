"""What a frozen network gave of images, as it is kept on disk: memory-mapped, read again."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..cache import Cache
from ..data import Pixels
from ..files import allocate
from ..numerics import NUMERICS
from ..records import Spec, digest
from ..zoo import Block, shares_in
from .engines import Matrix
from .halving import note
from .material import Material

# Raised by hand whenever the same key would hold other numbers.
EXTRACTOR = 2
_FIRST_OF = "pretrained-features"
_COPIED = 4096  # rows
_TRUTH = ("openvino-bf16", "openvino-f32")  # an engine not among them is Keras, the reference


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


def read_kept(path: Path, kind: str) -> Features:
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
    return read_kept(found, "features").matrix if found else None


def kept_features(spec: Spec, material: Material) -> Features | None:
    """Return the features of a spec's backbone if the cache has them."""
    keys = [
        key_at(["features", EXTRACTOR, spec.engine], spec, material, share)
        for share in shares_in(spec.params)
    ]
    paths = [path for key in keys if (path := material.cache.find("features", key))]
    if len(paths) < len(keys):
        return None
    return joined(material.cache, "features", [read_kept(path, "features") for path in paths])


def key_at(identity: list[Any], spec: Spec, material: Material, share: float) -> str:
    """Return what a pass through a spec's frozen backbone is kept under."""
    return digest([*identity, *trunk_identity(spec, material, share)])


def trunk_identity(spec: Spec, material: Material, share: float) -> list[Any]:
    """List what a spec's frozen backbone and its images at a share of their side depend on."""
    import keras

    identity: list[Any] = [material.pixels.digest, spec.arch, spec.weights, keras.config.backend()]
    identity.append(NUMERICS["zoo"])
    if spec.weights == "none":
        sample = [material.hashes[row] for row in material.calibration_rows]
        identity += [spec.seed, sample]
    return identity if share == 1 else [*identity, "share", share]


def joined(cache: Cache, kind: str, parts: Sequence[Features]) -> Features:
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

    return read_kept(
        cache.entry(kind, digest(["joined", *(each.key for each in parts)]), build), kind
    )


def _least_true(engines: Iterable[str]) -> str:
    return min(engines, key=lambda each: _TRUTH.index(each) if each in _TRUTH else len(_TRUTH))
