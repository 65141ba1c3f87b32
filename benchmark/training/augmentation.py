"""Varies training images, and only those, by the policy that a spec names."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data.augmentation import Policy, augment, read_policy
from ..environment import seconds
from ..errors import UsageError
from ..numerics import NUMERICS
from ..records import Params, Progress, Rows, Spec, digest
from ..seeds import derive
from ..zoo import Backbone, build_extractor
from .engines import choose_engine
from .features import EXTRACTOR, pass_images, probe_images, trunk_identity
from .inputs import Vary, Views
from .material import Material

# chosen, not sourced: with the image itself five to draw from, at four more passes over train.
DEFAULT_VIEWS = 4


def variation(spec: Spec, material: Material) -> Vary | None:
    """Return what varies a batch of training images afresh every epoch, None for nothing."""
    policy = read_policy(spec.params.text("augmentation"))
    if not policy.in_use:
        return None
    hashes = material.pixels.hashes
    seed = derive(spec.seed, "augmentation")

    def vary(images: npt.NDArray[np.uint8], rows: Rows, epoch: int) -> npt.NDArray[np.uint8]:
        return augment(images, policy, seed, [hashes[row] for row in rows.tolist()], epoch)

    return vary


def views_of(params: Params) -> int:
    """Return how many augmented views each training image has over a frozen backbone; 0 for none.

    A policy without a number of views would otherwise do nothing there: it means `DEFAULT_VIEWS`.
    """
    if not read_policy(params.text("augmentation")).in_use:
        return 0
    return params.integer("views") or DEFAULT_VIEWS


def is_fresh(params: Params) -> bool:
    """Say whether fine-tuning's second stage varies its images afresh every epoch."""
    return bool(params.get("fresh_augmentation", False))


def check_fresh(params: Params) -> None:
    """Make sure that there is something to vary images by, where they are to be varied afresh.

    Raises:
        UsageError: there is no policy.
    """
    if is_fresh(params) and not read_policy(params.text("augmentation")).in_use:
        raise UsageError(
            "fresh_augmentation needs a policy to vary training images by, and augmentation is "
            f"{params.text('augmentation')!r}: name one, such as ct or xray, or leave "
            "fresh_augmentation out."
        )


def notes_on_views(spec: Spec) -> tuple[str, ...]:
    """Say what a person should know of how augmentation was applied over a frozen backbone."""
    asked, used = spec.params.integer("views"), views_of(spec.params)
    if is_fresh(spec.params):
        note = (
            "training images are varied afresh every epoch of the second stage; the first draws "
            f"from {used} views of each, computed once, and from the image itself."
        )
        return (note,)
    if asked and not used:
        return (f"views={asked} changed nothing: there is no augmentation to make views with.",)
    if used == DEFAULT_VIEWS:
        note = (
            f"augmentation draws from {used} views of each training image, computed once, and "
            "from the image itself; --views sets how many."
        )
        return (note,)
    return ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ViewMaker:
    """Makes the augmented views of the training images that a spec asks for.

    For folds of train and val those of both are made, once for all folds.

    Attributes:
        rows: the t distinct training images, as rows of the pixels.
        count: views an image.
        seed: of the views.
        identity: what the views depend on beside the network that sees them.
        read: gives the views from a start to a stop, all images' first views first.
    """

    rows: Rows
    count: int
    seed: int
    identity: list[Any]
    read: Callable[[int, int], npt.NDArray[np.uint8]]

    @property
    def total(self) -> int:
        """How many views there are."""
        return self.count * len(self.rows)

    def opened(self, matrix: npt.NDArray[np.float32], images: int) -> Views:
        """Return features of the views as what training draws from, for a store of `images`."""
        places = np.full(images, -1, np.int64)
        places[self.rows] = np.arange(len(self.rows))
        return Views(matrix=matrix, count=self.count, places=places, seed=self.seed)


def view_maker(spec: Spec, material: Material) -> ViewMaker | None:
    """Return what makes a spec's views, None where it has no augmentation."""
    count = views_of(spec.params)
    if not count:
        return None
    policy = read_policy(spec.params.text("augmentation"))
    whole, split = material.whole, material.split
    viewed = split.train if whole is None else np.concatenate([whole.train, whole.val])
    rows = np.unique(material.pixels.rows([material.hashes[row] for row in viewed]))
    seed = derive(spec.seed, "views")
    used = [material.pixels.hashes[row] for row in rows]
    return ViewMaker(
        rows=rows,
        count=count,
        seed=seed,
        identity=[policy.text, count, seed, used, NUMERICS["data"]],
        read=_reader(material, policy, rows, seed),
    )


def open_views(
    spec: Spec,
    material: Material,
    backbone: Callable[[], Backbone],
    progress: Progress,
    engine: str | None = None,
) -> tuple[Views | None, float]:
    """Return the features of augmented views of the training images, and what they cost.

    Computed once for a backbone, a policy, a number of views and a training part; nothing where
    the spec asks for no augmentation.

    Args:
        spec: names backbone, policy, number of views and seed.
        material: images and cache.
        backbone: builds the backbone, called only when needed.
        progress: told of every batch.
        engine: in place of the spec's engine.
    """
    maker = view_maker(spec, material)
    if maker is None:
        return None, 0.0
    wanted = engine or spec.engine

    def build(folder: Path) -> None:
        began = seconds()
        extractor = build_extractor(backbone())
        chosen = choose_engine(extractor, wanted, *probe_images(material), maker.total)
        progress.stage("views", total=maker.total, unit="images")
        shape = (maker.total, int(extractor.output_shape[-1]))
        pass_images(chosen, maker.read, shape, folder / "views.npy", progress)
        np.save(folder / "seconds.npy", np.array(seconds() - began))

    identity = ["views", EXTRACTOR, wanted, *maker.identity, *trunk_identity(spec, material)]
    path = material.cache.entry("views", digest(identity), build)
    matrix = np.load(path / "views.npy", mmap_mode="r")
    took = float(np.load(path / "seconds.npy"))
    return maker.opened(matrix, len(material.pixels.array)), took


def _reader(
    material: Material, policy: Policy, rows: Rows, seed: int
) -> Callable[[int, int], npt.NDArray[np.uint8]]:
    """Return `ViewMaker.read`."""
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
