"""How strongly convex heads are penalised: by the cross-validated log loss along a path.

Combinations of alternatives that read the same features go along it side by side, with all their
folds in one descent, though not at the same penalty. Each begins at the middle of the path and
goes on beside the best: there the valley is that most data have, and fewer fits are needed than
from the strongest penalty on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..records import Params, Rows
from .basis import Basis, Reals
from .evidence import Evidence
from .logistic import ROUGHLY, Fits, soften
from .loop_settings import class_weights
from .material import Considered

_SAME = 1e-4  # nats: fits are as near to their minimum; of what differs by less the first counts


def walk(
    fits: Fits, path: Sequence[float], evidence: Evidence, folds: Sequence[tuple[Rows, Rows]]
) -> "list[Walk]":
    """Let combinations go their ways along the path of penalties, side by side."""
    held = np.concatenate([rows for _, rows in folds])
    apart = np.arange(fits.weights.shape[1]).reshape(-1, len(folds))  # the fits of a combination
    walks = [Walk(path=path, state=state, held=held) for state in fits.begin()[apart]]
    while going := [
        (each, own, place)
        for each, own in zip(walks, apart, strict=True)
        if (place := each.next) is not None
    ]:
        some = fits.some(np.concatenate([own for _, own, _ in going]))
        state = some.minimum(
            np.concatenate([each.state for each, _, _ in going]),
            np.repeat([path[place] for _, _, place in going], len(folds)),
            ROUGHLY,
        )
        said = some.log_probabilities(state)
        for number, (each, _, place) in enumerate(going):
            own = slice(number * len(folds), (number + 1) * len(folds))
            losses = [
                -one[evidence.labels[rows], rows]
                for one, (_, rows) in zip(said[own], folds, strict=True)
            ]
            each.note(place, np.concatenate(losses), state[own])
    return walks


def fits_of(
    several: Sequence[Params],
    basis: Basis,
    copies: int,
    evidence: Evidence,
    folds: Sequence[tuple[Rows, Rows]],
) -> Fits:
    """Return the fits of several combinations, each with all folds; they weigh classes apart."""
    labels, count, weights = evidence.labels, len(evidence.labels), list[Any]()
    for own in several:
        for rest, _ in folds:
            by_class = class_weights(own.text("class_weight"), evidence.classes, labels[rest])
            weights.append(np.zeros(count))
            weights[-1][rest] = by_class[labels[rest]] / len(rest)
    targets = soften(labels, len(evidence.classes), several[0].number("label_smoothing"))
    return Fits(
        basis=basis,
        targets=np.tile(targets, (copies, 1)),
        weights=np.tile(np.stack(weights, axis=1), (copies, 1)) / copies,
    )


@dataclass(slots=True, kw_only=True, eq=False)
class Walk:
    """What a combination's penalties came to, tried from the middle of their path.

    Attributes:
        path: the penalties, from strong to weak.
        state: the coefficients of its fits at the best penalty so far.
        held: rows that are held out of a fold, one fold's after the other's.
        losses: by place on the path, the log losses of these rows, in nats.
    """

    path: Sequence[float]
    state: Reals
    held: Rows
    losses: dict[int, Reals] = field(default_factory=dict)

    @property
    def best(self) -> int:
        """The place of the least mean loss so far; of equal ones the strongest penalty's."""
        places = sorted(self.losses)
        return places[first_least([float(self.losses[place].mean()) for place in places])]

    @property
    def next(self) -> int | None:
        """The place to try next, None at the end: beside the best, on either side.

        At their minima the losses have one valley.
        """
        if not self.losses:
            return len(self.path) // 2
        beside = (self.best + 1, self.best - 1)
        untried = (at for at in beside if 0 <= at < len(self.path) and at not in self.losses)
        return next(untried, None)

    def note(self, place: int, losses: Reals, state: Reals) -> None:
        """Note what a penalty came to."""
        self.losses[place] = losses
        if self.best == place:
            self.state = state

    def considered(self, own: Params, asked: Params, groups: Rows) -> Considered:
        """Return what is told of the combination."""
        losses = self.losses[self.best]
        return Considered(
            params={name: own[name] for name in own if own[name] != asked[name]},
            l2=self.path[self.best],
            log_loss=float(losses.mean()),
            standard_error=_standard_error(losses, groups[self.held]),
        )


def first_least(losses: Sequence[float]) -> int:
    """Return the first place that no other is below by more than rounding."""
    best = 0
    for place, loss in enumerate(losses):
        if loss < losses[best] - _SAME:
            best = place
    return best


def _standard_error(losses: Reals, groups: Rows) -> float:
    sums = np.bincount(groups, losses - losses.mean())
    return float(np.sqrt((sums**2).sum()) / len(losses))
