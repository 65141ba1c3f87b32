"""Plain Keras in this process: `image_dataset_from_directory` and `fit`."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .setting import EPOCHS, Setting, open_trunk, read


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainFit:
    """What `fit` cost, and what came of it.

    Attributes:
        seconds: of 10 epochs, whatever was measured of them.
        val_losses: cross-entropy on validation without penalties, in nats, after each epoch that
            was measured.
    """

    seconds: float
    val_losses: tuple[float, ...]


def plain_parts(arch: str, setting: Setting) -> tuple[Any, int]:
    """Return a frozen backbone's network, its batch statistics in order, and how many classes."""
    with tempfile.TemporaryDirectory() as folder:
        material = read(setting, Path(folder), arch)
        network = open_trunk(arch, setting, material).backbone.network
    network.trainable = False
    return network, len(material.classes)


def plain_network(backbone: Any, classes: int, dropout: float = 0.0) -> Any:
    """Build what introductory projects build: average pooling and one dense layer."""
    import keras

    pooled = keras.layers.GlobalAveragePooling2D()(backbone.outputs[-1])
    pooled = keras.layers.Dropout(dropout)(pooled) if dropout else pooled
    outputs = keras.layers.Dense(classes, activation="softmax")(pooled)
    return keras.Model(backbone.inputs, outputs)


def plain_fit(
    network: Any, setting: Setting, learning_rate: float = 1e-3, *, seed: int = 0
) -> PlainFit:
    """Fit a network to the image files, over as many epochs as are to be measured."""
    import keras

    network.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy", keras.metrics.CategoricalCrossentropy(name="bare_loss")],
    )
    stamps = [time.perf_counter()]
    stamp = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: stamps.append(time.perf_counter())
    )
    history = network.fit(
        image_files(setting, "train", seed),
        validation_data=image_files(setting, "valid", seed),
        epochs=setting.plain_epochs,
        verbose=0,
        callbacks=[stamp],
    ).history
    # The first epoch traces the graph, once; the rest are alike.
    first, last = stamps[1] - stamps[0], stamps[-1] - stamps[1]
    later = last / (setting.plain_epochs - 1) if setting.plain_epochs > 1 else first
    return PlainFit(
        seconds=first + (EPOCHS - 1) * later, val_losses=tuple(history["val_bare_loss"])
    )


def image_files(setting: Setting, part: str, seed: int = 0) -> Any:
    """Return a part's image files as Keras reads them, decoded anew in every epoch."""
    import keras

    return keras.utils.image_dataset_from_directory(
        Path(setting.data) / part,
        label_mode="categorical",
        image_size=(setting.side, setting.side),
        batch_size=32,
        shuffle=part == "train",
        seed=seed,
        verbose=False,
    )
