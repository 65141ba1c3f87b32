"""Weight files: HDF5 as Keras writes it, layer by layer; of a saved model the weights alone.

Whoever pretrained a backbone saved it in one of three ways: bare; as the first layers of a network
with a head of its own; or as one layer of such a network. All three are read, in the order in which
the layers stand and not by their names, as Keras reads its own files. Only numbers are read: never
a pickle, nor the description of a network that a saved model holds.
"""

import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..files import file_digest

Weight = npt.NDArray[Any]


def holds(path: Path, count: int) -> int:
    """Return how many numbers a file has: the given count if that is what its first layers have.

    Raises:
        OSError, RuntimeError, KeyError, ValueError: it is not a readable HDF5 file of Keras's.
    """
    import h5py

    with h5py.File(path, "r") as stored:
        weights = _weights(stored)
        layers = [sum(each.size for each in layer) for layer in _layers(weights)]
        return count if count in itertools.accumulate(layers) else _size(weights)


def read_layers(path: Path, count: int) -> list[list[Weight]]:
    """Return the weights of a file's first layers, which together are so many numbers.

    A file that does not name its layers (`.weights.h5` of Keras 3) gives none.

    Raises:
        OSError, RuntimeError, KeyError, ValueError: it is not a readable HDF5 file of Keras's.
    """
    import h5py

    found: list[list[Weight]] = []
    with h5py.File(path, "r") as stored:
        for layer in _layers(_weights(stored)):
            if count > 0:
                found.append([np.asarray(each) for each in layer])
                count -= sum(each.size for each in layer)
    return found


def file_hash(path: Path, algorithm: str) -> str:
    """Hash a file; once per process and per time of change, for some are 470 MB."""
    return _hash(path, algorithm, path.stat().st_mtime_ns)


@cache
def _hash(path: Path, algorithm: str, _: int) -> str:
    return file_digest(path, algorithm)


def _weights(stored: Any) -> Any:
    """Return the group of the weights, which a saved model holds beside its description."""
    import h5py

    found = stored.get("model_weights", stored)
    if not isinstance(found, h5py.Group):
        raise KeyError("model_weights is no group")
    return found


def _layers(weights: Any) -> Iterator[list[Any]]:
    """Yield the datasets of each layer that has some, in order."""
    for name in _names(weights, "layer_names"):
        layer = weights[name]
        found = [layer[each] for each in _names(layer, "weight_names")]
        if any(each.external or each.file != weights.file for each in found):
            raise KeyError(f"{name} has its numbers in another file")
        if found:
            yield found


def _names(group: Any, attribute: str) -> Iterator[str]:
    """Yield the names in an attribute, which Keras parts where it outgrows HDF5's 64 KiB."""
    numbered = (f"{attribute}{place}" for place in itertools.count())
    whole = [attribute] if attribute in group.attrs else []
    parts = whole or itertools.takewhile(group.attrs.__contains__, numbered)
    for part in parts:
        for name in group.attrs[part]:
            yield name.decode() if isinstance(name, bytes) else str(name)


def _size(group: Any) -> int:
    """Count the numbers in a group of an HDF5 file, without reading them."""
    import h5py

    sizes: list[int] = []

    def visit(_: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            sizes.append(item.size)

    group.visititems(visit)
    return sum(sizes)
