"""Varies training images, and only those, by the policy that a spec names."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..data.augmentation import Policy, augment, read_policy
from ..environment import seconds
from ..records import Part, Progress, Rows, Spec, digest
from ..seeds import derive
from ..zoo import Backbone, build_extractor
from .engines import choose_engine
from .features import EXTRACTOR, pass_images, probe_images, trunk_identity
from .inputs import Vary, Views
from .material import Material


def variation(spec: Spec, material: Material) -> Vary | None:
    """Give what varies a batch of training images afresh every epoch, None for nothing."""
    policy = read_policy(spec.params.text("augmentation"))
    if not policy.in_use:
        return None
    hashes = material.pixels.hashes
    seed = derive(spec.seed, "augmentation")

    def vary(images: npt.NDArray[np.uint8], rows: Rows, epoch: int) -> npt.NDArray[np.uint8]:
        return augment(images, policy, seed, [hashes[row] for row in rows.tolist()], epoch)

    return vary


def open_views(
    spec: Spec,
    material: Material,
    backbone: Callable[[], Backbone],
    progress: Progress,
    engine: str | None = None,
) -> tuple[Views | None, float]:
    """Give the features of augmented views of the training images, and what they cost.

    Computed once for a backbone, a policy, a number of views and a training part; nothing where
    the spec asks for no views or no augmentation.

    Args:
        spec: names backbone, policy, number of views and seed.
        material: images and cache.
        backbone: builds the backbone, called only when needed.
        progress: told of every batch.
        engine: in place of the spec's engine.
    """
    count = spec.params.integer("views")
    policy = read_policy(spec.params.text("augmentation"))
    if not count or not policy.in_use:
        return None, 0.0
    rows = np.unique(material.pictures(Part.TRAIN))
    seed = derive(spec.seed, "views")
    wanted = engine or spec.engine

    def build(folder: Path) -> None:
        began = seconds()
        extractor = build_extractor(backbone())
        total = count * len(rows)
        chosen = choose_engine(extractor, wanted, *probe_images(material), total)
        progress.stage("views", total=total, unit="images")
        read = _reader(material, policy, rows, seed)
        width = int(extractor.output_shape[-1])
        pass_images(chosen, read, (total, width), folder / "views.npy", progress)
        np.save(folder / "seconds.npy", np.array(seconds() - began))

    used = [material.pixels.hashes[row] for row in rows]
    identity = ["views", EXTRACTOR, wanted, policy.text, count, seed, used]
    key = digest([*identity, *trunk_identity(spec, material)])
    path = material.cache.entry("views", key, build)
    places = np.full(len(material.pixels.array), -1, np.int64)
    places[rows] = np.arange(len(rows))
    matrix = np.load(path / "views.npy", mmap_mode="r")
    views = Views(matrix=matrix, count=count, places=places, seed=seed)
    return views, float(np.load(path / "seconds.npy"))


def _reader(
    material: Material, policy: Policy, rows: Rows, seed: int
) -> Callable[[int, int], npt.NDArray[np.uint8]]:
    """Give what makes the views from a start to a stop, all images' first views first."""
    hashes = material.pixels.hashes

    def read(start: int, stop: int) -> npt.NDArray[np.uint8]:
        made = []
        for view in range(start // len(rows), (stop - 1) // len(rows) + 1):
            first, last = max(start - view * len(rows), 0), min(stop - view * len(rows), len(rows))
            some = rows[first:last]
            images = np.asarray(material.pixels.array[some])
            made.append(augment(images, policy, seed, [hashes[row] for row in some], view))
        return np.concatenate(made)

    return read
