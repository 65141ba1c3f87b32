"""What one trains without this project: a plain Keras script, frozen backbone, 10 epochs of `fit`.

It stands by itself, so that its start and its imports count as a person's would. The last line it
prints is JSON: the official test part's macro-F1.
"""

import argparse
import json
import os
from importlib import import_module
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main() -> None:
    """Train, test, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder with train/, valid/ and test/")
    parser.add_argument("--keras-class", required=True, help="such as MobileNetV2")
    parser.add_argument("--weights", default="", help="a weight file; empty for random weights")
    parser.add_argument("--side", type=int, default=224, help="pixels")
    parser.add_argument("--epochs", type=int, default=10, help="of fit")
    print(json.dumps({"test_macro_f1": train(parser.parse_args())}))


def train(asked: argparse.Namespace) -> float:
    """Return the macro-F1 on test after `fit`."""
    import keras
    import numpy as np
    from sklearn.metrics import f1_score

    parts = [
        keras.utils.image_dataset_from_directory(
            Path(asked.data) / part,
            label_mode="categorical",
            image_size=(asked.side, asked.side),
            batch_size=32,
            shuffle=part == "train",
            seed=0,
            verbose=False,
        )
        for part in ("train", "valid", "test")
    ]
    build = getattr(keras.applications, asked.keras_class)
    module = import_module(build.__module__)
    shape = (asked.side, asked.side, 3)
    backbone = build(weights=asked.weights or None, include_top=False, input_shape=shape)
    backbone.trainable = False
    pixels = keras.Input(shape)
    maps = backbone(module.preprocess_input(pixels), training=False)
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    classes = len(parts[0].class_names)
    network = keras.Model(pixels, keras.layers.Dense(classes, activation="softmax")(pooled))
    network.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    network.fit(parts[0], validation_data=parts[1], epochs=asked.epochs, verbose=0)
    labels = np.concatenate([truth.numpy().argmax(axis=1) for _, truth in parts[2]])
    chosen = network.predict(parts[2], verbose=0).argmax(axis=1)
    return float(f1_score(labels, chosen, average="macro"))


if __name__ == "__main__":
    main()
