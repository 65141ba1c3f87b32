"""Fine-tuning: the head first, then the backbone behind a cut, over cached activations."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import seconds
from ..records import Part, Progress, Rows, Seconds, Spec, digest
from ..seeds import derive
from ..zoo import Halves, assemble, select, split_backbone
from .augmentation import open_views
from .checkpoints import keeper
from .engines import choose_engine
from .epochs import Batch, Stage, Trained, run_epochs
from .features import Features, open_features, pass_images, probe_images, trunk_identity
from .frozen import Trunk, examples, fit_head, settings_of, standing_head
from .material import Fitted, Material
from .trainees import KerasTrainee

# Raised by hand whenever the same key would hold other numbers.
_ACTIVATIONS = 1


class AtCut:
    """What the tail of a backbone reads: activations at the cut and features from before it.

    Args:
        activations: (u, h, w, c) memory-mapped.
        features: of all images, `columns` of which come from taps before the cut.
        columns: none where no such tap is used.
    """

    def __init__(
        self, activations: npt.NDArray[np.float32], features: Features, columns: Rows
    ) -> None:
        self._activations = activations
        self._matrix = features.matrix
        self._columns = columns

    def take(self, rows: Rows) -> Batch:
        """Give the activations of some rows, with their earlier features where there are any."""
        activations = np.asarray(self._activations[rows])
        if not len(self._columns):
            return activations
        return [activations, np.asarray(self._matrix[rows])[:, self._columns]]

    def drawn(self, rows: Rows, epoch: int) -> Batch:  # noqa: ARG002  no views at a cut
        """Give the same for training."""
        return self.take(rows)


def train_finetune(
    spec: Spec, material: Material, progress: Progress, engine: str | None = None
) -> Fitted:
    """Train the head over features, then head and backbone behind the cut together.

    Either stage has at most the spec's epochs. The network after the first stage is a candidate
    of the second: fine-tuning never ends worse on what is monitored.

    Args:
        spec: what to train.
        material: what on.
        progress: told of every batch of features or activations and every epoch.
        engine: in place of the spec's engine.
    """
    began = seconds()
    trunk = Trunk(spec, material)
    features = open_features(spec, material, lambda: trunk.backbone, progress, engine)
    views, views_seconds = open_views(spec, material, lambda: trunk.backbone, progress, engine)
    progress.stage("head", total=spec.epochs, unit="epochs")
    started = seconds()
    head = fit_head(
        features,
        spec.params,
        examples(material, Part.TRAIN),
        examples(material, Part.VAL),
        settings_of(spec, material),
        classes=len(material.classes),
        seed=derive(spec.seed, "head"),
        report=progress.epoch,
        views=views,
    )
    head_seconds = seconds() - started
    standing = standing_head(head, spec.params, len(material.classes))
    halves = split_backbone(trunk.backbone, spec.params.text("cut"), spec.params)
    inputs, at_cut_seconds = _open_at_cut(spec, material, halves, features, progress, engine)
    started = seconds()
    trained = _train_tail(
        spec, material, _tail(spec, halves, standing), inputs, head.trained, progress
    )
    val, test = (trained.predict(inputs, material.pictures(part)) for part in (Part.VAL, Part.TEST))
    return Fitted(
        network=assemble(trunk.backbone, standing, spec.params),
        history=(*head.trained.history, *trained.history),
        val=val,
        test=test,
        seconds=Seconds(
            decode=material.pixels.seconds,
            features=features.seconds + views_seconds + at_cut_seconds,
            head=head_seconds + seconds() - started,
            wall=seconds() - began,
        ),
        engine=features.engine,
        facts={**features.facts, "cut": spec.params.text("cut")},
    )


def _open_at_cut(
    spec: Spec,
    material: Material,
    halves: Halves,
    features: Features,
    progress: Progress,
    engine: str | None,
) -> tuple[AtCut, float]:
    """Give what the tail reads, and what computing the activations cost, whenever that was."""
    import keras

    wanted = engine or spec.engine
    border = halves.trunk.outputs[0]
    identity = [_ACTIVATIONS, wanted, spec.params.text("cut"), *trunk_identity(spec, material)]

    def build(folder: Any) -> None:
        flat = keras.Model(halves.trunk.inputs, keras.layers.Flatten(dtype="float32")(border))
        started = seconds()
        images, labels = probe_images(material)
        chosen = choose_engine(
            flat, wanted, images, labels, len(material.pixels.array), precise=True
        )
        progress.stage("activations", total=len(material.pixels.array), unit="images")
        width = int(flat.output_shape[-1])
        pixels, file = material.pixels.array, folder / "activations.npy"
        shape = (len(pixels), width)
        pass_images(chosen, lambda start, stop: pixels[start:stop], shape, file, progress)
        np.save(folder / "seconds.npy", np.array(seconds() - started))

    path = material.cache.entry("activations", digest(["activations", *identity]), build)
    flat = np.load(path / "activations.npy", mmap_mode="r")
    early = int(halves.tail.inputs[1].shape[-1]) if len(halves.tail.inputs) > 1 else 0
    # Columns run from shallow taps to deep ones: those from before the cut come first.
    columns = select(features.blocks, spec.params)[:early]
    activations = flat.reshape(len(flat), *border.shape[1:])
    return AtCut(activations, features, columns), float(np.load(path / "seconds.npy"))


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
    progress.stage("finetune", total=spec.epochs, unit="epochs")
    return run_epochs(
        KerasTrainee(network, settings),
        inputs,
        examples(material, Part.TRAIN),
        examples(material, Part.VAL),
        settings,
        Stage(
            name="finetune",
            seed=derive(spec.seed, "finetune"),
            report=progress.epoch,
            earlier=len(first.history),
            start=first.best,
            keeper=keeper(spec, material, "finetune"),
        ),
    )
