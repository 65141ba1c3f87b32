"""Chained: the best member without its softmax feeds a second dense head."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..environment import seconds
from ..errors import UsageError
from ..metrics import measure
from ..records import Params, Part, Probabilities, Progress, Seconds, Silent, Spec
from ..seeds import derive
from ..zoo import chained_network, logits_network, select
from .combination import log_probabilities
from .epochs import Stage
from .features import features_key, read_features
from .frozen import Head, examples, settings_of, standing_head, train_head
from .inputs import Columns, Matrix
from .material import Fitted, Material, Member, answers_out_of_fold


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
    progress.stage("head", total=spec.epochs, unit="epochs")
    head = _head_over(logits, spec, material, progress)
    val, test = (
        head.trained.predict(head.inputs, material.pictures(part)) for part in (Part.VAL, Part.TEST)
    )
    took = seconds() - began
    standing = standing_head(head, _params(spec), len(material.classes))
    return Fitted(
        network=chained_network(network, standing),
        history=head.trained.history,
        val=val,
        test=test,
        seconds=Seconds(head=took, wall=took),
        facts={"members": member.arch},
    )


def chained_in_folds(spec: Spec, material: Material) -> Callable[[Material], Probabilities]:
    """Return what answers for the images held out of a fold, from the member's answers out of fold.

    In place of logits the second head reads the logarithms of those answers: they differ by a
    number an image, and no network is needed for them.

    Raises:
        UsageError: the member left no such answers.
    """
    rows = np.concatenate([material.split.train, material.split.val])
    answers = answers_out_of_fold(best_member(material.members), material, rows)
    logs = np.zeros((len(material.pixels.array), len(material.classes)), np.float32)
    logs[material.pixels.rows([material.hashes[row] for row in rows])] = log_probabilities(
        answers[None]
    )

    def answer(fold: Material) -> Probabilities:
        head = _head_over(logs, spec, fold, Silent())
        return head.trained.predict(head.inputs, fold.pictures(Part.TEST))

    return answer


def _head_over(logits: Matrix, spec: Spec, material: Material, progress: Progress) -> Head:
    """Train the second head over the (u, k) logits of all images."""
    classes = len(material.classes)
    return train_head(
        Columns(logits, np.arange(classes), material.pictures(Part.TRAIN)),
        _params(spec),
        examples(material, Part.TRAIN),
        examples(material, Part.VAL),
        settings_of(spec, material),
        classes=classes,
        stage=Stage(name="head", seed=derive(spec.seed, "chained"), report=progress.epoch),
    )


def _params(spec: Spec) -> Params:
    return spec.params.having(standardise=True)


def best_member(members: tuple[Member, ...]) -> Member:
    """Return the member with the greatest validation macro-F1, by loss where that is a tie."""

    def standing(member: Member) -> tuple[float, float]:
        val = member.predictions.part(Part.VAL)
        found = measure("val", val.probabilities, val.labels)
        return found["val_macro_f1"], -found["val_loss"]

    return max(members, key=standing)


def _logits(member: Member, network: Any, material: Material, progress: Progress) -> Matrix:
    """Return the (u, k) logits of every image, from cached features where the member has them."""
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
