"""Rows of features in the eigenbasis of their second moments.

Rotated to it the features are as they were to a penalty on the sum of squares, and in each
direction the curvature of a classifier's loss is about a share of the eigenvalue plus twice the
penalty. The basis has as many directions as there are rows or columns, whichever are fewer; several
fits of one set of rows, such as its folds, share it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..records import Rows

Matrix = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating[Any]]
Kind = type[np.float32] | type[np.float64]
Read = Callable[[Rows], Matrix]  # rows → their (b, D) features

_BLOCK = 2048
_HELD_BYTES = 512 * 2**20
_NOISE = 1e-6  # of the greatest eigenvalue: what float32 products leave of a direction without any


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Basis:
    """Rows of features in the eigenbasis of their second moments.

    Attributes:
        spread: (r,) mean square of the rows in each direction.
        blocks: yields the rows a block at a time, as (slice, (b, width) features).
        inward: from (r, m) coefficients in the basis to those of what `blocks` yields.
        outward: from those of what `blocks` yields to (r, m) ones, transposed.
        expand: from (r, m) coefficients to (D, m) ones of the features themselves.
    """

    spread: Reals
    blocks: Callable[[], Iterable[tuple[slice, Floats]]]
    inward: Callable[[Reals], Reals]
    outward: Callable[[Reals], Reals]
    expand: Callable[[Reals], Reals]


def open_basis(
    read: Read, rows: Rows, held_bytes: int = _HELD_BYTES, *, briefly: bool = False
) -> Basis:
    """Find the basis of some rows' features.

    What is held is the basis, its side the fewer of rows and columns, and the rows in it where
    they take `held_bytes` at most; else they are read again, block by block, in every step.
    `briefly` holds the rows in float32: enough for a choice, and half the time.

    Raises:
        ValueError: features that are no finite numbers.
    """
    width = read(rows[:1]).shape[1]
    kind = np.float32 if briefly else np.float64
    return (_of_rows if len(rows) <= width else _of_columns)(read, rows, held_bytes, kind)


def _of_rows(read: Read, rows: Rows, _held_bytes: int, kind: Kind) -> Basis:
    """Use the products of each row with each, where rows are few."""
    places = list(_slices(len(rows)))
    products = np.empty((len(rows), len(rows)), np.float32)
    for number, place in enumerate(places):
        block = read(rows[place])
        for other in places[: number + 1]:
            own = block if other is place else read(rows[other])
            products[place, other] = block @ own.T
            products[other, place] = products[place, other].T
    values, vectors = _eigen(products)
    roots = np.sqrt(values)
    rotated = vectors * roots

    def expand(coefficients: Reals) -> Reals:
        shares = vectors @ (coefficients / roots[:, None])
        found: Reals = np.sum([read(rows[place]).T @ shares[place] for place in places], axis=0)
        return found

    return _held(values / len(rows), rotated.astype(kind), expand)


def _of_columns(read: Read, rows: Rows, held_bytes: int, kind: Kind) -> Basis:
    """Use the products of each column with each, where columns are few."""
    width = read(rows[:1]).shape[1]
    products = np.zeros((width, width), np.float32)
    for place in _slices(len(rows)):
        block = read(rows[place])
        products += block.T @ block
    values, vectors = _eigen(products)
    spread = values / len(rows)

    def blocks() -> Iterator[tuple[slice, Floats]]:
        for place in _slices(len(rows)):
            yield place, read(rows[place]).astype(kind)

    if 8 * len(rows) * vectors.shape[1] > held_bytes:
        return Basis(
            spread=spread,
            blocks=blocks,
            inward=lambda own: vectors @ own,
            outward=lambda own: vectors.T @ own,
            expand=lambda own: vectors @ own,
        )
    held = np.empty((len(rows), vectors.shape[1]), kind)
    for place, features in blocks():
        held[place] = features @ vectors
    return _held(spread, held, lambda own: vectors @ own)


def _held(spread: Reals, rotated: Floats, expand: Callable[[Reals], Reals]) -> Basis:
    return Basis(
        spread=spread,
        blocks=lambda: [(slice(0, len(rotated)), rotated)],
        inward=lambda own: own,
        outward=lambda own: own,
        expand=expand,
    )


def _eigen(products: Matrix) -> tuple[Reals, Reals]:
    """Return eigenvalues, rising, and their vectors as columns, but for those of rounding."""
    from scipy.linalg import eigh

    if not np.isfinite(products).all():
        raise ValueError("a head cannot be fitted: there are features that are no finite numbers")
    values, vectors = eigh(products.astype(np.float64), driver="evd", check_finite=False)
    kept = values > max(float(values[-1]), 0.0) * _NOISE
    return values[kept], vectors[:, kept]


def _slices(count: int) -> Iterator[slice]:
    for start in range(0, count, _BLOCK):
        yield slice(start, min(start + _BLOCK, count))
