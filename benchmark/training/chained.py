"""Chained: the best member without its softmax feeds a second dense head."""

from typing import Any

import numpy as np

from ..environment import seconds
from ..errors import UsageError
from ..records import Part, Progress, Seconds, Spec
from ..seeds import derive
from ..zoo import chained_network, logits_network, select
from .epoch_metrics import log_loss, macro_f1
from .features import features_key, read_features
from .frozen import examples, settings_of, standing_head, train_head
from .inputs import Columns, Matrix
from .material import Fitted, Material, Member


def train_chained(spec: Spec, material: Material, progress: Progress) -> Fitted:
    """Train a second dense head over the best member's logits.

    Raises:
        UsageError: there is no member.
    """
    import keras

    if not material.members:
        raise UsageError("chained needs a finished member, and there is none.")
    began = seconds()
    member = best_member(material.members)
    network = keras.models.load_model(member.network, compile=False)
    logits = _logits(member, network, material, progress)
    params = spec.params.having(standardise=True)
    classes = len(material.classes)
    inputs = Columns(logits, np.arange(classes), material.pictures(Part.TRAIN))
    progress.stage("head", total=spec.epochs, unit="epochs")
    head = train_head(
        inputs,
        params,
        examples(material, Part.TRAIN),
        examples(material, Part.VAL),
        settings_of(spec, material),
        classes=classes,
        seed=derive(spec.seed, "chained"),
        report=progress.epoch,
    )
    val, test = (
        head.trained.predict(inputs, material.pictures(part)) for part in (Part.VAL, Part.TEST)
    )
    took = seconds() - began
    return Fitted(
        network=chained_network(network, standing_head(head, params, classes)),
        history=head.trained.history,
        val=val,
        test=test,
        seconds=Seconds(head=took, wall=took),
        facts={"members": member.arch},
    )


def best_member(members: tuple[Member, ...]) -> Member:
    """Give the member with the greatest validation macro-F1, by loss where that is a tie."""

    def standing(member: Member) -> tuple[float, float]:
        val = member.predictions.part(Part.VAL)
        chosen = val.probabilities.argmax(axis=1)
        score = macro_f1(chosen, val.labels, len(val.classes))
        return score, -log_loss(val.probabilities, val.labels)

    return max(members, key=standing)


def _logits(member: Member, network: Any, material: Material, progress: Progress) -> Matrix:
    """Give the (u, k) logits of every image, from cached features where the member has them."""
    path = None
    if member.spec.regime == "frozen":
        path = material.cache.find(
            "features", features_key(member.spec, material, member.spec.engine)
        )
    if path is None:
        return _by_pass(logits_network(network), material, progress)
    features = read_features(path)
    head = _head_of(network)
    columns = Columns(features.matrix, select(features.blocks, member.spec.params), None)
    rows = np.arange(len(features.matrix))
    blocks = [rows[start : start + 4096] for start in range(0, len(rows), 4096)]
    return np.concatenate([np.asarray(head.predict_on_batch(columns.take(b))) for b in blocks])


def _head_of(network: Any) -> Any:
    """Cut a frozen member's network: from its features to its logits."""
    import keras

    names = [layer.name for layer in network.layers]
    first = next(
        place + 1
        for place in reversed(range(len(names)))
        if names[place] == "features" or names[place].startswith("tap")
    )
    features = network.layers[first].input
    return keras.Model(features, network.get_layer("logits").output)


def _by_pass(network: Any, material: Material, progress: Progress) -> Matrix:
    """Pass every image through a network, a batch at a time."""
    pixels = material.pixels.array
    progress.stage("logits", total=len(pixels), unit="images")
    found = []
    for start in range(0, len(pixels), 32):
        found.append(np.asarray(network.predict_on_batch(pixels[start : start + 32])))
        progress.advance(len(found[-1]))
    return np.concatenate(found)
