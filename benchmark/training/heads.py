"""Heads over features: logistic regression to its minimum, or dense layers by epochs."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cache import Cache
from ..metrics import measure
from ..records import Epoch, Labels, Params, Part, Probabilities, Progress, Rows, Spec
from ..seeds import derive
from ..zoo import build_head, select
from .choosing import Choice, choose, keep
from .epochs import Inputs, Report, Seen, Trained, Trainee, TrainingStage, run_epochs
from .evidence import Evidence, gather
from .inputs import Columns, Views
from .kept_features import Features
from .keras_trainee import KerasTrainee
from .logistic import Linear, fit, soften
from .loop_settings import Settings, class_weights, read_settings
from .material import Examples, Material
from .numpy_trainer import stack_trainee
from .tunables import is_choosing, is_logistic

Weights = Mapping[str, list[npt.NDArray[np.float32]]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """A head trained on some rows of the features.

    Attributes:
        weights: of its layers by name.
        trained: its history, and who predicts.
        inputs: the standardised features it reads.
        choice: its parameters, each with one value, and how they were chosen.
    """

    weights: Weights
    trained: Trained
    inputs: Columns
    choice: Choice

    @property
    def params(self) -> Params:
        """Its parameters, each with one value."""
        return self.choice.params

    @property
    def parameters(self) -> int:
        """How many weights it has."""
        return sum(int(each.size) for own in self.weights.values() for each in own)

    def predict(self, rows: Rows) -> Probabilities:
        """Return (n, k) probabilities of some of the pixels' rows."""
        return self.trained.predict(self.inputs, rows)

    def standing(self, classes: int) -> Any:
        """Return the head as a network over features as they come, standardising them inside."""
        inputs, params = self.inputs, self.params
        if is_logistic(params):
            params = params.having(head_layers=0, dropout=0.0)
        whole = build_head(params, inputs.width, classes, 0, inputs.mean, inputs.variance)
        for name, own in self.weights.items():
            whole.get_layer(name).set_weights(own)
        return whole


def fit_head(
    features: Features,
    params: Params,
    train: Examples,
    val: Examples,
    settings: Settings,
    *,
    classes: int,
    seed: int,
    report: Report,
    views: Views | None = None,
    seen: Seen | None = None,
) -> Head:
    """Train a head over a backbone's features to early stopping.

    Args:
        features: of all images.
        params: the head's parameters, and which features it reads.
        train: what is learnt from, mean and variance included.
        val: what stops it.
        settings: how.
        classes: k.
        seed: for its first weights, the order of images and dropout.
        report: told of every epoch; what it raises (a pruned trial) ends the training.
        views: of the training images, to draw from.
        seen: told the probabilities of `val` after every epoch.
    """
    standardise = train.rows if params.flag("standardise") else None
    inputs = Columns(features.matrix, select(features.blocks, params), standardise, views)
    return train_head(
        inputs,
        params,
        train,
        val,
        settings,
        classes=classes,
        stage=TrainingStage(name="head", seed=seed, report=report, seen=seen),
    )


def train_head(
    inputs: Columns,
    params: Params,
    train: Examples,
    val: Examples,
    settings: Settings,
    *,
    classes: int,
    stage: TrainingStage,
) -> Head:
    """Train a head over columns that are chosen and standardised; otherwise as `fit_head`."""
    # Without a layer that standardises: its inputs come standardised.
    network = build_head(params, inputs.width, classes, derive(stage.seed, "weights"))
    trainee = make_trainee(network, settings, stage.seed)
    trained = run_epochs(trainee, inputs, train, val, settings, stage)
    weights = {layer.name: layer.get_weights() for layer in network.layers if layer.weights}
    return Head(weights=weights, trained=trained, inputs=inputs, choice=Choice(params=params))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lesson:
    """What a convex head is chosen and fitted on.

    Attributes:
        features: of all images.
        evidence: what it is chosen on.
        train: what it is fitted to; `val` is only measured.
        views: of the training images by policy.
        cache: where the choice is kept, None to keep none; `keys` are those of features and views.
    """

    features: Features
    evidence: Evidence
    train: Examples
    val: Examples
    cache: Cache | None = None
    keys: tuple[str, ...] = ()
    views: Mapping[str, Views] = field(default_factory=dict)

    def columns(self, params: Params, rows: Rows) -> Columns:
        """Return what parameters with one value each read, standardised by some rows."""
        return Columns(
            self.features.matrix,
            select(self.features.blocks, params),
            rows if params.flag("standardise") else None,
            self.views.get(params.text("augmentation")),
        )


