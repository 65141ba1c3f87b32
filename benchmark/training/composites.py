"""Composites of runs already done, at no further pass over the images where none is needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import seconds
from ..errors import UsageError
from ..records import Labels, Part, Predictions, Probabilities, Progress, Seconds, Spec
from ..zoo import average_network, stacked_network
from .chained import train_chained
from .combination import (
    MetaLearner,
    Stacked,
    cross_fit,
    fit_meta_learner,
    select_weights,
    weigh,
)
from .material import Fitted, Material, Member


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
        UsageError: no such composite, or fewer members than it takes.
    """
    if spec.arch == "chained":
        return train_chained(spec, material, progress)
    if spec.arch not in _COMBINE:
        raise UsageError(f"{spec.arch} is not a composite.")
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

    def fit(some: Stacked, truth: Labels) -> Callable[[Stacked], Probabilities]:
        chosen = select_weights(some, truth)
        return lambda others: weigh(others, chosen)

    weights = select_weights(members, labels)
    # A member without weight would only make the network slower.
    used = np.flatnonzero(weights)
    networks = load_networks([material.members[place] for place in used])
    named = zip(material.members, weights, strict=True)
    return Combined(
        network=average_network(networks, weights[used].tolist()),
        val=cross_fit(members, labels, _groups(material), spec.seed, fit),
        test=weigh(_stacked(material, Part.TEST), weights),
        own_val=weigh(members, weights),
        facts={"weights": ",".join(f"{each.arch}={weight:.2f}" for each, weight in named)},
    )


def _stacked_generalisation(spec: Spec, material: Material) -> Combined:
    members = _stacked(material, Part.VAL)
    labels = material.truth(Part.VAL)

    def fit(some: Stacked, truth: Labels) -> Callable[[Stacked], Probabilities]:
        return fit_meta_learner(some, truth).predict

    learner: MetaLearner = fit_meta_learner(members, labels)
    networks = load_networks(material.members)
    return Combined(
        network=stacked_network(networks, learner.kernel, learner.bias),
        val=cross_fit(members, labels, _groups(material), spec.seed, fit),
        test=learner.predict(_stacked(material, Part.TEST)),
        own_val=learner.predict(members),
        facts={},
    )


_COMBINE: dict[str, Callable[[Spec, Material], Combined]] = {
    "ensemble": _mean,
    "weighted-ensemble": _weighted,
    "stacked": _stacked_generalisation,
}


def load_networks(members: Sequence[Member]) -> list[Any]:
    """Load members' saved networks."""
    import keras

    return [keras.models.load_model(member.network, compile=False) for member in members]


def _stacked(material: Material, part: Part) -> Stacked:
    """Give (m, n, k) probabilities of a part in the split's order, a class alike in all."""
    return np.stack([_aligned(member.predictions, material, part) for member in material.members])


def _aligned(predictions: Predictions, material: Material, part: Part) -> Probabilities:
    """Give a member's probabilities for a part's images, found by their content digests."""
    own = predictions.part(part)
    if own.classes != material.classes:
        raise UsageError(
            f"members must have the classes {', '.join(material.classes)}, "
            f"not {', '.join(own.classes)}."
        )
    place = {image: row for row, image in enumerate(own.hashes)}
    wanted = [material.hashes[row] for row in material.split.rows(part)]
    missing = sum(image not in place for image in wanted)
    if missing:
        raise UsageError(
            f"members must have predicted all {len(wanted)} images of {part}; {missing} lack."
        )
    found: Probabilities = own.probabilities[[place[image] for image in wanted]]
    return found


def _groups(material: Material) -> npt.NDArray[np.str_]:
    """Give what must stay together in folds for each validation image."""
    keys = material.groups or material.hashes
    return np.array([keys[row] for row in material.split.val])
