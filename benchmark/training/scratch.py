"""Networks trained from random weights on the memory-mapped pixels, and the floor."""

from typing import Any

import numpy as np

from ..environment import seconds
from ..records import Part, Progress, Seconds, Spec
from ..seeds import derive
from ..zoo import ARCHITECTURES, build_network, fix_answer
from .augmentation import variation
from .checkpoints import keeper
from .epochs import Inputs, Stage, Trainee, run_epochs
from .frozen import examples, settings_of
from .inputs import Store
from .keras_trainee import KerasTrainee
from .material import Fitted, Material
from .perceptron import Shrunk, split_perceptron
from .precision import format_of
from .settings import Settings
from .trainees import StackTrainee


def train_scratch(spec: Spec, material: Material, progress: Progress) -> Fitted:
    """Train a whole network on shuffled batches of raw pixels."""
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
    progress.stage("scratch", total=spec.epochs, unit="epochs")
    trained = run_epochs(
        trainee,
        inputs,
        examples(material, Part.TRAIN),
        examples(material, Part.VAL),
        settings,
        Stage(
            name="scratch",
            seed=derive(spec.seed, "scratch"),
            report=progress.epoch,
            keeper=keeper(spec, material, "scratch"),
            seen=material.seen,
        ),
    )
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
    pixels, in_format = Store(material.pixels.array, variation(spec, material)), format_of(spec)
    split = split_perceptron(network) if in_format == "float32" else None
    if split is None:
        return KerasTrainee(network, settings, number_format=in_format), pixels
    front, stack = split
    return StackTrainee(stack, settings, derive(spec.seed, "scratch")), Shrunk(front, pixels)


def train_prior(spec: Spec, material: Material) -> Fitted:
    """Return every image the class frequencies of train."""
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