def evidence_of(material: Material, with_val: bool) -> Evidence:
    """Return what a head is chosen on: train, and validation where that does not rank it.

    Labels that are taught in place of the true ones are never joined by true ones.
    """
    with_val = with_val and material.taught is None
    parts = (Part.TRAIN, Part.VAL) if with_val else (Part.TRAIN,)
    rows = np.concatenate([material.split.rows(part) for part in parts])
    return evidence_at(material, rows)


def evidence_at(material: Material, rows: Rows) -> Evidence:
    """Return some rows of the index as what a head is chosen on."""
    labels = material.labels if material.taught is None else material.taught
    hashes = [material.hashes[row] for row in rows]
    groups: list[Hashable] = (
        [material.groups[row] for row in rows] if material.groups else [*hashes]
    )
    return gather(material.classes, material.pixels.rows(hashes), labels[rows], hashes, groups)


def fit_logistic(
    params: Params, lesson: Lesson, progress: Progress, seen: Seen | None = None
) -> Head:
    """Choose what parameters leave open, and fit the head; it has one epoch.

    Args:
        params: of a convex head.
        lesson: what on.
        progress: told of every combination tried, and of the epoch.
        seen: told the probabilities of `val`, before the epoch is reported.
    """
    choice = Choice(params=params)
    if is_choosing(params):
        choice = keep(
            lesson.cache,
            [*lesson.keys, dict(params), lesson.evidence.key],
            lambda: choose(params, lesson.columns, lesson.evidence, progress),
        )
    progress.stage("head", total=1, unit="heads")
    classes, train = lesson.evidence.classes, lesson.train
    own = choice.params
    inputs = lesson.columns(own, train.rows)
    by_class = class_weights(own.text("class_weight"), classes, train.labels)
    copies = inputs.copies
    fitted = fit(
        inputs.read,
        inputs.with_views(train.rows),
        np.tile(soften(train.labels, len(classes), own.number("label_smoothing")), (copies, 1)),
        np.tile(by_class[train.labels] / (copies * len(train.labels)), copies),
        own.number("l2"),
    )
    answering = _Answering(fitted)
    said = {"train": train, "val": lesson.val}
    metrics: dict[str, float] = {}
    for part, examples in said.items():
        answers = answering.predict(inputs, examples.rows)
        metrics |= measure(part, answers, examples.labels) if answers.size else {}
    if seen is not None:
        seen(answers.astype(np.float64))
    epoch = Epoch(number=0, stage="head", metrics=metrics)
    progress.epoch(epoch)
    weights = [fitted.kernel.astype(np.float32), fitted.bias.astype(np.float32)]
    return Head(
        weights={"logits": weights},
        trained=Trained(history=(epoch,), best=metrics, trainee=answering),
        inputs=inputs,
        choice=choice,
    )


class _Answering:
    """Answers as the Keras layers of a fitted head do."""

    def __init__(self, linear: Linear) -> None:
        self._linear = linear

    def predict(self, inputs: Inputs, rows: Rows) -> npt.NDArray[np.float32]:
        """Return (n, k) probabilities; memory is bounded by a block."""
        blocks = np.split(rows, range(4096, len(rows), 4096))
        said = [self._linear.log_probabilities(inputs.take(block)) for block in blocks]
        return np.exp(np.concatenate(said)).astype(np.float32)


def make_trainee(head: Any, settings: Settings, seed: int) -> Trainee:
    """Choose who trains a head over features: NumPy if it knows all its layers, else Keras."""
    return stack_trainee(head.layers, settings, seed) or KerasTrainee(head, settings)


def settings_of(spec: Spec, material: Material, labels: Labels | None = None) -> Settings:
    """Read a spec's training parameters.

    Args:
        spec: what to train.
        material: its classes, and its training part.
        labels: the classes of the images trained on, such as a fold's; None for the training
            part's.
    """
    taught = material.truth(Part.TRAIN) if labels is None else labels
    return read_settings(spec, material.classes, taught)
