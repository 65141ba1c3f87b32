"""The convolutional network from scratch: an epoch of ours beside an epoch of plain Keras."""

import tempfile
from dataclasses import replace
from pathlib import Path

from benchmark.records import Params, Picture, Regime, Silent
from benchmark.training import Material, train
from benchmark.zoo import ARCHITECTURES, build_network

from .frozen_rows import Row
from .plain_fit import plain_fit
from .setting import EPOCHS, Setting, make_spec, read, timed

FORMATS = ("float32", "bfloat16")


def measure_scratch(setting: Setting) -> list[Row]:
    """Measure the convolutional network from scratch: 10 epochs in each format, per epoch.

    And in float32 once more on pictures of twice the side, which it shrinks to the same.

    Decoding, tracing and the final predictions are shared by the epochs, as plain Keras's tracing
    is by its own.
    """
    architecture, picture = ARCHITECTURES["cnn"], Picture(side_px=setting.side)
    with tempfile.TemporaryDirectory() as folder:
        material = read(setting, Path(folder))
        classes = len(material.classes)
        network = build_network(architecture, picture, classes, Params(), 0)
        plain = plain_fit(network, setting).seconds / EPOCHS
        own = {each: _train(setting, material, each) for each in FORMATS}
        decoded = dict.fromkeys(own, material.pixels.seconds)
        larger = replace(setting, side=2 * setting.side)
        material = read(larger, Path(folder))
        own["twice the side"] = _train(larger, material, FORMATS[0], "0.5")
        decoded["twice the side"] = material.pixels.seconds
    return [
        Row(
            arch=f"cnn, {name}",
            plain=plain,
            tuner=0.0,
            cold=(seconds + decoded[name]) / EPOCHS,
            warm=0.0,
            bound=0.0,
            engine="none",
        )
        for name, seconds in own.items()
    ]


def _train(setting: Setting, material: Material, number_format: str, scales: str = "1") -> float:
    """Return the seconds of 10 epochs."""
    spec = make_spec(
        "cnn",
        setting,
        material,
        regime=Regime.SCRATCH,
        epochs=EPOCHS,
        patience=0,
        precision=number_format,
        scales=scales,
    )
    seconds, _ = timed(lambda: train(spec, material, Silent()))
    return seconds
