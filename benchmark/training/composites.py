"""Composites of runs already done, at no further pass over the images where none is needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..environment import seconds
from ..errors import UsageError
from ..records import Labels, Part, Probabilities, Progress, Rows, Seconds, Spec
from ..zoo import ARCHITECTURES, average_network, stacked_network
from .chained import chained_in_folds, train_chained
from .combination import (
    FOLDS,
    MetaLearner,
    Stacked,
    cross_fit,
    fit_meta_learner,
    select_weights,
    weigh,
)
from .folds import fitting_folds
from .material import Fitted, Material, Member, aligned, answers_out_of_fold

Predict = Callable[[Stacked], Probabilities]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Combined:
    """What a combination says, and the network that says it.

    Attributes:
        network: from raw pixels to probabilities.
        val: honest (n_val, k) probabilities: of images that the combination was not fitted on.
        test: (n_test, k) probabilities of the network.
        own_val: the network's own, for images that it may have been fitted on.
        facts: weights by member, for instance.
    """

    network: Any
    val: Probabilities
    test: Probabilities
    own_val: Probabilities
    facts: dict[str, str]


def train_composite(spec: Spec, material: Material, progress: Progress) -> Fitted:
    """Combine finished runs.

    The validation probabilities of a fitted combination are cross-fitted: each image's come from
    a combination that never saw it. The network itself is fitted on all of validation.

    Raises:
        UsageError: there are fewer members than it takes.
    """
    if ARCHITECTURES[spec.arch].members == 1:
        return train_chained(spec, material, progress)
    if len(material.members) < 2:
        raise UsageError(
            f"{spec.arch} needs at least 2 finished members, not {len(material.members)}."
        )
    began = seconds()
    progress.stage("combine", total=1)
    combined = _COMBINE[spec.arch](spec, material)
    progress.advance()
    took = seconds() - began
    return Fitted(
        network=combined.network,
        history=(),
        val=combined.val,
        test=combined.test,
        own_val=combined.own_val,
        seconds=Seconds(head=took, wall=took),
        facts={"members": ",".join(each.arch for each in material.members), **combined.facts},
    )


def _mean(_spec: Spec, material: Material) -> Combined:
    weights = np.full(len(material.members), 1 / len(material.members))
    val, test = (weigh(_stacked(material, part), weights) for part in (Part.VAL, Part.TEST))
    network = average_network(load_networks(material.members))
    return Combined(network=network, val=val, test=test, own_val=val, facts={})


def _weighted(spec: Spec, material: Material) -> Combined:
    members = _stacked(material, Part.VAL)
    labels = material.truth(Part.VAL)

    weights = select_weights(members, labels)
    # A member without weight would only make the network slower.
    used = np.flatnonzero(weights)
    networks = load_networks([material.members[place] for place in used])
    named = zip(material.members, weights, strict=True)
    return Combined(
        network=average_network(networks, weights[used].tolist()),
        val=cross_fit(members, labels, _folds(spec, material), _fit_weights),
        test=weigh(_stacked(material, Part.TEST), weights),
        own_val=weigh(members, weights),
        facts={"weights": ",".join(f"{each.arch}={weight:.2f}" for each, weight in named)},
    )


def _stacked_generalisation(spec: Spec, material: Material) -> Combined:
    members = _stacked(material, Part.VAL)
    labels = material.truth(Part.VAL)
    learner: MetaLearner = fit_meta_learner(members, labels)
    networks = load_networks(material.members)
    return Combined(
        network=stacked_network(networks, learner.kernel, learner.bias),
        val=cross_fit(members, labels, _folds(spec, material), _fit_stacked),
        test=learner.predict(_stacked(material, Part.TEST)),
        own_val=learner.predict(members),
        facts={},
    )


def _fit_mean(some: Stacked, _truth: Labels) -> Predict:
    return lambda others: weigh(others, np.full(len(some), 1 / len(some)))


def _fit_weights(some: Stacked, truth: Labels) -> Predict:
    chosen = select_weights(some, truth)
    return lambda others: weigh(others, chosen)


def _fit_stacked(some: Stacked, truth: Labels) -> Predict:
    return fit_meta_learner(some, truth).predict


_FIT: dict[str, Callable[[Stacked, Labels], Predict]] = {
    "ensemble": _fit_mean,
    "weighted-ensemble": _fit_weights,
    "stacked": _fit_stacked,
}
_COMBINE: dict[str, Callable[[Spec, Material], Combined]] = {
    "ensemble": _mean,
    "weighted-ensemble": _weighted,
    "stacked": _stacked_generalisation,
}


def composite_in_folds(spec: Spec, material: Material) -> Callable[[Material], Probabilities]:
    """Return what answers for the images held out of a fold, from members' answers out of fold.

    A combination that is fitted is fitted on the answers for the images that the fold learns from.

    Raises:
        UsageError: a member left no such answers.
    """
    if ARCHITECTURES[spec.arch].members == 1:
        return chained_in_folds(spec, material)
    fit = _FIT[spec.arch]

    def of_members(rows: Rows) -> Stacked:
        return np.stack([answers_out_of_fold(each, material, rows) for each in material.members])

    def answer(fold: Material) -> Probabilities:
        learnt = np.concatenate([fold.split.train, fold.split.val])
        return fit(of_members(learnt), fold.labels[learnt])(of_members(fold.split.test))

    return answer


def load_networks(members: Sequence[Member]) -> list[Any]:
    """Load members' saved networks."""
    import keras

    return [keras.models.load_model(member.network, compile=False) for member in members]


def _stacked(material: Material, part: Part) -> Stacked:
    """Return (m, n, k) probabilities of a part in the split's order, a class alike in all."""
    rows = material.split.rows(part)
    return np.stack(
        [aligned(each.predictions.part(part), material, rows, part) for each in material.members]
    )


def _folds(spec: Spec, material: Material) -> list[tuple[Rows, Rows]]:
    """Return folds of the validation images; what must stay together is on one side."""
    keys, rows = material.groups or material.hashes, material.split.val
    return fitting_folds(material.labels[rows], [keys[row] for row in rows], FOLDS, spec.seed)
