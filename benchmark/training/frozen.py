"""The frozen regime: a head over features that every image was passed through once for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..environment import seconds
from ..records import Labels, Params, Part, Progress, Seconds, Spec
from ..seeds import derive
from ..zoo import (
    ARCHITECTURES,
    Backbone,
    assemble,
    build_backbone,
    build_head,
    calibrate,
    read_scales,
    see_at_scales,
    select,
)
from .augmentation import notes_on_views, open_views
from .epochs import Examples, Report, Seen, Stage, Trained, run_epochs
from .features import Features, calibration_rows, open_features
from .inputs import Columns, Views
from .material import Fitted, Material
from .settings import Settings, read_settings
from .trainees import make_trainee


class Trunk:
    """A spec's frozen backbone, built when first needed."""

    def __init__(self, spec: Spec, material: Material) -> None:
        self._spec = spec
        self._material = material

    @cached_property
    def backbone(self) -> Backbone:
        """The backbone with its weights; untrained ones with batch statistics from train."""
        spec, material = self._spec, self._material
        scales = read_scales(spec.params)
        built = build_backbone(
            ARCHITECTURES[spec.arch],
            spec.picture,
            material.weights,
            derive(spec.seed, "backbone"),
            any_side=len(scales) > 1,
        )
        if spec.weights == "none":
            hashes = [material.hashes[row] for row in calibration_rows(material)]
            calibrate(built, material.pixels.array[material.pixels.rows(hashes)])
        return see_at_scales(built, spec.picture, scales) if len(scales) > 1 else built


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """A head trained on some rows of the features.

    Attributes:
        network: keras.Model from raw (width,) features to (k,) probabilities.
        trained: its history, and who predicts.
        inputs: the standardised features it reads.
    """

    network: Any
    trained: Trained
    inputs: Columns


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
    stage: str = "head",
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
        stage: the stage's name in the history.
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
        stage=Stage(name=stage, seed=seed, report=report, seen=seen),
    )


def train_head(
    inputs: Columns,
    params: Params,
    train: Examples,
    val: Examples,
    settings: Settings,
    *,
    classes: int,
    stage: Stage,
) -> Head:
    """Train a head over columns that are chosen and standardised; otherwise as `fit_head`."""
    # Without a layer that standardises: its inputs come standardised.
    network = build_head(params, inputs.width, classes, derive(stage.seed, "weights"))
    trainee = make_trainee(network, settings, stage.seed)
    trained = run_epochs(trainee, inputs, train, val, settings, stage)
    return Head(network=network, trained=trained, inputs=inputs)


def standing_head(head: Head, params: Params, classes: int) -> Any:
    """Return a head as a network over features as they come, standardising them inside."""
    inputs = head.inputs
    whole = build_head(params, inputs.width, classes, 0, inputs.mean, inputs.variance)
    for layer in head.network.layers:
        if layer.weights:
            whole.get_layer(layer.name).set_weights(layer.get_weights())
    return whole


def examples(material: Material, part: Part) -> Examples:
    """Return a part's rows of the pixels (and of the features), and its classes."""
    return Examples(rows=material.pictures(part), labels=material.truth(part))


def settings_of(spec: Spec, material: Material, labels: Labels | None = None) -> Settings:
    """Read a spec's training parameters.

    Args:
        spec: what to train.
        material: its classes, and its training part.
        labels: the classes of the images trained on, where they are not those of the training
            part, such as a fold's; `class_weight=balanced` weighs by them.
    """
    return read_settings(
        spec.params,
        epochs=spec.epochs,
        patience=spec.patience,
        classes=material.classes,
        labels=material.truth(Part.TRAIN) if labels is None else labels,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OverFeatures:
    """A head trained over a spec's features: the frozen regime, and fine-tuning's first stage.

    Attributes:
        trunk: the backbone.
        features: of all images, and `views` of augmented training images, None for none.
        head: the trained head.
        standing: the head as a network over features as they come.
        features_seconds: what the features cost, those of views included, whenever that was.
        head_seconds: what training took.
    """

    trunk: Trunk
    features: Features
    views: Views | None
    head: Head
    standing: Any
    features_seconds: float
    head_seconds: float


def train_over_features(
    spec: Spec,
    material: Material,
    progress: Progress,
    engine: str | None = None,
    trunk: Trunk | None = None,
) -> OverFeatures:
    """Train a spec's head over its features, computed now or found in the cache.

    Args:
        spec: what to train.
        material: what on.
        progress: told of every batch of features and every epoch.
        engine: in place of the spec's engine.
        trunk: the backbone, if it is built already.
    """
    trunk = trunk or Trunk(spec, material)
    features = open_features(spec, material, lambda: trunk.backbone, progress, engine)
    views, views_seconds = open_views(spec, material, lambda: trunk.backbone, progress, engine)
    progress.stage("head", total=spec.epochs, unit="epochs")
    started = seconds()
    head = _head_over(features, views, spec, material, progress)
    return OverFeatures(
        trunk=trunk,
        features=features,
        views=views,
        head=head,
        standing=standing_head(head, spec.params, len(material.classes)),
        features_seconds=features.seconds + views_seconds,
        head_seconds=seconds() - started,
    )


def _head_over(
    features: Features, views: Views | None, spec: Spec, material: Material, progress: Progress
) -> Head:
    """Train a spec's head over features that are there."""
    return fit_head(
        features,
        spec.params,
        examples(material, Part.TRAIN),
        examples(material, Part.VAL),
        settings_of(spec, material),
        classes=len(material.classes),
        seed=derive(spec.seed, "head"),
        report=progress.epoch,
        views=views,
        seen=material.seen,
    )


def open_head(
    spec: Spec,
    material: Material,
    progress: Progress,
    engine: str | None = None,
) -> Callable[[Material], Head]:
    """Return what trains a spec's head on a fold's material, its features being opened once.

    The arguments are those of `train_frozen`.
    """
    trunk = Trunk(spec, material)
    features = open_features(spec, material, lambda: trunk.backbone, progress, engine)
    views, _ = open_views(spec, material, lambda: trunk.backbone, progress, engine)
    return lambda fold: _head_over(features, views, spec, fold, progress)


def train_frozen(
    spec: Spec,
    material: Material,
    progress: Progress,
    engine: str | None = None,
    trunk: Trunk | None = None,
) -> Fitted:
    """Train a head over features, computed now or found in the cache.

    Args:
        spec: what to train.
        material: what on.
        progress: told of every batch of features and every epoch.
        engine: in place of the spec's engine.
        trunk: the backbone, if it is built already.
    """
    began = seconds()
    done = train_over_features(spec, material, progress, engine, trunk)
    head = done.head
    val, test = (
        head.trained.predict(head.inputs, material.pictures(part)) for part in (Part.VAL, Part.TEST)
    )
    return Fitted(
        network=assemble(done.trunk.backbone, done.standing, spec.params),
        history=head.trained.history,
        val=val,
        test=test,
        seconds=Seconds(
            decode=material.pixels.seconds,
            features=done.features_seconds,
            head=done.head_seconds,
            wall=seconds() - began,
        ),
        engine=done.features.engine,
        facts=dict(done.features.facts),
        warnings=notes_on_views(spec),
    )
