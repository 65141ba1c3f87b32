"""Networks trained whole: from random weights, fine-tuned behind a cut, and the floor."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..environment import seconds
from ..records import Part, Progress, Seconds, Spec
from ..seeds import derive
from ..zoo import ARCHITECTURES, Halves, assemble, build_network, fix_answer, split_backbone
from .epochs import Checkpoint, Inputs, Trained, Trainee, TrainingStage, run_epochs
from .frozen import OverFeatures, notes_on_views
from .heads import settings_of
from .inputs import AtCut, ImageRows, Shrunk
from .keras_trainee import KerasTrainee, format_of
from .material import Fitted, Material
from .numpy_trainer import StackTrainee, split_perceptron
from .passes import Passes, variation
from .tunables import Settings


def train_scratch(spec: Spec, material: Material, progress: Progress) -> Fitted:
    """Train a network from random weights on shuffled batches of raw pixels."""
    import keras

    began = seconds()
    keras.utils.set_random_seed(derive(spec.seed, "scratch"))
    network = build_network(
        ARCHITECTURES[spec.arch],
        spec.picture,
        len(material.classes),
        spec.params,
        derive(spec.seed, "weights"),
    )
    settings = settings_of(spec, material)
    trainee, inputs = _trainee(network, spec, material, settings)
    trained = _train(trainee, inputs, spec, material, settings, progress, "scratch")
    val, test = (trained.predict(inputs, material.pictures(part)) for part in (Part.VAL, Part.TEST))
    took = seconds() - began
    return Fitted(
        # Without the optimizer's state, which is twice the size of the weights.
        network=keras.Model(network.inputs[0], network.outputs[0], name=network.name),
        history=trained.history,
        val=val,
        test=test,
        seconds=Seconds(decode=material.pixels.seconds, head=took, wall=took),
        facts={"precision": format_of(spec)},
    )


def _trainee(
    network: Any, spec: Spec, material: Material, settings: Settings
) -> tuple[Trainee, Inputs]:
    """Return who trains a network, and what it reads: a perceptron's layers are trained in NumPy.

    Tracing a perceptron's graph takes longer than its epochs on some hundred images.
    """
    pixels, in_format = ImageRows(material.pixels.array, variation(spec, material)), format_of(spec)
    split = split_perceptron(network) if in_format == "float32" else None
    if split is None:
        return KerasTrainee(network, settings, number_format=in_format), pixels
    front, stack = split
    return StackTrainee(stack, settings, derive(spec.seed, "scratch")), Shrunk(front, pixels)


def _train(
    trainee: Trainee,
    inputs: Inputs,
    spec: Spec,
    material: Material,
    settings: Settings,
    progress: Progress,
    name: str,
    first: Trained | None = None,
) -> Trained:
    """Run a stage by its name, behind a first one if there was one, kept on disk epoch by epoch."""
    progress.stage(name, total=spec.epochs, unit="epochs")
    return run_epochs(
        trainee,
        inputs,
        material.examples(Part.TRAIN),
        material.examples(Part.VAL),
        settings,
        TrainingStage(
            name=name,
            seed=derive(spec.seed, name),
            report=progress.epoch,
            earlier=len(first.history) if first else 0,
            start=first.best if first else {},
            checkpoint=_checkpoint(spec, material, name),
            seen=material.seen,
        ),
    )


def _checkpoint(spec: Spec, material: Material, stage: str) -> Checkpoint | None:
    """Return what keeps a stage of a spec's training, None where nothing is to be kept.

    A training that was begun in another number format, on another device, is begun anew.
    """
    if material.scratch is None:
        return None
    return Checkpoint(material.scratch, f"{spec.digest[:16]}-{stage}-{format_of(spec)}")


def train_prior(spec: Spec, material: Material) -> Fitted:
    """Predict the class frequencies of train, whatever the image."""
    began = seconds()
    counts = np.bincount(material.truth(Part.TRAIN), minlength=len(material.classes))
    frequencies = counts / counts.sum()
    network = build_network(
        ARCHITECTURES[spec.arch],
        spec.picture,
        len(material.classes),
        spec.params,
        spec.seed,
    )
    fix_answer(network, frequencies)
    val, test = (
        np.tile(frequencies, (len(material.split.rows(part)), 1)) for part in (Part.VAL, Part.TEST)
    )
    took = seconds() - began
    return Fitted(
        network=network, history=(), val=val, test=test, seconds=Seconds(head=took, wall=took)
    )


def train_finetune(
    spec: Spec, material: Material, progress: Progress, engine: str | None = None
) -> Fitted:
    """Train the head over features, then head and backbone behind the cut together.

    Either stage has at most the spec's epochs. The network after the first stage is a candidate
    of the second: fine-tuning never ends worse on what is monitored. With augmentation both draw
    from the same views, computed once up to the backbone's end and up to the cut; or the second
    varies the training images afresh every epoch. Validation images are never varied, and read
    from the activations in either case: the trunk before the cut is the same.
    """
    began = seconds()
    over = OverFeatures(spec, material, progress, engine)
    started = seconds()
    head = over.head(material)
    standing = head.standing(len(material.classes))
    head_seconds = seconds() - started + head.choice.charged
    asked, spec = spec, replace(spec, params=head.params)
    backbone, early = over.trunk.backbone, head.trained
    halves = split_backbone(backbone, spec.params.text("cut"), spec.params)
    passes = Passes(spec, material, progress, engine)
    views = over.views.get(spec.params.text("augmentation"))
    inputs, at_cut_seconds = passes.at_cut(halves, over.features, views)
    started = seconds()
    trained = _train_tail(spec, material, _tail(spec, halves, standing), inputs, early, progress)
    val, test = (trained.predict(inputs, material.pictures(part)) for part in (Part.VAL, Part.TEST))
    return Fitted(
        network=assemble(backbone, standing, spec.params),
        history=(*early.history, *trained.history),
        val=val,
        test=test,
        seconds=Seconds(
            decode=material.pixels.seconds,
            features=over.seconds + at_cut_seconds,
            head=head_seconds + seconds() - started,
            wall=seconds() - began,
        ),
        engine=over.features.engine,
        facts={
            **over.features.facts,
            "cut": spec.params.text("cut"),
            "precision": format_of(spec),
        },
        warnings=(*notes_on_views(spec.params), *head.choice.notes),
        params=None if spec.params == asked.params else spec.params,
        tried=head.choice.tried,
    )


def _tail(spec: Spec, halves: Halves, standing: Any) -> Any:
    """Join the tail and the head; batch statistics stay as they are unless asked otherwise."""
    import keras

    keras.utils.set_random_seed(derive(spec.seed, "finetune"))
    network = keras.Model(halves.tail.inputs, standing(halves.tail.outputs[0]))
    for layer in halves.tail._flatten_layers(include_self=False, recursive=True):  # noqa: SLF001
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = spec.params.flag("unfreeze_batch_norm")
    return network


def _train_tail(
    spec: Spec,
    material: Material,
    network: Any,
    inputs: AtCut,
    first: Trained,
    progress: Progress,
) -> Trained:
    settings = replace(
        settings_of(spec, material),
        learning_rate=spec.params.number("finetune_learning_rate"),
        warmup_epochs=spec.params.integer("warmup_epochs"),
    )
    trainee = KerasTrainee(network, settings, number_format=format_of(spec))
    return _train(trainee, inputs, spec, material, settings, progress, "finetune", first)
