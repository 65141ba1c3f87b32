"""How members' probabilities are combined: weights and meta-learners, fitted and cross-fitted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..metrics import LEAST_IN_TRAINING, log_loss
from ..records import Labels, Probabilities, Rows

Stacked = npt.NDArray[np.float64]  # (m, n, k): members, images, classes

ROUNDS = 50  # chosen, not sourced: weights in steps of 2 %
FOLDS = 5
# chosen, not sourced: a small validation part, and several correlated inputs a class.
STRENGTH = 0.1
LEAST_PROBABILITY = 1e-7  # float32's resolution near 1: what the network itself can tell from 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetaLearner:
    """A multinomial logistic regression over members' log-probabilities.

    Attributes:
        kernel: (m k, k) weights, members in order and classes within a member.
        bias: (k,).
    """

    kernel: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]

    def predict(self, members: Stacked) -> Probabilities:
        """Return (n, k) probabilities from (m, n, k) ones."""
        logits = log_probabilities(members) @ self.kernel + self.bias
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        found: Probabilities = odds / odds.sum(axis=1, keepdims=True)
        return found


def log_probabilities(members: Stacked) -> npt.NDArray[np.float64]:
    """Return (n, m k) logarithms, members in order and classes within a member."""
    logs = np.log(np.maximum(members, LEAST_PROBABILITY))
    return np.transpose(logs, (1, 0, 2)).reshape(members.shape[1], -1)


def weigh(members: Stacked, weights: npt.NDArray[np.float64]) -> Probabilities:
    """Return the (n, k) weighted mean of (m, n, k) probabilities."""
    found: Probabilities = np.tensordot(weights, members, axes=1)
    return found


def select_weights(members: Stacked, labels: Labels) -> npt.NDArray[np.float64]:
    """Choose (m,) weights that sum to 1 by forward selection with replacement.

    Each round adds the member that lowers the mean's log-loss most (Caruana et al. 2004,
    doi:10.1145/1015330.1015432). Log-loss, not F1: on some dozen images F1 is a coarse staircase.
    The best round counts, so that a single member may win.
    """
    total = np.zeros(members.shape[1:])
    counts = np.zeros(len(members))
    best_loss, best = np.inf, counts
    for number in range(1, ROUNDS + 1):
        losses = [
            log_loss(labels, (total + member) / number, LEAST_IN_TRAINING) for member in members
        ]
        chosen = int(np.argmin(losses))
        total = total + members[chosen]
        counts[chosen] += 1
        if losses[chosen] < best_loss - 1e-12:
            best_loss, best = losses[chosen], counts.copy()
    weights: npt.NDArray[np.float64] = best / best.sum()
    return weights


def fit_meta_learner(members: Stacked, labels: Labels) -> MetaLearner:
    """Fit a logistic regression to members' log-probabilities (Wolpert 1992)."""
    from sklearn.linear_model import LogisticRegression

    inputs = log_probabilities(members)
    classes = members.shape[2]
    centre, scale = inputs.mean(axis=0), np.maximum(inputs.std(axis=0), 1e-6)
    model = LogisticRegression(C=STRENGTH, max_iter=2000).fit((inputs - centre) / scale, labels)
    kernel = np.zeros((inputs.shape[1], classes))
    # A class that no image has: so unlikely that it is never chosen.
    bias = np.full(classes, np.log(LEAST_PROBABILITY))
    if len(model.classes_) == 2:  # one row for the second class against the first
        kernel[:, model.classes_[1]] = model.coef_[0] / scale
        bias[model.classes_] = [0.0, model.intercept_[0] - centre @ (model.coef_[0] / scale)]
    else:
        kernel[:, model.classes_] = (model.coef_ / scale).T
        bias[model.classes_] = model.intercept_ - (model.coef_ / scale) @ centre
    return MetaLearner(kernel=kernel, bias=bias)


def cross_fit(
    members: Stacked,
    labels: Labels,
    folds: Iterable[tuple[Rows, Rows]],
    fit: Callable[[Stacked, Labels], Callable[[Stacked], Probabilities]],
) -> Probabilities:
    """Predict each image by a combination that was fitted without it.

    Args:
        members: (m, n, k) members' probabilities.
        labels: (n,) true classes.
        folds: (rest, held) rows that cover each image once; groups are never on both sides.
        fit: fits a combination and gives its prediction function.
    """
    found = np.zeros(members.shape[1:])
    for rest, held in folds:
        found[held] = fit(members[:, rest], labels[rest])(members[:, held])
    return found
