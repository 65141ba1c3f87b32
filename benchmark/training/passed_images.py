"""Images that are passed through a frozen network: as they are, or augmented views of them."""

from typing import Any, Protocol

import numpy as np

from ..data.augmentation import augment, read_policy
from ..numerics import NUMERICS
from ..records import Spec
from ..seeds import derive
from .engines import Images, Matrix
from .folds import fold_count
from .inputs import Vary, Views
from .material import Material
from .tunables import views_of


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


class Stored:
    """Images of a pixel store as they are: a `Source`."""

    def __init__(self, array: Images) -> None:
        self._array = array
        self.count = len(array)
        self.identity: list[Any] = []

    def read(self, start: int, stop: int) -> Images:
        """Return the images from a start to a stop."""
        return self._array[start:stop]


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


class ViewMaker:
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
