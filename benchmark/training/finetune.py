"""Fine-tuning: the head first, then the backbone behind a cut, over cached activations."""

from dataclasses import replace
from typing import Any

from ..environment import seconds
from ..records import Part, Progress, Seconds, Spec
from ..seeds import derive
from ..zoo import Halves, assemble, split_backbone
from .at_cut import AtCut, open_at_cut
from .augmentation import notes_on_views
from .checkpoints import keeper
from .epochs import Stage, Trained, run_epochs
from .frozen import examples, settings_of, train_over_features
from .keras_trainee import KerasTrainee
from .material import Fitted, Material
from .precision import format_of


def train_finetune(
    spec: Spec, material: Material, progress: Progress, engine: str | None = None
) -> Fitted:
    """Train the head over features, then head and backbone behind the cut together.

    Either stage has at most the spec's epochs. The network after the first stage is a candidate
    of the second: fine-tuning never ends worse on what is monitored. With augmentation both draw
    from the same views, computed once up to the backbone's end and up to the cut; or the second
    varies the training images afresh every epoch. Validation images are never varied, and read
    from the activations in either case: the trunk before the cut is the same.

    Args:
        spec: what to train.
        material: what on.
        progress: told of every batch of features or activations and every epoch.
        engine: in place of the spec's engine.
    """
    began = seconds()
    first = train_over_features(spec, material, progress, engine)
    backbone, early = first.trunk.backbone, first.head.trained
    halves = split_backbone(backbone, spec.params.text("cut"), spec.params)
    inputs, at_cut_seconds = open_at_cut(
        spec, material, halves, first.features, first.views, progress, engine
    )
    started = seconds()
    trained = _train_tail(
        spec, material, _tail(spec, halves, first.standing), inputs, early, progress
    )
    val, test = (trained.predict(inputs, material.pictures(part)) for part in (Part.VAL, Part.TEST))
    return Fitted(
        network=assemble(backbone, first.standing, spec.params),
        history=(*early.history, *trained.history),
        val=val,
        test=test,
        seconds=Seconds(
            decode=material.pixels.seconds,
            features=first.features_seconds + at_cut_seconds,
            head=first.head_seconds + seconds() - started,
            wall=seconds() - began,
        ),
        engine=first.features.engine,
        facts={
            **first.features.facts,
            "cut": spec.params.text("cut"),
            "precision": format_of(spec),
        },
        warnings=notes_on_views(spec),
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
    progress.stage("finetune", total=spec.epochs, unit="epochs")
    return run_epochs(
        KerasTrainee(network, settings, number_format=format_of(spec)),
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
            seen=material.seen,
        ),
    )
