"""Multinomial logistic regression to its minimum: convex, in the eigenbasis of the features.

The loss of n images is the mean of `weight x cross-entropy`, plus `penalty` times the sum of
squared kernels; biases are free. In a direction of the basis the curvature is about c times the
eigenvalue plus twice the penalty, with c the mean of p(1 - p) over what the fit said before it
began: scaled by it, a fit needs some thirty steps where it needed hundreds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import threads
from ..records import Labels, Rows
from .basis import Basis, Floats, Kind, Matrix, Read, Reals, open_basis
from .descent import Losses, Places, minimise

# From strong to weak, by half a decade: thousands of features that tell nothing need the strongest;
# what is weaker than 1e-4 of a mean loss separates some hundred images whatever they show. After
# Kornblith et al. 2019 (arXiv:1805.08974, appendix A.5).
PATH = tuple(float(10**power) for power in np.arange(2.0, -4.01, -0.5))
# The greatest scaled slope that is left: of a choice, of a head. At 1e-4 a weak penalty's fit still
# has the coefficients of the stronger one before it, and is taken for better than it is.
ROUGHLY, EXACTLY = 1e-5, 1e-8
_DECREASE = {ROUGHLY: 1e-8, EXACTLY: 1e-18}  # of a step that is the last; the latter rounds to none
_STEPS = 4000
_SMALL = 2048
_LEAST = 1e-7  # the share of a class that no row has: it is never chosen, and nothing is infinite
_LEAST_CURVATURE = 1e-3  # chosen, not sourced: where all is certain, the penalty alone curves


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
class Fits:
    """One or several fits of the same rows, with (m, k, r + 1) coefficients: biases come last.

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

    def some(self, which: Places) -> "Fits":
        """Return some of the fits."""
        return replace(self, weights=self.weights[:, which])

    def begin(self) -> Reals:
        """Return coefficients to begin at: no kernel; for biases, log shares of the classes."""
        shares = self.weights.T @ self.targets
        shares /= np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(float).tiny)
        logs = np.log(np.maximum(shares, _LEAST))
        start = np.zeros((*shares.shape, len(self.basis.spread) + 1))
        start[..., -1] = logs - logs.mean(axis=1, keepdims=True)
        return start

    def minimum(self, start: Reals, penalties: Reals, slope: float) -> Reals:
        """Follow each fit's loss down to its minimum.

        Args:
            start: (m, k, r + 1) coefficients to begin at.
            penalties: (m,) weights of the sum of squared kernels.
            slope: the greatest scaled slope that is left, `ROUGHLY` or `EXACTLY`.
        """
        scale, squares = self._scales(start, penalties)
        reached = minimise(
            self._losses(scale, squares),
            (start / scale).reshape(len(start), -1),
            slope=slope,
            decrease=_DECREASE[slope],
            evaluations=_STEPS,
        )
        found: Reals = reached.reshape(start.shape) * scale
        return found

    def log_probabilities(self, state: Reals) -> Reals:
        """Return what each of m fits says of all rows, learnt from or not: (m, k, n)."""
        from scipy.special import log_softmax

        said = [logits for _, _, logits in self._logits(state)]
        found: Reals = log_softmax(np.concatenate(said, axis=2), axis=1)
        return found

    def classifier(self, state: Reals) -> Linear:
        """Return the classifier over features, where there is one fit."""
        (only,) = state
        return Linear(kernel=self.basis.expand(only[:, :-1].T), bias=only[:, -1])

    def _logits(self, state: Reals) -> Iterator[tuple[slice, Floats, Floats]]:
        """Yield rows a block at a time: which, their features, and their (m, k, b) logits."""
        inner = self.basis.inward(state[..., :-1].reshape(state[..., 0].size, -1).T).T
        for place, block in self.basis.blocks():
            logits = (inner.astype(block.dtype) @ block.T).reshape(*state.shape[:2], -1)
            logits += state[..., -1:].astype(block.dtype)
            yield place, block, logits

    def _scales(self, start: Reals, penalties: Reals) -> tuple[Reals, Reals]:
        """Return by what coefficients are scaled, and how the penalty curves them then."""
        from scipy.special import softmax

        curvature = np.zeros(len(start))
        for place, _, logits in self._logits(start):
            said = softmax(logits, axis=1)
            curvature += np.einsum("na,akn->a", self.weights[place], said * (1 - said))
        mean = np.maximum(curvature / start.shape[1], _LEAST_CURVATURE)[:, None, None]
        doubled = 2 * penalties[:, None, None]
        scale = np.empty((len(start), 1, start.shape[2]))
        scale[..., :-1] = 1 / np.sqrt(mean * self.basis.spread + doubled)
        scale[..., -1:] = 1 / np.sqrt(mean)
        squares = doubled * scale**2
        squares[..., -1] = 0  # biases are free
        return scale, squares

    def _losses(self, scale: Reals, squares: Reals) -> Losses:
        """Return what gives losses and slopes of scaled coefficients of some of the fits."""
        classes, width = self.targets.shape[1], scale.shape[2]
        targets: dict[type, Floats] = {
            kind: self.targets.T.astype(kind) for kind in (np.float32, np.float64)
        }

        def losses(points: Reals, which: Places) -> tuple[Reals, Reals]:
            own = points.reshape(len(which), classes, width)
            found = np.zeros(len(which))
            inner: Any = 0.0
            slopes = np.zeros_like(own)
            for place, block, logits in self._logits(own * scale[which]):
                weights: Floats = self.weights[place][:, which].T.astype(block.dtype)
                found += _cross_entropy(logits, targets[logits.dtype.type][:, place], weights)
                product = logits.reshape(-1, len(block)) @ block
                inner = np.add(inner, product, dtype=np.float64)
                slopes[..., -1] += logits.sum(axis=2, dtype=np.float64)
            slopes[..., :-1] = self.basis.outward(inner.T).T.reshape(*own.shape[:2], -1)
            slopes *= scale[which]
            penalty = squares[which] * own
            slopes += penalty
            found += 0.5 * np.einsum("akr,akr->a", penalty, own)
            return found, slopes.reshape(points.shape)

        return losses


def _cross_entropy(logits: Floats, targets: Floats, weights: Floats) -> Reals:
    """Turn (a, k, b) logits into their slope; return the (a,) weighted sums of cross-entropies."""
    logits -= logits.max(axis=1, keepdims=True)
    said = np.einsum("akn,kn->an", logits, targets)
    np.exp(logits, out=logits)
    totals = logits.sum(axis=1)
    said -= np.log(totals)  # targets sum to 1
    logits /= totals[:, None]
    logits -= targets
    logits *= weights[:, None]
    found: Reals = -np.einsum("an,an->a", weights, said, dtype=np.float64)
    return found


@contextmanager
def few_threads(side: int) -> Iterator[int]:
    """Let one thread compute, where a basis of such a side keeps no more at work.

    Yields how many bases may be at work then, a thread each.

    Threads that wait for one another in small products spin: measured beside other processes on
    two cores, the path of 700 images took 49 s with two threads, and 2 s with one.
    """
    import scipy.linalg  # noqa: F401  has a library of its own: only what is loaded is limited
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
        return fits.classifier(fits.minimum(fits.begin(), np.array([penalty]), EXACTLY))
