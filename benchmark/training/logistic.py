"""Multinomial logistic regression to its minimum: convex, in the eigenbasis of the features.

The loss of n images is the mean of `weight x cross-entropy`, plus `l2` times the sum of squared
kernels; biases are free. Rotated to the eigenvectors of their second moments the features are as
they were to such a penalty, and L-BFGS (Liu and Nocedal 1989, doi:10.1007/BF01589116) needs some
thirty steps where it needed hundreds: in each direction the curvature is about a quarter of the
eigenvalue plus twice the penalty, by which it is scaled. The basis has as many directions as there
are rows or columns, whichever are fewer; several fits of one set of rows, such as its folds, share
it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import threads
from ..records import Labels, Rows

Matrix = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating[Any]]
Kind = type[np.float32] | type[np.float64]
Read = Callable[[Rows], Matrix]  # rows → their (b, D) features

# From strong to weak, by half a decade: thousands of features that tell nothing need the strongest;
# what is weaker than 1e-4 of a mean loss separates some hundred images whatever they show. After
# Kornblith et al. 2019 (arXiv:1805.08974, appendix A.5).
PATH = tuple(float(10**power) for power in np.arange(2.0, -4.01, -0.5))
# The greatest scaled slope that is left: of a choice, of a head. At 1e-4 a weak penalty's fit still
# has the coefficients of the stronger one before it, and is taken for better than it is.
ROUGHLY, EXACTLY = 1e-5, 1e-8
_STEPS = 2000
_BLOCK = 2048
_SMALL = 2048
_HELD_BYTES = 512 * 2**20
_LEAST = 1e-7  # the share of a class that no row has: it is never chosen, and nothing is infinite
_NOISE = 1e-6  # of the greatest eigenvalue: what float32 products leave of a direction without any


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear:
    """A linear classifier: (D, k) kernel and (k,) bias over features."""

    kernel: Reals
    bias: Reals

    def log_probabilities(self, features: Matrix) -> Reals:
        """Return the (n, k) logarithms of probabilities."""
        from scipy.special import log_softmax

        found: Reals = log_softmax(features @ self.kernel + self.bias, axis=1)
        return found


def soften(
    labels: Labels, classes: int, smoothing: float, kind: Kind = np.float64
) -> npt.NDArray[Any]:
    """Return the (n, k) probabilities that are aimed at: labels, a share spread over all."""
    targets = np.full((len(labels), classes), smoothing / classes, kind)
    targets[np.arange(len(labels)), labels] += kind(1 - smoothing)
    return targets


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fits:
    """One or several fits of the same rows.

    Attributes:
        basis: of the rows.
        targets: (n, k) probabilities aimed at.
        weights: (n, m) each row's weight in each of m fits, 0 for a row that is not learnt from;
            a fit's loss is the sum over rows, so that its weights are divided by how many there
            are.
    """

    basis: Basis
    targets: Reals
    weights: Reals

    def along(self, penalties: Sequence[float], slope: float) -> Iterator[Reals]:
        """Yield the (r + 1, m k) coefficients of each penalty in turn, begun at those before.

        Args:
            penalties: weights of the sum of squared kernels.
            slope: the greatest slope that is left, `ROUGHLY` or `EXACTLY`.
        """
        state = self._start()
        for penalty in penalties:
            state = self._minimum(state, penalty, slope)
            yield state

    def log_probabilities(self, state: Reals) -> Reals:
        """Return what each of m fits says of all rows, learnt from or not: (n, m, k)."""
        from scipy.special import log_softmax

        inner, fits = self.basis.inward(state[:-1]), self.weights.shape[1]
        logits = [block @ inner + state[-1] for _, block in self.basis.blocks()]
        found: Reals = log_softmax(np.concatenate(logits).reshape(len(self.weights), fits, -1), 2)
        return found

    def classifier(self, state: Reals) -> Linear:
        """Return the classifier over features, where there is one fit."""
        return Linear(kernel=self.basis.expand(state[:-1]), bias=state[-1])

    def _start(self) -> Reals:
        """Return (r + 1, m k) coefficients: no kernel; in the last row biases, log shares."""
        shares = self.weights.T @ self.targets
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        logs = np.log(np.maximum(shares, _LEAST))
        start = np.zeros((len(self.basis.spread) + 1, shares.size))
        start[-1] = (logs - logs.mean(axis=1, keepdims=True)).ravel()
        return start

    def _minimum(self, start: Reals, penalty: float, slope: float) -> Reals:
        """Follow each fit's loss down from a start, until no scaled slope is above `slope`.

        One after the other: together they share steps, and need several times as many.
        """
        each = zip(np.split(start, self.weights.shape[1], axis=1), self.weights.T, strict=True)
        return np.hstack([self._minimum_of(own, rows, penalty, slope) for own, rows in each])

    def _minimum_of(self, start: Reals, weights: Reals, penalty: float, slope: float) -> Reals:
        from scipy.optimize import minimize

        basis, targets, rows = self.basis, self.targets, len(self.targets)
        scale = np.append(1 / np.sqrt(0.25 * basis.spread + 2 * penalty), 2.0)[:, None]
        squares = 2 * penalty * scale**2
        squares[-1] = 0  # biases are free

        def loss(flat: Reals) -> tuple[float, Reals]:
            own = flat.reshape(start.shape)
            inner = basis.inward(own[:-1] * scale[:-1])
            bias, bias_slope, found = own[-1] * scale[-1], np.zeros(start.shape[1]), 0.0
            inner_slope = np.zeros_like(inner)
            for place, block in basis.blocks():
                logits = block @ inner.astype(block.dtype) + bias
                entropies, error = _cross_entropy(logits, targets[place], weights[place])
                found += entropies
                inner_slope += block.T @ error.astype(block.dtype)
                bias_slope += error.sum(axis=0)
            gradient = np.vstack([basis.outward(inner_slope), bias_slope]) * scale + squares * own
            return found + 0.5 * float((squares * own * own).sum()), gradient.ravel()

        options = {"maxiter": _STEPS, "maxfun": 2 * _STEPS, "gtol": slope, "ftol": slope**2 / rows}
        if slope >= ROUGHLY:
            options["ftol"] = 1e-2 * slope
        found = minimize(
            loss, (start / scale).ravel(), jac=True, method="L-BFGS-B", options=options
        )
        reached: Reals = found.x.reshape(start.shape) * scale
        return reached


def _cross_entropy(logits: Reals, targets: Reals, weights: Reals) -> tuple[float, Reals]:
    """Return the weighted sum of cross-entropies of (b, k) logits, and its (b, k) slope."""
    logits -= logits.max(axis=1, keepdims=True)
    raised = np.exp(logits)
    totals = raised.sum(axis=1, keepdims=True)
    said = (targets * logits).sum(axis=1) - np.log(totals[:, 0])  # targets sum to 1
    raised /= totals
    raised -= targets
    raised *= weights[:, None]
    return -float(weights @ said), raised


@contextmanager
def few_threads(side: int) -> Iterator[int]:
    """Let one thread compute, where a basis of such a side keeps no more at work.

    Yields how many bases may be at work then, a thread each.

    Threads that wait for one another in small products spin: measured beside other processes on
    two cores, the path of 700 images took 49 s with two threads, and 2 s with one.
    """
    import scipy.linalg  # has a library of its own: only what is loaded is limited
    import scipy.optimize  # noqa: F401
    from threadpoolctl import threadpool_limits  # scikit-learn brings it

    is_small = side <= _SMALL
    with threadpool_limits(1 if is_small else None, user_api="blas"):
        yield threads() if is_small else 1


def fit(read: Read, rows: Rows, targets: Reals, weights: Reals, penalty: float) -> Linear:
    """Return the classifier that minimises the loss of some rows.

    Args:
        read: gives rows' features.
        rows: what is learnt from.
        targets: (n, k) probabilities aimed at.
        weights: (n,) of the rows; the loss is their weighted sum, so they hold the division by n.
        penalty: weight of the sum of squared kernels.
    """
    with few_threads(len(rows)):
        fits = Fits(basis=open_basis(read, rows), targets=targets, weights=weights[:, None])
        return fits.classifier(next(fits.along((penalty,), EXACTLY)))
