"""Networks trained whole: from random weights, fine-tuned behind a cut, and the floor."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..environment import seconds
from ..files import allocate
from ..numerics import NUMERICS
from ..records import Part, Progress, Seconds, Spec, digest
from ..seeds import derive
from ..zoo import (
    ARCHITECTURES,
    Halves,
    assemble,
    build_network,
    fix_answer,
    pixels_within,
    read_scales,
    split_backbone,
)
from .engines import Images
from .epochs import Checkpoint, Inputs, Trained, Trainee, TrainingStage, run_epochs
from .frozen import OverFeatures, notes_on_views
from .halving import halving
from .heads import settings_of
from .inputs import AtCut, ImageRows, Passed, Shrunk
from .keras_trainee import KerasTrainee, format_of
from .loop_settings import Settings
from .material import Fitted, Material
from .numpy_trainer import StackTrainee, split_perceptron
from .passed_images import variation
from .passes import Passes


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
    within = pixels_within(network)
    front = None if within is network.inputs[0] else keras.Model(network.inputs[0], within)
    small, shrink_seconds = _small_pixels(front, material)
    trainee, reading = _trainee(network, within, settings, spec)
    inputs = reading(ImageRows(small, variation(spec, material)))
    trained = _train(trainee, inputs, spec, material, settings, progress, "scratch")
    # The board ranks what the saved network says, not what it would say of rounded pixels.
    exact = reading(Passed(front, material.pixels.array)) if front else inputs
    val, test = (trained.predict(exact, material.pictures(part)) for part in (Part.VAL, Part.TEST))
    took = seconds() - began
    return Fitted(
        # Without the optimizer's state, which is twice the size of the weights.
        network=keras.Model(network.inputs[0], network.outputs[0], name=network.name),
        history=trained.history,
        val=val,
        test=test,
        seconds=Seconds(decode=material.pixels.seconds + shrink_seconds, head=took, wall=took),
        facts={"precision": format_of(spec)},
    )


def _small_pixels(front: Any | None, material: Material) -> tuple[Images, float]:
    """Return the pixels as a front leaves them, in whole grey levels, and what shrinking cost.

    They are kept on disk, once for all networks, seeds, folds and trials that read that side; so an
    epoch, and what varies its images, costs what it costs on pictures of that side. The pixels
    themselves, at no cost, where there is no front.
    """
    if front is None:
        return material.pixels.array, 0.0
    rows = Passed(front, material.pixels.array)

    def build(folder: Path) -> None:
        began = seconds()
        shape = (len(rows), *front.output_shape[1:])
        small = np.lib.format.open_memmap(folder / "small.npy", "w+", np.uint8, shape)
        allocate(folder / "small.npy")

        def compute(some: slice, _size: int) -> None:
            small[some] = np.rint(rows.take(np.arange(some.start, some.stop)))

        halving("shrunk pixels", len(rows), 32, compute)
        small.flush()
        (folder / "seconds.json").write_text(json.dumps(seconds() - began))

    layers = [layer.get_config() for layer in front.layers]
    key = digest([material.pixels.digest, *layers, NUMERICS["zoo"]])
    path = material.cache.entry("shrunk", key, build)
    took = float(json.loads((path / "seconds.json").read_text()))
    return np.load(path / "small.npy", mmap_mode="r"), took


def _trainee(
    network: Any, within: Any, settings: Settings, spec: Spec
) -> tuple[Trainee, Callable[[ImageRows], Inputs]]:
    """Return who trains a network from its shrunk pixels on, and what it reads of such pixels.

    A perceptron's layers are trained in NumPy: tracing its graph takes longer than its epochs on
    some hundred images.
    """
    import keras

    in_format = format_of(spec)
    split = split_perceptron(network, within) if in_format == "float32" else None
    if split is None:
        behind = keras.Model(within, network.outputs[0], name=network.name)
        return KerasTrainee(behind, settings, number_format=in_format), lambda pixels: pixels
    front, stack = split
    trainee = StackTrainee(stack, settings, derive(spec.seed, "scratch"))
    return trainee, lambda pixels: Shrunk(front, pixels)


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
    backbone, early = over.trunk.at(read_scales(spec.params)), head.trained
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
