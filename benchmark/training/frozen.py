"""The frozen regime: a head over features that every image was passed through once for."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..environment import seconds
from ..records import Labels, Params, Part, Probabilities, Progress, Rows, Seconds, Spec
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
from .epochs import Report, Seen, Trained, Trainee, TrainingStage, run_epochs
from .inputs import Columns, Views
from .keras_trainee import KerasTrainee
from .material import Examples, Fitted, Material
from .numpy_trainer import stack_trainee
from .passes import Features, Passes
from .tunables import DEFAULT_VIEWS, Settings, is_fresh, read_settings, views_of


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
            hashes = [material.hashes[row] for row in material.calibration_rows]
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

    def predict(self, rows: Rows) -> Probabilities:
        """Return (n, k) probabilities of some of the pixels' rows."""
        return self.trained.predict(self.inputs, rows)

    def standing(self, params: Params, classes: int) -> Any:
        """Return the head as a network over features as they come, standardising them inside."""
        inputs = self.inputs
        whole = build_head(params, inputs.width, classes, 0, inputs.mean, inputs.variance)
        for layer in self.network.layers:
            if layer.weights:
                whole.get_layer(layer.name).set_weights(layer.get_weights())
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
    return Head(network=network, trained=trained, inputs=inputs)


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


class OverFeatures:
    """A spec's features, computed now or found in the cache, and heads trained over them.

    The arguments are those of `Passes`, and the trunk if it is built already.

    Attributes:
        trunk: the backbone.
        passes: the passes through it.
        features: of all images, and `views` of augmented training images, None for none.
        seconds: what both cost, whenever that was.
    """

    def __init__(
        self,
        spec: Spec,
        material: Material,
        progress: Progress,
        engine: str | None = None,
        trunk: Trunk | None = None,
    ) -> None:
        self._spec = spec
        self._progress = progress
        self.trunk = own = trunk or Trunk(spec, material)
        self.passes = Passes(spec, material, progress, engine)
        self.features = self.passes.features(lambda: own.backbone)
        self.views, views_seconds = self.passes.views(lambda: own.backbone)
        self.seconds = self.features.seconds + views_seconds

    def head(self, material: Material) -> Head:
        """Train the spec's head on the material, which may be that of a fold."""
        spec = self._spec
        self._progress.stage("head", total=spec.epochs, unit="epochs")
        return fit_head(
            self.features,
            spec.params,
            material.examples(Part.TRAIN),
            material.examples(Part.VAL),
            settings_of(spec, material),
            classes=len(material.classes),
            seed=derive(spec.seed, "head"),
            report=self._progress.epoch,
            views=self.views,
            seen=material.seen,
        )


def train_frozen(
    spec: Spec,
    material: Material,
    progress: Progress,
    engine: str | None = None,
    trunk: Trunk | None = None,
) -> Fitted:
    """Train a head over features; the arguments are those of `OverFeatures`."""
    began = seconds()
    over = OverFeatures(spec, material, progress, engine, trunk)
    started = seconds()
    head = over.head(material)
    standing = head.standing(spec.params, len(material.classes))
    took = seconds() - started
    val, test = (head.predict(material.pictures(part)) for part in (Part.VAL, Part.TEST))
    return Fitted(
        network=assemble(over.trunk.backbone, standing, spec.params),
        history=head.trained.history,
        val=val,
        test=test,
        seconds=Seconds(
            decode=material.pixels.seconds,
            features=over.seconds,
            head=took,
            wall=seconds() - began,
        ),
        engine=over.features.engine,
        facts=over.features.facts,
        warnings=notes_on_views(spec),
    )


def notes_on_views(spec: Spec) -> tuple[str, ...]:
    """Return warnings on how augmentation was applied over a frozen backbone."""
    asked, used = spec.params.integer("views"), views_of(spec.params)
    if is_fresh(spec.params):
        note = (
            "training images are varied afresh every epoch of the second stage; the first draws "
            f"from {used} views of each, computed once, and from the image itself."
        )
        return (note,)
    if asked and not used:
        return (f"views={asked} changed nothing: there is no augmentation to make views with.",)
    if used == DEFAULT_VIEWS:
        note = (
            f"augmentation draws from {used} views of each training image, computed once, and "
            "from the image itself; --views sets how many."
        )
        return (note,)
    return ()
